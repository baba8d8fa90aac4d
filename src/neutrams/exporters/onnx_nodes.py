"""The ONNX form of the operators that float and integer networks share."""

from collections.abc import Callable

import numpy as np
from onnx import TensorProto

from neutrams.base.errors import UnsupportedError
from neutrams.exporters.onnx_graph import Graph
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
    for x, coefficients in zip(given, node.coefficients, strict=True):
        plain = (coefficients == 1).all()
        gain = "" if plain else graph.constant(coefficients, f"{name}.gain")
        terms.append(x if plain else graph.inner("Mul", [x, gain], f"{name}.term"))
    if node.bias.any() or len(terms) == 1:
        terms.append(graph.constant(node.bias, f"{name}.bias"))
    total, *rest = terms
    for i, term in enumerate(rest, 1):
        total = graph.add("Add", [total, term], name if i == len(rest) else graph.fresh(f"{name}.sum"))


def _mul(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    total, *rest = given
    for i, factor in enumerate(rest, 1):
        total = graph.add("Mul", [total, factor], name if i == len(rest) else graph.fresh(f"{name}.part"))
    if not rest:
        graph.add("Identity", given, name)


def _activation(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Activation)
    match node.function:
        case "clip":
            low, high = (graph.constant(node.parameters[key], f"{name}.{key}") for key in ("low", "high"))
            graph.add("Clip", [*given, low, high], name)
        case "leaky_relu":
            graph.add("LeakyRelu", given, name, alpha=float(node.parameters["alpha"]))
        case function:
            ops_of = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "identity": "Identity"}
            graph.add(ops_of[function], given, name)


def _reshape(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Reshape)
    graph.add("Reshape", [*given, graph.constant(np.array([-1, *node.shape]), f"{name}.shape", np.int64)], name)


def _slice(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Slice)
    axis = len(graph.network.shapes[node.name])
    numbers = {"start": node.start, "stop": node.stop, "axis": axis, "step": node.step}
    parts = [graph.constant(np.array([n]), f"{name}.{key}", np.int64) for key, n in numbers.items()]
    graph.add("Slice", [*given, *parts], name)


def _concat(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    graph.add("Concat", given, name, axis=len(graph.network.shapes[node.name]))


def _host(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    assert isinstance(node, ops.Host)
    if node.function == "softmax":
        graph.add("Softmax", given, name, axis=-1)
        return
    index = graph.inner("ArgMax", given, f"{name}.index", axis=-1, keepdims=0)
    graph.add("Cast", [index], name, to=graph.onnx_type)


SHARED: dict[str, Writer] = {
    "Input": _input, "Output": _output, "Constant": _constant, "Linear": _linear, "Add": _add, "Mul": _mul,
    "Activation": _activation, "Reshape": _reshape, "Slice": _slice, "Concat": _concat, "Host": _host,
}  # fmt: skip
