"""Cut units into tiles that fit a core: patches of places x columns, or columns alone, balanced in size."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.mapping.loads import tile_loads
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


def cut_units(units: Units, levels: IntArray, chip: Chip) -> list[Tile]:
    """Return the tiles of every unit, in order; each row has a nonzero weight (except where a tile has no other row).

    Raises:
        CapacityError: A neuron has more inputs than a core has axons.
    """
    tiles: list[Tile] = []
    for number, unit in enumerate(units.units):
        for part, cut in cut_unit(unit, chip):
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


def cut_unit(unit: Unit, chip: Chip, one_place: bool = False) -> Iterator[tuple[Part, Cut]]:
    """Yield the parts of a unit that are cut in one way each, and how; see `tiling.best_cut`.

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
        for part in _sparse(whole, chip):
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


def _sparse(part: Part, chip: Chip) -> Iterator[Part]:
    """Columns of one group in order, a new part wherever the rows in use would exceed the axons."""
    unit, core = part.unit, chip.core
    most = core.axons if core.synapses == "list" else min(core.axons, core.synapse_limit)
    for group in part.groups:
        read = _read(unit, group)
        start, used = 0, np.zeros_like(read)
        for i, column in enumerate(part.columns):
            rows = (unit.weights[group, column] != 0) & read
            if rows.sum() > core.axons:
                raise _too_wide(unit, int(rows.sum()), chip)
            if rows.sum() > core.synapse_limit:
                raise _too_many_synapses(unit, int(rows.sum()), chip)
            if (used | rows).sum() > most or i - start == core.neurons:
                yield _some(part, group, part.columns[start:i], used)
                start, used = i, np.zeros_like(read)
            used = used | rows
        yield _some(part, group, part.columns[start:], used)


def _some(part: Part, group: int, columns: IntArray, used: AnyArray) -> Part:
    return Part(
        unit=part.unit, identity=part.identity, groups=np.array([group], dtype=np.int64), columns=columns,
        taps=np.flatnonzero(used),
    )  # fmt: skip


def _read(unit: Unit, group: int) -> AnyArray:
    """Bool ``[rows]``: which rows of a group read something at any place."""
    read = np.zeros(len(unit.tap), dtype=np.bool_)
    for start in range(0, unit.places, 4096):
        at = np.arange(start, min(start + 4096, unit.places))
        read |= (unit.sources(np.array([group]), at)[0] >= 0).any(axis=0)
    return read


def _too_many_synapses(unit: Unit, synapses: int, chip: Chip) -> CapacityError:
    held, bits = chip.core.synapse_limit, chip.core.synapse_memory_bits
    return CapacityError(
        f"a neuron of {unit.neuron.name!r} has {synapses} synapses, {bits} bits of a core of {chip.name} hold {held}",
        where=f"mapping, layer {unit.neuron.origin!r}",
        fix=f"split the layer under a fan-in of {held} first, or take fewer core.weight_bits or more "
        "core.synapse_memory_bits",
    )


def _too_wide(unit: Unit, fan_in: int, chip: Chip) -> CapacityError:
    return CapacityError(
        f"a neuron of {unit.neuron.name!r} has {fan_in} inputs, a core of {chip.name} has {chip.core.axons} axons",
        where=f"mapping, layer {unit.neuron.origin!r}",
        fix=f"split the layer under a fan-in of {chip.core.axons} first, or take a core with {fan_in} axons",
    )
