"""Small ONNX models for tests, and the check that an imported one gives what ONNX Runtime gives."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from neutrams.base.arrays import AnyArray
from neutrams.importers import load
from neutrams.network import Network
from neutrams.reference import run

RNG = np.random.default_rng(7)


def f32(*shape: int) -> AnyArray:
    return RNG.normal(size=shape).astype(np.float32)


def i64(*values: int) -> AnyArray:
    return np.array(values, dtype=np.int64)


def node(op: str, inputs: str, output: str = "y", **attributes: Any) -> onnx.NodeProto:
    """A node; ``inputs`` are words, ``-`` is an input left out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(op, names, output.split(), name=f"{op} {output}", **attributes)


def model(
    nodes: list[onnx.NodeProto],
    shape: tuple[int | str | None, ...] = ("N", 4),
    weights: dict[str, AnyArray] | None = None,
    opset: int = 17,
    kind: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A model from ``x`` to ``y`` of any rank."""
    inputs = [helper.make_tensor_value_info("x", kind, shape)]
    outputs = [onnx.ValueInfoProto(name="y")]
    tensors = [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()]
    graph = helper.make_graph(nodes, "test", inputs, outputs, tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    if all(n.domain == "" for n in nodes):
        made = onnx.shape_inference.infer_shapes(made)
    if not made.graph.output[0].type.HasField("tensor_type"):
        made.graph.output[0].type.CopyFrom(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    return made


def saved(made: onnx.ModelProto, folder: Path) -> Path:
    (folder / "m.onnx").write_bytes(made.SerializeToString())
    return folder / "m.onnx"


def check(made: onnx.ModelProto, folder: Path, n: int = 3) -> Network:
    """The imported model gives what ONNX Runtime gives on random samples; return it."""
    path = saved(made, folder)
    network = load(path)
    x = RNG.normal(size=(n, *network.inputs[0].shape)).astype(np.float32)
    session = ort.InferenceSession(path)
    given = x if session.get_inputs()[0].type == "tensor(float)" else (10 * x).astype(np.int64)
    wanted = session.run(["y"], {"x": given})[0]
    found = run(network, {"x": given})["y"]
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    return network
