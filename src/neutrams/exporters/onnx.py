"""Export a transformed ann-mode network as standard ONNX that gives the same bits as the chip.

Everything runs in float64. All integers inside stay below 2^53, so products, sums, floors and clips are exact in any
order; the two border operations on real numbers, (x - zero) / scale and sum * scale + offset, are the same IEEE 754
operations in the same order as in `neutrams.base.codec`. Only softmax on the host depends on a library's exp.
"""

from math import inf
from pathlib import Path

import numpy as np
from onnx import TensorProto

from neutrams.base.errors import InputError, UnsupportedError
from neutrams.exporters.onnx_graph import Graph
from neutrams.exporters.onnx_nodes import SHARED, Writer, write
from neutrams.exporters.onnx_windows import write_conv, write_exact_conv
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.network.border import MOVEMENT

LARGEST_PRODUCT = 1 << 51


def export_onnx(network: Network, chip: Chip, path: Path) -> None:
    """Write the transformed network as an ONNX file; the batch axis is free, inputs are float32, outputs float64.

    On float32 inputs ONNX Runtime gives the same bits as the reference interpreter (softmax: to about 1e-15).

    Args:
        network: A transformed network in ann mode.
        chip: The chip it was made for.
        path: Where the file goes.

    Raises:
        UnsupportedError: The network is not in ann mode.
        InputError: Its integers are too large to be exact in float64, or the folder cannot be written.
    """
    _check_mode(network)
    graph = Graph(network, np.float64)
    limits = chip.core.accumulator_range
    peaks = _peaks(network)
    writers: dict[str, Writer] = {
        **SHARED,
        "Conv": lambda graph, node, given, name: _conv(graph, node, (given[0], name), peaks[node.inputs[0]]),
        "Encode": _encode,
        "Neuron": lambda graph, node, given, name: _neuron(graph, node, (given[0], name), limits),
        "Decode": _decode,
    }
    write(graph, writers, str(path))
    graph.save(path)


def _check_mode(network: Network) -> None:
    neurons = [node for node in network.nodes if isinstance(node, ops.Neuron)]
    if not neurons:
        raise UnsupportedError(
            "the network is not transformed for a chip",
            where="export to ONNX",
            fix="compile it first, or use export_float_onnx",
        )
    spiking = [node.name for node in neurons if node.model != "requantize"]
    spread = [node.name for node in network.nodes if isinstance(node, ops.Encode) and node.code != "level"]
    if spiking or spread or network.steps != 1:
        raise UnsupportedError(
            f"the network is in snn mode ({network.steps} steps, spiking nodes {spiking + spread})",
            where="export to ONNX",
            fix="compile with --mode ann: ONNX has no spiking neurons",
        )


def _peaks(network: Network) -> dict[str, float]:
    """Return how large the integers of each tensor can be; infinite for any other."""
    peaks: dict[str, float] = {}
    for node in network.nodes:
        peak = max((peaks[name] for name in node.inputs), default=inf)
        match node:
            case ops.Encode():
                peak = max(abs(node.low), abs(node.high))
            case ops.Neuron():
                peak = max(abs(end) for end in node.output_limits)
            case ops.Constant() if node.values.dtype.kind == "i":
                peak = int(np.abs(node.values).max(initial=0))
            case ops.Pad():
                peak = max(peak, abs(node.value))
            case _ if not isinstance(node, MOVEMENT):
                peak = inf
        peaks[node.name] = peak
    return peaks


def _conv(graph: Graph, node: ops.Node, tensors: tuple[str, str], peak: float) -> None:
    assert isinstance(node, ops.Conv)
    if node.weights.dtype.kind == "i":
        write_exact_conv(graph, node, tensors, peak)
    else:  # a part of the host's
        write_conv(graph, node, [tensors[0]], tensors[1])


def _encode(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    """Q = clip(rint((x - zero) / scale), low, high); ONNX Round is half to even."""
    assert isinstance(node, ops.Encode)
    moved = graph.inner("Sub", [*given, graph.constant(node.zero, f"{name}.zero")], f"{name}.moved")
    scaled = graph.inner("Div", [moved, graph.constant(node.scale, f"{name}.scale")], f"{name}.scaled")
    rounded = graph.inner("Round", [scaled], f"{name}.rounded")
    bounds = [graph.constant(float(n), f"{name}.{key}") for key, n in (("low", node.low), ("high", node.high))]
    graph.add("Clip", [rounded, *bounds], name)


def _neuron(graph: Graph, node: ops.Node, tensors: tuple[str, str], limits: tuple[int, int]) -> None:
    """Y = clip(floor((clamp(acc + bias) * m + 2^(s-1)) / 2^s), low, high), each parameter one a neuron; its table."""
    assert isinstance(node, ops.Neuron)
    given, name = tensors
    p = node.parameters
    axes = len(graph.network.shapes[node.name]) - 1
    if int(np.abs(p["multiplier"]).max(initial=0)) * -limits[0] > LARGEST_PRODUCT or p["shift"].min(initial=1) < 1:
        raise InputError(
            "a product of accumulator and multiplier can pass 2^51, or a shift is below 1",
            where=f"node {node.name!r}",
            fix="compile for a chip with a narrower accumulator or multiplier",
        )
    half = np.ldexp(1.0, p["shift"] - 1)  # from s = 54 on the sum below is rounded, but the floor is 0 all the same

    def step(op: str, x: str, key: str, value: object, last: bool = False) -> str:
        operand = graph.per_channel(np.asarray(value, dtype=np.float64), axes, f"{name}.{key}")
        return graph.add(op, [x, operand], name if last else graph.fresh(f"{name}.{key}.{op}"))

    x = step("Add", given, "bias", p["bias"])
    bounds = [graph.constant(float(n), f"{name}.{key}") for key, n in zip(("least", "most"), limits, strict=True)]
    x = graph.inner("Clip", [x, *bounds], f"{name}.accumulator")
    x = step("Mul", x, "multiplier", p["multiplier"])
    x = step("Add", x, "half", half)
    x = step("Mul", x, "shift", 0.5 / half)
    x = graph.inner("Floor", [x], f"{name}.floor")
    x = step("Max", x, "low", p["low"])
    x = step("Min", x, "high", p["high"], last=not node.table.size)
    if node.table.size:
        index = graph.inner("Cast", [step("Sub", x, "first", p["low"])], f"{name}.index", to=TensorProto.INT64)
        graph.add("Gather", [graph.constant(node.table, f"{name}.table"), index], name)


def _decode(graph: Graph, node: ops.Node, given: list[str], name: str) -> None:
    """Y = scale * sum + offset, the sum as integers: that keeps it exact and turns -0.0 into 0."""
    assert isinstance(node, ops.Decode)
    matrix = np.zeros((len(node.element), len(node.scale)))
    matrix[np.arange(len(node.element)), node.element] = node.coefficient
    total = graph.inner("MatMul", [*given, graph.constant(matrix, f"{name}.coefficients")], f"{name}.sum")
    whole = graph.inner("Cast", [total], f"{name}.integer", to=TensorProto.INT64)
    real = graph.inner("Cast", [whole], f"{name}.real", to=TensorProto.DOUBLE)
    scaled = graph.inner("Mul", [real, graph.constant(node.scale, f"{name}.scale")], f"{name}.scaled")
    graph.add("Add", [scaled, graph.constant(node.offset, f"{name}.offset")], name)
