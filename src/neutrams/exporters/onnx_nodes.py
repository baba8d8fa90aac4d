"""The ONNX form of the operators that float and integer networks share."""

from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from neutrams.base.errors import UnsupportedError
from neutrams.exporters.onnx_functions import write_activation, write_host
from neutrams.exporters.onnx_graph import Graph
from neutrams.exporters.onnx_windows import write_conv, write_pool
from neutrams.network import ops

Writer = Callable[[Graph, ops.Node, list[str], str], object]
"""(graph, node, ONNX names of its inputs, ONNX name of the tensor it gives)."""


def write(graph: Graph, writers: dict[str, Writer], where: str) -> None:
    """Append every node of the graph's network by its writer.

    Raises:
        UnsupportedError: There is no writer for an operator.
    """
    missing = sorted({f"{node.op} ({node.name!r})" for node in graph.network.nodes if node.op not in writers})
    if missing:
        raise UnsupportedError(
            f"these nodes have no form in ONNX: {', '.join(missing)}",
            where=where,
            fix=f"take a network of {', '.join(sorted(writers))}",
        )
    for node in graph.network.nodes:
        writers[node.op](graph, node, [graph.tensors[name] for name in node.inputs], graph.tensors[node.name])


def _input(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Input)
    graph.input(node.name, node.shape)
    if graph.dtype is np.float64:  # a float32 is exact in float64: the reference computes with the same bits
        graph.tensors[node.name] = graph.inner("Cast", [node.name], f"{node.name}.double", to=TensorProto.DOUBLE)


def _output(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    if given[0] != name:
        graph.add("Identity", given, name)


def _constant(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Constant)
    values = graph.constant(node.values[np.newaxis], f"{name}.values")
    batch = graph.inner("Shape", [graph.network.inputs[0].name], f"{name}.batch", start=0, end=1)
    rest = graph.constant(np.array(node.values.shape, dtype=np.int64), f"{name}.rest", np.int64)
    shape = graph.inner("Concat", [batch, rest], f"{name}.shape", axis=0)
    graph.add("Expand", [values, shape], name)


def _linear(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Linear)
    if graph.dtype is np.float32 and len(graph.network.shapes[node.name]) == 1:
        parts = [graph.constant(node.weights, f"{node.name}.weights"), graph.constant(node.bias, f"{node.name}.bias")]
        graph.add("Gemm", [*given, *parts], name, transB=1)
        return
    weights = graph.constant(node.weights.T, f"{node.name}.weights")
    product = name if not node.bias.any() else graph.fresh(f"{name}.product")
    graph.add("MatMul", [*given, weights], product)
    if node.bias.any():
        graph.add("Add", [product, graph.constant(node.bias, f"{node.name}.bias")], name)


def _add(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Add)
    terms = []
    axes = len(graph.network.shapes[node.name]) - 1
    for x, coefficients in zip(given, node.coefficients, strict=True):
        plain = (coefficients == 1).all()
        gain = "" if plain else graph.per_channel(coefficients, axes, f"{name}.gain")
        terms.append(x if plain else graph.inner("Mul", [x, gain], f"{name}.term"))
    if node.bias.any() or len(terms) == 1:
        terms.append(graph.per_channel(node.bias, axes, f"{name}.bias"))
    total, *rest = terms
    for i, term in enumerate(rest, 1):
        total = graph.add("Add", [total, term], name if i == len(rest) else graph.fresh(f"{name}.sum"))


def _mul(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    total, *rest = graph.aligned(node, given)
    for i, factor in enumerate(rest, 1):
        total = graph.add("Mul", [total, factor], name if i == len(rest) else graph.fresh(f"{name}.part"))
    if not rest:
        graph.add("Identity", given, name)


def _max(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    graph.add("Max", given, name)


def _reshape(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Reshape)
    graph.add("Reshape", [*given, graph.whole(-1, *node.shape)], name)


def _slice(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Slice)
    numbers = {"start": node.start, "stop": node.stop, "axis": _axis(graph, node, node.axis), "step": node.step}
    parts = [graph.constant(np.array([n]), f"{name}.{key}", np.int64) for key, n in numbers.items()]
    graph.add("Slice", [*given, *parts], name)


def _axis(graph: Graph, node: ops.Node, axis: int) -> int:
    """An axis of a sample as an axis of the tensor, which has the batch axis before it."""
    return axis % len(graph.network.shapes[node.name]) + 1


def _concat(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Concat)
    graph.add("Concat", given, name, axis=_axis(graph, node, node.axis))


def _gather(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Gather)
    indices = graph.constant(node.indices, f"{name}.indices", np.int64)
    graph.add("Gather", [*given, indices], name, axis=_axis(graph, node, node.axis))


def _transpose(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Transpose)
    graph.add("Transpose", given, name, perm=(0, *(axis + 1 for axis in node.axes)))


def _pad(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Pad)
    widths = graph.whole(0, *node.before, 0, *node.after)
    graph.add("Pad", [*given, widths, graph.constant(float(node.value), f"{name}.value")], name)


SHARED: dict[str, Writer] = {
    "Input": _input, "Output": _output, "Constant": _constant, "Linear": _linear, "Add": _add, "Mul": _mul,
    "Max": _max, "Conv": write_conv, "Pool": write_pool, "Activation": write_activation, "Reshape": _reshape,
    "Transpose": _transpose, "Slice": _slice, "Gather": _gather, "Pad": _pad, "Concat": _concat, "Host": write_host,
}  # fmt: skip
