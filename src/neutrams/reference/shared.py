"""The operators that are the same for floats and integers: data movement and linear maps."""

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.network import ops
from neutrams.reference.windows import convolve, per_channel


def shared_node(node: ops.Node, given: list[AnyArray], n: int) -> AnyArray:
    """Return what ``node`` gives for ``n`` samples of its inputs, float64 or int64 as they are."""
    match node:
        case ops.Constant():
            return np.broadcast_to(node.values, (n, *node.values.shape))
        case ops.Linear():
            result: AnyArray = given[0] @ node.weights.T + node.bias
            return result
        case ops.Conv():
            return convolve(node, given[0])
        case ops.Add():
            rank = given[0].ndim
            terms = (c * x for c, x in zip(per_channel(node.coefficients, rank), given, strict=True))
            total: AnyArray = sum(terms) + per_channel(node.bias, rank)
            return total
    return _moved(node, given, n)


def _moved(node: ops.Node, given: list[AnyArray], n: int) -> AnyArray:
    match node:
        case ops.Reshape():
            return given[0].reshape(n, *node.shape)
        case ops.Transpose():
            return given[0].transpose(0, *(axis + 1 for axis in node.axes))
        case ops.Slice():
            return given[0].take(range(node.start, node.stop, node.step), axis=_array_axis(node.axis))
        case ops.Gather():
            return given[0].take(node.indices, axis=_array_axis(node.axis))
        case ops.Concat():
            return np.concatenate(given, axis=_array_axis(node.axis))
    assert isinstance(node, ops.Pad), node
    border = [(0, 0), *zip(node.before, node.after, strict=True)]
    return np.pad(given[0], border, constant_values=given[0].dtype.type(node.value))


def _array_axis(axis: int) -> int:
    """An axis of a sample as an axis of the array, which has the batch axis before it."""
    return axis if axis < 0 else axis + 1
