"""ONNX operators that are a function of each element."""

import numpy as np

from neutrams.importers.builder import LARGEST, Tensor, Value
from neutrams.importers.onnx_call import Call, operator

PLAIN = {
    "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "HardSwish": "hard_swish", "Softplus": "softplus",
    "Softsign": "softsign", "Mish": "mish", "Erf": "erf", "Exp": "exp", "Log": "log", "Sqrt": "sqrt",
    "Reciprocal": "reciprocal", "Abs": "abs",
}  # fmt: skip
DEFAULTS: dict[str, tuple[str, dict[str, float]]] = {
    "LeakyRelu": ("leaky_relu", {"alpha": 0.01}),
    "Elu": ("elu", {"alpha": 1.0}),
    "Selu": ("selu", {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875}),
    "HardSigmoid": ("hard_sigmoid", {"alpha": 0.2, "beta": 0.5}),
}


@operator(*PLAIN)
def plain(call: Call) -> Value:
    """A function of each element without parameters."""
    x = call.tensor() if call.op in ("Relu", "Abs") else call.floating()
    return call.builder.activation(call.name, x, PLAIN[call.op])


@operator(*DEFAULTS)
def with_parameters(call: Call) -> Value:
    """A function of each element with its parameters."""
    function, defaults = DEFAULTS[call.op]
    parameters = {key: float(call.attributes.get(key, value)) for key, value in defaults.items()}
    return call.builder.activation(call.name, call.tensor(), function, **parameters)


@operator("Gelu")
def gelu(call: Call) -> Value:
    """Gaussian error linear unit, exact or by tanh (Hendrycks & Gimpel 2016, arXiv:1606.08415)."""
    by_tanh = call.text("approximate", "none") == "tanh"
    return call.builder.activation(call.name, call.tensor(), "gelu_tanh" if by_tanh else "gelu")


@operator("Swish")
def swish(call: Call) -> Value:
    """X sigmoid(alpha X)."""
    x, alpha = call.tensor(), float(call.attributes.get("alpha", 1.0))
    if alpha == 1:
        return call.builder.activation(call.name, x, "silu")
    inner = call.builder.affine(call.part("scaled"), x, alpha)
    gate = call.builder.activation(call.part("gate"), inner, "sigmoid")
    return call.builder.product(call.name, x, gate)


@operator("Celu")
def celu(call: Call) -> Value:
    """Alpha times elu(X / alpha) (Barron 2017, arXiv:1704.07483)."""
    x, alpha = call.tensor(), float(call.attributes.get("alpha", 1.0))
    if alpha == 0:
        raise call.refuse("has alpha = 0")
    inner = x if alpha == 1 else call.builder.affine(call.part("scaled"), x, 1 / alpha)
    unit = call.builder.activation(call.name if alpha == 1 else call.part("elu"), inner, "elu", alpha=1.0)
    return unit if alpha == 1 else call.builder.affine(call.name, unit, alpha)


@operator("PRelu", constants=(1,))
def prelu(call: Call) -> Value:
    """X where X >= 0, elsewhere a constant slope times X, one for all, a channel or an element."""
    x, slope = call.tensor(), call.floats(1)
    if slope.size == 1:
        return call.builder.activation(call.name, x, "leaky_relu", alpha=slope.item())
    above = call.builder.activation(call.part("above"), x, "relu")
    turned = call.builder.affine(call.part("turned"), x, -1.0)
    below = call.builder.activation(call.part("below"), turned, "relu")
    return call.builder.combination(call.name, [(above, 1.0), (below, -slope)])


@operator("Clip", constants=(1, 2))
def clip(call: Call) -> Value:
    """Y = min(max(X, low), high) with constant bounds."""
    low, high = (call.attributes.get(name, absent) for name, absent in (("min", -LARGEST), ("max", LARGEST)))
    return call.builder.clip(call.name, call.tensor(), call.scalar(1, low), call.scalar(2, high))


@operator("Where", constants=(0,))
def where(call: Call) -> Value:
    """X where a constant condition holds, Y elsewhere."""
    held = np.asarray(call.array(0)).astype(np.float64)
    gains = (held, 1.0 - held)
    terms = [(x, gain) for x, gain in zip(call.inputs[1:], gains, strict=True) if isinstance(x, Tensor)]
    shift = sum((gain * call.floats(i) for i, gain in enumerate(gains, 1) if not isinstance(call.inputs[i], Tensor)),
                start=np.zeros(()))  # fmt: skip
    return call.builder.combination(call.name, terms, shift)
