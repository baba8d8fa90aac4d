"""ONNX operators that compute: products, sums, activations, normalisation, and the tail on the host."""

import numpy as np

from neutrams.importers.builder import LARGEST, Tensor, Value
from neutrams.importers.onnx_call import Call, operator

ONE, NOTHING = np.ones(()), np.zeros(())


@operator("Gemm", constants=(1,))
def gemm(call: Call) -> Value:
    """Y = alpha A B + beta C; A is ``[N, in]``, so it cannot be transposed."""
    attributes = call.attributes
    if attributes.get("transA", 0):
        raise call.refuse("with transA=1 mixes samples")
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    weights = alpha * (call.floats(1) if attributes.get("transB", 0) else call.floats(1).T)
    added = call.given(2)
    if isinstance(added, Tensor):
        product = call.builder.linear(call.builder.fresh(f"{call.name}.product"), call.tensor(), weights)
        return call.builder.total(call.name, [(product, 1.0), (added, beta)])
    bias = None if added is None else beta * call.floats(2)
    if bias is not None and bias.size not in (1, len(weights)):
        raise call.refuse(f"with C of shape {bias.shape} gives samples different biases")
    return call.builder.linear(call.name, call.tensor(), weights, None if bias is None else bias.reshape(-1))


@operator("MatMul", constants=(1,))
def matmul(call: Call) -> Value:
    """Y = X W over the last axis, W ``[in, out]`` or ``[in]``."""
    x, weights = call.tensor(), call.floats(1)
    while weights.ndim > 2 and weights.shape[0] == 1 and weights.ndim <= len(x.shape) + 1:
        weights = weights[0]
    if weights.ndim == 1:
        product = call.builder.linear(call.builder.fresh(f"{call.name}.product"), x, weights[np.newaxis])
        return call.builder.reshape(call.name, product, x.shape[:-1])
    if weights.ndim != 2 or not x.shape:
        raise call.refuse(f"multiplies samples of shape {x.shape} with a tensor of shape {weights.shape}")
    return call.builder.linear(call.name, x, weights.T)


@operator("Add", "Sub", "Sum")
def add(call: Call) -> Value:
    """The sum of tensors and constants; Sub takes the second with a minus."""
    factors = [1.0, -1.0 if call.op == "Sub" else 1.0] + [1.0] * len(call.inputs)
    terms = [(value, factor) for value, factor in zip(call.inputs, factors, strict=False) if isinstance(value, Tensor)]
    fixed = [factors[i] * call.floats(i) for i, value in enumerate(call.inputs) if not isinstance(value, Tensor)]
    if not fixed:
        return call.builder.total(call.name, terms)
    x, factor = terms[0]
    if len(terms) > 1:
        x, factor = call.builder.total(call.builder.fresh(f"{call.name}.tensors"), terms), 1.0
    return call.builder.affine(call.name, x, factor * ONE, np.asarray(sum(fixed[1:], start=fixed[0])))


@operator("Mul")
def mul(call: Call) -> Value:
    """The product of a tensor with a constant, or of two tensors."""
    a, b = call.inputs
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return call.builder.product(call.name, a, b)
    tensor, constant = (0, 1) if isinstance(a, Tensor) else (1, 0)
    return call.builder.affine(call.name, call.tensor(tensor), call.floats(constant), NOTHING)


@operator("Div", constants=(1,))
def div(call: Call) -> Value:
    """A tensor divided by a constant."""
    divisor = call.floats(1)
    if not divisor.all():
        raise call.refuse(f"divides by zero (tensor {call.names[1]!r})")
    return call.builder.affine(call.name, call.tensor(), 1.0 / divisor, NOTHING)


@operator("Neg")
def neg(call: Call) -> Value:
    """The tensor with a minus."""
    return call.builder.affine(call.name, call.tensor(), -ONE, NOTHING)


@operator("BatchNormalization", constants=(1, 2, 3, 4))
def batch_normalization(call: Call) -> Value:
    """Y = (X - mean) / sqrt(var + epsilon) * scale + B, one of each a channel; the first axis of a sample."""
    if call.attributes.get("training_mode", 0) or call.attributes.get("spatial", 1) == 0:
        raise call.refuse("is in training mode or not per channel")
    parts = [call.floats(i) for i in range(1, 5)]
    return call.builder.normalization(call.name, call.tensor(), parts, call.attributes.get("epsilon", 1e-5))


@operator("Relu", "Sigmoid", "Tanh")
def activation(call: Call) -> Value:
    """An activation without parameters."""
    return call.builder.activation(call.name, call.tensor(), call.op.lower())


@operator("LeakyRelu")
def leaky_relu(call: Call) -> Value:
    """Y = X where X >= 0, alpha X elsewhere."""
    return call.builder.activation(
        call.name, call.tensor(), "leaky_relu", alpha=float(call.attributes.get("alpha", 0.01))
    )


@operator("Clip", constants=(1, 2))
def clip(call: Call) -> Value:
    """Y = min(max(X, low), high); the bounds are attributes before version 11."""
    low, high = (call.attributes.get(name, absent) for name, absent in (("min", -LARGEST), ("max", LARGEST)))
    given = [call.array(i) for i in (1, 2)]
    low, high = (old if new is None else new.item() for old, new in zip((low, high), given, strict=True))
    return call.builder.clip(call.name, call.tensor(), low, high)


@operator("Softmax")
def softmax(call: Call) -> Value:
    """Over the last axis, on the host."""
    x = call.tensor()
    _need_last_axis(call, x, -1 if call.opset >= 13 else 1)
    return call.builder.host(call.name, x, "softmax")


@operator("ArgMax")
def argmax(call: Call) -> Value:
    """Index of the largest element of the last axis, on the host; of equals the first."""
    x = call.tensor()
    _need_last_axis(call, x, 0)
    if call.attributes.get("select_last_index", 0):
        raise call.refuse("with select_last_index=1 takes the last of equals")
    return call.builder.host(call.name, x, "argmax", keep=bool(call.attributes.get("keepdims", 1)))


def _need_last_axis(call: Call, x: Tensor, default: int) -> None:
    axis = call.attributes.get("axis", default)
    if not x.shape or axis not in (-1, len(x.shape)):
        raise call.refuse(f"works along axis {axis}, only the last axis ({len(x.shape)}) can be imported")
