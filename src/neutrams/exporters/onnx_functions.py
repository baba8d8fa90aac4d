"""The ONNX form of named functions."""

from math import pi, sqrt

import numpy as np
from onnx import TensorProto

from neutrams.exporters.onnx_graph import Graph
from neutrams.network import ops

OPERATORS = {
    "identity": "Identity", "relu": "Relu", "leaky_relu": "LeakyRelu", "sigmoid": "Sigmoid", "tanh": "Tanh",
    "elu": "Elu", "selu": "Selu", "hard_sigmoid": "HardSigmoid", "hard_swish": "HardSwish", "softplus": "Softplus",
    "softsign": "Softsign", "erf": "Erf", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "reciprocal": "Reciprocal",
    "abs": "Abs",
}  # fmt: skip
"""The operators of ONNX that are a named function; its parameters are their attributes."""

IN_FLOAT64 = ("identity", "relu", "sigmoid", "tanh", "clip", "exp", "log", "sqrt", "reciprocal", "abs", "power")
"""What ONNX Runtime computes in float64; the others go through float32."""


def write_activation(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    """Write an activation in the type of the graph."""
    assert isinstance(node, ops.Activation)
    if graph.dtype is np.float32 or node.function in IN_FLOAT64:
        _function(graph, node, given[0], name)
        return
    graph.dtype = np.float32
    single = graph.inner("Cast", given, f"{name}.single", to=TensorProto.FLOAT)
    result = graph.fresh(f"{name}.result")
    _function(graph, node, single, result)
    graph.dtype = np.float64
    graph.add("Cast", [result], name, to=TensorProto.DOUBLE)


def _function(graph: Graph, node: ops.Activation, x: str, name: str) -> None:
    p = {key: float(node.parameters[key]) for key in ops.FUNCTIONS[node.function]}

    def step(op: str, *given: str) -> str:
        return graph.inner(op, given, f"{name}.{op}")

    def number(value: float) -> str:
        return graph.constant(value, f"{name}.number")

    match node.function:
        case "clip":
            graph.add("Clip", [x, number(p["low"]), number(p["high"])], name)
        case "power":
            graph.add("Pow", [x, number(p["exponent"])], name)
        case "silu":
            graph.add("Mul", [x, step("Sigmoid", x)], name)
        case "mish":
            graph.add("Mul", [x, step("Tanh", step("Softplus", x))], name)
        case "gelu":
            inner = step("Erf", step("Div", x, number(sqrt(2))))
            graph.add("Mul", [step("Mul", x, step("Add", inner, number(1.0))), number(0.5)], name)
        case "gelu_tanh":
            cube = step("Mul", step("Pow", x, number(3.0)), number(0.044715))
            inner = step("Tanh", step("Mul", step("Add", x, cube), number(sqrt(2 / pi))))
            graph.add("Mul", [step("Mul", x, step("Add", inner, number(1.0))), number(0.5)], name)
        case function:
            graph.add(OPERATORS[function], [x], name, **p)


def write_host(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    """Write a host function in the type of the graph."""
    assert isinstance(node, ops.Host)
    match node.function:
        case "softmax":
            graph.add("Softmax", given, name, axis=-1)
        case "argmax":
            index = graph.inner("ArgMax", given, f"{name}.index", axis=-1, keepdims=0)
            graph.add("Cast", [index], name, to=graph.onnx_type)
        case "one_hot":  # OneHot does not run in every type of the graph
            column = graph.inner("Unsqueeze", [*given, graph.whole(-1)], f"{name}.column")
            depth = int(node.parameters["depth"])
            places = {"classes": np.arange(depth), "from_end": np.arange(-depth, 0)}
            lists = [(graph.constant(indices, f"{name}.{key}"), key) for key, indices in places.items()]
            found = [graph.inner("Equal", [column, indices], f"{name}.is_{key}") for indices, key in lists]
            hot = graph.inner("Or", found, f"{name}.hot")
            graph.add("Cast", [hot], name, to=graph.onnx_type)
        case "sum":
            graph.add("ReduceSum", [*given, graph.whole(1)], name, keepdims=0)
        case _:
            graph.add("MatMul", graph.aligned(node, given), name)
