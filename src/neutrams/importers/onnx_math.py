"""ONNX operators of arithmetic: products with weights, sums, elementwise products and quotients."""

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.importers.builder import Tensor, Term, Value
from neutrams.importers.onnx_call import Call, operator


@operator("Gemm", constants=(1,))
def gemm(call: Call) -> Value:
    """Y = alpha A B + beta C with constant B; A holds a sample a row, so it cannot be transposed."""
    attributes = call.attributes
    if attributes.get("transA", 0):
        raise call.refuse("with transA=1 mixes samples")
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    weights = alpha * (call.floats(1) if attributes.get("transB", 0) else call.floats(1).T)
    added = call.given(2)
    if isinstance(added, Tensor):
        product = call.builder.linear(call.part("product"), call.tensor(), weights)
        return call.builder.total(call.name, [(product, 1.0), (added, beta)])
    bias = None if added is None else beta * call.floats(2)
    if bias is not None and bias.size not in (1, len(weights)):
        raise call.refuse(f"with C of shape {bias.shape} gives samples different biases")
    return call.builder.linear(call.name, call.tensor(), weights, None if bias is None else bias.reshape(-1))


@operator("MatMul")
def matmul(call: Call) -> Value:
    """Matrix product with constant weights on either side; of two computed tensors on the host."""
    a, b = (call.tensor(i) if isinstance(call.given(i), Tensor) else call.floats(i) for i in (0, 1))
    return product_of(call, a, b)


def product_of(call: Call, a: Value, b: Value) -> Value:
    """Return the matrix product of two values, as NumPy's matmul has it."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if len(a.shape) != len(b.shape):
            raise call.refuse(f"multiplies samples of different ranks {a.shape} and {b.shape}")
        return call.builder.host(call.name, [a, b], "matmul")
    x, weights, left = (a, b, False) if isinstance(a, Tensor) else (b, a, True)
    assert isinstance(x, Tensor)
    assert isinstance(weights, np.ndarray)
    while weights.ndim > 2 and weights.shape[0] == 1 and weights.ndim <= len(x.shape) + 1:
        weights = weights[0]
    rank = len(x.shape)
    if weights.ndim > 2 and weights.ndim <= rank:
        wide = weights.reshape((1,) * (rank - weights.ndim) + weights.shape)
        held = call.builder.constant(call.part("constant"), wide)
        return call.builder.host(call.name, [held, x] if left else [x, held], "matmul")
    if weights.ndim not in (1, 2) or rank < 1 + left:
        raise call.refuse(f"multiplies samples of shape {x.shape} with a tensor of shape {weights.shape}")
    matrix = weights[np.newaxis] if weights.ndim == 1 else weights if left else weights.T
    axis = rank - 1 - left
    product = call.builder.along(call.name if weights.ndim == 2 else call.part("product"), x, axis, matrix)
    shape = product.shape if weights.ndim == 2 else (*x.shape[:axis], *x.shape[axis + 1 :])
    return call.builder.reshape(call.name, product, shape)


@operator("Add", "Sub", "Sum", "Mean")
def add(call: Call) -> Value:
    """Sum, difference or mean of tensors and constants, broadcast inside a sample."""
    factors = [1.0, -1.0 if call.op == "Sub" else 1.0] + [1.0] * len(call.inputs)
    if call.op == "Mean":
        factors = [1 / len(call.inputs)] * len(call.inputs)
    terms: list[Term] = []
    shift = np.zeros(())
    for i, (value, factor) in enumerate(zip(call.inputs, factors, strict=False)):
        if isinstance(value, Tensor):
            terms.append((value, factor))
        else:
            shift = shift + factor * call.floats(i)
    if len(terms) == 1 and terms[0][1] == 1 and not shift.any() and not shift.shape:
        return terms[0][0]
    return call.builder.combination(call.name, terms, shift)


@operator("Mul")
def mul(call: Call) -> Value:
    """Elementwise product of tensors or constants, broadcast inside a sample."""
    a, b = call.inputs
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return call.builder.product(call.name, a, b)
    tensor, constant = (0, 1) if isinstance(a, Tensor) else (1, 0)
    x, gain = call.tensor(tensor), call.floats(constant)
    if x.integer and not x.shape and not gain.any():  # a setting that exporters keep alive by adding 0 times it
        return gain
    return call.builder.affine(call.name, x, gain)


@operator("Div")
def div(call: Call) -> Value:
    """Elementwise quotient of floats; a computed divisor goes through its reciprocal."""
    a, b = call.inputs
    if not isinstance(b, Tensor):
        divisor = call.floats(1)
        if not divisor.all():
            raise call.refuse(f"divides by zero (tensor {call.names[1]!r})")
        return call.builder.affine(call.name, call.floating(), 1.0 / divisor)
    if not isinstance(a, Tensor):
        inverse = call.builder.activation(call.part("inverse"), call.floating(1), "reciprocal")
        return call.builder.affine(call.name, inverse, call.floats(0))
    inverse = call.builder.activation(call.part("inverse"), call.floating(1), "reciprocal")
    return call.builder.product(call.name, call.floating(), inverse)


@operator("Neg")
def neg(call: Call) -> Value:
    """The tensor with a minus."""
    return call.builder.affine(call.name, call.tensor(), -1.0)


@operator("Pow")
def power(call: Call) -> Value:
    """X to a constant power, one for all elements; or a positive constant to the power X."""
    base, exponent = call.inputs
    if isinstance(base, Tensor) and isinstance(exponent, Tensor):
        raise call.refuse(f"with a computed parameter ({call.names[1]})")
    if isinstance(base, Tensor):
        value = _single(call, call.floats(1))
        return base if value == 1 else call.builder.activation(call.name, call.floating(), "power", exponent=value)
    value = _single(call, call.floats(0))
    if value <= 0:
        raise call.refuse(f"raises {value} to computed powers")
    scaled = call.builder.affine(call.part("scaled"), call.floating(1), float(np.log(value)))
    return call.builder.activation(call.name, scaled, "exp")


def _single(call: Call, values: FloatArray) -> float:
    """Return the one value that all elements of a constant have."""
    if not values.size or (values != values.flat[0]).any():
        raise call.refuse("has different powers for different elements")
    return float(values.flat[0])


@operator("Max", "Min")
def extremum(call: Call) -> Value:
    """Elementwise largest or smallest of tensors and constants, broadcast inside a sample."""
    sign = 1.0 if call.op == "Max" else -1.0
    tensors = [value for value in call.inputs if isinstance(value, Tensor)]
    fixed = [call.floats(i) for i, value in enumerate(call.inputs) if not isinstance(value, Tensor)]
    if fixed:
        bound = (np.maximum if call.op == "Max" else np.minimum).reduce(np.broadcast_arrays(*fixed))
        tensors = _bounded(call, tensors, np.asarray(bound), sign)
    if sign > 0 or len(tensors) == 1:
        return call.builder.largest(call.name, tensors)
    turned = [call.builder.affine(call.part("turned"), x, -1.0) for x in tensors]
    return call.builder.affine(call.name, call.builder.largest(call.part("largest"), turned), -1.0)


def _bounded(call: Call, tensors: list[Tensor], bound: FloatArray, sign: float) -> list[Tensor]:
    """Return what the extremum is of, a constant among it: one number as a clip, several as a tensor."""
    first, rank = tensors[0], len(tensors[0].shape)
    if bound.size == 1 and bound.ndim <= 1:
        name = call.name if len(tensors) == 1 else call.part("bounded")
        limits = (bound.item(), np.inf) if sign > 0 else (-np.inf, bound.item())
        return [call.builder.clip(name, first, *limits), *tensors[1:]]
    values = bound[0] if bound.ndim == rank + 1 and len(bound) == 1 else bound
    if values.ndim > rank:
        raise call.refuse(f"joins samples of shape {first.shape} with a constant of shape {bound.shape}")
    wide = values.reshape((1,) * (rank - values.ndim) + values.shape)
    return [*tensors, call.builder.constant(call.part("bound"), wide)]
