"""Cut units into tiles that fit a core: patches of places x columns, or columns alone, balanced in size."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.hardware import Chip
from neutrams.mapping.loads import tile_loads
from neutrams.mapping.sparse import sparse_parts
from neutrams.mapping.tiling import Cut, Part, axon_identity, best_cut
from neutrams.mapping.unit import Unit
from neutrams.mapping.units import Units


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tile:
    """What one crossbar will hold.

    Attributes:
        sources: int64 ``[rows]``, the signal each axon reads.
        weights: int8 or int16 ``[rows, columns]``; tiles with the same weights may share the array.
        signals: int64 ``[columns]``, the signal each neuron gives.
        units: Numbers of the units its columns are from.
        level: Earliest tick it may start; tiles of a unit share it.
        relay: Whether its neurons only repeat their signals one tick later.
        lag: How many steps back it reads: 1 where it repeats a state.
    """

    sources: IntArray
    weights: AnyArray
    signals: IntArray
    units: tuple[int, ...]
    level: int
    relay: bool = False
    lag: int = 0


def cut_units(units: Units, levels: IntArray, chip: Chip, *, effort: int = 0, seed: int = 0) -> list[Tile]:
    """Return the tiles of every unit, in order; each row has a nonzero weight (except where a tile has no other row).

    Raises:
        CapacityError: A neuron has more inputs than a core has axons.
    """
    tiles: list[Tile] = []
    for number, unit in enumerate(units.units):
        for part, cut in cut_unit(unit, chip, effort=effort, seed=seed):
            tiles += [
                Tile(
                    sources=sources,
                    weights=weights,
                    signals=signals,
                    units=(number,),
                    level=int(levels[number]),
                    lag=unit.lag,
                )
                for sources, weights, signals in tile_loads(part, cut)
            ]
    return tiles


def cut_unit(
    unit: Unit, chip: Chip, one_place: bool = False, *, effort: int = 0, seed: int = 0
) -> Iterator[tuple[Part, Cut]]:
    """Yield the parts of a unit that are cut in one way each, and how; see `tiling.best_cut`.

    Where one core has no axons for all that a few columns read together, columns are clustered: `sparse.sparse_parts`.

    Raises:
        CapacityError: A neuron has more inputs than a core has axons, or synapses than its memory holds.
    """
    identity = axon_identity(unit)
    for groups, columns in _alike(unit, chip):
        taps = np.flatnonzero(unit.weights[np.ix_(groups, columns)].any(axis=(0, 1)))
        whole = Part(unit=unit, identity=identity, groups=groups, columns=columns, taps=taps)
        cut = best_cut(whole, chip, one_place)
        if cut is not None:
            yield whole, cut
            continue
        for part in sparse_parts(whole, chip, effort, seed):
            cut = best_cut(part, chip, one_place)
            assert cut is not None, "its rows fit"
            yield part, cut


def scale_key(unit: Unit, chip: Chip) -> IntArray:
    """int64 ``[channels]``: neurons with different keys cannot share a core (one multiplier and shift a core)."""
    parameters = unit.neuron.parameters
    if chip.neuron.scale != "core" or "multiplier" not in parameters:
        return np.zeros(unit.channels, dtype=np.int64)
    return parameters["multiplier"] * 64 + parameters["shift"]


def _alike(unit: Unit, chip: Chip) -> Iterator[tuple[IntArray, IntArray]]:
    """Groups and columns of them that may share a core."""
    key = scale_key(unit, chip).reshape(unit.weights.shape[:2])
    for value in dict.fromkeys(key.reshape(-1).tolist()):
        forms: dict[bytes, list[int]] = {}
        for group, chosen in enumerate(key == value):
            forms.setdefault(chosen.tobytes(), []).append(group)
        for form, groups in forms.items():
            columns = np.flatnonzero(np.frombuffer(form, dtype=np.bool_))
            if len(columns):
                yield np.array(groups, dtype=np.int64), columns.astype(np.int64)
