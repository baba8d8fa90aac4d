"""Relays: neurons that repeat others one tick later, so that one axon's worth of fan-out becomes many."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware import Chip
from neutrams.mapping.partition import Tile
from neutrams.mapping.units import Units
from neutrams.neurons import find_model


def relay_weight(chip: Chip, mode: str) -> int | None:
    """Weight of a relay's synapse; None where this chip has no exact relay.

    ann: y = (w x m + 1) >> 1 is x for w m = 2; snn: a spike of weight 1 meets threshold 1 and leaves no charge.
    """
    if mode == "snn" or chip.neuron.multiplier_bits > 1:
        return 1
    return 2 if chip.core.weight_range[1] >= 2 else None


def relay_parameters(chip: Chip, model: str, copied: Mapping[str, IntArray]) -> dict[str, IntArray]:
    """Return the parameters of relays.

    Args:
        chip: The chip.
        model: The program's neuron model.
        copied: The parameters of the neurons they repeat, of which low and high, the range of outputs, are kept.
    """
    rule = find_model(model, "mapping, model", chip.neuron.definitions)
    values = {"bias": 0, "shift": 1, "multiplier": 2 // (relay_weight(chip, rule.mode) or 1), **(rule.relay or {})}
    return {name: np.full_like(old, values[name]) if name in values else old for name, old in copied.items()}


def relay_exact(units: Units, chip: Chip) -> bool:
    """Whether this chip can repeat every value of this network."""
    model = find_model(units.model, "mapping, model", chip.neuron.definitions)
    weight = relay_weight(chip, model.mode)
    if weight is None:
        return False
    if model.mode == "snn":
        return model.relay is not None
    low, high = chip.core.accumulator_range
    limits = (unit.neuron.output_limits for unit in units.units)
    return all(low <= weight * a and weight * b <= high for a, b in limits)


def relay_tiles(signals: IntArray, columns: IntArray, like: Tile, weight: int, chip: Chip) -> list[Tile] | None:
    """Return tiles that give each signal once a column, from one axon each; None where one would not fit a core.

    Args:
        signals: int64 ``[n]``, what to repeat.
        columns: int64 ``[n]``, how many relays of each.
        like: A tile of the same units.
        weight: Of every synapse.
        chip: The chip.
    """
    if columns.max(initial=0) > chip.core.neurons:
        return None
    tiles: list[Tile] = []
    start, used = 0, 0
    for i in range(len(signals) + 1):
        full = i == len(signals) or used + columns[i] > chip.core.neurons or i - start == chip.core.axons
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
