"""How far apart cores are: links between them, those between chips counted by their energy."""

from typing import NamedTuple, Self

import numpy as np
from scipy.spatial import KDTree

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.hardware.geometry import Board
from neutrams.hardware.grids import Grid

BESIDE = 8
"""Slots that count as beside one: those around it on a grid [count]."""


class Metric(NamedTuple):
    """The distances between slots, as `kernels.placement.anneal` takes them.

    Attributes:
        place: int64 ``[slots, 2]`` on a mesh, x and y and ``crossing`` for each border before them; ``[slots, 4]``, (x,
            y, chip x, chip y), on a grid that wraps around; else int64 ``[slots, slots]``, the distances.
        around: int64 ``[4]``, where a grid wraps around, None where it does not; empty for distances.
        near: int64 ``[slots, n]``, slots beside each one, up to `BESIDE`; on a board of one slot itself.
        crossing: Hops a link between chips counts more.
    """

    place: AnyArray
    around: IntArray | None
    near: IntArray
    crossing: int

    @classmethod
    def of(cls, board: Board, slots: IntArray, crossing: int) -> Self:
        """Return the distances between cores ``slots``; where they depend on the direction, the longer."""
        routers, grid = board.router_of(slots), board.ways
        if not isinstance(grid, Grid):
            table = _distances(board, routers[:, None], routers[None], crossing)
            table = np.maximum(table, table.T)
            near = np.argsort(table, axis=1, kind="stable")[:, : BESIDE + 1]
            return cls(table, np.zeros(0, dtype=np.int64), _others(near), crossing)
        x, y = grid.position(routers)
        near = slots_beside(grid, np.stack([x, y], axis=1))
        if not grid.wraps:
            place = np.stack(grid_scale(grid, x, y, crossing), axis=1)
            return cls(np.ascontiguousarray(place), None, near, crossing)
        place = np.ascontiguousarray(np.stack([x, y, x // grid.chip_width, y // grid.chip_height], axis=1))
        chips = (grid.side, grid.height // grid.chip_height)
        around = np.array([grid.width, grid.height, *(n if n > 1 else 0 for n in chips)], dtype=np.int64)
        return cls(place, around, near, crossing)


def slots_beside(grid: Grid, place: IntArray) -> IntArray:
    """Return int64 ``[slots, n]``, for each the `BESIDE` nearest others, of slots at x, y int64 ``[slots, 2]``."""
    size = (grid.width, grid.height) if grid.wraps else None
    tree = KDTree(place, boxsize=size)  # type: ignore[arg-type]  # the stubs know no boxes of several sides
    _, found = tree.query(place, min(BESIDE + 1, len(place)), p=1)
    return _others(found.reshape(len(place), -1).astype(np.int64))


def grid_scale(grid: Grid, x: IntArray, y: IntArray, crossing: int) -> tuple[IntArray, IntArray]:
    """Columns and rows of a mesh as they count: ``crossing`` more for each border between chips before them."""
    return x + crossing * (x // grid.chip_width), y + crossing * (y // grid.chip_height)


def _others(near: IntArray) -> IntArray:
    """Leave each slot itself out of those that are near it; on routers of several cores it may not come first."""
    own = near == np.arange(len(near))[:, None]
    own[~own.any(axis=1), -1] = True
    kept = near[~own].reshape(len(near), -1)
    return np.ascontiguousarray(kept if kept.size else near)


def weighted_hops(board: Board, cores: IntArray, traffic: tuple[IntArray, IntArray], crossing: int) -> int:
    """Return the sum of traffic x distance for tiles on ``cores``; ``traffic`` as of `mapping.traffic.core_traffic`."""
    pairs, weights = traffic
    start, stop = board.router_of(cores)[pairs]
    return int((weights * _distances(board, start, stop, crossing)).sum())


def _distances(board: Board, a: IntArray, b: IntArray, crossing: int) -> IntArray:
    borders = board.ways.borders(a, b) if crossing and board.chips > 1 else 0
    return np.asarray(board.hops(a, b) + crossing * borders)
