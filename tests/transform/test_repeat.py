"""Channels and inputs are repeated without changing the function, at no cost in tiles but on request."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core_strategies import plain_chip
from neutrams.base.arrays import AnyArray, FloatArray
from neutrams.evaluate import run as evaluate
from neutrams.evaluate.run import node_values
from neutrams.hardware import Chip, load_chip
from neutrams.mapping.partition import cut_unit
from neutrams.mapping.tiling import count_tiles
from neutrams.mapping.units import read_units
from neutrams.network import Activation, Conv, Input, Linear, Network, Output, Reshape, ops
from neutrams.reference import run
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.options import TransformOptions
from neutrams.transform.pipeline import transform
from neutrams.transform.repeat import repeat_channels
from neutrams.transform.repeat_inputs import repeat_inputs
from strategies import float_inputs, float_networks, image_networks


@settings(max_examples=150)
@given(
    data=st.data(), network=st.one_of(float_networks(), image_networks()), axons=st.integers(1, 60),
    neurons=st.integers(1, 60), most=st.integers(1, 4),
)  # fmt: skip
def test_the_function_stays_the_same(
    data: st.DataObject, network: Network, axons: int, neurons: int, most: int
) -> None:
    chip, network = plain_chip(core={"axons": axons, "neurons": neurons}), canonicalize(network)
    inputs = data.draw(float_inputs(network))
    repeated = repeat_inputs(repeat_channels(network, chip, most).network, chip, inputs)
    was, now = run(network, inputs), run(repeated, inputs)
    for name, values in was.items():
        size = max(float(np.abs(values).max(initial=0.0)), 1.0)
        np.testing.assert_allclose(now[name], values, rtol=1e-7, atol=1e-9 * size)


@settings(max_examples=60)
@given(
    widths=st.lists(st.integers(1, 40), min_size=2, max_size=4), axons=st.integers(5, 40), neurons=st.integers(4, 40),
    bias=st.sampled_from(["register", "row"]),
)  # fmt: skip
@example(widths=[32, 20, 6, 3], axons=32, neurons=40, bias="row")
def test_dense_layers_take_no_tile_more_for_it(widths: list[int], axons: int, neurons: int, bias: str) -> None:
    """Weights of few bits are what repeats are for: with 8 bits there are none."""
    core = {"axons": axons, "neurons": neurons, "bias": bias}
    few, many = (tiles_of(dense(widths), {**core, "weight_bits": b}) for b in (2, 8))
    assert few <= many


@settings(max_examples=40)
@given(
    size=st.integers(5, 14), channels=st.integers(1, 3), out=st.integers(1, 8), axons=st.integers(27, 100),
    neurons=st.integers(8, 100),
)  # fmt: skip
def test_a_first_convolution_takes_no_tile_more_for_it(
    size: int, channels: int, out: int, axons: int, neurons: int
) -> None:
    network = image((channels, size, size), (out,))
    few, many = (tiles_of(network, {"axons": axons, "neurons": neurons, "weight_bits": b}) for b in (2, 8))
    assert few <= many


def test_inputs_that_move_a_layer_most_are_read_again() -> None:
    """60 inputs, 40 axons less 8 for a bias: two parts, even and odd inputs, with room for the largest two of each."""
    found = repeat_inputs(one_layer(60, "y"), chip_of(40, 40), {"x": np.eye(60)})
    axons, layer = found.by_name["fc axons"], found.by_name["fc"]
    assert isinstance(axons, ops.Gather)
    assert isinstance(layer, Linear)
    assert axons.indices.tolist() == [*range(60), 58, 59, 56, 57]
    assert layer.weights[0, 54:].tolist() == [55, 56, 28.5, 29, 29.5, 30, 29.5, 30, 28.5, 29]


def test_inputs_that_fill_their_axons_are_read_once() -> None:
    network = one_layer(60, "y")
    assert repeat_inputs(network, chip_of(61, 40), {"x": np.eye(60)}) == network


def test_an_output_may_have_the_name_that_repeated_inputs_get() -> None:
    found = repeat_inputs(one_layer(60, "fc axons"), chip_of(40, 40), {"x": np.eye(60)})
    assert [node.name for node in found.nodes] == ["x", "fc axons'", "fc", "fc axons"]


def one_layer(inputs: int, output: str) -> Network:
    """Weights 1, 2, 3 …"""
    weights = 1.0 + np.arange(inputs)[None]
    layer = Linear(name="fc", inputs=("x",), weights=weights, bias=np.zeros(1))
    return Network((Input(name="x", shape=(inputs,)), layer, Output(name=output, inputs=("fc",))))


def test_a_border_of_channels_is_no_image() -> None:
    pad = ops.Pad(name="pad", inputs=("x",), before=(1, 1, 1), after=(0, 1, 1))
    conv = Conv(
        name="conv", inputs=("pad",), weights=np.ones((4, 3, 3, 3)), bias=np.zeros(4), stride=(1, 1), dilation=(1, 1)
    )
    network = Network((Input(name="x", shape=(2, 6, 6)), pad, conv, Output(name="y", inputs=("conv",))))
    assert repeat_inputs(network, chip_of(200, 200), {"x": np.ones((1, 2, 6, 6))}) == network


@settings(max_examples=20, deadline=None)
@given(copies=st.integers(1, 4), channels=st.lists(st.integers(1, 5), min_size=1, max_size=2))
def test_neurons_name_the_channel_of_the_model_that_they_carry(copies: int, channels: list[int]) -> None:
    network = image((1, 8, 8), tuple(channels))
    x = {"x": np.random.default_rng(0).uniform(0, 1, (16, 1, 8, 8))}
    chip = load_chip("tianji").with_values(core={"weight_bits": 2})
    core = transform(network, chip, x, TransformOptions(copies=copies)).network
    for node in core.nodes:
        if isinstance(node, ops.Neuron):
            assert set(node.elements.tolist()) == set(range(network.shapes[node.origin][0]))


@settings(max_examples=25, deadline=None)
@given(bits=st.integers(2, 7), bias=st.sampled_from(["register", "row"]), seed=st.integers(0, 3))
def test_what_is_repeated_by_itself_does_no_harm(bits: int, bias: str, seed: int) -> None:
    """Compared with inputs and channels that stand alone; biases keep the axons that they need."""
    network = dense([100, 60, 60, 10], 8.0)
    x = np.random.default_rng(seed).uniform(0, 1, (256, 100))
    chip = load_chip("tianji").with_values(core={"weight_bits": bits, "bias": bias}, neuron={"bias_bits": 8})
    wanted = run(network, {"x": x})["y"]

    def error(chip: Chip) -> float:
        core = transform(network, chip, {"x": x}, TransformOptions()).network
        return float(np.sqrt(np.mean((evaluate(core, {"x": x}, chip)["y"] - wanted) ** 2)) / wanted.std())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neutrams.transform.pipeline.COARSE_BITS", 0)
        alone = error(chip)
    assert error(chip) < 1.2 * alone


def test_a_convolution_takes_as_many_channels_more_as_its_fan_in_has_room_for() -> None:
    """3 x 3 taps, 48 axons less 8 for a bias: room for 4 channels; that of the largest weights is carried twice."""
    network = image((1, 8, 8), (3, 2))
    assert [len(kernels(repeat_channels(network, chip_of(48, 64), most).network, "conv0")) for most in (1, 2)] == [3, 4]
    twice = kernels(repeat_channels(network, chip_of(48, 64), 2).network, "conv0")
    before, after = kernels(network, "conv0"), kernels(network, "conv1")
    largest = int(np.argmax(np.square(before).sum((1, 2, 3)) * np.square(after).sum((0, 2, 3))))
    np.testing.assert_array_equal(twice[3], before[largest])


def test_copies_of_coarse_signals_tell_more_levels() -> None:
    """Two neurons of 2-bit signals, staggered by half a step, leave a quarter of the rounding error's power."""
    network, x = image((1, 8, 8), (2, 2)), {"x": np.random.default_rng(0).uniform(0, 1, (64, 1, 8, 8))}
    chip = load_chip("tianji").with_values(signal={"output_bits": 2})

    def error(copies: int) -> float:
        core = transform(network, chip, x, TransformOptions(copies=copies)).network
        wanted: AnyArray = run(network, x)["y"]
        return float(np.mean((evaluate(core, x, chip)["y"] - wanted) ** 2) / wanted.var())

    assert error(2) < 0.5 * error(1)


def test_copies_of_a_rate_fire_in_turn_and_tell_more_levels() -> None:
    """One value on one neuron or four, 8 steps: a rate tells 9 levels, four staggered ones 33, within half a level."""
    x = np.linspace(0, 1, 101)[:, None]
    one = np.ones((1, 1))
    network = Network((
        Input(name="x", shape=(1,)), Linear(name="fc0", inputs=("x",), weights=one, bias=np.zeros(1)),
        Activation(name="relu0", inputs=("fc0",), function="relu"),
        Linear(name="fc1", inputs=("relu0",), weights=one, bias=np.zeros(1)), Output(name="y", inputs=("fc1",)),
    ))  # fmt: skip
    errors = []
    for axons in (8, 32):  # eight are kept free: for copies there are none, or 24
        chip = chip_of(axons, 32).with_values(neuron={"models": ("if_soft",)})
        core = transform(network, chip, {"x": x}, TransformOptions(mode="snn", steps=8)).network
        (carriers,) = (node for node in core.nodes if isinstance(node, ops.Neuron) and node.name == "relu0")
        rates = node_values(core, {"x": x}, chip)["relu0"].numpy().mean((0, 2))
        errors.append(np.abs(rates - x[:, 0]).max())
        charges = carriers.parameters["initial"] / carriers.parameters["threshold"]
        np.testing.assert_allclose(charges, (np.arange(len(charges)) + 0.5) / len(charges), atol=0.01)
    assert errors[0] < 0.5 / 8 + 0.02
    assert errors[1] < 0.5 / 32 + 0.02


def chip_of(axons: int, neurons: int) -> Chip:
    return plain_chip(core={"axons": axons, "neurons": neurons})


def tiles_of(network: Network, core: Mapping[str, object]) -> int:
    """How many tiles the layers are cut into."""
    chip = load_chip("tianji").with_values(core=core)
    x = {"x": np.random.default_rng(1).uniform(0, 1, (16, *network.inputs[0].shape))}
    units = read_units(transform(network, chip, x, TransformOptions(effort=0)).network, chip).units
    return sum(count_tiles(part, cut) for unit in units for part, cut in cut_unit(unit, chip))


def dense(widths: list[int], bias: float = 0.0) -> Network:
    rng = np.random.default_rng(sum(widths))
    nodes: list[ops.Node] = [Input(name="x", shape=(widths[0],))]
    for k, (given_width, width) in enumerate(pairwise(widths)):
        weights = rng.normal(size=(width, given_width))
        nodes.append(Linear(name=f"fc{k}", inputs=(nodes[-1].name,), weights=weights, bias=np.full(width, bias)))
        nodes.append(Activation(name=f"relu{k}", inputs=(nodes[-1].name,), function="relu"))
    return Network((*nodes[:-1], Output(name="y", inputs=(nodes[-2].name,))))


def image(shape: tuple[int, int, int], channels: tuple[int, ...]) -> Network:
    """3 x 3 convolutions with ReLU and a dense layer."""
    rng = np.random.default_rng(len(channels))
    nodes: list[ops.Node] = [Input(name="x", shape=shape)]
    given_channels, side = shape[0], shape[1]
    for k, out in enumerate(channels):
        conv = Conv(
            name=f"conv{k}", inputs=(nodes[-1].name,), weights=rng.normal(size=(out, given_channels, 3, 3)),
            bias=np.zeros(out), stride=(1, 1), dilation=(1, 1), groups=1,
        )  # fmt: skip
        nodes += [conv, Activation(name=f"relu{k}", inputs=(conv.name,), function="relu")]
        given_channels, side = out, side - 2
    nodes.append(Reshape(name="flat", inputs=(nodes[-1].name,), shape=(given_channels * side**2,)))
    weights = rng.normal(size=(2, given_channels * side**2))
    nodes.append(Linear(name="fc", inputs=("flat",), weights=weights, bias=np.zeros(2)))
    return Network((*nodes, Output(name="y", inputs=("fc",))))


def kernels(network: Network, name: str) -> FloatArray:
    node = network.by_name[name]
    assert isinstance(node, Conv)
    return node.weights
