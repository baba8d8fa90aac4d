"""Convolution and pooling in ONNX: its own operators in float32, gathered windows and sums in float64.

ONNX Runtime convolves in float32 only. Where that is not exact enough, a `Gather` lays out the values under each window
``[N, C, elements, places]`` and a `MatMul` or a reduction does the rest.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
from onnx import TensorProto

from neutrams.base.arrays import AnyArray
from neutrams.exporters.onnx_graph import Graph
from neutrams.network import ops
from neutrams.network.shapes import Shape, places

EXACT_FLOAT32 = 1 << 24


def write_conv(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    """Write a convolution in the type of the graph."""
    assert isinstance(node, ops.Conv)
    if graph.dtype is np.float32:
        parts = [graph.constant(node.weights, f"{node.name}.weights"), graph.constant(node.bias, f"{node.name}.bias")]
        graph.add("Conv", [*given, *parts], name, **_attributes(node))
        return
    product = name if not node.bias.any() else graph.fresh(f"{name}.product")
    _gathered_conv(graph, node, given[0], product)
    if node.bias.any():
        bias = graph.per_channel(node.bias, node.weights.ndim - 2, f"{node.name}.bias")
        graph.add("Add", [product, bias], name)


def write_exact_conv(graph: Graph, node: ops.Node, tensors: tuple[str, str], peak: float) -> None:
    """Write a core convolution; its input holds integers of at most ``peak``, and no sum is rounded."""
    assert isinstance(node, ops.Conv)
    given, name = tensors
    if peak * int(np.abs(node.weights).reshape(len(node.weights), -1).sum(axis=1).max()) >= EXACT_FLOAT32:
        _gathered_conv(graph, node, given, name)
        return
    single = graph.inner("Cast", [given], f"{name}.single", to=TensorProto.FLOAT)
    weights = graph.constant(node.weights, f"{node.name}.weights", np.float32)
    product = graph.inner("Conv", [single, weights], f"{name}.product", **_attributes(node))
    graph.add("Cast", [product], name, to=TensorProto.DOUBLE)


def write_pool(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    """Write a pool in the type of the graph."""
    assert isinstance(node, ops.Pool)
    attributes = {"kernel_shape": node.kernel, "strides": node.stride, "pads": (*node.before, *node.after)}
    narrow = all(max(a, b) < k for a, b, k in zip(node.before, node.after, node.kernel, strict=True))
    if node.kind == "max" and narrow:
        graph.add("MaxPool", given, name, dilations=node.dilation, **attributes)
    elif node.kind == "average" and narrow and set(node.dilation) == {1} and graph.dtype is np.float32:
        graph.add("AveragePool", given, name, count_include_pad=int(node.count_padding), **attributes)
    else:
        _gathered_pool(graph, node, given[0], name)


def _attributes(node: ops.Conv) -> dict[str, object]:
    return {
        "kernel_shape": node.weights.shape[2:], "strides": node.stride, "dilations": node.dilation,
        "group": node.groups,
    }  # fmt: skip


def _gathered_conv(graph: Graph, node: ops.Conv, given: str, name: str) -> None:
    out, per_group, *kernel = node.weights.shape
    elements = _window_elements(_size(graph, node), tuple(kernel), node.stride, node.dilation)
    seen = _gathered(graph, (given, name), (node.groups, per_group), elements)
    rows = graph.inner("Reshape", [seen, graph.whole(-1, node.groups, per_group * len(elements), elements.shape[1])],
                       f"{name}.rows")  # fmt: skip
    matrix = node.weights.reshape(node.groups, out // node.groups, -1)
    total = graph.inner("MatMul", [graph.constant(matrix, f"{node.name}.weights"), rows], f"{name}.sums")
    graph.add("Reshape", [total, graph.whole(-1, *graph.network.shapes[node.name])], name)


def _gathered_pool(graph: Graph, node: ops.Pool, given: str, name: str) -> None:
    size, channels = _size(graph, node), graph.network.shapes[node.name][0]
    border = [(0, 0), (0, 0), *zip(node.before, node.after, strict=True)]
    edge = graph.constant(-np.inf if node.kind == "max" else 0.0, f"{name}.edge")
    padded = graph.inner("Pad", [given, graph.whole(*(n for side in zip(*border, strict=True) for n in side)), edge],
                         f"{name}.padded")  # fmt: skip
    inside = np.pad(np.ones(size), border[2:])
    elements = _window_elements(inside.shape, node.kernel, node.stride, node.dilation)
    seen = _gathered(graph, (padded, name), (channels,), elements)
    if node.kind == "max":
        found = graph.inner("ReduceMax", [seen], f"{name}.reduced", axes=[2], keepdims=0)
    else:
        held = inside.ravel()[elements].sum(axis=0).clip(min=1)
        count = np.full(held.shape, prod(node.kernel)) if node.count_padding else held
        total = graph.inner("ReduceSum", [seen, graph.whole(2)], f"{name}.reduced", keepdims=0)
        found = graph.inner("Div", [total, graph.constant(count, f"{name}.count")], f"{name}.mean")
    graph.add("Reshape", [found, graph.whole(-1, *graph.network.shapes[node.name])], name)


def _gathered(graph: Graph, tensors: tuple[str, str], channels: Sequence[int], elements: AnyArray) -> str:
    """Append what every window reads: ``[N, *channels, elements, places]``."""
    given, name = tensors
    flat = graph.inner("Reshape", [given, graph.whole(0, *channels, -1)], f"{name}.flat")
    indices = graph.constant(elements, f"{name}.elements", np.int64)
    return graph.inner("Gather", [flat, indices], f"{name}.windows", axis=1 + len(channels))


def _size(graph: Graph, node: ops.Node) -> Shape:
    return graph.network.shapes[node.inputs[0]][1:]


def _window_elements(size: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> AnyArray:
    """Return int64 ``[kernel elements, places]``: the element of an image of ``size`` that each reads, in C order."""
    grids = [
        np.arange(k)[:, np.newaxis] * d + np.arange(n) * s
        for k, d, n, s in zip(kernel, dilation, places(size, kernel, stride, dilation), stride, strict=True)
    ]
    total = np.zeros((1, 1), dtype=np.int64)
    for grid, n in zip(grids, size, strict=True):
        outer = total[:, np.newaxis, :, np.newaxis] * n + grid[np.newaxis, :, np.newaxis, :]
        total = outer.reshape(total.shape[0] * grid.shape[0], total.shape[1] * grid.shape[1])
    return total
