"""An exported float network comes back as it was, in ONNX Runtime and through the importer."""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neutrams.base.errors import UnsupportedError
from neutrams.exporters.float_onnx import export_float_onnx
from neutrams.importers import load
from neutrams.network import Activation, Concat, Constant, Encode, Host, Input, Linear, Mul, Network, Output, Reshape
from neutrams.reference import run
from strategies import FUNCTIONS, ODD_NAMES, PLAIN, float_inputs, float_networks, image_networks


@given(data=st.data(), network=image_networks(functions=tuple(FUNCTIONS), tails=("", "softmax")))
@settings(max_examples=60, deadline=None)
def test_runtime_gives_what_an_image_network_gives(data: st.DataObject, network: Network) -> None:
    inputs = data.draw(float_inputs(network))
    with tempfile.TemporaryDirectory() as folder:
        export_float_onnx(network, Path(folder) / "n.onnx")
        found = ort.InferenceSession(Path(folder) / "n.onnx").run(["y"], inputs)[0]
    wanted = run(network, inputs)["y"]
    np.testing.assert_allclose(found, wanted, atol=1e-5 * (1 + np.abs(wanted).max()))


@given(data=st.data(), network=float_networks(functions=(*PLAIN, "sigmoid", "tanh"), tails=("", "softmax")))
@settings(max_examples=40, deadline=None)
def test_runtime_and_importer_give_what_the_network_gives(data: st.DataObject, network: Network) -> None:
    inputs = data.draw(float_inputs(network))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "n.onnx"
        export_float_onnx(network, path)
        found = ort.InferenceSession(path).run(["y"], inputs)[0]
        back = load(path)
    wanted = run(network, inputs)["y"]
    size = 1 + np.abs(wanted).max()
    np.testing.assert_allclose(found, wanted, atol=1e-5 * size)
    np.testing.assert_allclose(run(back, inputs)["y"], wanted, atol=1e-5 * size)
    assert [node.name for node in back.inputs] == ["x"]
    assert back.shapes["y"] == network.shapes["y"]


def test_a_dense_network_comes_back_exactly(tmp_path: Path) -> None:
    weights = np.array([[1.0, -2.0], [0.5, 4.0], [0.0, 1.0]])
    network = Network(
        (
            Input(name="x", shape=(2,)),
            Linear(name="fc", inputs=("x",), weights=weights, bias=np.array([1.0, 2.0, 3.0])),
            Output(name="logits", inputs=("fc",)),
        )
    )
    export_float_onnx(network, tmp_path / "n.onnx")
    back = load(tmp_path / "n.onnx")
    assert back.by_name["logits"] == Output(name="logits", inputs=("Gemm:logits",))
    dense = back.nodes[1]
    assert isinstance(dense, Linear)
    assert np.array_equal(dense.weights, weights)


@given(names=st.lists(st.text(min_size=1) | st.sampled_from(ODD_NAMES), min_size=2, max_size=2, unique=True))
@settings(max_examples=30, deadline=None)
def test_any_name_of_inputs_and_outputs_survives(names: list[str]) -> None:
    a, b = (name.replace("\0", "0") + str(i) for i, name in enumerate(names))
    network = Network((Input(name=a, shape=(1,)), Output(name=b, inputs=(a,))))
    with tempfile.TemporaryDirectory() as folder:
        export_float_onnx(network, Path(folder) / "n.onnx")
        assert load(Path(folder) / "n.onnx") == network


def test_constants_products_and_two_outputs_of_one_node(tmp_path: Path) -> None:
    network = Network(
        (
            Input(name="x", shape=(2,)),
            Constant(name="c", values=np.array([2.0, 3.0])),
            Concat(name="j", inputs=("x", "c")),
            Mul(name="m", inputs=("j", "j")),
            Output(name="y", inputs=("m",)),
            Output(name="z", inputs=("m",)),
        )
    )
    export_float_onnx(network, tmp_path / "n.onnx")
    x = np.array([[1, -1], [4, 0.5]], dtype=np.float32)
    for found in ort.InferenceSession(tmp_path / "n.onnx").run(["y", "z"], {"x": x}):
        assert found.tolist() == [[1, 1, 4, 9], [16, 0.25, 4, 9]]
    assert run(load(tmp_path / "n.onnx"), {"x": x})["z"].tolist() == [[1, 1, 4, 9], [16, 0.25, 4, 9]]


def test_a_network_of_a_chip_is_refused(tmp_path: Path) -> None:
    nodes = (Input(name="x", shape=(1,)), Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=1))
    with pytest.raises(UnsupportedError, match=r"Encode \('q'\)"):
        export_float_onnx(Network((*nodes, Output(name="y", inputs=("q",)))), tmp_path / "n.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("function", "parameters"), [("log", {}), ("sqrt", {}), ("reciprocal", {}), ("exp", {}),
                                                      ("power", {"exponent": 2.0})])  # fmt: skip
def test_functions_of_positive_numbers(tmp_path: Path, function: str, parameters: dict[str, float]) -> None:
    node = Activation(name="f", inputs=("x",), function=function, parameters=parameters)
    network = Network((Input(name="x", shape=(3,)), node, Output(name="y", inputs=("f",))))
    export_float_onnx(network, tmp_path / "n.onnx")
    x = np.array([[0.25, 1, 3]], dtype=np.float32)
    found = ort.InferenceSession(tmp_path / "n.onnx").run(["y"], {"x": x})[0]
    np.testing.assert_allclose(found, run(network, {"x": x})["y"], rtol=1e-6)


def test_host_functions_keep_samples_apart(tmp_path: Path) -> None:
    nodes = (
        Input(name="i", shape=(2,)),
        Input(name="m", shape=(2, 3, 4)),
        Host(name="hot", inputs=("i",), function="one_hot", parameters={"depth": 3}),
        Host(name="p", inputs=("hot", "m"), function="matmul"),
        Mul(name="s", inputs=("p", "i2")),
        Output(name="y", inputs=("s",)),
    )
    network = Network((nodes[0], Reshape(name="i2", inputs=("i",), shape=(2, 1)), *nodes[1:]))
    export_float_onnx(network, tmp_path / "n.onnx")
    rng = np.random.default_rng(0)
    x = {"i": np.array([[0, 2], [-1, -3]], dtype=np.float32), "m": rng.normal(size=(2, 2, 3, 4)).astype(np.float32)}
    found = ort.InferenceSession(tmp_path / "n.onnx").run(["y"], x)[0]
    np.testing.assert_allclose(found, run(network, x)["y"], rtol=1e-6)
