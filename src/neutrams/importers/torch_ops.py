"""The ATen operators that can be imported, one handler each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, check_finite
from neutrams.base.errors import UnsupportedError
from neutrams.importers.builder import LARGEST, Builder, Tensor, Value, refusal
from neutrams.importers.handlers import Handlers
from neutrams.network import Concat, Slice
from neutrams.network.shapes import Shape

ONE, NOTHING = np.ones(()), np.zeros(())
IGNORED = frozenset({"_assert_tensor_metadata", "_assert_scalar", "_assert_async"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One ATen operator with its arguments looked up.

    Attributes:
        op: Its name without ``aten::``.
        name: What the node that gives its result shall be called.
        arguments: By name; tensors as `Tensor` or arrays, scalars as they are.
        shape: Shape of the result in the trace, batch axis first.
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

    def tensor(self, key: str = "self") -> Tensor:
        """Return an argument as a tensor; a constant becomes a node."""
        return self.builder.tensor(self.arguments[key], f"{self.name}.{key}")

    def floats(self, key: str) -> FloatArray:
        """Return a constant or scalar argument as float64.

        Raises:
            InputError: It holds NaN or infinity.
        """
        array = np.asarray(self.arguments[key], dtype=np.float64)
        check_finite(array, f"argument {key} of node {self.name!r}")
        return array

    def axis(self, key: str, x: Tensor) -> None:
        """Refuse an operator that does not work along the last axis of ``x``."""
        axis = self.arguments[key]
        if not x.shape or axis not in (-1, len(x.shape)):
            raise self.refuse(f"works along axis {axis}, only the last axis ({len(x.shape)}) can be imported")


TABLE: Handlers[Call, Value, str] = Handlers()
HANDLERS, operator = TABLE.by_name, TABLE.operator


@operator("linear", constants=("weight", "bias"))
def linear(call: Call) -> Value:
    """Y = X weight^T + bias over the last axis."""
    bias = None if call.arguments["bias"] is None else call.floats("bias")
    return call.builder.linear(call.name, call.tensor("input"), call.floats("weight"), bias)


@operator("addmm", constants=("self", "mat2"))
def addmm(call: Call) -> Value:
    """Y = beta self + alpha mat1 mat2."""
    weights = float(call.arguments["alpha"]) * call.floats("mat2").T
    bias = float(call.arguments["beta"]) * call.floats("self")
    if bias.size not in (1, len(weights)):
        raise call.refuse(f"adds a matrix of shape {bias.shape}")
    return call.builder.linear(call.name, call.tensor("mat1"), weights, bias.reshape(-1))


@operator("matmul", constants=("other",))
@operator("mm", constants=("mat2",))
def matmul(call: Call) -> Value:
    """Y = X W over the last axis."""
    x, weights = call.tensor(), call.floats("other" if call.op == "matmul" else "mat2")
    if weights.ndim != 2 or not x.shape:
        raise call.refuse(f"multiplies samples of shape {x.shape} with a tensor of shape {weights.shape}")
    return call.builder.linear(call.name, x, weights.T)


@operator("add", "sub", "rsub")
def add(call: Call) -> Value:
    """The sum self + alpha other; sub and rsub put a minus before other and self."""
    alpha = float(call.arguments.get("alpha", 1))
    signs = {"add": (1.0, alpha), "sub": (1.0, -alpha), "rsub": (-alpha, 1.0)}[call.op]
    given = {"self": signs[0], "other": signs[1]}
    terms = [(call.tensor(key), sign) for key, sign in given.items() if isinstance(call.arguments[key], Tensor)]
    fixed = [sign * call.floats(key) for key, sign in given.items() if not isinstance(call.arguments[key], Tensor)]
    if not fixed:
        return call.builder.total(call.name, terms)
    return call.builder.affine(call.name, terms[0][0], terms[0][1] * ONE, np.asarray(fixed[0]))


@operator("mul")
def mul(call: Call) -> Value:
    """The product of a tensor with a constant, or of two tensors."""
    a, b = call.arguments["self"], call.arguments["other"]
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return call.builder.product(call.name, a, b)
    tensor, constant = ("self", "other") if isinstance(a, Tensor) else ("other", "self")
    return call.builder.affine(call.name, call.tensor(tensor), call.floats(constant), NOTHING)


@operator("div", constants=("other",))
def div(call: Call) -> Value:
    """A tensor divided by a constant."""
    divisor = call.floats("other")
    if call.arguments.get("rounding_mode") is not None or not divisor.all():
        raise call.refuse("rounds, or divides by zero")
    return call.builder.affine(call.name, call.tensor(), 1.0 / divisor, NOTHING)


@operator("neg")
def neg(call: Call) -> Value:
    """The tensor with a minus."""
    return call.builder.affine(call.name, call.tensor(), -ONE, NOTHING)


@operator("_native_batch_norm_legit_no_training", constants=("weight", "bias", "running_mean", "running_var"))
def batch_norm(call: Call) -> Value:
    """Batch normalisation with stored statistics."""
    mean, variance = call.floats("running_mean"), call.floats("running_var")
    gain = np.ones_like(mean) if call.arguments["weight"] is None else call.floats("weight")
    shift = np.zeros_like(mean) if call.arguments["bias"] is None else call.floats("bias")
    return call.builder.normalization(
        call.name, call.tensor("input"), (gain, shift, mean, variance), call.arguments["eps"]
    )


@operator("relu", "sigmoid", "tanh")
def activation(call: Call) -> Value:
    """An activation without parameters."""
    return call.builder.activation(call.name, call.tensor(), call.op)


@operator("leaky_relu")
def leaky_relu(call: Call) -> Value:
    """Y = X where X >= 0, slope X elsewhere."""
    slope = float(call.arguments["negative_slope"])
    return call.builder.activation(call.name, call.tensor(), "leaky_relu", alpha=slope)


@operator("clamp", "clip", "clamp_min", "clamp_max", "hardtanh", "relu6", constants=("min", "max"))
def clamp(call: Call) -> Value:
    """Y = min(max(X, low), high)."""
    given = {"min_val": 0.0, "max_val": 6.0, **call.arguments} if call.op == "relu6" else call.arguments
    bounds: list[float] = []
    for keys, absent in ((("min", "min_val"), -LARGEST), (("max", "max_val"), LARGEST)):
        value: AnyArray | float | None = next((given[key] for key in keys if given.get(key) is not None), None)
        if value is not None and np.size(value) != 1:
            raise call.refuse("has a bound for each element")
        bounds.append(absent if value is None else float(np.asarray(value).item()))
    return call.builder.clip(call.name, call.tensor(), *bounds)


@operator("softmax", "_softmax")
def softmax(call: Call) -> Value:
    """Over the last axis, on the host."""
    x = call.tensor()
    call.axis("dim", x)
    return call.builder.host(call.name, x, "softmax")


@operator("argmax")
def argmax(call: Call) -> Value:
    """Index of the largest element of the last axis, on the host."""
    x = call.tensor()
    call.axis("dim", x)
    return call.builder.host(call.name, x, "argmax", keep=bool(call.arguments["keepdim"]))


@operator("cat")
def cat(call: Call) -> Value:
    """Tensors joined along the last axis."""
    given = [call.builder.tensor(value, f"{call.name}.{i}") for i, value in enumerate(call.arguments["tensors"])]
    call.axis("dim", given[0])
    return call.builder.emit(Concat(name=call.name, inputs=tuple(x.name for x in given)))


@operator("slice")
def slice_(call: Call) -> Value:
    """A piece of the last axis."""
    x, given = call.tensor(), call.arguments
    if call.shape == (call.shape[0], *x.shape):
        return x
    call.axis("dim", x)
    start, stop, step = slice(given["start"], given["end"], given["step"]).indices(x.shape[-1])
    return call.builder.emit(Slice(name=call.name, inputs=(x.name,), start=start, stop=stop, step=step))


@operator("view", "reshape", "_unsafe_view", "flatten", "squeeze", "unsqueeze")
def reshape(call: Call) -> Value:
    """Samples with another shape; the batch axis stays first."""
    x, shape = call.tensor(), call.shape
    kept = shape and shape[0] in call.builder.batches and int(np.prod(shape[1:])) == int(np.prod(x.shape))
    if not kept or (call.op == "unsqueeze" and call.arguments["dim"] % len(shape) == 0):
        raise call.refuse(f"of samples of shape {x.shape} to {shape} does not keep the batch axis first")
    return call.builder.reshape(call.name, x, shape[1:])


@operator("clone", "contiguous", "alias", "detach", "dropout", "lift_fresh_copy")
def same(call: Call) -> Value:
    """The tensor itself."""
    return call.tensor("input" if "input" in call.arguments else "self")


@operator("to", "_to_copy")
def convert(call: Call) -> Value:
    """The tensor itself, where the type keeps its values."""
    x, dtype = call.tensor(), call.arguments.get("dtype")
    if dtype is not None and not dtype.is_floating_point and not x.integer:
        raise call.refuse(f"to {dtype} changes values")
    return x
