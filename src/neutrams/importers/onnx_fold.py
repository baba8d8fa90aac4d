"""Constant parts of an ONNX graph, shape arithmetic above all, computed by the ONNX reference evaluator."""

import numpy as np
from onnx import NodeProto, ValueInfoProto, helper
from onnx.reference import ReferenceEvaluator

from neutrams.base.arrays import AnyArray
from neutrams.importers.builder import Tensor, Value, refusal

SHAPES = ("Shape", "Size")  # constant whatever they read: shapes are known, the batch axis counts as 1
RANDOM = frozenset(
    ("Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike")
)
MAKERS = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1}  # operators that make large constants of small ones, and what
SAME_SINCE = {"DequantizeLinear": 21, "QuantizeLinear": 21}  # the evaluator lacks older versions; these mean the same
LARGEST_RESULT = 1 << 28  # elements; what a damaged shape could ask for must not fill the memory


def fold(node: NodeProto, inputs: list[Value | None], opset: int, label: str) -> list[AnyArray]:
    """Return the outputs of a node whose inputs are constants (for a shape operator: tensors or constants).

    Raises:
        UnsupportedError: The node cannot be computed.
    """
    if node.op_type in SHAPES and isinstance(inputs[0], Tensor):
        return [_shape(node, inputs[0])]
    if node.op_type in MAKERS:
        sizes = np.asarray(inputs[MAKERS[node.op_type]], dtype=np.float64)
        start = np.asarray(inputs[0]).size if node.op_type == "Tile" else 1
        if not 0 <= start * np.prod(sizes) <= LARGEST_RESULT:
            raise refusal(f"{node.op_type} makes a constant of {np.prod(sizes):.3g} elements", f"node {label!r}")
    version = max(opset, SAME_SINCE.get(node.op_type, 0))
    given = {name: value for name, value in zip(node.input, inputs, strict=True) if name}
    infos = [ValueInfoProto(name=name) for name in given]
    graph = helper.make_graph([node], "constant", infos, [ValueInfoProto(name=name) for name in node.output if name])
    try:
        with np.errstate(all="ignore"):
            results = list(ReferenceEvaluator(graph, opsets={"": version}).run(None, given))
    except Exception as error:  # the evaluator is foreign code and raises all kinds
        raise refusal(f"{node.op_type} of constants cannot be computed ({error})", f"node {label!r}") from error
    return [np.asarray(result) for result in results]


def _shape(node: NodeProto, x: Tensor) -> AnyArray:
    sizes = np.array([*x.shape[: x.batch], 1, *x.shape[x.batch :]], dtype=np.int64)
    if node.op_type == "Size":
        return np.array(sizes.prod())
    bounds = {a.name: a.i for a in node.attribute}
    return sizes[bounds.get("start", 0) : bounds.get("end")]
