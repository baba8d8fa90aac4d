"""What tiles must hold: every synapse of the units once, within the limits of a core."""

import numpy as np

from neutrams.hardware import Chip
from neutrams.mapping.partition import Tile
from neutrams.mapping.units import Units


def matrix(tiles: list[Tile], units: Units) -> np.ndarray:
    """The whole weight matrix int64 ``[signals, signals]``; duplicate rows add up."""
    total = np.zeros((units.signals, units.signals), dtype=np.int64)
    for tile in tiles:
        np.add.at(total, (tile.sources[:, None], tile.signals[None, :]), tile.weights.astype(np.int64))
    return total


def wanted(units: Units) -> np.ndarray:
    total = np.zeros((units.signals, units.signals), dtype=np.int64)
    for unit in units.units:
        groups, columns, _ = unit.weights.shape
        sources = unit.sources(np.arange(groups), np.arange(unit.places))  # [groups, places, rows]
        signals = unit.first + np.arange(len(unit)).reshape(groups, columns, unit.places)
        group, column, place, row = (axis.reshape(-1) for axis in np.indices((*signals.shape, sources.shape[2])))
        source = sources[group, place, row]
        there = source >= 0
        signal, weight = signals[group, column, place], unit.weights[group, column, row]
        np.add.at(total, (source[there], signal[there]), weight[there])
    return total


def assert_whole(tiles: list[Tile], units: Units, chip: Chip) -> None:
    """Every synapse and neuron once; axons, neurons and synapse memory of a core are kept."""
    np.testing.assert_array_equal(matrix(tiles, units), wanted(units))
    signals = np.concatenate([tile.signals for tile in tiles])
    assert sorted(signals.tolist()) == [n for unit in units.units for n in range(unit.first, unit.first + len(unit))]
    for tile in tiles:
        assert 1 <= len(tile.sources) <= chip.core.axons
        assert 1 <= len(tile.signals) <= chip.core.neurons
        assert tile.weights.any(axis=1).all() or len(tile.sources) == 1
        held = np.count_nonzero(tile.weights) if chip.core.synapses == "list" else tile.weights.size
        each = chip.core.weight_bits * (2 if chip.core.sign_scheme == "pair" else 1)
        assert held * each <= (chip.core.synapse_memory_bits or held * each)
