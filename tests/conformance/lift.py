"""A node test of the ONNX standard, given the batch axis that the importer wants.

The standard's tests have no batch axis. Operators whose first axis is a batch by their definition run as they are.
Every other operator is *lifted*: each tensor gets a new first axis of length 1, and the parameters that name axes or
shapes move on by one. What a lifted operator computes is the original result with that axis before it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from neutrams.base.arrays import AnyArray

BATCHED = frozenset((
    "AveragePool", "BatchNormalization", "Conv", "ConvInteger", "ConvTranspose", "DepthToSpace", "Flatten", "Gemm",
    "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "GroupNormalization", "InstanceNormalization", "LRN",
    "LpPool", "MaxPool", "QLinearConv", "SpaceToDepth",
))  # fmt: skip
"""Operators whose first axis is the batch."""

DEFAULT_AXIS = {"ArgMax": 0, "ArgMin": 0, "Gather": 0, "Split": 0, "DequantizeLinear": 1, "QuantizeLinear": 1}
"""Axes that are meant where the attribute is left out and that are counted from the front."""

PREFIXED = {"Reshape": {1: 1}, "Expand": {1: 1}, "Tile": {1: 1}, "Upsample": {1: 1.0}, "Resize": {2: 1.0, 3: 1}}
"""Inputs that hold one value for each axis, with the value that leaves the batch axis as it is."""

AXES_INPUT = {"Squeeze": 1, "Unsqueeze": 1, "CumSum": 1, "Slice": 3, "Pad": 3}
"""Inputs that hold axes; so do the second inputs of reductions."""


@dataclass(frozen=True)
class Case:
    """A one-node test.

    Attributes:
        node: The node.
        inputs: Its inputs in order, None where one is left out.
        outputs: Wanted outputs, in order.
        opset: Version of the operator set.
    """

    node: onnx.NodeProto
    inputs: tuple[AnyArray | None, ...]
    outputs: tuple[AnyArray, ...]
    opset: int


def lifted(case: Case, constants: frozenset[int]) -> Case:
    """Return ``case`` with a batch axis of 1 before every tensor that is not among the inputs ``constants``."""
    op = case.node.op_type
    if op in BATCHED:
        return case
    if op == "Concat":
        constants = frozenset()
    signals = [i for i, x in enumerate(case.inputs) if x is not None and i not in constants]
    rank = max(case.inputs[i].ndim for i in signals)  # type: ignore[union-attr]
    attributes = {a.name: helper.get_attribute_value(a) for a in case.node.attribute}
    inputs = list(case.inputs)
    for i in signals:
        x = inputs[i]
        assert x is not None
        inputs[i] = x.reshape(1, *(1,) * (rank - x.ndim), *x.shape)
    _shift_attributes(op, attributes, rank, case)
    _shift_inputs(op, attributes, inputs, rank)
    node = helper.make_node(op, list(case.node.input), list(case.node.output), name="node", **attributes)
    node.input.extend([""] * (len(inputs) - len(node.input)))
    for i, x in enumerate(inputs):
        if x is not None and not node.input[i]:
            node.input[i] = f"added{i}"
    return Case(node, tuple(inputs), tuple(y[np.newaxis] for y in case.outputs), case.opset)


def _shift_attributes(op: str, attributes: dict[str, object], rank: int, case: Case) -> None:
    if "axis" in attributes or op in DEFAULT_AXIS:
        axis = attributes.get("axis", DEFAULT_AXIS.get(op))
        per_axis = op not in ("DequantizeLinear", "QuantizeLinear") or np.ndim(case.inputs[1]) == 1
        if per_axis:
            attributes["axis"] = axis + (axis >= 0)  # type: ignore[operator]
    if "axes" in attributes:
        attributes["axes"] = _moved(attributes["axes"])  # type: ignore[arg-type]
    if op == "Transpose":
        order = attributes.get("perm", list(range(rank))[::-1])
        attributes["perm"] = [0, *_moved(order)]  # type: ignore[arg-type]


def _shift_inputs(op: str, attributes: dict[str, object], inputs: list[AnyArray | None], rank: int) -> None:
    at = 1 if op.startswith("Reduce") else AXES_INPUT.get(op)
    if at is not None:
        while len(inputs) <= at:
            inputs.append(None)
        given = inputs[at]
        if given is not None and given.size:
            inputs[at] = given + (given >= 0)
        elif op in ALL_AXES:
            inputs[at] = ALL_AXES[op](inputs, rank)
        elif op.startswith("Reduce") and not attributes.get("noop_with_empty_axes"):
            inputs[at] = np.arange(1, rank + 1)
    for i, value in PREFIXED.get(op, {}).items():
        x = inputs[i] if i < len(inputs) else None
        if x is not None and x.size and "axes" not in attributes:
            inputs[i] = np.concatenate([np.array([value], dtype=x.dtype), x])


def _moved(axes: list[int]) -> list[int]:
    return [axis + (axis >= 0) for axis in axes]


def _of_ones(inputs: list[AnyArray | None], rank: int) -> AnyArray:
    assert inputs[0] is not None
    return np.array([axis for axis in range(1, rank + 1) if inputs[0].shape[axis] == 1], dtype=np.int64)


def _of_length(inputs: list[AnyArray | None], rank: int) -> AnyArray:
    assert inputs[1] is not None
    count = len(inputs[1]) // (2 if len(inputs[1]) == 2 * rank else 1)
    return np.arange(1, count + 1)


ALL_AXES: dict[str, Callable[[list[AnyArray | None], int], AnyArray]] = {
    "Squeeze": _of_ones, "Slice": _of_length, "Pad": _of_length,
}  # fmt: skip
"""What a left-out input of axes means."""


def model_of(case: Case, constants: frozenset[int]) -> onnx.ModelProto:
    """Return a model of the one node, with the inputs ``constants`` as initializers."""
    named = [(name, x, i in constants) for i, (name, x) in enumerate(zip(case.node.input, case.inputs, strict=True))]
    infos = [_info(name, x) for name, x, held in named if x is not None and not held]
    held = [numpy_helper.from_array(x, name) for name, x, fixed in named if x is not None and fixed]
    outputs = [_info(name, y) for name, y in zip(filter(None, case.node.output), case.outputs, strict=True)]
    graph = helper.make_graph([case.node], "case", infos, outputs, held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", case.opset)])


def _info(name: str, x: AnyArray) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
