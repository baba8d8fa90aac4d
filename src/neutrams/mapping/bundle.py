"""Time-multiplexing: tiles of one weight block and start tick share a core, as many as it serves in a tick."""

from collections.abc import Sequence

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.mapping.loads import narrow
from neutrams.mapping.partition import Tile


def distinct_blocks(tiles: Sequence[Tile]) -> tuple[tuple[AnyArray, ...], IntArray]:
    """Return the distinct weight blocks, int8 where they fit, and int64 ``[tiles]`` which one each tile holds."""
    index: dict[tuple[object, ...], int] = {}
    blocks: list[AnyArray] = []
    numbers: dict[int, int] = {}  # tiles share arrays, and each array is compared once
    for tile in tiles:
        if id(tile.weights) in numbers:
            continue
        small = tile.weights.astype(narrow(tile.weights), copy=False)
        key = (small.dtype.str, small.shape, small.tobytes())
        if key not in index:
            index[key] = len(blocks)
            blocks.append(small)
        numbers[id(tile.weights)] = index[key]
    return tuple(blocks), np.array([numbers[id(tile.weights)] for tile in tiles], dtype=np.int64)


def bundle_tiles(block: IntArray, starts: IntArray, most: int) -> IntArray:
    """Return int64 ``[tiles]``: which tiles share a core, numbered by their first tiles.

    Tiles that may share are spread evenly over as few cores as hold them.

    Args:
        block: int64 ``[tiles]``, the weight block of each.
        starts: int64 ``[tiles]``, its start tick.
        most: Tiles a core serves in a tick.
    """
    order = np.lexsort((starts, block))
    first = np.flatnonzero((np.diff(block[order], prepend=-1) != 0) | (np.diff(starts[order], prepend=-1) != 0))
    alike = np.diff(np.append(first, len(order)))
    cores = -(-alike // most)
    rank = np.arange(len(order)) - np.repeat(first, alike)
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.repeat(np.cumsum(cores) - cores, alike) + rank * np.repeat(cores, alike) // np.repeat(
        alike, alike
    )
    _, leader, place = np.unique(number, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(leader))[place].astype(np.int64)


def bundle_count(block: IntArray, starts: IntArray, counts: IntArray, most: int) -> int:
    """Return the cores that `bundle_tiles` takes where each tile is there ``counts`` times, int64 ``[tiles]``."""
    _, kind = np.unique(np.stack([block, starts]), axis=1, return_inverse=True)
    alike = np.zeros(len(block), dtype=np.int64)
    np.add.at(alike, kind.reshape(-1), counts)
    return int((-(-alike // most)).sum())
