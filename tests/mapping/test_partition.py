"""Units are cut under axons and neurons, packed side by side, and refused with numbers where they cannot fit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core_strategies import core_networks, dense, plain_chip
from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.mapping import map_network
from neutrams.mapping.pack import pack_tiles
from neutrams.mapping.partition import cut_units
from neutrams.mapping.schedule import unit_levels
from neutrams.mapping.units import read_units
from neutrams.network import Network, ops
from whole_tiles import assert_whole, matrix, wanted


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(case=core_networks(), effort=st.sampled_from((0, 1)))
def test_tiles_hold_every_synapse_once_within_a_core(case: tuple[Network, Chip], effort: int) -> None:
    network, chip = case
    units = read_units(network, chip)
    cut = cut_units(units, unit_levels(units), chip, effort=effort)
    packed = pack_tiles(cut, units, chip)
    assert len(packed) <= len(cut)
    for tiles in (cut, packed):
        assert_whole(tiles, units, chip)


def blocks_of(count: int, size: int, seed: int) -> np.ndarray:
    """Blocks of ``size`` x ``size`` on the diagonal, rows and columns then shuffled: int64 ``[columns, rows]``."""
    rng = np.random.default_rng(seed)
    weights = np.kron(np.eye(count, dtype=np.int64), rng.integers(1, 4, (size, size)))
    return np.asarray(weights[np.ix_(rng.permutation(count * size), rng.permutation(count * size))])


@pytest.mark.parametrize("synapses", ["crossbar", "list"])
def test_columns_that_read_alike_share_a_core(synapses: str) -> None:
    """Eight shuffled blocks take eight cores; in order, hardly two columns fit one core."""
    chip = plain_chip(core={"axons": 8, "neurons": 8, "synapses": synapses})
    nodes = (replace(n, weights=blocks_of(8, 8, 1)) if isinstance(n, ops.Linear) else n for n in dense([64, 64]).nodes)
    units = read_units(Network(tuple(nodes)), chip)
    in_order, clustered = (cut_units(units, unit_levels(units), chip, effort=effort) for effort in (0, 1))
    assert len(clustered) == 8 < len(in_order)
    np.testing.assert_array_equal(matrix(clustered, units), wanted(units))
    again = cut_units(units, unit_levels(units), chip, effort=1)
    assert [t.signals.tolist() for t in again] == [t.signals.tolist() for t in clustered]


@given(data=st.data())
def test_clusters_of_columns_take_no_more_cores_than_their_order(data: st.DataObject) -> None:
    columns, rows = data.draw(st.integers(1, 24)), data.draw(st.integers(1, 24))
    bits = data.draw(st.lists(st.booleans(), min_size=columns * rows, max_size=columns * rows))
    weights = np.array(bits, dtype=np.int64).reshape(columns, rows)
    widest = max(1, int(weights.sum(axis=1).max()))
    chip = plain_chip(core={"axons": data.draw(st.integers(widest, 24)), "neurons": data.draw(st.integers(1, 8))})
    nodes = (replace(n, weights=weights) if isinstance(n, ops.Linear) else n for n in dense([rows, columns]).nodes)
    units = read_units(Network(tuple(nodes)), chip)
    in_order, clustered = (cut_units(units, unit_levels(units), chip, effort=effort) for effort in (0, 2))
    assert len(clustered) <= len(in_order)
    np.testing.assert_array_equal(matrix(clustered, units), wanted(units))


@pytest.mark.parametrize(("synapses", "tiles"), [("crossbar", [3, 3, 3]), ("list", [9])])
def test_synapse_memory_bounds_the_columns_of_a_tile(synapses: str, tiles: list[int]) -> None:
    """24 weights of 8 bits: three whole columns of 8 rows, or all of 9 neurons with two synapses each."""
    chip = plain_chip(core={"axons": 9, "neurons": 9, "synapses": synapses, "synapse_memory_bits": 24 * 8})
    network = dense([8 if synapses == "crossbar" else 9, 9])
    if synapses == "list":
        weights = np.eye(9, dtype=np.int64) + np.roll(np.eye(9, dtype=np.int64), 1, axis=1)
        nodes = (replace(n, weights=weights) if isinstance(n, ops.Linear) else n for n in network.nodes)
        network = Network(tuple(nodes))
    assert np.diff(map_network(network, chip).program.tiles.neurons).tolist() == tiles


def test_a_layer_is_cut_into_even_columns() -> None:
    result = map_network(dense([8, 9]), plain_chip(core={"axons": 8, "neurons": 8}))
    assert np.diff(result.program.tiles.neurons).tolist() == [5, 4]
    assert np.diff(result.program.tiles.axons).tolist() == [8, 8]


def test_too_many_inputs_are_refused_with_numbers() -> None:
    with pytest.raises(CapacityError, match=r"a neuron of 'fc0' has 9 inputs, a core of small has 8 axons"):
        map_network(dense([9, 2]), plain_chip())


def test_a_neuron_that_no_synapse_memory_holds_is_refused_with_numbers() -> None:
    chip = plain_chip(core={"synapse_memory_bits": 63})
    message = r"a neuron of 'fc0' has 8 synapses, 63 bits of a core of small hold 7.*layer 'fc0'|fan-in of 7"
    with pytest.raises(CapacityError, match=message):
        map_network(dense([8, 2]), chip)
    map_network(dense([8, 2]), plain_chip(core={"synapse_memory_bits": 64}))


def test_a_board_too_small_is_refused_with_numbers() -> None:
    chip = plain_chip(board={"chips": 1, "rows": 1, "columns": 4, "dead_cores": (1,)}, core={"fan_out": 4})
    message = r"5 cores are needed, the board of 1 x small has 3 that work: 2 short; layer 'fc0' takes most, 5"
    with pytest.raises(CapacityError, match=message) as refusal:
        map_network(dense([8, 24]), chip.with_values(core={"neurons": 5}))
    assert refusal.value.fix == "set one of board.chips=2; board.virtual_tiles=2; core.axons=16 with core.neurons=10"
