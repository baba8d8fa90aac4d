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
        attributes: By name.
        builder: Where nodes go.
    """

    op: str
    name: str
    label: str
    opset: int
    names: tuple[str, ...]
    inputs: tuple[Value | None, ...]
    attributes: Mapping[str, Any]
    builder: Builder

    def refuse(self, what: str) -> UnsupportedError:
        """Return the error for a form of this operator that cannot be imported."""
        return refusal(f"{self.op} {what}", f"node {self.label!r}")

    def given(self, i: int) -> Value | None:
        """Return input ``i``, None where it is left out."""
        return self.inputs[i] if i < len(self.inputs) else None

    def tensor(self, i: int = 0) -> Tensor:
        """Return input ``i`` as a tensor; a constant becomes a node."""
        value = self.inputs[i]
        assert value is not None
        return self.builder.tensor(value, self.names[i])

    def array(self, i: int) -> AnyArray | None:
        """Return input ``i``, which the survey has found constant; None where it is left out."""
        value = self.given(i)
        assert not isinstance(value, Tensor)
        return value

    def floats(self, i: int) -> FloatArray:
        """Return constant input ``i`` as float64.

        Raises:
            InputError: It holds NaN or infinity; names the tensor.
        """
        value = self.array(i)
        assert value is not None
        check_finite(value, f"tensor {self.names[i]!r}")
        return value.astype(np.float64)

    def integers(self, i: int, attribute: str) -> list[int] | None:
        """Return input ``i``, or the attribute that older operator sets have instead; None where both are left out."""
        value = self.array(i)
        if value is None:
            return self.attributes.get(attribute)
        return [int(n) for n in value.reshape(-1)]


TABLE: Handlers[Call, Value, int] = Handlers()
HANDLERS, operator = TABLE.by_name, TABLE.operator
