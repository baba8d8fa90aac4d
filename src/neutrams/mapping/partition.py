"""Cut units into tiles: columns in pieces that fit a core's axons and neurons, balanced in size."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.mapping.units import Unit, Units


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """What one crossbar will hold.

    Attributes:
        sources: int64 ``[rows]``, the signal each axon reads.
        weights: int16 ``[rows, columns]``.
        signals: int64 ``[columns]``, the signal each neuron gives.
        units: Numbers of the units its columns are from.
        level: Earliest tick it may start; tiles of a unit share it.
        relay: Whether its neurons only repeat their signals one tick later.
    """

    sources: IntArray
    weights: AnyArray
    signals: IntArray
    units: tuple[int, ...]
    level: int
    relay: bool = False


def cut_units(units: Units, levels: IntArray, chip: Chip) -> list[Tile]:
    """Return the tiles of every unit, in order; each row has a nonzero weight (except where a tile has no other row).

    Raises:
        CapacityError: A neuron has more inputs than a core has axons.
    """
    tiles: list[Tile] = []
    for number, unit in enumerate(units.units):
        for columns in _pieces(unit, chip):
            sources, weights = _block(unit, columns)
            tiles.append(
                Tile(
                    sources=sources, weights=weights, signals=unit.first + columns, units=(number,),
                    level=int(levels[number]),
                )
            )  # fmt: skip
    return tiles


def scale_key(unit: Unit, chip: Chip) -> IntArray:
    """int64 ``[n]``: neurons with different keys cannot share a core (one multiplier and shift a core)."""
    parameters = unit.neuron.parameters
    if chip.neuron.scale != "core" or "multiplier" not in parameters:
        return np.zeros(len(unit), dtype=np.int64)
    return parameters["multiplier"] * 64 + parameters["shift"]


def _pieces(unit: Unit, chip: Chip) -> Iterator[IntArray]:
    """Columns of each tile of a unit."""
    key = scale_key(unit, chip)
    for value in dict.fromkeys(key.tolist()):
        columns = np.flatnonzero(key == value).astype(np.int64)
        if unit.diagonal:
            yield from _even(columns, _add_columns(unit, chip))
        elif unit.weights[columns].any(axis=0).sum() <= chip.core.axons:
            yield from _even(columns, chip.core.neurons)
        else:
            yield from _sparse(unit, columns, chip)


def _even(columns: IntArray, most: int) -> Iterator[IntArray]:
    yield from np.array_split(columns, -(-len(columns) // most))


def _add_columns(unit: Unit, chip: Chip) -> int:
    fan_in = len(unit.sources)
    if fan_in > chip.core.axons:
        raise _too_wide(unit, fan_in, chip)
    return min(chip.core.axons // fan_in, chip.core.neurons)


def _sparse(unit: Unit, columns: IntArray, chip: Chip) -> Iterator[IntArray]:
    """Columns in order, a new tile wherever the rows in use would exceed the axons."""
    used = np.zeros(unit.weights.shape[1], dtype=np.bool_)
    start = 0
    for i, column in enumerate(columns):
        rows = unit.weights[column] != 0
        if rows.sum() > chip.core.axons:
            raise _too_wide(unit, int(rows.sum()), chip)
        if (used | rows).sum() > chip.core.axons or i - start == chip.core.neurons:
            yield columns[start:i]
            used[:] = False
            start = i
        used |= rows
    yield columns[start:]


def _block(unit: Unit, columns: IntArray) -> tuple[IntArray, AnyArray]:
    """Sources and int16 weights of some columns, without rows that are zero."""
    weights: AnyArray
    if unit.diagonal:
        k, n = len(unit.sources), len(columns)
        sources = unit.sources[:, columns].reshape(-1)
        weights = np.zeros((k * n, n), dtype=np.int16)
        weights[np.arange(k * n), np.tile(np.arange(n), k)] = unit.weights[:, columns].reshape(-1)
    else:
        sources = unit.sources
        weights = unit.weights[columns].T.astype(np.int16)
    return without_zero_rows(sources, weights)


def without_zero_rows(sources: IntArray, weights: AnyArray) -> tuple[IntArray, AnyArray]:
    """Leave out the rows that no neuron uses, but one: neurons that only have a bias still sit in a crossbar."""
    used: AnyArray = np.asarray(weights.any(axis=1))
    used[0] |= not used.any()
    return sources[used], np.ascontiguousarray(weights[used])


def _too_wide(unit: Unit, fan_in: int, chip: Chip) -> CapacityError:
    return CapacityError(
        f"a neuron of {unit.neuron.name!r} has {fan_in} inputs, a core of {chip.name} has {chip.core.axons} axons",
        where=f"mapping, layer {unit.neuron.origin!r}",
        fix=f"split the layer under a fan-in of {chip.core.axons} first, or take a core with {fan_in} axons",
    )
