"""What a look over a model file finds."""

from dataclasses import dataclass

from neutrams.network import Network


@dataclass(frozen=True, slots=True)
class Survey:
    """A model as its file has it, whether or not it can be imported.

    Attributes:
        operators: Each operator in the file's own words, with how often it stands there, sorted by name.
        unsupported: What cannot be imported and why, one line each.
        network: The imported network, where nothing is in the way.
    """

    operators: tuple[tuple[str, int], ...]
    unsupported: tuple[str, ...]
    network: Network | None
