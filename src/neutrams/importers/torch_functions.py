"""ATen operators that are a function of each element, and softmax."""

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.importers.builder import LARGEST, Value
from neutrams.importers.reductions import softmax
from neutrams.importers.torch_call import Call, operator

PLAIN = {
    "relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh", "hardswish": "hard_swish", "silu": "silu", "mish": "mish",
    "erf": "erf", "exp": "exp", "log": "log", "sqrt": "sqrt", "reciprocal": "reciprocal", "abs": "abs",
}  # fmt: skip


@operator(*PLAIN)
def plain(call: Call) -> Value:
    """A function without parameters."""
    return call.builder.activation(call.name, call.tensor(), PLAIN[call.op])


@operator("hardsigmoid")
def hard_sigmoid(call: Call) -> Value:
    """clip(X / 6 + 1 / 2, 0, 1)."""
    return call.builder.activation(call.name, call.tensor(), "hard_sigmoid", alpha=1 / 6, beta=0.5)


@operator("leaky_relu")
def leaky_relu(call: Call) -> Value:
    """Y = X where X >= 0, slope X elsewhere."""
    slope = float(call.arguments["negative_slope"])
    return call.builder.activation(call.name, call.tensor(), "leaky_relu", alpha=slope)


@operator("gelu")
def gelu(call: Call) -> Value:
    """Exact or by tanh."""
    function = "gelu_tanh" if call.arguments["approximate"] == "tanh" else "gelu"
    return call.builder.activation(call.name, call.tensor(), function)


@operator("elu", "selu", "celu")
def elu(call: Call) -> Value:
    """Exponential units."""
    x, builder = call.tensor(), call.builder
    alpha = float(call.arguments.get("alpha", 1.0))
    if call.op == "selu":
        return builder.activation(
            call.name, x, "selu", alpha=1.6732632423543772848170429916717, gamma=1.0507009873554804934193349852946
        )
    if call.op == "elu":
        if (call.arguments["scale"], call.arguments["input_scale"]) != (1, 1):
            raise call.refuse("is scaled")
        return builder.activation(call.name, x, "elu", alpha=alpha)
    unit = builder.activation(call.part("elu"), builder.affine(call.part("scaled"), x, 1 / alpha), "elu", alpha=1.0)
    return builder.affine(call.name, unit, alpha)


@operator("softplus", "log_sigmoid")
def softplus(call: Call) -> Value:
    """log(1 + e^(beta X)) / beta; the logarithm of the sigmoid is its mirror image."""
    x, builder = call.tensor(), call.builder
    beta = -1.0 if call.op == "log_sigmoid" else float(call.arguments["beta"])
    if beta == 1:
        return builder.activation(call.name, x, "softplus")
    inner = builder.activation(call.part("unit"), builder.affine(call.part("scaled"), x, beta), "softplus")
    return builder.affine(call.name, inner, 1 / beta)


@operator("prelu", constants=("weight",))
def prelu(call: Call) -> Value:
    """X where X >= 0, elsewhere a slope times X, one for all or a channel."""
    x, slope, builder = call.tensor(), call.floats("weight").reshape(-1), call.builder
    if slope.size == 1:
        return builder.activation(call.name, x, "leaky_relu", alpha=slope.item())
    above = builder.activation(call.part("above"), x, "relu")
    below = builder.activation(call.part("below"), builder.affine(call.part("turned"), x, -1.0), "relu")
    return builder.combination(call.name, [(above, 1.0), (below, -slope.reshape(-1, *(1,) * (len(x.shape) - 1)))])


@operator("pow", constants=("exponent",))
def power(call: Call) -> Value:
    """X to a constant power."""
    exponent = call.floats("exponent")
    if exponent.size != 1:
        raise call.refuse("has a power for each element")
    return call.builder.activation(call.name, call.tensor(), "power", exponent=exponent.item())


@operator("square", "rsqrt")
def fixed_power(call: Call) -> Value:
    """X to the power 2 or -1/2."""
    return call.builder.activation(call.name, call.tensor(), "power", exponent=2.0 if call.op == "square" else -0.5)


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


@operator("softmax", "_softmax", "log_softmax", "_log_softmax")
def softmax_(call: Call) -> Value:
    """Over any axis of a sample, on the host."""
    x = call.tensor()
    axis = call.axis(call.arguments["dim"], len(x.shape))
    return softmax(call.builder, call.name, x, axis, logarithm="log" in call.op)
