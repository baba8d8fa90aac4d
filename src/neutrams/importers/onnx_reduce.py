"""ONNX operators that reduce axes of a sample: sums, means, extremes, norms, indices; running sums."""

from math import prod

import numpy as np

from neutrams.importers.builder import Builder, Tensor, Value
from neutrams.importers.onnx_call import Call, operator
from neutrams.importers.reductions import largest_index, reduced, softmax

TINY = 1e-30  # what a norm of 0 counts as, so that 0 over it is 0


def _axes(call: Call, x: Tensor) -> list[int] | None:
    """Return the axes of a sample to reduce; None for none at all."""
    given = call.integers(1, "axes")
    if not given:
        if call.attributes.get("noop_with_empty_axes", 0):
            return None
        raise call.refuse("over all axes mixes samples")
    return [call.axis(axis, len(x.shape)) for axis in given]


def _sum(call: Call, name: str, x: Tensor, axes: list[int]) -> Tensor:
    keep = bool(call.attributes.get("keepdims", 1))
    count = prod(x.shape[axis] for axis in axes)
    mean = reduced(call.builder, call.part("mean"), x, "average", axes, keep)
    return call.builder.affine(name, mean, float(count))


@operator("ReduceMean", "ReduceMax", "ReduceMin", constants=(1,))
def reduce_extremes(call: Call) -> Value:
    """Mean, largest or smallest value over axes of a sample."""
    x = call.tensor() if call.op != "ReduceMean" else call.floating()
    axes, keep = _axes(call, x), bool(call.attributes.get("keepdims", 1))
    if axes is None:
        return x
    if call.op != "ReduceMin":
        return reduced(call.builder, call.name, x, "max" if call.op == "ReduceMax" else "average", axes, keep)
    turned = call.builder.affine(call.part("turned"), x, -1.0)
    largest = reduced(call.builder, call.part("largest"), turned, "max", axes, keep)
    return call.builder.affine(call.name, largest, -1.0)


@operator("ReduceSum", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSum", constants=(1,))
def reduce_sums(call: Call) -> Value:
    """Sum over axes of a sample: of values, squares or magnitudes; its square root or logarithm."""
    x, builder = call.tensor(), call.builder
    axes = _axes(call, x)
    first = {"ReduceSumSquare": "square", "ReduceL2": "square", "ReduceL1": "abs"}.get(call.op)
    if first == "square":
        x = builder.activation(call.part("square"), x, "power", exponent=2.0)
    elif first == "abs":
        x = builder.activation(call.part("abs"), x, "abs")
    root = {"ReduceL2": "sqrt", "ReduceLogSum": "log"}.get(call.op)
    total = x if axes is None else _sum(call, call.part("sum") if root else call.name, x, axes)
    return builder.activation(call.name, total, root) if root else total


@operator("ReduceLogSumExp", constants=(1,))
def reduce_log_sum_exp(call: Call) -> Value:
    """Logarithm of the sum of e^x over axes of a sample, the largest x taken out before."""
    x, builder = call.floating(), call.builder
    axes = _axes(call, x)
    if axes is None:
        return x
    keep = bool(call.attributes.get("keepdims", 1))
    largest = reduced(builder, call.part("largest"), x, "max", axes)
    below = builder.total(call.part("below"), [(x, 1.0), (largest, -1.0)])
    total = _sum(call, call.part("sum"), builder.activation(call.part("exp"), below, "exp"), axes)
    logarithm = builder.activation(call.part("log"), total, "log")
    offset = largest if keep else builder.reshape(call.part("offset"), largest, logarithm.shape)
    return builder.total(call.name, [(logarithm, 1.0), (offset, 1.0)])


@operator("LpNormalization")
def lp_normalization(call: Call) -> Value:
    """X over its norm of order 1 or 2 along an axis of a sample."""
    x, builder = call.tensor(), call.builder
    axis = call.axis(call.attributes.get("axis", -1), len(x.shape))
    p = call.attributes.get("p", 2)
    if p not in (1, 2):
        raise call.refuse(f"has a norm of order {p}")
    size = float(x.shape[axis])
    if p == 1:
        part = builder.activation(call.part("abs"), x, "abs")
    else:
        part = builder.activation(call.part("square"), x, "power", exponent=2.0)
    mean = reduced(builder, call.part("mean"), part, "average", [axis])
    total = builder.affine(call.part("sum"), mean, size, TINY)
    inverse = builder.activation(call.part("inverse"), total, "power", exponent=-1.0 / p)
    return builder.product(call.name, x, inverse)


@operator("Softmax", "LogSoftmax", "Hardmax")
def softmax_(call: Call) -> Value:
    """Along any axis of a sample, on the host; Hardmax as one-hot of the largest."""
    x, builder = call.tensor(), call.builder
    shape = x.shape
    axis = call.axis(call.attributes.get("axis", -1 if call.opset >= 13 else 1), len(shape))
    if call.opset < 13:  # all axes from this one on were one
        x = builder.reshape(call.part("flat"), x, (*shape[:axis], prod(shape[axis:])))
    if call.op == "Hardmax":
        result = _hardmax(builder, call, x, axis)
    else:
        name = call.name if x.shape == shape else call.part("flat")
        result = softmax(builder, name, x, axis, call.op == "LogSoftmax")
    return builder.reshape(call.name, result, shape)


def _hardmax(builder: Builder, call: Call, x: Tensor, axis: int) -> Tensor:
    index = largest_index(builder, call.part("index"), x, axis, keep=False)
    hot = builder.host(call.part("hot"), [index], "one_hot", depth=x.shape[axis])
    rank = len(x.shape)
    return builder.transpose(call.name, hot, [*range(axis), rank - 1, *range(axis, rank - 1)])


@operator("ArgMax", "ArgMin")
def argmax(call: Call) -> Value:
    """Index of the largest or smallest element along an axis of a sample, on the host."""
    x, builder = call.tensor(), call.builder
    axis = call.axis(call.attributes.get("axis", 0), len(x.shape))
    if call.op == "ArgMin":
        x = builder.affine(call.part("turned"), x, -1.0)
    keep, last = bool(call.attributes.get("keepdims", 1)), bool(call.attributes.get("select_last_index", 0))
    return largest_index(builder, call.name, x, axis, keep, last)


@operator("CumSum", constants=(1,))
def cumsum(call: Call) -> Value:
    """Running sum along an axis of a sample, as a product with a triangle of ones."""
    x = call.tensor()
    axis = call.axis(int(call.scalar(1, 0)), len(x.shape))
    size = x.shape[axis]
    ones = np.tril(np.ones((size, size)), -1 if call.attributes.get("exclusive", 0) else 0)
    return call.builder.along(call.name, x, axis, ones.T if call.attributes.get("reverse", 0) else ones)
