"""The closed set of operators: frozen nodes, each giving one tensor that bears the node's name.

Shapes are per sample; a batch axis of length N goes before them. The first axis of a sample holds its channels C: a
vector has as many channels as elements, an image is ``[C, H, W]``. A node is *float* (the source network), *core*
(exact integers, what a chip runs) or *host*. `Linear`, `Conv` and `Add` serve float and core networks alike: in a core
network their weights are int64, their biases 0, and they give the accumulator that a `Neuron` reads. Data movement
(`Reshape`, `Transpose`, `Slice`, `Gather`, `Pad`, `Concat`) is the same for floats and integers.

What depends on an `Unstack` or a `State` is computed once a step, up to a `Stack`: such nodes form a *loop*
(`neutrams.network.loops`). Their shapes are those of one step; a tensor from outside is the same at every step.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray, frozen
from neutrams.neurons.dynamics import Rules

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "identity": (), "relu": (), "leaky_relu": ("alpha",), "clip": ("low", "high"), "sigmoid": (), "tanh": (),
    "elu": ("alpha",), "selu": ("alpha", "gamma"), "hard_sigmoid": ("alpha", "beta"), "hard_swish": (), "silu": (),
    "gelu": (), "gelu_tanh": (), "mish": (), "softplus": (), "softsign": (), "erf": (), "exp": (), "log": (),
    "sqrt": (), "reciprocal": (), "power": ("exponent",), "abs": (),
}  # fmt: skip
"""Named functions of one element, with the names of their parameters."""

HOST_FUNCTIONS: dict[str, tuple[str, ...]] = {
    "softmax": (), "argmax": (), "one_hot": ("depth",), "matmul": (), "sum": (), "clip": ("low", "high"),
    "softshrink": ("threshold",),
}  # fmt: skip
"""Functions that run outside the chip, with the names of their parameters."""

POOLS = ("max", "average")


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
    """y = weights x + bias over the last axis; in a core network of a vector.

    Attributes:
        weights: float64 or int64 ``[out, in]``.
        bias: Same type, ``[out]``. In a core network it is zero: there the `Neuron` holds the bias.
    """

    weights: AnyArray
    bias: AnyArray
    op: ClassVar[str] = "Linear"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conv(Node):
    """Cross-correlation in one or more dimensions, without padding (that is a `Pad` before it), as ONNX's Conv has it.

    Reads ``[in, *size]``, gives ``[out, *places]`` with places = (size - dilation (kernel - 1) - 1) // stride + 1.

    Attributes:
        weights: float64 or int64 ``[out, in / groups, *kernel]``; output channel o reads the input channels of group
            o // (out / groups).
        bias: Same type, ``[out]``; zero in a core network.
        stride: One a kernel axis.
        dilation: One a kernel axis.
        groups: How many groups of channels know nothing of each other.
    """

    weights: AnyArray
    bias: AnyArray
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    op: ClassVar[str] = "Conv"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool(Node):
    """Largest or mean value of each window of each channel. Reads ``[C, *size]``; places as in `Conv`.

    Attributes:
        kind: ``max`` or ``average``.
        kernel: Window, one length a spatial axis.
        stride: One a spatial axis.
        dilation: One a spatial axis.
        before: Padding before, one a spatial axis; never the largest, and 0 in a mean.
        after: Padding after.
        count_padding: Whether a mean divides by the whole window where that reaches into padding, or by what it holds
            of the tensor.
    """

    kind: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    count_padding: bool = False
    op: ClassVar[str] = "Pool"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Add(Node):
    """y[c] = sum_k coefficients[k, c] x_k[c] + bias[c]: elementwise sum of K inputs of one shape ``[C, *size]``.

    Attributes:
        coefficients: float64 or int64 ``[K, C]``; all ones for a plain addition.
        bias: Same type, ``[C]``; zero in a core network.
    """

    coefficients: AnyArray
    bias: AnyArray
    op: ClassVar[str] = "Add"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mul(Node):
    """Elementwise product of its inputs, broadcast as NumPy does."""

    op: ClassVar[str] = "Mul"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Max(Node):
    """Elementwise largest of its inputs, which have one shape."""

    op: ClassVar[str] = "Max"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Activation(Node):
    """A named function of each element, with the parameters that `FUNCTIONS` lists for it.

    clip: min(max(x, low), high); elu: x or alpha (e^x - 1) below 0; selu: gamma times elu; hard_sigmoid:
    clip(alpha x + beta, 0, 1); hard_swish: x clip(x / 6 + 1 / 2, 0, 1); silu: x sigmoid(x); gelu:
    x (1 + erf(x / √2)) / 2; gelu_tanh: its form by tanh; mish: x tanh(softplus(x)); softplus: log(1 + e^x); softsign:
    x / (1 + |x|); power: x^exponent.
    """

    function: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    op: ClassVar[str] = "Activation"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reshape(Node):
    """The same elements in C order, with another per-sample shape."""

    shape: tuple[int, ...]
    op: ClassVar[str] = "Reshape"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transpose(Node):
    """Axis i of the result is axis ``axes[i]`` of the input; all axes of a sample, numbered from 0."""

    axes: tuple[int, ...]
    op: ClassVar[str] = "Transpose"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice(Node):
    """Elements start, start + step, ... below stop along ``axis``; -1 is the last."""

    start: int
    stop: int
    step: int = 1
    axis: int = -1
    op: ClassVar[str] = "Slice"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gather(Node):
    """Elements ``indices`` (int64 ``[m]``, each within the axis, in any order and number) along ``axis``."""

    indices: IntArray
    axis: int = -1
    op: ClassVar[str] = "Gather"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pad(Node):
    """The input within a border of ``value``: ``before`` and ``after`` hold a width for each axis of a sample.

    In a core network ``value`` is the integer that stands for 0 in the source network's units.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    value: float = 0.0
    op: ClassVar[str] = "Pad"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Concat(Node):
    """Its inputs joined along ``axis``; -1 is the last."""

    axis: int = -1
    op: ClassVar[str] = "Concat"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unstack(Node):
    """Into a loop: element t of the first axis at step t. Reads ``[T, *shape]``, gives ``[*shape]``."""

    op: ClassVar[str] = "Unstack"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State(Node):
    """What a loop remembers: its input, from outside, at step 0; then what its `Update` read one step before."""

    op: ClassVar[str] = "State"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Update(Node):
    """What a `State` of the same loop and shape is at the next step; gives its input.

    Attributes:
        state: Name of the state; it has no other update.
    """

    state: str
    op: ClassVar[str] = "Update"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stack(Node):
    """Out of a loop: what its input is at all steps, ``[steps, *shape]``."""

    steps: int
    op: ClassVar[str] = "Stack"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spiking(Node):
    """Neurons of a float dynamics model, in a loop: a step for each of its steps, with a memory of their own.

    The memory starts at zero, the potential at the parameter ``initial`` where there is one. Reads the input current
    ``[*shape]``, gives spikes or potentials ``[*shape]``. The fields from ``dt`` on are `neurons.dynamics.Rules`.

    Attributes:
        model: A name in `neutrams.neurons.dynamics`.
        parameters: float64 ``[*shape]`` for each parameter of the model: times in s, ``refractory`` in steps.
        dt: Length of a step [s].
    """

    model: str
    parameters: Mapping[str, FloatArray]
    dt: float
    reset: str = "zero"
    strict: bool = True
    many: bool = False
    current: str = "last"
    method: str = "euler"
    op: ClassVar[str] = "Spiking"

    @property
    def rules(self) -> Rules:
        """How its equation becomes steps."""
        return Rules(
            dt=self.dt, reset=self.reset, strict=self.strict, many=self.many, current=self.current, method=self.method
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Host(Node):
    """A function that runs outside the chip; counted and reported.

    softmax and argmax go over the last axis; one_hot appends an axis of length ``depth`` to a tensor of indices: those
    below 0 count from the end, others outside give zeros, or are refused where it is ``strict``; matmul is the batched
    matrix product of two tensors; sum goes over the first axis, such as the steps of spikes; clip keeps what lies
    between two values, softshrink what lies beyond a threshold on either side, less the threshold.
    """

    function: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    op: ClassVar[str] = "Host"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encode(Node):
    """Border onto the chip: floats to integers, half to even; one integer an element and step.

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
    """Neurons of one model reading the accumulator ``[C, *size]`` of a core `Linear`, `Conv` or `Add`.

    All neurons of a channel have the same parameters. The value they carry, in the source network's units, is
    scale * (mean output over the steps) + zero. With a table they give ``table[y - low]`` in place of the model's y.

    Attributes:
        model: A name in `neutrams.neurons`.
        parameters: int64 ``[C]`` for each parameter of the model.
        scale: float64 ``[C]``, source units per LSB (ann) or at one spike a step (snn).
        zero: float64 ``[C]``, source units.
        origin: Name of the source network's tensor they stand for.
        elements: int64 ``[C]``, which channel of it (of a vector: which element).
        part: What of that element: ``""`` (all of it), or ``"2/4 +"`` (positive part of partial sum 2 of 4).
        table: int64 ``[entries]``, a look-up table after the model of ann mode [LSB of the output]; empty without one.
        readout: ``output``, or, in snn mode, ``potential``: they give nothing, but after the last step (in a loop after
            each) their potential, to a `Decode` only.
    """

    model: str
    parameters: Mapping[str, IntArray]
    scale: FloatArray
    zero: FloatArray
    origin: str
    elements: IntArray
    part: str = ""
    table: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    readout: str = "output"
    op: ClassVar[str] = "Neuron"

    @property
    def output_limits(self) -> tuple[int, int]:
        """Smallest and largest integer that neurons of ann mode can give [LSB]."""
        ends = (self.parameters["low"], self.parameters["high"]) if not self.table.size else (self.table, self.table)
        return int(ends[0].min()), int(ends[1].max())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decode(Node):
    """Border off the chip: y[e] = scale[e] * (sum of coefficient * count over neurons with element e) + offset[e].

    A neuron's count is the sum of its outputs over the T steps of a sample, in a loop its output of each step; the sum
    is exact in int64, then one float64 product and one addition. Reads neurons ``[n]``, gives ``[len(scale)]``.

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
        Input, Output, Constant, Linear, Conv, Pool, Add, Mul, Max, Activation, Reshape, Transpose, Slice, Gather, Pad,
        Concat, Unstack, State, Update, Stack, Spiking, Host, Encode, Neuron, Decode,
    )
}  # fmt: skip
