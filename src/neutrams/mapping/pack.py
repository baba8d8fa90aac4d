"""Put tiles that start in the same tick side by side on one crossbar: first fit, largest first."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware import Chip
from neutrams.mapping.partition import Tile, scale_key, without_zero_rows
from neutrams.mapping.units import Units

Row = tuple[int, int]
"""A signal, and how many rows of the tile before read it too."""


@dataclass
class _Bin:
    tiles: list[int] = field(default_factory=list)
    rows: set[Row] = field(default_factory=set)
    columns: int = 0


def pack_tiles(tiles: Sequence[Tile], units: Units, chip: Chip) -> list[Tile]:
    """Return fewer tiles: block-diagonal unions; an axon that several blocks read is one row.

    Tiles go together only when they have the same level and, on a chip with one scale a core, the same scale.
    """
    scales = np.concatenate([np.zeros(units.channels, dtype=np.int64), *(scale_key(u, chip) for u in units.units)])
    kinds: dict[tuple[int, int], list[int]] = {}
    for i, tile in enumerate(tiles):
        kinds.setdefault((tile.level, int(scales[tile.signals[0]])), []).append(i)
    rows = [row_keys(tile.sources) for tile in tiles]
    bins = [b for members in kinds.values() for b in _first_fit(members, tiles, rows, chip)]
    bins.sort(key=lambda b: min(b.tiles))
    return [_union([tiles[i] for i in sorted(b.tiles)]) for b in bins]


def row_keys(sources: IntArray) -> list[Row]:
    """Name each row by its signal and how often that occurred before."""
    seen: dict[int, int] = {}
    keys: list[Row] = []
    for source in sources.tolist():
        seen[source] = seen.get(source, -1) + 1
        keys.append((source, seen[source]))
    return keys


def _first_fit(members: Sequence[int], tiles: Sequence[Tile], rows: Sequence[list[Row]], chip: Chip) -> list[_Bin]:
    bins: list[_Bin] = []
    for i in sorted(members, key=lambda i: (-tiles[i].weights.size, i)):
        columns = len(tiles[i].signals)
        for b in bins:
            fits = b.columns + columns <= chip.core.neurons
            if fits and len(b.rows.union(rows[i])) <= chip.core.axons:
                break
        else:
            b = _Bin()
            bins.append(b)
        b.tiles.append(i)
        b.rows.update(rows[i])
        b.columns += columns
    return bins


def _union(tiles: Sequence[Tile]) -> Tile:
    if len(tiles) == 1:
        return tiles[0]
    index: dict[Row, int] = {}
    places = [[index.setdefault(key, len(index)) for key in row_keys(tile.sources)] for tile in tiles]
    weights = np.zeros((len(index), sum(len(tile.signals) for tile in tiles)), dtype=np.int16)
    column = 0
    for tile, place in zip(tiles, places, strict=True):
        weights[place, column : column + len(tile.signals)] = tile.weights
        column += len(tile.signals)
    sources, weights = without_zero_rows(np.array([source for source, _ in index], dtype=np.int64), weights)
    return Tile(
        sources=sources,
        weights=weights,
        signals=np.concatenate([tile.signals for tile in tiles]),
        units=tuple(sorted({unit for tile in tiles for unit in tile.units})),
        level=tiles[0].level,
    )
