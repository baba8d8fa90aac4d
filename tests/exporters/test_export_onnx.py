"""An exported core network gives the same bits in ONNX Runtime as in the reference interpreter."""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_image_strategies import beyond_float32, core_images
from core_strategies import core_inputs, core_networks, plain_chip
from neutrams.base.arrays import AnyArray
from neutrams.base.errors import InputError, UnsupportedError
from neutrams.exporters.onnx import export_onnx
from neutrams.hardware import Chip
from neutrams.network import (
    Activation,
    Add,
    Concat,
    Constant,
    Conv,
    Decode,
    Encode,
    Host,
    Input,
    Linear,
    Max,
    Network,
    Neuron,
    Node,
    Output,
    Pool,
    Reshape,
)
from neutrams.reference import run
from strategies import FUNCTIONS

WIDE = plain_chip(core={"accumulator_bits": 32}, neuron={"multiplier_bits": 20, "shift_bits": 6, "bias_bits": 32})


def run_onnx(path: Path, inputs: dict[str, AnyArray]) -> dict[str, AnyArray]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def exported(network: Network, chip: Chip, inputs: dict[str, AnyArray]) -> dict[str, AnyArray]:
    with tempfile.TemporaryDirectory() as folder:
        export_onnx(network, chip, Path(folder) / "n.onnx")
        return run_onnx(Path(folder) / "n.onnx", inputs)


def hosts(network: Network) -> set[str]:
    """Outputs that come from softmax: exact only where exp is the same function."""
    soft = {node.name for node in network.nodes if isinstance(node, Host) and node.function == "softmax"}
    return {node.name for node in network.outputs if node.inputs[0] in soft}


def check_same_bits(network: Network, chip: Chip, inputs: dict[str, AnyArray]) -> None:
    wanted, found = run(network, inputs, chip), exported(network, chip, inputs)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name].dtype == np.float64
        if name in hosts(network):
            np.testing.assert_allclose(found[name], value, rtol=1e-12, atol=1e-15)
        else:
            assert found[name].tobytes() == np.ascontiguousarray(value).tobytes(), name


@given(data=st.data(), case=core_networks(mode="ann") | core_images())
@settings(max_examples=100, deadline=None)
def test_legal_core_networks_give_the_same_bits(data: st.DataObject, case: tuple[Network, Chip]) -> None:
    network, chip = case
    inputs = {name: x.astype(np.float32) for name, x in data.draw(core_inputs(network)).items()}
    check_same_bits(network, chip, inputs)


def neuron(name: str, source: str, parameters: dict[str, AnyArray]) -> Neuron:
    n = len(parameters["bias"])
    return Neuron(name=name, inputs=(source,), model="requantize", parameters=parameters, scale=np.ones(n),
                  zero=np.zeros(n), origin="x", elements=np.arange(n, dtype=np.int64))  # fmt: skip


@st.composite
def wide_networks(draw: st.DrawFn) -> Network:
    """Two layers with a residual on the widest registers: accumulators, multipliers and shifts at their ends."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 5))

    def edge(low: int, high: int, shape: tuple[int, ...]) -> AnyArray:
        ends = rng.choice([low, low + 1, high - 1, high], size=shape)
        return np.where(rng.random(shape) < 0.5, ends, rng.integers(low, high, shape, endpoint=True)).astype(np.int64)

    def parameters(n: int) -> dict[str, AnyArray]:
        return {
            "bias": edge(-(1 << 31), (1 << 31) - 1, (n,)) >> rng.integers(0, 32, n),
            "multiplier": edge(0, (1 << 20) - 1, (n,)) >> rng.integers(0, 20, n),
            "shift": edge(1, 63, (n,)) >> rng.integers(0, 2, n).clip(max=1) | 1,
            "low": edge(-(1 << 15), 0, (n,)),
            "high": edge(1, (1 << 16) - 1, (n,)),
        }

    def weights(*shape: int) -> AnyArray:
        return edge(-(1 << 14), (1 << 14) - 1, shape)

    zero = np.zeros(n, dtype=np.int64)
    scale = draw(st.sampled_from([1.0, 0.1, 1 / 255, 3e-3]))
    out = draw(st.integers(1, 3))
    nodes: list[Node] = [
        Input(name="x", shape=(n,)),
        Encode(name="q", inputs=("x",), scale=scale, zero=float(rng.choice([0, -0.3])), low=0, high=(1 << 16) - 1),
        Constant(name="one", values=np.array([65535])),
        Concat(name="row", inputs=("q", "one")),
        Linear(name="a", inputs=("row",), weights=weights(n, n + 1), bias=zero),
        neuron("an", "a", parameters(n)),
        Add(name="b", inputs=("an", "q"), coefficients=weights(2, n), bias=zero),
        neuron("bn", "b", parameters(n)),
        Concat(name="all", inputs=("an", "bn")),
        Decode(name="d", inputs=("all",), coefficient=edge(-1000, 1000, (2 * n,)),
               element=rng.integers(0, out, 2 * n), scale=rng.normal(size=out), offset=rng.normal(size=out)),
        Output(name="y", inputs=("d",)),
    ]  # fmt: skip
    if draw(st.booleans()):
        nodes += [Host(name="top", inputs=("d",), function="argmax"), Output(name="class", inputs=("top",))]
    return Network(tuple(nodes))


@given(network=wide_networks(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_the_widest_registers_give_the_same_bits(network: Network, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(7, *network.inputs[0].shape)) * rng.choice([1, 100, 70000])).astype(np.float32)
    x[0] = np.rint(x[0]) + np.float32(0.5)  # ties, where the scale is 1
    check_same_bits(network, WIDE, {"x": x})


def layer(**change: int) -> Network:
    parameters = {"bias": 0, "multiplier": 1, "shift": 1, "low": 0, "high": 255} | change
    return Network(
        (
            Input(name="x", shape=(1,)),
            Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=255),
            Linear(name="a", inputs=("q",), weights=np.array([[3]]), bias=np.array([0])),
            neuron("n", "a", {key: np.array([value]) for key, value in parameters.items()}),
            Decode(name="d", inputs=("n",), coefficient=np.array([1]), element=np.array([0]), scale=np.array([0.5]),
                   offset=np.array([10.0])),
            Output(name="y", inputs=("d",)),
        )
    )  # fmt: skip


def test_one_neuron_by_hand() -> None:
    """x = 2.5 is a tie and becomes 2; acc = 6; (6 + 1) >> 1 = 3; y = 3 / 2 + 10. x = 3.5 becomes 4: 6 / 2 + 10."""
    x = np.array([[2.5], [3.5], [-1.0]], dtype=np.float32)
    assert exported(layer(), WIDE, {"x": x})["y"].tolist() == [[11.5], [13.0], [10.0]]


@pytest.mark.parametrize("padded", [False, True])
def test_a_sum_beyond_float32_is_exact(padded: bool) -> None:
    found = exported(beyond_float32(padded), WIDE, {"x": np.array([[[65535]]], dtype=np.float32)})
    assert found["y"].tolist() == [[0, 0] if padded else [0]]


def test_same_network_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        export_onnx(layer(), WIDE, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_spiking_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"snn mode.*compile with --mode ann"):
        export_onnx(Network(layer().nodes, steps=4), WIDE, tmp_path / "n.onnx")
    assert not list(tmp_path.iterdir())


def test_a_float_network_is_refused(tmp_path: Path) -> None:
    network = Network((Input(name="x", shape=(1,)), Output(name="y", inputs=("x",))))
    with pytest.raises(UnsupportedError, match=r"not transformed.*export_float_onnx"):
        export_onnx(network, WIDE, tmp_path / "n.onnx")


def test_integers_that_float64_cannot_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"node 'n'.*2\^51"):
        export_onnx(layer(multiplier=1 << 21), WIDE, tmp_path / "n.onnx")


POSITIVE: dict[str, dict[str, float]] = {"exp": {}, "log": {}, "sqrt": {}, "reciprocal": {}, "power": {"exponent": 2.5}}


@pytest.mark.parametrize("function", [*FUNCTIONS, *POSITIVE])
def test_a_function_on_the_host_is_computed(function: str) -> None:
    nodes = layer().nodes[:-1]
    node = Activation(name="f", inputs=("d",), function=function, parameters=(FUNCTIONS | POSITIVE)[function])
    network = Network((*nodes, node, Output(name="y", inputs=("f",))))
    x = np.arange(-3, 9, dtype=np.float32)[:, None]
    np.testing.assert_allclose(exported(network, WIDE, {"x": x})["y"], run(network, {"x": x}, WIDE)["y"], rtol=1e-6)


def test_pools_and_convolutions_of_the_host_run_in_float64() -> None:
    rng = np.random.default_rng(0)

    def pool(name: str, kind: str, counted: bool) -> Pool:
        return Pool(name=name, inputs=("c",), kind=kind, kernel=(2, 2), stride=(1, 2), dilation=(2, 1), before=(1, 2),
                    after=(3, 0), count_padding=counted)  # fmt: skip

    n = 4 * 5 * 2
    values = {"bias": 0, "multiplier": 1, "shift": 1, "low": 0, "high": 65535}
    nodes = (
        Input(name="x", shape=(2, 4, 4)),
        Conv(name="c", inputs=("x",), weights=rng.normal(size=(4, 1, 2, 2)), bias=rng.normal(size=4), stride=(1, 1),
             dilation=(1, 1), groups=2),
        pool("m", "max", False),
        pool("a", "average", False),
        pool("b", "average", True),
        Max(name="z", inputs=("m", "a", "b")),
        Reshape(name="f", inputs=("z",), shape=(n,)),
        Encode(name="q", inputs=("f",), scale=1e-3, zero=-3.0, low=0, high=65535),
        Add(name="s", inputs=("q",), coefficients=np.full((1, n), 2), bias=np.zeros(n, dtype=np.int64)),
        neuron("n", "s", {key: np.full(n, value) for key, value in values.items()}),
        Decode(name="d", inputs=("n",), coefficient=np.ones(n, dtype=np.int64), element=np.arange(n), scale=np.ones(n),
               offset=np.zeros(n)),
        Output(name="y", inputs=("d",)),
    )  # fmt: skip
    check_same_bits(Network(nodes), WIDE, {"x": rng.normal(size=(3, 2, 4, 4)).astype(np.float32)})
