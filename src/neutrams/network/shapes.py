"""Shape inference: one rule an operator, per-sample shapes."""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from neutrams.base.errors import InputError
from neutrams.network import ops
from neutrams.network.spiking import check_spiking

Shape = tuple[int, ...]


def infer_shapes(nodes: Sequence[ops.Node]) -> dict[str, Shape]:
    """Return the per-sample shape of every node's tensor.

    Raises:
        InputError: An operator cannot take the shapes it is given.
    """
    shapes: dict[str, Shape] = {}
    for node in nodes:
        given = [shapes[name] for name in node.inputs]
        shapes[node.name] = RULES[node.op](node, given)
    return shapes


def _refuse(node: ops.Node, given: object, wanted: str) -> InputError:
    return InputError(
        f"{node.op} takes {wanted}, it is given {given}",
        where=f"node {node.name!r}",
        fix="correct the shapes of the model that this node came from",
    )


def _linear(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Linear)
    out, fan_in = node.weights.shape
    if len(given) != 1 or not given[0] or given[0][-1] != fan_in:
        raise _refuse(node, given, f"one tensor with a last axis of {fan_in}")
    if node.bias.shape != (out,):
        raise _refuse(node, f"one of shape {node.bias.shape}", f"a bias of shape ({out},)")
    return (*given[0][:-1], out)


def _add(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Add)
    k, channels = node.coefficients.shape
    if len(given) != k or any(not shape or shape != given[0] or shape[0] != channels for shape in given):
        raise _refuse(node, given, f"{k} tensors of one shape with {channels} channels")
    if node.bias.shape != (channels,):
        raise _refuse(node, f"one of shape {node.bias.shape}", f"a bias of shape ({channels},)")
    return given[0]


def places(size: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Shape:
    """Return how many windows of ``kernel`` fit ``size`` along each axis; less than 1 where none does."""
    axes = zip(size, kernel, stride, dilation, strict=True)
    return tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in axes)


def _conv(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Conv)
    out, per_group, *kernel = node.weights.shape
    if len(given) != 1 or len(given[0]) != 1 + len(kernel) or given[0][0] != per_group * node.groups:
        raise _refuse(node, given, f"one tensor of {per_group * node.groups} channels and {len(kernel)} other axes")
    if out % node.groups or node.bias.shape != (out,) or not len(node.stride) == len(node.dilation) == len(kernel):
        raise _refuse(node, node.weights.shape, "a bias and a multiple of its groups as output channels")
    if min(*node.stride, *node.dilation) < 1:
        raise _refuse(node, (node.stride, node.dilation), "strides and dilations of at least 1")
    found = places(given[0][1:], tuple(kernel), node.stride, node.dilation)
    if min(found) < 1:
        raise _refuse(node, given, f"a tensor no smaller than its kernel {tuple(kernel)}")
    return (out, *found)


def _pool(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Pool)
    rank = len(node.kernel)
    lengths = {len(part) for part in (node.stride, node.dilation, node.before, node.after)}
    if len(given) != 1 or len(given[0]) != 1 + rank or lengths != {rank}:
        raise _refuse(node, given, f"one tensor of channels and {rank} other axes")
    if min(*node.stride, *node.dilation, *node.kernel) < 1 or min(*node.before, *node.after) < 0:
        raise _refuse(node, (node.kernel, node.stride), "windows, strides and dilations of at least 1")
    size = tuple(n + a + b for n, a, b in zip(given[0][1:], node.before, node.after, strict=True))
    found = places(size, node.kernel, node.stride, node.dilation)
    if min(found) < 1:
        raise _refuse(node, given, f"a tensor no smaller than its window {node.kernel}")
    return (given[0][0], *found)


def _mul(node: ops.Node, given: list[Shape]) -> Shape:
    if not given:
        raise _refuse(node, given, "at least one tensor")
    try:
        return tuple(int(n) for n in np.broadcast_shapes(*given))
    except ValueError:
        raise _refuse(node, given, "tensors that broadcast together") from None


def _same(node: ops.Node, given: list[Shape]) -> Shape:
    if len(given) != 1:
        raise _refuse(node, given, "one tensor")
    return given[0]


def _reshape(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Reshape)
    if any(n < 1 for n in node.shape):
        raise _refuse(node, node.shape, "a shape without empty axes")
    if len(given) != 1 or prod(given[0]) != prod(node.shape):
        raise _refuse(node, given, f"one tensor with as many elements as {node.shape}")
    return node.shape


def _slice(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Slice)
    length = len(range(node.start, node.stop, max(node.step, 1)))
    at = node.axis
    if len(given) != 1 or not -len(given[0]) <= at < len(given[0]):
        raise _refuse(node, given, f"one tensor with an axis {at}")
    if node.stop > given[0][at] or node.start < 0 or node.step < 1 or length < 1:
        raise _refuse(node, given, f"one tensor whose axis {at} holds {node.start}:{node.stop}:{node.step}")
    return _with_axis(given[0], at, length)


def _with_axis(shape: Shape, axis: int, length: int) -> Shape:
    axis %= len(shape)
    return (*shape[:axis], length, *shape[axis + 1 :])


def _gather(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Gather)
    if len(given) != 1 or not -len(given[0]) <= node.axis < len(given[0]):
        raise _refuse(node, given, f"one tensor with an axis {node.axis}")
    indices = node.indices
    if indices.ndim != 1 or not indices.size or indices.min() < 0 or indices.max() >= given[0][node.axis]:
        raise _refuse(node, given, "one tensor whose axis holds all its indices")
    return _with_axis(given[0], node.axis, len(indices))


def _transpose(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Transpose)
    if len(given) != 1 or sorted(node.axes) != list(range(len(given[0]))):
        raise _refuse(node, given, f"one tensor with {len(node.axes)} axes, each named once in {node.axes}")
    return tuple(given[0][axis] for axis in node.axes)


def _pad(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Pad)
    if len(given) != 1 or not len(node.before) == len(node.after) == len(given[0]) or not given[0]:
        raise _refuse(node, given, f"one tensor with {len(node.before)} axes")
    if min(*node.before, *node.after) < 0:
        raise _refuse(node, (node.before, node.after), "borders of at least 0")
    return tuple(n + a + b for n, a, b in zip(given[0], node.before, node.after, strict=True))


def _concat(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Concat)
    fits = bool(given) and -len(given[0]) <= node.axis < len(given[0])
    if not fits or any(len(s) != len(given[0]) for s in given):
        raise _refuse(node, given, f"tensors of one rank with an axis {node.axis}")
    if any(_with_axis(s, node.axis, 1) != _with_axis(given[0], node.axis, 1) for s in given):
        raise _refuse(node, given, f"tensors that differ in axis {node.axis} only")
    return _with_axis(given[0], node.axis, sum(s[node.axis] for s in given))


def _max(node: ops.Node, given: list[Shape]) -> Shape:
    if not given or any(shape != given[0] for shape in given):
        raise _refuse(node, given, "tensors of one shape")
    return given[0]


def _unstack(node: ops.Node, given: list[Shape]) -> Shape:
    if len(given) != 1 or not given[0] or given[0][0] < 1:
        raise _refuse(node, given, "one tensor with an axis of steps")
    return given[0][1:]


def _stack(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Stack)
    return (node.steps, *_same(node, given))


def _spiking(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Spiking)
    check_spiking(node)
    if len(given) != 1 or any(values.shape != given[0] for values in node.parameters.values()):
        shapes = sorted({values.shape for values in node.parameters.values()})
        raise _refuse(node, given, f"one tensor of the shape of its parameters, {', '.join(map(str, shapes))}")
    return given[0]


def _neuron(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Neuron)
    n = len(node.scale)
    fits = len(given) == 1 and given[0][:1] == (n,)
    if not fits or any(v.shape != (n,) for v in (*node.parameters.values(), node.zero, node.elements)):
        raise _refuse(node, given, f"one accumulator of {n} channels and parameters of shape ({n},)")
    return given[0]


def _decode(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Decode)
    n = len(node.coefficient)
    if given != [(n,)] or node.element.shape != (n,) or node.scale.shape != node.offset.shape:
        raise _refuse(node, given, f"one vector of {n} neurons")
    return tuple(node.scale.shape)


def _host(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Host)
    if node.function == "matmul":
        return _matmul(node, given)
    shape = _same(node, given)
    if node.function == "one_hot":
        return (*shape, int(node.parameters["depth"]))
    if not shape:
        raise _refuse(node, given, "one tensor with an axis")
    if node.function == "sum":
        return shape[1:]
    return shape[:-1] if node.function == "argmax" else shape


def _matmul(node: ops.Host, given: list[Shape]) -> Shape:
    if len(given) != 2 or min(map(len, given)) < 2 or given[0][-1] != given[1][-2]:
        raise _refuse(node, given, "two tensors [..., m, k] and [..., k, n]")
    return (*_mul(node, [given[0][:-2], given[1][:-2]]), given[0][-2], given[1][-1])


def _input(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Input)
    if given or any(n < 1 for n in node.shape):
        raise _refuse(node, node.shape, "no tensors and a shape without empty axes")
    return node.shape


def _constant(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Constant)
    return tuple(node.values.shape)


RULES: dict[str, Callable[[ops.Node, list[Shape]], Shape]] = {
    "Input": _input, "Constant": _constant, "Output": _same, "Linear": _linear, "Conv": _conv, "Pool": _pool,
    "Add": _add, "Mul": _mul, "Max": _max, "Activation": _same, "Reshape": _reshape, "Transpose": _transpose,
    "Slice": _slice, "Gather": _gather, "Pad": _pad, "Concat": _concat, "Unstack": _unstack, "State": _same,
    "Update": _same, "Stack": _stack, "Spiking": _spiking, "Host": _host, "Encode": _same,
    "Neuron": _neuron, "Decode": _decode,
}  # fmt: skip
