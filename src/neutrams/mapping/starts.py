"""Placements to start a search from: assignment by spectral coordinates, recursive bisection, a random one."""

from collections import deque
from collections.abc import Iterator

import numpy as np
from scipy.optimize import linear_sum_assignment

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.mapping.spectral import Graph, part_of, spectral_axes

TURNS = ((1, 0), (12, 5), (1, 1), (5, 12))
"""Directions in which coordinates are turned, 0 to 67 degrees; whole numbers are the same on every machine."""

MOST_ASSIGNED = 1200
"""Tiles that an assignment takes; its time grows with their cube [count]."""

SMALLEST, MOST_PARTS = 8, 256
"""Tiles that are not split further, and parts beyond which none is [count]."""

FEW, MANY = 4, 12
"""Filters of `spectral.spectral_axes` [count]: many suit traffic like a sheet, few suit traffic in strands."""


def starts(position: FloatArray, graph: Graph, effort: int, seed: int) -> Iterator[IntArray]:
    """Yield int64 ``[tiles]`` each, the slot of every tile, of as many slots as tiles; the random one comes last.

    Args:
        position: float64 ``[tiles, axes]``, where the slots are; one axis where they have an order only.
        graph: The traffic of `mapping.traffic.neighbours`.
        effort: 1 … 3; bisection from 2 on, or where there are too many tiles for an assignment.
        seed: Of the random ones.
    """
    tiles = len(position)
    if tiles > 2 and len(graph[1]):
        if effort > 1 or tiles > MOST_ASSIGNED:
            yield bisected(position, graph, seed)
        if tiles <= MOST_ASSIGNED:
            for filters in (FEW, MANY):
                axes = spectral_axes(graph, position.shape[1], seed, filters)
                yield from (
                    assigned(position, turned(axes, turn)) for turn in TURNS[: 1 if axes.shape[1] == 1 else None]
                )
    yield np.random.default_rng(seed).permutation(tiles)


def turned(axes: FloatArray, turn: tuple[int, int]) -> FloatArray:
    """Turn coordinates in the plane: the two slowest modes of a square are as slow, so they come turned at random."""
    if axes.shape[1] == 1:
        return axes
    (a, b), (x, y) = turn, axes.T
    return np.stack([a * x - b * y, b * x + a * y], axis=1)


def assigned(position: FloatArray, axes: FloatArray) -> IntArray:
    """Give the tiles the slots nearest to where their coordinates ``axes``, ranked along each, would have them.

    The assignment with the least sum of squares (Crouse 2016, doi 10.1109/TAES.2016.140952), of whole numbers.
    """
    wanted = _ranks(axes)
    cost = np.zeros((len(position), len(position)))
    for have, want in zip(_ranks(position).T, wanted.T, strict=True):
        cost += np.square(want[:, None] - have[None]).astype(np.float64)
    return linear_sum_assignment(cost)[1].astype(np.int64)


def _ranks(values: FloatArray) -> IntArray:
    """Ranks along each axis; equal values share one."""
    return np.stack([np.searchsorted(np.sort(axis), axis) for axis in values.T], axis=1).astype(np.int64)


def bisected(position: FloatArray, graph: Graph, seed: int) -> IntArray:
    """Split tiles by their slowest mode and slots across their longer side, again and again.

    Which half of the tiles goes to which half of the slots, the traffic with all others decides (Dunlop and Kernighan
    1985, doi 10.1109/TCAD.1985.1270101).

    References:
        Pothen, Simon and Liou (1990), Partitioning sparse matrices with eigenvectors of graphs. doi 10.1137/0611030
    """
    start, other, weight = graph
    row = np.repeat(np.arange(len(position)), np.diff(start))
    every, slot = np.arange(len(position)), np.zeros(len(position), dtype=np.int64)
    centre = np.zeros_like(position)  # of the slots each tile may still get
    waiting = deque([(every, every)])
    while waiting:
        tiles, slots = waiting.popleft()
        axis = int(np.argmax(np.ptp(position[slots], axis=0)))
        slots = slots[np.argsort(position[slots, axis], kind="stable")]
        mode = spectral_axes(part_of(graph, tiles), 1, seed, FEW)[:, 0]
        pull = np.bincount(row, weights=weight * (centre[other, axis] - centre[row, axis]), minlength=len(slot))[tiles]
        tiles = tiles[np.argsort(mode if np.cumsum(mode * pull)[-1] >= 0 else -mode, kind="stable")]
        if len(tiles) <= max(SMALLEST, len(every) // MOST_PARTS):
            slot[tiles] = slots
            continue
        half = len(tiles) // 2
        for part in (slice(None, half), slice(half, None)):
            centre[tiles[part]] = position[slots[part]].mean(axis=0)
            waiting.append((tiles[part], slots[part]))
    return slot
