"""One ONNX node as its handler sees it, and the table of handlers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, check_finite
from neutrams.base.errors import UnsupportedError
from neutrams.importers.builder import Builder, Tensor, Value, refusal
from neutrams.importers.handlers import Handlers


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An ONNX node with its inputs looked up.

    Attributes:
        op: Its operator.
        name: What the node that gives its first output shall be called.
        label: Its name for people: the ONNX node's, else its first output's.
        opset: The version of the operator set.
        names: The names of its inputs.
        inputs: Their values; None for an optional input left out.
        outputs: How many outputs it has.
        attributes: By name.
        builder: Where nodes go.
    """

    op: str
    name: str
    label: str
    opset: int
    names: tuple[str, ...]
    inputs: tuple[Value | None, ...]
    outputs: int
    attributes: Mapping[str, Any]
    builder: Builder

    def refuse(self, what: str) -> UnsupportedError:
        """Return the error for a form of this operator that cannot be imported."""
        return refusal(f"{self.op} {what}", f"node {self.label!r}")

    def part(self, word: str) -> str:
        """Return a name for a helper node of this operator."""
        return self.builder.fresh(f"{self.name}.{word}")

    def given(self, i: int) -> Value | None:
        """Return input ``i``, None where it is left out."""
        return self.inputs[i] if i < len(self.inputs) else None

    def tensor(self, i: int = 0) -> Tensor:
        """Return input ``i`` as a tensor; a constant becomes a node."""
        value = self.inputs[i]
        if value is None:
            raise self.refuse(f"lacks its input {i}")
        return self.builder.tensor(value, self.names[i])

    def floating(self, i: int = 0) -> Tensor:
        """Return input ``i`` as a tensor, which does not hold integers."""
        x = self.tensor(i)
        if x.integer:
            raise self.refuse("of integers is another function than of floats")
        return x

    def array(self, i: int) -> AnyArray | None:
        """Return input ``i``, which is known to be constant; None where it is left out."""
        value = self.given(i)
        assert not isinstance(value, Tensor)
        return value

    def floats(self, i: int) -> FloatArray:
        """Return constant input ``i`` as float64.

        Raises:
            InputError: It holds NaN or infinity; names the tensor.
        """
        value = self.array(i)
        if value is None:
            raise self.refuse(f"lacks its input {i}")
        check_finite(value, f"tensor {self.names[i]!r}")
        return value.astype(np.float64)

    def scalar(self, i: int, default: float) -> float:
        """Return constant input ``i`` of one element, ``default`` where it is left out."""
        value = self.array(i)
        return default if value is None else float(value.item())

    def integers(self, i: int, attribute: str) -> list[int] | None:
        """Return input ``i``, or the attribute that older operator sets have instead; None where both are left out."""
        value = self.array(i)
        if value is None:
            return self.attributes.get(attribute)
        return [int(n) for n in value.reshape(-1)]

    def text(self, attribute: str, default: str) -> str:
        """Return an attribute that is text."""
        value = self.attributes.get(attribute, default)
        return value.decode() if isinstance(value, bytes) else str(value)

    def axis(self, axis: int, rank: int, batch: int = 0) -> int:
        """Return ``axis`` of an ONNX tensor, which is of ``rank`` axes in a sample, as an axis of the sample.

        The batch is axis ``batch`` of the tensor.

        Raises:
            UnsupportedError: It is the batch axis, or there is none such.
        """
        if not -rank - 1 <= axis <= rank:
            raise self.refuse(f"names axis {axis} of samples of {rank} axes")
        found = axis % (rank + 1)
        if found == batch:
            raise self.refuse(f"works along the batch axis (axis {batch}), so it mixes samples")
        return found - (found > batch)


TABLE: Handlers[Call, Value | list[Value], int] = Handlers()
HANDLERS, operator = TABLE.by_name, TABLE.operator
