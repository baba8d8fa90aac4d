"""Channels and inputs are repeated without changing the function, at no cost in tiles but on request."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core_strategies import plain_chip
from neutrams.base.arrays import AnyArray, FloatArray
from neutrams.evaluate import run as evaluate
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
    repeated = repeat_inputs(repeat_channels(network, chip, most), chip, inputs)
    was, now = run(network, inputs), run(repeated, inputs)
    for name, values in was.items():
        size = max(float(np.abs(values).max(initial=0.0)), 1.0)
        np.testing.assert_allclose(now[name], values, rtol=1e-7, atol=1e-9 * size)


@settings(max_examples=60)
@given(
    widths=st.lists(st.integers(1, 40), min_size=2, max_size=4), axons=st.integers(4, 40), neurons=st.integers(4, 40)
)
def test_dense_layers_take_no_tile_more_for_it(widths: list[int], axons: int, neurons: int) -> None:
    """Few-bit weights are what repeats are for: with 8 bits there are none."""
    few, many = (tiles_of(dense(widths), {"axons": axons, "neurons": neurons, "weight_bits": b}) for b in (2, 8))
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
    """7 inputs on cores of 5 axons are two parts, of inputs 0 2 4 6 and 1 3 5: each takes its largest weights again."""
    weights = np.array([[1.0, 2.0, 6.0, 5.0, 3.0, 4.0, 7.0]])
    network = Network((
        Input(name="x", shape=(7,)), Linear(name="fc", inputs=("x",), weights=weights, bias=np.zeros(1)),
        Output(name="y", inputs=("fc",)),
    ))  # fmt: skip
    found = repeat_inputs(network, plain_chip(core={"axons": 5, "neurons": 5}), {"x": np.eye(7)})
    axons, layer = found.by_name["fc axons"], found.by_name["fc"]
    assert isinstance(axons, ops.Gather)
    assert isinstance(layer, Linear)
    assert axons.indices.tolist() == [0, 1, 2, 3, 4, 5, 6, 3, 6, 5]
    assert layer.weights.tolist() == [[1.0, 2.0, 6.0, 2.5, 3.0, 2.0, 3.5, 2.5, 3.5, 2.0]]


def test_a_convolution_takes_as_many_channels_more_as_its_fan_in_has_room_for() -> None:
    """3 x 3 taps and 40 axons: room for 4 channels. Of the 3, that with the largest weights is carried twice."""
    network = image((1, 8, 8), (3, 2))
    assert [len(kernels(repeat_channels(network, chip_of(40, 64), most), "conv0")) for most in (1, 2)] == [3, 4]
    twice = kernels(repeat_channels(network, chip_of(40, 64), 2), "conv0")
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


def chip_of(axons: int, neurons: int) -> Chip:
    return plain_chip(core={"axons": axons, "neurons": neurons})


def tiles_of(network: Network, core: dict[str, int]) -> int:
    """How many tiles the layers are cut into."""
    chip = load_chip("tianji").with_values(core=core)
    x = {"x": np.random.default_rng(1).uniform(0, 1, (16, *network.inputs[0].shape))}
    units = read_units(transform(network, chip, x, TransformOptions(effort=0)).network, chip).units
    return sum(count_tiles(part, cut) for unit in units for part, cut in cut_unit(unit, chip))


def dense(widths: list[int]) -> Network:
    rng = np.random.default_rng(sum(widths))
    nodes: list[ops.Node] = [Input(name="x", shape=(widths[0],))]
    for k, (given_width, width) in enumerate(pairwise(widths)):
        weights = rng.normal(size=(width, given_width))
        nodes.append(Linear(name=f"fc{k}", inputs=(nodes[-1].name,), weights=weights, bias=np.zeros(width)))
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
