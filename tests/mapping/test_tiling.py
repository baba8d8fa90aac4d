"""Convolutions are cut into few tiles, hardly more than brute force finds, and tiles that read alike share weights."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core_strategies import plain_chip
from neutrams.hardware import Chip
from neutrams.mapping.loads import tile_loads
from neutrams.mapping.partition import cut_unit
from neutrams.mapping.unit import Unit, unit_of_add, unit_of_conv
from neutrams.network import ops
from tile_oracle import conv, fewest_tiles, neurons

SQUARE = 256
LENET = [(1, 28, 6, 5, 0), (6, 12, 16, 5, 0)]
RESNET = [(1, 28, 16, 3, 1), (16, 14, 32, 3, 1), (16, 14, 32, 3, 1), (28, 7, 64, 3, 1), (16, 7, 64, 3, 1)]


def chip_of(axons: int, columns: int, **board: object) -> Chip:
    return plain_chip(core={"axons": axons, "neurons": columns}, board=board)


def loads(unit: Unit, chip: Chip) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return [load for part, cut in cut_unit(unit, chip) for load in tile_loads(part, cut)]


@pytest.mark.parametrize("side", [256, 64])
@pytest.mark.parametrize("form", [*LENET, *RESNET])
def test_layers_of_known_networks_take_hardly_more_tiles_than_brute_force(
    form: tuple[int, int, int, int, int], side: int
) -> None:
    channels, size, out, kernel, padding = form
    if channels * kernel**2 > side:  # a lowered network has its fan-in split
        channels = side // kernel**2
    unit = conv(channels, (size, size), out, kernel, padding)
    assert len(loads(unit, chip_of(side, side))) <= 1.15 * fewest_tiles(unit, side, side)


@settings(deadline=None, max_examples=60)
@given(
    size=st.lists(st.integers(1, 6), min_size=1, max_size=2).map(tuple), kernel=st.integers(1, 3),
    padding=st.integers(0, 2), stride=st.integers(1, 2), dilation=st.integers(1, 2), groups=st.integers(1, 4),
    columns=st.integers(1, 3), axons=st.integers(1, 30), neurons=st.integers(1, 30),
)  # fmt: skip
def test_no_grid_of_rectangles_takes_fewer_tiles(
    size: tuple[int, ...], kernel: int, padding: int, stride: int, dilation: int, groups: int, columns: int, axons: int,
    neurons: int,
) -> None:  # fmt: skip
    reach = (kernel - 1) * dilation + 1
    size = tuple(max(n, reach - 2 * padding) for n in size)
    unit = conv(groups, size, groups * columns, kernel, padding, stride=stride, dilation=dilation, groups=groups)
    wanted = fewest_tiles(unit, axons, neurons)
    if wanted < 1 << 60:
        assert len(loads(unit, chip_of(axons, neurons))) <= wanted


@settings(deadline=None, max_examples=40)
@given(
    size=st.integers(3, 6), kernel=st.integers(1, 3), padding=st.integers(0, 1), columns=st.integers(1, 3),
    axons=st.integers(2, 30), most=st.integers(1, 30),
)  # fmt: skip
@example(size=6, kernel=3, padding=1, columns=2, axons=24, most=30)
def test_a_constant_that_several_rows_read_is_one_axon_for_each(
    size: int, kernel: int, padding: int, columns: int, axons: int, most: int
) -> None:
    """A bias of more bits than a register has stands on several axons, with a weight each, that carry one signal."""
    same, apart = (biased_conv(size, kernel, padding, columns, constants) for constants in ((900, 900), (900, 901)))
    wanted = fewest_tiles(apart, axons, most)
    if wanted < 1 << 60:
        assert len(loads(same, chip_of(axons, most))) <= wanted


def biased_conv(size: int, kernel: int, padding: int, columns: int, constants: tuple[int, ...]) -> Unit:
    """A convolution of one channel and of constants with a weight in one tap each."""
    image = np.pad(np.arange(size**2, dtype=np.int64).reshape(size, size), padding, constant_values=-1)
    weights = np.zeros((columns, 1 + len(constants), kernel, kernel), dtype=np.int64)
    weights[:, 0] = 1 + np.arange(kernel**2).reshape(kernel, kernel)
    weights[:, 1:, 0, 0] = 100
    node = ops.Conv(
        name="acc", inputs=("x",), weights=weights, bias=np.zeros(columns, dtype=np.int64), stride=(1, 1),
        dilation=(1, 1),
    )  # fmt: skip
    return unit_of_conv(
        node, neurons(columns), 1 << 20, np.stack([image, *(np.full_like(image, c) for c in constants)])
    )


def test_tiles_that_read_alike_share_one_block() -> None:
    """8 x 8 places in patches of 4 x 4, 36 axons each; the four corners see the border from four sides."""
    tiles = loads(conv(1, (10, 10), 4, 3), chip_of(36, 64))
    assert [len(sources) for sources, _, _ in tiles] == [36] * 4
    assert len({id(weights) for _, weights, _ in tiles}) == 1
    tiles = loads(conv(1, (8, 8), 4, 3, 1), chip_of(36, 64))
    assert [weights.shape for _, weights, _ in tiles] == [(25, 64)] * 4
    assert len({id(weights) for _, weights, _ in tiles}) == 4
    assert all(weights.dtype == np.int8 for _, weights, _ in tiles)


def test_windows_that_overlap_share_axons_in_a_sum() -> None:
    """max(x[i], x[i + 1]) takes differences of neighbours: 7 of them read 8 signals, not 14."""
    signals = np.arange(8, dtype=np.int64)
    node = ops.Add(name="acc", inputs=("a", "b"), coefficients=np.array([[1], [-1]]), bias=np.zeros(1, dtype=np.int64))
    unit = unit_of_add(node, neurons(1), 100, [signals[None, :-1], signals[None, 1:]])
    ((sources, weights, found),) = loads(unit, chip_of(8, 8))
    assert sources.tolist() == list(range(8))
    assert found.tolist() == list(range(100, 107))
    np.testing.assert_array_equal(weights, np.eye(8, 7, dtype=int) - np.eye(8, 7, -1, dtype=int))


def test_a_signal_read_twice_by_a_neuron_keeps_both_weights() -> None:
    signals = np.arange(2, dtype=np.int64)
    node = ops.Add(
        name="acc", inputs=("a", "a"), coefficients=np.array([[127, 127], [127, 1]]), bias=np.zeros(2, dtype=np.int64)
    )
    ((sources, weights, _),) = loads(unit_of_add(node, neurons(2), 9, [signals, signals]), chip_of(8, 8))
    assert sources.tolist() == [0, 1, 0, 1]
    assert weights.tolist() == [[127, 0], [0, 127], [127, 0], [0, 1]]


def test_one_place_a_tile_is_the_naive_cut() -> None:
    unit = conv(6, (12, 12), 16, 5)
    patches = [cut.patch for _, cut in cut_unit(unit, chip_of(SQUARE, SQUARE), one_place=True)]
    assert patches == [(1, 1)]
