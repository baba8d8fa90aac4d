"""One ATen operator as its handler sees it, and the table of handlers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neutrams.base.arrays import FloatArray, check_finite
from neutrams.base.errors import UnsupportedError
from neutrams.importers.builder import Builder, Tensor, Value, refusal
from neutrams.importers.handlers import Handlers
from neutrams.network.shapes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One ATen operator with its arguments looked up.

    Attributes:
        op: Its name without ``aten::``.
        name: What the node that gives its result shall be called.
        arguments: By name; tensors as `Tensor` or arrays, scalars as they are.
        shape: Shape of the (first) result in the trace, batch axis first.
        builder: Where nodes go.
    """

    op: str
    name: str
    arguments: Mapping[str, Any]
    shape: Shape
    builder: Builder

    def refuse(self, what: str) -> UnsupportedError:
        """Return the error for a form of this operator that cannot be imported."""
        return refusal(f"{self.op} {what}", f"node {self.name!r}")

    def part(self, word: str) -> str:
        """Return a name for a helper node of this operator."""
        return self.builder.fresh(f"{self.name}.{word}")

    def tensor(self, key: str = "self") -> Tensor:
        """Return an argument as a tensor; a constant becomes a node."""
        value = self.arguments[key] if key in self.arguments else self.arguments["input"]
        return self.builder.tensor(value, f"{self.name}.{key}")

    def floats(self, key: str) -> FloatArray:
        """Return a constant or scalar argument as float64.

        Raises:
            InputError: It holds NaN or infinity.
        """
        array = np.asarray(self.arguments[key], dtype=np.float64)
        check_finite(array, f"argument {key} of node {self.name!r}")
        return array

    def optional(self, key: str) -> FloatArray | None:
        """Return a constant argument, None where it is left out."""
        return None if self.arguments.get(key) is None else self.floats(key)

    def axis(self, axis: int, rank: int, batch: int = 0) -> int:
        """Return axis ``axis`` of a tensor, which has ``rank`` axes in a sample, as an axis of the sample.

        The batch is axis ``batch`` of the tensor.

        Raises:
            UnsupportedError: It is the batch axis.
        """
        found = axis % (rank + 1)
        if found == batch or not -rank - 1 <= axis <= rank:
            raise self.refuse(f"works along axis {axis}, the batch axis or none")
        return found - (found > batch)

    def axes(self, given: int | Sequence[int] | None, rank: int, batch: int = 0) -> list[int]:
        """Return several axes; left out they are all, the batch axis too."""
        if given is None or (not isinstance(given, int) and not given):
            raise self.refuse("works along all axes, the batch axis too")
        return [self.axis(axis, rank, batch) for axis in ([given] if isinstance(given, int) else given)]


TABLE: Handlers[Call, Value | list[Value], str] = Handlers()
HANDLERS, operator = TABLE.by_name, TABLE.operator
