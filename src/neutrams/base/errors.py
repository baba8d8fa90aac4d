"""The errors a user can cause: each says what, where, and what to do."""


class NeutramsError(Exception):
    """A user's mistake, told in one paragraph.

    Attributes:
        what: What is wrong, with the value and the limit.
        where: The user's own name for the place (file, layer, chip key).
        fix: One action that would succeed.
    """

    def __init__(self, what: str, *, where: str, fix: str) -> None:
        super().__init__(f"{where}: {what}; {fix}")
        self.what = what
        self.where = where
        self.fix = fix


class SpecError(NeutramsError):
    """A chip description or an option is outside its range."""


class FormatError(NeutramsError):
    """A file is truncated, damaged, or not of the kind it claims to be."""


class InputError(NeutramsError):
    """Data given by the user has the wrong shape, type or values."""


class UnsupportedError(NeutramsError):
    """A model holds operators, or a chip lacks functions, that the flow needs."""


class CapacityError(NeutramsError):
    """A network does not fit: names the resource, the shortfall and the layer."""
