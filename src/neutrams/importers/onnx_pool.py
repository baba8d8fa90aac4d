"""ONNX operators that pool windows, or whole images."""

from math import prod

from neutrams.importers.builder import Tensor, Value
from neutrams.importers.onnx_call import Call, operator
from neutrams.importers.onnx_conv import window_of
from neutrams.importers.windows import Window, pooled


@operator("MaxPool")
def max_pool(call: Call) -> Value:
    """Largest value of each window; any padding, dilation and ceil_mode; not the indices."""
    if call.outputs > 1:
        raise call.refuse("gives the indices of the largest, too")
    return _pool(call, call.tensor(), "max")


@operator("AveragePool")
def average_pool(call: Call) -> Value:
    """Mean of each window, with or without its padding; any padding, dilation and ceil_mode."""
    return _pool(call, call.tensor(), "average")


@operator("LpPool")
def lp_pool(call: Call) -> Value:
    """Norm of each window, (sum |x|^p)^(1/p)."""
    x, p = call.tensor(), float(call.attributes.get("p", 2))
    power = _magnitude_power(call, x, p)
    return _root(call, _pool(call, power, "average", call.part("mean"), whole=True), p, _kernel(call))


def _pool(call: Call, x: Tensor, kind: str, name: str = "", whole: bool = False) -> Tensor:
    window = window_of(call, x, _kernel(call))
    ceil = bool(call.attributes.get("ceil_mode", 0))
    if whole and ceil:
        raise call.refuse("with ceil_mode=1 sums windows that reach over the end")
    count_padding = whole or bool(call.attributes.get("count_include_pad", 0))
    return pooled(call.builder, name or call.name, x, kind, window, ceil, count_padding)


def _kernel(call: Call) -> tuple[int, ...]:
    return tuple(call.attributes["kernel_shape"])


@operator("GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool")
def global_pool(call: Call) -> Value:
    """Largest value, mean or norm of each channel."""
    x = call.tensor()
    rank = len(x.shape) - 1
    if rank < 1:
        raise call.refuse(f"of samples of shape {x.shape}")
    ones, zeros = (1,) * rank, (0,) * rank
    window = Window(kernel=x.shape[1:], stride=ones, dilation=ones, before=zeros, after=zeros)
    if call.op != "GlobalLpPool":
        return pooled(call.builder, call.name, x, "max" if call.op == "GlobalMaxPool" else "average", window)
    p = float(call.attributes.get("p", 2))
    mean = pooled(call.builder, call.part("mean"), _magnitude_power(call, x, p), "average", window)
    return _root(call, mean, p, x.shape[1:])


def _magnitude_power(call: Call, x: Tensor, p: float) -> Tensor:
    """Return |x|^p."""
    builder = call.builder
    if p != 2:
        x = builder.activation(call.part("abs"), x, "abs")
    return x if p == 1 else builder.activation(call.part("power"), x, "power", exponent=p)


def _root(call: Call, mean: Tensor, p: float, kernel: tuple[int, ...]) -> Tensor:
    """Return the p-th root of what a mean over ``kernel`` sums."""
    builder = call.builder
    total = builder.affine(call.name if p == 1 else call.part("total"), mean, float(prod(kernel)))
    return total if p == 1 else builder.activation(call.name, total, "power", exponent=1 / p)
