"""What neutrams writes beside a NIR graph that it exports: what NIR leaves open, so that it computes the same again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from neutrams.base.errors import FormatError

RULES = ("dt", "reset", "strict", "many", "current", "method")
"""Fields of a `Spiking` node that NIR has no place for."""


@dataclass(frozen=True, slots=True)
class Record:
    """How an exported graph runs.

    Attributes:
        steps: T.
        read: How outputs are read.
        delayed: Edges that carry what was one step before.
        neurons: By node: the rules, and parameters that NIR does not have, as lists.
    """

    steps: int
    read: str
    delayed: tuple[tuple[str, str], ...]
    neurons: Mapping[str, Mapping[str, Any]]

    def text(self) -> str:
        """Return it as JSON; floats keep every bit."""
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def of(text: str) -> "Record":
        """Return what :meth:`text` wrote.

        Raises:
            FormatError: It is damaged.
        """
        try:
            found = json.loads(text)
            edges = tuple((str(a), str(b)) for a, b in found["delayed"])
            return Record(int(found["steps"]), str(found["read"]), edges, {**found["neurons"]})
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            fix = "read the file with a preset: then it is not used"
            raise FormatError("what neutrams wrote beside the graph is damaged", where="metadata", fix=fix) from error
