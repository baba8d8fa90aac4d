"""A core that serves several tiles in a tick takes those of one weight block and start tick, no more than it may."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core_strategies import core_inputs, core_networks, plain_chip
from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.mapping import map_network
from neutrams.mapping.bundle import bundle_tiles
from neutrams.network import Network, ops
from neutrams.program.verify import violations
from tick_oracle import run_program


@given(kinds=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=40), most=st.integers(1, 5))
def test_bundles_are_alike_full_and_numbered_by_their_first_tiles(kinds: list[tuple[int, int]], most: int) -> None:
    block, start = np.array(kinds, dtype=np.int64).T
    bundle = bundle_tiles(block, start, most)
    alike = [set(map(tuple, np.stack([block, start], axis=1)[bundle == b].tolist())) for b in range(bundle.max() + 1)]
    assert all(len(kind) == 1 for kind in alike)
    assert np.bincount(bundle).max() <= most
    assert len(alike) == sum(-(-kinds.count(kind) // most) for kind in set(kinds))
    _, first = np.unique(bundle, return_index=True)
    assert (np.diff(first) > 0).all()


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data(), case=core_networks(), most=st.integers(2, 8))
def test_serving_several_tiles_changes_no_value(data: st.DataObject, case: tuple[Network, Chip], most: int) -> None:
    network, chip = case
    try:
        alone = map_network(network, chip)
    except CapacityError:
        assume(False)
    shared = map_network(network, chip.with_values(board={"virtual_tiles": most}))
    assert violations(shared.program) == []
    assert 0 <= shared.stats.utilization <= 1
    assert shared.stats.cores <= shared.stats.tiles
    inputs = data.draw(core_inputs(network))
    wanted, found = run_program(alone.program, inputs), run_program(shared.program, inputs)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)


def image_network() -> Network:
    """A 2 x 2 convolution of an 8 x 8 image into 2 channels, 49 places."""
    zeros = np.zeros(2, dtype=np.int64)
    parameters = {"bias": zeros, "multiplier": zeros + 1, "shift": zeros + 1, "low": zeros, "high": zeros + 255}
    return Network((
        ops.Input(name="x", shape=(1, 8, 8)),
        ops.Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=255),
        ops.Conv(
            name="acc", inputs=("q",), weights=np.arange(1, 9).reshape(2, 1, 2, 2), bias=zeros, stride=(1, 1),
            dilation=(1, 1),
        ),
        ops.Neuron(
            name="n", inputs=("acc",), model="requantize", parameters=parameters, scale=np.ones(2), zero=np.zeros(2),
            origin="conv", elements=np.arange(2),
        ),
        ops.Reshape(name="flat", inputs=("n",), shape=(98,)),
        ops.Decode(
            name="d", inputs=("flat",), coefficient=np.ones(98, dtype=np.int64), element=np.arange(98),
            scale=np.ones(98), offset=np.zeros(98),
        ),
        ops.Output(name="y", inputs=("d",)),
    ))  # fmt: skip


def test_patches_of_a_convolution_share_cores() -> None:
    """4 neurons hold two places of both channels: 21 tiles, and 7 of one place at the end of an axis.

    Alone, these are packed in pairs; where a core serves 8 tiles they share one instead.
    """
    chip = plain_chip(core={"neurons": 4})
    assert map_network(image_network(), chip).stats.tiles == 21 + 4
    result = map_network(image_network(), chip.with_values(board={"virtual_tiles": 8}))
    assert (result.stats.tiles, result.stats.cores) == (28, 3 + 1)
    assert result.program.neurons.element.tolist()[:4] == [0, 1, 49, 50]
    x = np.arange(64.0).reshape(1, 1, 8, 8)
    windows = np.stack([x[0, 0, a : 7 + a, b : 7 + b] for a in (0, 1) for b in (0, 1)])
    wanted = np.tensordot(np.arange(1, 9).reshape(2, 4), windows, 1)
    found = run_program(result.program, {"x": x})["d"].reshape(2, 7, 7)
    np.testing.assert_array_equal(found, np.minimum((wanted.astype(int) + 1) >> 1, 255))


def test_a_board_too_small_counts_cores_not_tiles() -> None:
    chip = plain_chip(core={"neurons": 4}, board={"virtual_tiles": 8, "chips": 1, "rows": 1, "columns": 3})
    with pytest.raises(CapacityError, match=r"at least 4 cores are needed, .* 1 short; layer 'conv' takes most, 28"):
        map_network(image_network(), chip)
