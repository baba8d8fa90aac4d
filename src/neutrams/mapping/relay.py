"""Relays: neurons that repeat others one tick later, so that one axon's worth of fan-out becomes many."""

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware import Chip
from neutrams.mapping.partition import Tile
from neutrams.mapping.repeating import repeats_exactly
from neutrams.mapping.units import Units
from neutrams.neurons import find_model


def relay_exact(units: Units, chip: Chip) -> bool:
    """Whether this chip can repeat every value of this network."""
    model = find_model(units.model, "mapping, model", chip.neuron.definitions)
    ends = [unit.neuron.output_limits if model.mode == "ann" else (0, 1) for unit in units.units]
    return all(repeats_exactly(limits, chip, model) for limits in ends)


def relay_tiles(signals: IntArray, columns: IntArray, like: Tile, weight: int, chip: Chip) -> list[Tile] | None:
    """Return tiles that give each signal once a column, from one axon each; None where one would not fit a core.

    Args:
        signals: int64 ``[n]``, what to repeat.
        columns: int64 ``[n]``, how many relays of each.
        like: A tile of the same units.
        weight: Of every synapse.
        chip: The chip.
    """
    core, listed = chip.core, chip.core.synapses == "list"
    if columns.max(initial=0) > min(core.neurons, core.synapse_limit):
        return None
    tiles: list[Tile] = []
    start, used = 0, 0
    for i in range(len(signals) + 1):
        end = i == len(signals)
        more = used + int(columns[i]) if not end else 0
        full = end or more > core.neurons or i - start == core.axons
        full = full or more * (1 if listed else i + 1 - start) > core.synapse_limit
        if full and i > start:
            tiles.append(_tile(signals[start:i], columns[start:i], like, weight))
            start, used = i, 0
        used += int(columns[i]) if i < len(signals) else 0
    return tiles


def _tile(signals: IntArray, columns: IntArray, like: Tile, weight: int) -> Tile:
    rows = np.repeat(np.arange(len(signals)), columns)
    weights = np.zeros((len(signals), len(rows)), dtype=np.int16)
    weights[rows, np.arange(len(rows))] = weight
    return Tile(sources=signals, weights=weights, signals=signals[rows], units=like.units, level=like.level, relay=True)
