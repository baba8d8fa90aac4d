"""ATen operators of arithmetic: products with weights, sums, elementwise products and quotients."""

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.importers.builder import Tensor, Term, Value
from neutrams.importers.reductions import batch_normalized, group_normalized, standardized
from neutrams.importers.torch_call import Call, operator


@operator("linear", constants=("weight", "bias"))
def linear(call: Call) -> Value:
    """Y = X weight^T + bias over the last axis."""
    return call.builder.linear(call.name, call.tensor("input"), call.floats("weight"), call.optional("bias"))


@operator("addmm", constants=("self", "mat2"))
def addmm(call: Call) -> Value:
    """Y = beta self + alpha mat1 mat2."""
    weights = float(call.arguments["alpha"]) * call.floats("mat2").T
    bias = float(call.arguments["beta"]) * call.floats("self")
    if bias.size not in (1, len(weights)):
        raise call.refuse(f"adds a matrix of shape {bias.shape}")
    return call.builder.linear(call.name, call.tensor("mat1"), weights, bias.reshape(-1))


@operator("matmul", "mm", "bmm")
def matmul(call: Call) -> Value:
    """Product with constant weights over the last axis; of two tensors on the host."""
    other = call.arguments["mat2" if call.op in ("mm", "bmm") else "other"]
    if isinstance(call.arguments["self"], Tensor) and isinstance(other, Tensor):
        given = [call.tensor(), other]
        if call.op == "mm" or len(given[0].shape) != len(other.shape) or len(other.shape) < 2:
            raise call.refuse("multiplies samples with each other")
        return call.builder.host(call.name, given, "matmul")
    if isinstance(other, Tensor):
        raise call.refuse("has constant weights on the left")
    x, weights = call.tensor(), call.floats("other" if call.op == "matmul" else "mat2")
    if weights.ndim != 2 or not x.shape:
        raise call.refuse(f"multiplies samples of shape {x.shape} with a tensor of shape {weights.shape}")
    return call.builder.linear(call.name, x, weights.T)


@operator("scaled_dot_product_attention")
def attention(call: Call) -> Value:
    """Softmax(query key^T scale + mask) value, on the host.

    Vaswani et al. (2017), arXiv:1706.03762
    """
    builder, (query, key, value) = call.builder, (call.tensor(word) for word in ("query", "key", "value"))
    mask = call.arguments.get("attn_mask")
    if call.arguments.get("is_causal") or call.arguments.get("dropout_p") or isinstance(mask, Tensor):
        raise call.refuse("is causal, drops, or has a computed mask")
    rank = len(key.shape)
    scale = call.arguments.get("scale") or query.shape[-1] ** -0.5
    turned = builder.transpose(call.part("turned"), key, [*range(rank - 2), rank - 1, rank - 2])
    scores = builder.host(call.part("scores"), [query, turned], "matmul")
    shift = 0.0 if mask is None else call.floats("attn_mask")
    scaled = builder.affine(call.part("scaled"), scores, scale, shift)
    shares = builder.host(call.part("shares"), [scaled], "softmax")
    return builder.host(call.name, [shares, value], "matmul")


@operator("add", "sub", "rsub")
def add(call: Call) -> Value:
    """The sum self + alpha other; sub and rsub put a minus before other and self."""
    alpha = float(call.arguments.get("alpha", 1))
    signs = {"add": (1.0, alpha), "sub": (1.0, -alpha), "rsub": (-alpha, 1.0)}[call.op]
    terms: list[Term] = []
    shift = np.zeros(())
    for key, sign in zip(("self", "other"), signs, strict=True):
        value = call.arguments[key]
        if isinstance(value, Tensor):
            terms.append((value, sign))
        else:
            shift = shift + sign * call.floats(key)
    return call.builder.combination(call.name, terms, shift)


@operator("mul")
def mul(call: Call) -> Value:
    """The product of a tensor with a constant, or of two tensors."""
    a, b = call.arguments["self"], call.arguments["other"]
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return call.builder.product(call.name, a, b)
    tensor, constant = ("self", "other") if isinstance(a, Tensor) else ("other", "self")
    return call.builder.affine(call.name, call.tensor(tensor), call.floats(constant))


@operator("div")
def div(call: Call) -> Value:
    """A quotient; a computed divisor goes through its reciprocal."""
    a, b, builder = call.arguments["self"], call.arguments["other"], call.builder
    if call.arguments.get("rounding_mode") is not None:
        raise call.refuse("rounds")
    if not isinstance(b, Tensor):
        divisor = call.floats("other")
        if not divisor.all():
            raise call.refuse("divides by zero")
        return builder.affine(call.name, call.tensor(), 1.0 / divisor)
    inverse = builder.activation(call.part("inverse"), b, "reciprocal")
    if isinstance(a, Tensor):
        return builder.product(call.name, a, inverse)
    return builder.affine(call.name, inverse, call.floats("self"))


@operator("neg")
def neg(call: Call) -> Value:
    """The tensor with a minus."""
    return call.builder.affine(call.name, call.tensor(), -1.0)


@operator("maximum", "minimum")
def extremum(call: Call) -> Value:
    """Elementwise largest or smallest of two tensors."""
    builder, given = call.builder, [call.tensor(), call.tensor("other")]
    if call.op == "maximum":
        return builder.largest(call.name, given)
    turned = [builder.affine(call.part("turned"), x, -1.0) for x in given]
    return builder.affine(call.name, builder.largest(call.part("largest"), turned), -1.0)


@operator("where", constants=("condition",))
def where(call: Call) -> Value:
    """Self where a constant condition holds, other elsewhere."""
    held = call.floats("condition")
    terms: list[Term] = []
    shift = np.zeros(())
    for key, gain in (("self", held), ("other", 1.0 - held)):
        value = call.arguments[key]
        if isinstance(value, Tensor):
            terms.append((value, gain))
        else:
            shift = shift + gain * call.floats(key)
    return call.builder.combination(call.name, terms, shift)


@operator("_native_batch_norm_legit_no_training", constants=("weight", "bias", "running_mean", "running_var"))
def batch_norm(call: Call) -> Value:
    """Batch normalisation with stored statistics."""
    mean, variance = call.floats("running_mean"), call.floats("running_var")
    parts = (*_gain_and_shift(call, len(mean)), mean, variance)
    return batch_normalized(call.builder, call.name, call.tensor("input"), parts, call.arguments["eps"])


@operator("group_norm", "instance_norm", constants=("weight", "bias", "running_mean", "running_var"))
def group_norm(call: Call) -> Value:
    """Each group of channels, or each channel, by its own mean and variance."""
    x = call.tensor("input")
    if call.op == "instance_norm" and not call.arguments["use_input_stats"]:
        raise call.refuse("has stored statistics")
    groups, parts = call.arguments.get("num_groups", x.shape[0]), _gain_and_shift(call, x.shape[0])
    return group_normalized(call.builder, call.name, x, groups, parts, call.arguments["eps"])


@operator("layer_norm", "rms_norm", constants=("weight", "bias"))
def layer_norm(call: Call) -> Value:
    """The trailing axes of a sample by their mean and variance, or mean square."""
    x, builder = call.tensor("input"), call.builder
    rank, count = len(x.shape), len(call.arguments["normalized_shape"])
    if count > rank:
        raise call.refuse("normalises over the batch axis")
    gain, shift = call.optional("weight"), call.optional("bias")
    plain = gain is None and shift is None
    epsilon = call.arguments["eps"] if call.arguments["eps"] is not None else float(np.finfo(np.float32).eps)
    name = call.name if plain else call.part("standard")
    axes = range(rank - count, rank)
    standard = standardized(builder, name, x, axes, epsilon, centre=call.op == "layer_norm")
    return standard if plain else builder.affine(call.name, standard, *_or_neutral(gain, shift))


def _or_neutral(gain: FloatArray | None, shift: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    return np.ones(()) if gain is None else gain, np.zeros(()) if shift is None else shift


def _gain_and_shift(call: Call, channels: int) -> tuple[FloatArray, FloatArray]:
    gain, shift = _or_neutral(call.optional("weight"), call.optional("bias"))
    return np.broadcast_to(gain, channels), np.broadcast_to(shift, channels)
