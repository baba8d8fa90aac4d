"""What one core may hold."""

from dataclasses import dataclass

from neutrams.base.errors import SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a core; all are kept at once.

    Attributes:
        neurons: Neurons a core [count], 1 or more.
        axons: Distinct sources that the neurons of a core read [count]; 0: no limit.
        synapses: Synapses onto the neurons of a core [count]; 0: no limit.
        own_axons: Whether a source on the same core takes an axon too.

    Raises:
        SpecError: A limit is outside its range.
    """

    neurons: int
    axons: int = 0
    synapses: int = 0
    own_axons: bool = True

    def __post_init__(self) -> None:
        for name, least in (("neurons", 1), ("axons", 0), ("synapses", 0)):
            value = getattr(self, name)
            if value < least:
                raise SpecError(
                    f"{name} is {value}, allowed is {least} or more",
                    where=f"Limits.{name}",
                    fix="give what a core holds" + (", 0 for no limit" if least == 0 else ""),
                )
