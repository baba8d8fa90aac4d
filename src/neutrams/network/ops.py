"""The closed set of operators: frozen nodes, each giving one tensor that bears the node's name.

Shapes are per sample; a batch axis of length N goes before them. A node is *float* (the source network),
*core* (exact integers, what a chip runs) or *host*. `Linear` and `Add` serve float and core networks alike: in a core
network their weights are int64 and they give the accumulator that a `Neuron` reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray, frozen

FUNCTIONS = ("identity", "relu", "leaky_relu", "clip", "sigmoid", "tanh")
HOST_FUNCTIONS = ("softmax", "argmax")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node:
    """One operator.

    Attributes:
        name: Unique in its network; also the name of the tensor it gives.
        inputs: Names of the nodes it reads, in order.
    """

    name: str
    inputs: tuple[str, ...] = ()

    op: ClassVar[str] = "Node"

    def __post_init__(self) -> None:
        """Freeze every array this node holds."""
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                object.__setattr__(self, f.name, frozen(value))
            elif isinstance(value, Mapping):
                object.__setattr__(
                    self, f.name, {k: frozen(v) if isinstance(v, np.ndarray) else v for k, v in value.items()}
                )

    def __eq__(self, other: object) -> bool:
        """Same operator, same fields, same array values, types and shapes."""
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    def __hash__(self) -> int:
        return hash((type(self), self.name, self.inputs))


def _same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and bool(np.array_equal(a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Input(Node):
    """A tensor given by the user, float64 ``[N, *shape]``."""

    shape: tuple[int, ...]
    op: ClassVar[str] = "Input"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Output(Node):
    """A tensor handed to the user: its input, unchanged. The user's name for it is the node's."""

    op: ClassVar[str] = "Output"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Constant(Node):
    """A tensor that is the same for every sample, ``values`` of shape ``[*shape]``."""

    values: AnyArray
    op: ClassVar[str] = "Constant"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear(Node):
    """y = weights x + bias over the last axis.

    Attributes:
        weights: float64 or int64 ``[out, in]``.
        bias: Same type, ``[out]``. In a core network it is zero: there the `Neuron` holds the bias.
    """

    weights: AnyArray
    bias: AnyArray
    op: ClassVar[str] = "Linear"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Add(Node):
    """y_j = sum_k coefficients[k, j] x_k[j] + bias[j]: elementwise sum of K inputs of one shape ``[n]``.

    Attributes:
        coefficients: float64 or int64 ``[K, n]``; all ones for a plain addition.
        bias: Same type, ``[n]``; zero in a core network.
    """

    coefficients: AnyArray
    bias: AnyArray
    op: ClassVar[str] = "Add"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mul(Node):
    """Elementwise product of its inputs, broadcast as NumPy does."""

    op: ClassVar[str] = "Mul"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Activation(Node):
    """A named function of each element; ``parameters`` hold ``alpha`` (leaky_relu) or ``low``, ``high`` (clip)."""

    function: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    op: ClassVar[str] = "Activation"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reshape(Node):
    """The same elements in C order, with another per-sample shape."""

    shape: tuple[int, ...]
    op: ClassVar[str] = "Reshape"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice(Node):
    """Elements start, start + step, ... below stop of the last axis."""

    start: int
    stop: int
    step: int = 1
    op: ClassVar[str] = "Slice"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Concat(Node):
    """Its inputs joined along the last axis."""

    op: ClassVar[str] = "Concat"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Host(Node):
    """A function that runs outside the chip, over the last axis; counted and reported."""

    function: str
    op: ClassVar[str] = "Host"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encode(Node):
    """Border onto the chip: floats to integers, half to even; a vector ``[n]`` in, one integer a channel and step out.

    q = clip(rint((x - zero) / scale), low, high). Code ``level`` presents q at every step. Code ``spread``
    (low = 0, high = T) gives q spikes evenly over the T steps: step k spikes where
    ((k + 1) q + T // 2) // T exceeds (k q + T // 2) // T.
    """

    scale: float
    zero: float
    low: int
    high: int
    code: str = "level"
    op: ClassVar[str] = "Encode"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neuron(Node):
    """n neurons of one model reading the accumulator of a core `Linear` or `Add`.

    The value they carry, in the source network's units, is scale * (mean output over the steps) + zero.

    Attributes:
        model: A name in `neutrams.neurons`.
        parameters: int64 ``[n]`` for each parameter of the model.
        scale: float64 ``[n]``, source units per LSB (ann) or at one spike a step (snn).
        zero: float64 ``[n]``, source units.
        origin: Name of the source network's tensor they stand for.
        elements: int64 ``[n]``, which element of it (C order).
        part: What of that element: ``""`` (all of it), or ``"2/4 +"`` (positive part of partial sum 2 of 4).
    """

    model: str
    parameters: Mapping[str, IntArray]
    scale: FloatArray
    zero: FloatArray
    origin: str
    elements: IntArray
    part: str = ""
    op: ClassVar[str] = "Neuron"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decode(Node):
    """Border off the chip: y[e] = scale[e] * (sum of coefficient * count over neurons with element e) + offset[e].

    A neuron's count is the sum of its outputs over the T steps of a sample; the sum is exact in int64, then one float64
    product and one addition. Reads neurons ``[n]``, gives ``[len(scale)]``.

    Attributes:
        coefficient: int64 ``[n]``.
        element: int64 ``[n]``.
        scale: float64 ``[out]``, source units per count.
        offset: float64 ``[out]``, source units.
    """

    coefficient: IntArray
    element: IntArray
    scale: FloatArray
    offset: FloatArray
    op: ClassVar[str] = "Decode"


OPERATORS: dict[str, type[Node]] = {
    cls.op: cls
    for cls in (
        Input, Output, Constant, Linear, Add, Mul, Activation, Reshape, Slice, Concat, Host, Encode, Neuron, Decode,
    )
}  # fmt: skip
