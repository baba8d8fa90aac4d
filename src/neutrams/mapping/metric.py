"""How far apart cores are: links between them, those between chips counted by their energy."""

from typing import NamedTuple, Self

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.hardware.geometry import Board
from neutrams.hardware.grids import Grid


class Metric(NamedTuple):
    """The distances between slots, as `kernels.placement.improve` takes them.

    Attributes:
        place: int64 ``[slots, 4]``, (x, y, chip x, chip y) on a grid; else int64 ``[slots, slots]``, the distances.
        around: int64 ``[4]``, where a grid wraps around, None where it does not; empty for distances.
        crossing: Hops a link between chips counts more.
    """

    place: AnyArray
    around: IntArray | None
    crossing: int

    @classmethod
    def of(cls, board: Board, slots: IntArray, crossing: int) -> Self:
        """Return the distances between cores ``slots``; where they depend on the direction, the longer."""
        routers, grid = board.router_of(slots), board.ways
        if not isinstance(grid, Grid):
            table = _distances(board, routers[:, None], routers[None], crossing)
            return cls(np.maximum(table, table.T), np.zeros(0, dtype=np.int64), crossing)
        x, y = grid.position(routers)
        place = np.ascontiguousarray(np.stack([x, y, x // grid.chip_width, y // grid.chip_height], axis=1))
        chips = (grid.side, grid.height // grid.chip_height)
        around = np.array([grid.width, grid.height, *(n if n > 1 else 0 for n in chips)], dtype=np.int64)
        return cls(place, around if grid.wraps else None, crossing)


def weighted_hops(board: Board, cores: IntArray, traffic: tuple[IntArray, IntArray], crossing: int) -> int:
    """Return the sum of traffic x distance for tiles on ``cores``; ``traffic`` as of `mapping.traffic.core_traffic`."""
    pairs, weights = traffic
    start, stop = board.router_of(cores)[pairs]
    return int((weights * _distances(board, start, stop, crossing)).sum())


def _distances(board: Board, a: IntArray, b: IntArray, crossing: int) -> IntArray:
    borders = board.ways.borders(a, b) if crossing and board.chips > 1 else 0
    return np.asarray(board.hops(a, b) + crossing * borders)
