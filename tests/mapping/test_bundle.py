"""A core that serves several tiles in a tick takes those of one weight block and start tick, no more than it may."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core_strategies import core_inputs, core_networks, plain_chip
from mapping_cases import image_network
from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.mapping import map_network
from neutrams.mapping.bundle import bundle_count, bundle_tiles
from neutrams.network import Network
from neutrams.program.verify import violations
from tick_oracle import run_program


@given(kinds=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=40), most=st.integers(1, 5))
def test_bundles_are_alike_even_and_numbered_by_their_first_tiles(kinds: list[tuple[int, int]], most: int) -> None:
    block, start = np.array(kinds, dtype=np.int64).T
    bundle = bundle_tiles(block, start, most)
    alike = [set(map(tuple, np.stack([block, start], axis=1)[bundle == b].tolist())) for b in range(bundle.max() + 1)]
    assert all(len(kind) == 1 for kind in alike)
    assert np.bincount(bundle).max() <= most
    assert len(alike) == sum(-(-kinds.count(kind) // most) for kind in set(kinds))
    for kind in set(kinds):
        sizes = np.bincount(bundle)[[kind in own for own in alike]]
        assert sizes.max() - sizes.min() <= 1
    _, first = np.unique(bundle, return_index=True)
    assert (np.diff(first) > 0).all()


@given(
    kinds=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(1, 6)), min_size=1, max_size=12),
    most=st.integers(1, 5),
)
def test_cores_are_counted_as_they_are_taken(kinds: list[tuple[int, int, int]], most: int) -> None:
    block, start, count = np.array(kinds, dtype=np.int64).T
    taken = bundle_tiles(np.repeat(block, count), np.repeat(start, count), most)
    assert bundle_count(block, start, count, most) == taken.max() + 1


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data(), case=core_networks(), most=st.integers(2, 8))
def test_serving_several_tiles_changes_no_value(data: st.DataObject, case: tuple[Network, Chip], most: int) -> None:
    network, chip = case
    try:
        alone = map_network(network, chip)
    except CapacityError:
        assume(False)
    shared = map_network(network, chip.with_values(board={"virtual_tiles": most}), multiplex="most")
    assert violations(shared.program) == []
    assert 0 <= shared.stats.utilization <= 1
    assert shared.stats.cores <= shared.stats.tiles
    inputs = data.draw(core_inputs(network))
    wanted, found = run_program(alone.program, inputs), run_program(shared.program, inputs)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)


def test_patches_of_a_convolution_share_cores() -> None:
    """4 neurons hold two places of both channels: 21 tiles, and 7 of one place at the end of an axis.

    Alone, these are packed in pairs; where a core serves 8 tiles they share one instead.
    """
    chip = plain_chip(core={"neurons": 4})
    assert map_network(image_network(), chip).stats.tiles == 21 + 4
    result = map_network(image_network(), chip.with_values(board={"virtual_tiles": 8}), multiplex="most")
    assert (result.stats.tiles, result.stats.cores) == (28, 3 + 1)
    assert result.program.neurons.element.tolist()[:4] == [0, 1, 49, 50]
    x = np.arange(64.0).reshape(1, 1, 8, 8)
    windows = np.stack([x[0, 0, a : 7 + a, b : 7 + b] for a in (0, 1) for b in (0, 1)])
    wanted = np.tensordot(np.arange(1, 9).reshape(2, 4), windows, 1)
    found = run_program(result.program, {"x": x})["d"].reshape(2, 7, 7)
    np.testing.assert_array_equal(found, np.minimum((wanted.astype(int) + 1) >> 1, 255))


def test_a_board_too_small_counts_cores_not_tiles() -> None:
    chip = plain_chip(core={"neurons": 4}, board={"virtual_tiles": 8, "chips": 1, "rows": 1, "columns": 3})
    with pytest.raises(CapacityError, match=r": 4 cores are needed, .* 1 short; layer 'conv' takes most, 28 tiles"):
        map_network(image_network(), chip)
