"""Tensors in two ranges: the same function, finer steps for small values, and only where they matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_strategies import plain_chip
from loop_strategies import looped_networks
from lowering import lowered_exactly
from neutrams.base.arrays import FloatArray
from neutrams.evaluate import run as evaluate
from neutrams.flow import CompileOptions, compile_model
from neutrams.hardware import load_chip
from neutrams.network import Activation, Input, Linear, Network, Output, ops
from neutrams.reference import finish, prepare, run
from neutrams.simulator import simulate
from neutrams.transform import two_ranges
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.lower import unsupported
from neutrams.transform.options import TransformOptions
from neutrams.transform.pipeline import transform
from neutrams.transform.split import SplitPlan, split_fan_in
from neutrams.transform.two_ranges import in_two_ranges, wide_tensors
from strategies import float_inputs, float_networks, image_networks

TIANJI = load_chip("tianji")


def dividable(network: Network) -> list[str]:
    """Names of all tensors that could be given two ranges."""
    return two_ranges._candidates(network)


@given(
    data=st.data(), network=st.one_of(float_networks(), image_networks(), looped_networks()), seed=st.integers(0, 99),
    end=st.sampled_from([1e-3, 0.1, 1.0, 1e3]),
)  # fmt: skip
def test_a_network_in_two_ranges_has_the_same_function(
    data: st.DataObject, network: Network, seed: int, end: float
) -> None:
    if unsupported(canonicalize(network)):
        return
    try:
        low = split_fan_in(lowered_exactly(network), SplitPlan(fan_in=8, terms=8))
    except AssertionError:
        return  # it has functions without an exact construction
    names = dividable(low)
    taken = np.random.default_rng(seed).random(len(names)) < 0.7
    ends = {name: end for name, chosen in zip(names, taken, strict=True) if chosen}
    parted = in_two_ranges(low, ends)
    inputs = data.draw(float_inputs(network))
    was, now = run(low, inputs), run(parted, inputs)
    for name, values in was.items():
        size = max(float(np.abs(values).max(initial=0.0)), end, 1.0)
        np.testing.assert_allclose(now[name], values, rtol=1e-7, atol=1e-8 * size)
    for node in low.nodes:
        if node.name in ends and isinstance(node, ops.Activation):
            assert node.name not in parted.by_name


def two_layers() -> Network:
    """y = |W2 relu(W1 x)|, nearly as much of a whisper as of a shout."""
    rng = np.random.default_rng(1)
    first = Linear(name="fc1", inputs=("x",), weights=rng.normal(size=(12, 6)), bias=np.zeros(12))
    second = Linear(name="fc2", inputs=("r",), weights=rng.normal(size=(4, 12)), bias=np.zeros(4))
    relu = Activation(name="r", inputs=("fc1",), function="relu")
    last = Activation(name="s", inputs=("fc2",), function="relu")
    return Network((Input(name="x", shape=(6,)), first, relu, second, last, Output(name="y", inputs=("s",))))


def samples(quiet: float, n: int = 128) -> FloatArray:
    """Samples ``[n, 6]``, all but one in eight of the size ``quiet``."""
    rng = np.random.default_rng(2)
    size = np.where(np.arange(n) % 8 == 0, 1.0, quiet)
    found: FloatArray = rng.normal(size=(n, 6)) * size[:, None]
    return found


def test_what_is_as_loud_everywhere_keeps_one_range() -> None:
    low = lowered_exactly(two_layers())
    assert wide_tensors(low, TIANJI, {"x": samples(1.0)}) == {}


def test_what_quiet_samples_lose_is_seen_beside_loud_ones() -> None:
    low, x = lowered_exactly(two_layers()), {"x": samples(0.01)}
    assert set(wide_tensors(low, TIANJI, x)) == {"x", "r"}
    assert wide_tensors(low, TIANJI, x, settled=("x",)).keys() == {"r"}


def test_on_few_bits_copies_are_the_better_means() -> None:
    chip = plain_chip(signal={"input_bits": 6, "output_bits": 6})
    assert wide_tensors(lowered_exactly(two_layers()), chip, {"x": samples(0.01)}) == {}


def test_quiet_samples_are_heard_and_the_chip_gives_what_the_reference_does(monkeypatch: pytest.MonkeyPatch) -> None:
    x, network = {"x": samples(0.01)}, two_layers()
    quiet = np.arange(128) % 8 != 0
    wanted = run(network, x)["y"][quiet]
    errors = []
    for effect in (two_ranges.LEAST_EFFECT, np.inf):
        monkeypatch.setattr(two_ranges, "LEAST_EFFECT", effect)
        compiled = compile_model(network, TIANJI, x, CompileOptions())
        found = evaluate(compiled.network, x, TIANJI)
        given = prepare(compiled.network, x)
        ports = {port.name for port in compiled.program.inputs}
        simulated = simulate(compiled.program, {name: array for name, array in given.items() if name in ports})
        np.testing.assert_array_equal(finish(compiled.network, simulated.outputs)["y"], found["y"])
        errors.append(float(np.square(found["y"][quiet] - wanted).mean() / np.square(wanted).mean()) ** 0.5)
    assert errors[0] < 0.5 * errors[1]


def test_by_hand() -> None:
    """x = 5 with an end of 2: the host gives 2 and 3; r = relu(3 x) = 15 with an end of 4: 4 and 11."""
    nodes = (
        Input(name="x", shape=(1,)),
        Linear(name="fc", inputs=("x",), weights=np.array([[3.0]]), bias=np.zeros(1)),
        Activation(name="r", inputs=("fc",), function="relu"),
        Linear(name="out", inputs=("r",), weights=np.array([[1.0]]), bias=np.ones(1)),
        Activation(name="s", inputs=("out",), function="relu"),
        Output(name="y", inputs=("s",)),
    )
    parted = in_two_ranges(lowered_exactly(Network(nodes)), {"x": 2.0, "r": 4.0})
    ends = ("x [fine]", "x [coarse]", "r [fine]", "r [coarse]")
    shown = Network((*parted.nodes, *(Output(name=f"{name} shown", inputs=(name,)) for name in ends)))
    found = run(shown, {"x": np.array([[5.0]])})
    assert [found[f"{name} shown"].item() for name in ends] == [2.0, 3.0, 4.0, 11.0]
    assert found["y"].item() == 16.0


def test_a_clip_that_ends_below_its_fine_range_is_all_in_it() -> None:
    nodes = (
        Input(name="x", shape=(1,)),
        Linear(name="fc", inputs=("x",), weights=np.array([[3.0]]), bias=np.zeros(1)),
        Activation(name="r", inputs=("fc",), function="clip", parameters={"low": 0.0, "high": 2.0}),
        Linear(name="out", inputs=("r",), weights=np.array([[1.0]]), bias=np.ones(1)),
        Activation(name="s", inputs=("out",), function="relu"),
        Output(name="y", inputs=("s",)),
    )
    parted = in_two_ranges(lowered_exactly(Network(nodes)), {"r": 5.0})
    np.testing.assert_array_equal(run(parted, {"x": np.array([[0.5], [4.0]])})["y"], [[2.5], [3.0]])


def test_a_tensor_that_only_a_second_answer_needs_fine_has_two_ranges() -> None:
    """y is r + 1000, which a whisper of r does not change; z is r."""
    x = {"x": np.random.default_rng(0).random((64, 1))}
    x["x"][::8] *= 1000.0
    heads: list[ops.Node] = []
    for name, bias in (("y", 1000.0), ("z", 0.0)):
        heads += [
            Linear(name=f"{name} sum", inputs=("r",), weights=np.eye(1), bias=np.full(1, bias)),
            Activation(name=f"{name} act", inputs=(f"{name} sum",), function="relu"),
            Output(name=name, inputs=(f"{name} act",)),
        ]
    nodes = (
        Input(name="x", shape=(1,)), Linear(name="fc", inputs=("x",), weights=np.eye(1), bias=np.zeros(1)),
        Activation(name="r", inputs=("fc",), function="relu"), *heads,
    )  # fmt: skip
    assert "r" in wide_tensors(lowered_exactly(Network(nodes)), TIANJI, x)


def test_terms_of_a_sum_differ_by_powers_of_two() -> None:
    """Of two partial sums one is a twentieth of the other: its steps are a sixteenth."""
    weights = np.ones((1, 8))
    weights[0, 1::2] = 0.05
    nodes = (
        Input(name="x", shape=(8,)),
        Linear(name="fc", inputs=("x",), weights=weights, bias=np.zeros(1)),
        Activation(name="r", inputs=("fc",), function="relu"),
        Output(name="y", inputs=("r",)),
    )
    chip = plain_chip(core={"axons": 4})
    x = {"x": np.random.default_rng(0).normal(size=(64, 8))}
    core = transform(Network(nodes), chip, x, TransformOptions()).network
    scales = {node.name: float(node.scale[0]) for node in core.nodes if isinstance(node, ops.Neuron)}
    ratio = np.log2(scales["fc [1/2]"] / scales["fc [2/2]"])
    assert ratio == pytest.approx(round(ratio), abs=1e-9)
    assert ratio >= 3
