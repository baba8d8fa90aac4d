"""Put tiles that start in the same tick side by side on one crossbar: first fit, largest first."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.hardware import Chip
from neutrams.mapping.partition import Tile, scale_key
from neutrams.mapping.units import Units

Row = tuple[int, int]
"""A signal, and how many rows of the tile before read it too."""

Kind = tuple[int, int, int]
"""Level, lag and scale: tiles of one kind may share a core."""


@dataclass
class _Bin:
    tiles: list[int] = field(default_factory=list)
    rows: set[Row] = field(default_factory=set)
    columns: int = 0
    synapses: int = 0


BINS = 256
"""Cores begun last that a tile may still join [count]."""


def pack_tiles(tiles: Sequence[Tile], units: Units, chip: Chip) -> list[Tile]:
    """Return fewer tiles: block-diagonal unions; an axon that several blocks read is one row.

    Tiles go together only when they have the same level and, on a chip with one scale a core, the same scale. Of units
    with many places only tiles that fill less than half a core take part, and where a core serves several tiles of one
    weight block only those with a block of their own.
    """
    scales = [scale_key(unit, chip) for unit in units.units]
    shared = Counter(id(tile.weights) for tile in tiles)
    kinds: dict[Kind, list[int]] = {}
    bins: list[_Bin] = []
    for i, tile in enumerate(tiles):
        unit = units.units[tile.units[0]]
        rows, columns = tile.weights.shape
        small = unit.places == 1 or (2 * rows <= chip.core.axons and 2 * columns <= chip.core.neurons)
        if small and (chip.board.virtual_tiles == 1 or shared[id(tile.weights)] == 1):
            kinds.setdefault(kind_of(tile, units, scales), []).append(i)
        else:
            bins.append(_Bin(tiles=[i]))
    bins += [b for members in kinds.values() for b in _first_fit(members, tiles, chip)]
    bins.sort(key=lambda b: min(b.tiles))
    return [_union([tiles[i] for i in sorted(b.tiles)]) for b in bins]


def kind_of(tile: Tile, units: Units, scales: Sequence[IntArray]) -> Kind:
    """Return the kind of a tile; ``scales`` are the `scale_key` of every unit."""
    unit = units.units[tile.units[0]]
    channel = (int(tile.signals[0]) - unit.first) // unit.places
    return tile.level, tile.lag, int(scales[tile.units[0]][channel])


def row_keys(sources: IntArray) -> list[Row]:
    """Name each row by its signal and how often that occurred before."""
    seen: dict[int, int] = {}
    keys: list[Row] = []
    for source in sources.tolist():
        seen[source] = seen.get(source, -1) + 1
        keys.append((source, seen[source]))
    return keys


def _first_fit(members: Sequence[int], tiles: Sequence[Tile], chip: Chip) -> list[_Bin]:
    bins: list[_Bin] = []
    rows = {i: row_keys(tiles[i].sources) for i in members}
    for i in sorted(members, key=lambda i: (-tiles[i].weights.size, i)):
        columns = len(tiles[i].signals)
        for b in bins[-BINS:]:
            if b.columns + columns <= chip.core.neurons and _holds(chip, b, tiles[i], rows[i]):
                break
        else:
            b = _Bin()
            bins.append(b)
        b.tiles.append(i)
        b.rows.update(rows[i])
        b.columns += columns
        b.synapses += int(np.count_nonzero(tiles[i].weights))
    return bins


def _holds(chip: Chip, b: _Bin, tile: Tile, rows: Sequence[Row]) -> bool:
    """Whether a core with ``b`` has axons and synapse memory for ``tile`` as well."""
    joined = len(b.rows.union(rows))
    synapses = joined * (b.columns + len(tile.signals))
    if chip.core.synapses == "list":
        synapses = b.synapses + int(np.count_nonzero(tile.weights))
    return joined <= chip.core.axons and synapses <= chip.core.synapse_limit


def _union(tiles: Sequence[Tile]) -> Tile:
    if len(tiles) == 1:
        return tiles[0]
    index: dict[Row, int] = {}
    places = [[index.setdefault(key, len(index)) for key in row_keys(tile.sources)] for tile in tiles]
    kind = np.result_type(*(tile.weights for tile in tiles))
    weights = np.zeros((len(index), sum(len(tile.signals) for tile in tiles)), dtype=kind)
    column = 0
    for tile, place in zip(tiles, places, strict=True):
        weights[place, column : column + len(tile.signals)] = tile.weights
        column += len(tile.signals)
    used: AnyArray = np.asarray(weights.any(axis=1))
    used[0] |= not used.any()
    return Tile(
        sources=np.array([source for source, _ in index], dtype=np.int64)[used],
        weights=np.ascontiguousarray(weights[used]),
        signals=np.concatenate([tile.signals for tile in tiles]),
        units=tuple(sorted({unit for tile in tiles for unit in tile.units})),
        level=tiles[0].level,
        lag=tiles[0].lag,
    )
