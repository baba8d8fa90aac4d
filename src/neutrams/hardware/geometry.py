"""Where cores stand on a board and how a flit gets from one to another: a function of the chip alone."""

from dataclasses import dataclass
from math import isqrt

import numpy as np
import numpy.typing as npt

from neutrams.base.arrays import IntArray
from neutrams.hardware.chip import Chip

Cores = IntArray | int
"""Core numbers: an int or an int64 array of any shape; results broadcast as NumPy does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Cores numbered chip by chip, core = chip * rows * columns + row * columns + column; chips in a near-square grid.

    Chip n stands at (n mod side, n // side), side = ceil(sqrt(chips)); the last row of chips may be incomplete.
    Numbers and positions depend on the chip file only, never on how many cores a program uses.

    Attributes:
        rows: Rows of cores on one chip [count].
        columns: Columns of cores on one chip [count].
        chips: Chips the board may have [count].
        topology: ``mesh`` (neighbours are joined) or ``bus`` (every two cores are joined).
    """

    rows: int
    columns: int
    chips: int
    topology: str

    @classmethod
    def of(cls, chip: Chip) -> "Board":
        """Return the board a chip description speaks of."""
        board = chip.board
        return cls(rows=board.rows, columns=board.columns, chips=board.chips, topology=board.topology)

    @property
    def cores_per_chip(self) -> int:
        """Cores on one chip [count]."""
        return self.rows * self.columns

    @property
    def cores(self) -> int:
        """Cores on the whole board, dead ones included [count]."""
        return self.cores_per_chip * self.chips

    @property
    def side(self) -> int:
        """Chips in one row of the grid [count]."""
        return isqrt(self.chips - 1) + 1

    @property
    def width(self) -> int:
        """Cores in one full row of the board [count]."""
        return self.side * self.columns

    @property
    def height(self) -> int:
        """Rows of cores on the board, the incomplete ones included [count]."""
        return -(-self.chips // self.side) * self.rows

    def chips_needed(self, cores: int) -> int:
        """Fewest chips that hold ``cores`` cores [count]."""
        return -(-cores // self.cores_per_chip)

    def chip_of(self, core: Cores) -> IntArray:
        """Number of the chip a core is on."""
        return np.asarray(core, dtype=np.int64) // self.cores_per_chip

    def same_chip(self, a: Cores, b: Cores) -> npt.NDArray[np.bool_]:
        """Whether two cores are on one chip."""
        return np.asarray(self.chip_of(a) == self.chip_of(b))

    def position(self, core: Cores) -> tuple[IntArray, IntArray]:
        """(x, y) of a core on the board, counted in cores from the corner of core 0."""
        chip, inside = np.divmod(np.asarray(core, dtype=np.int64), self.cores_per_chip)
        chip_y, chip_x = np.divmod(chip, self.side)
        row, column = np.divmod(inside, self.columns)
        return chip_x * self.columns + column, chip_y * self.rows + row

    def core_at(self, x: Cores, y: Cores) -> IntArray:
        """Number of the core at (x, y); -1 where there is none."""
        x, y = np.asarray(x, dtype=np.int64), np.asarray(y, dtype=np.int64)
        chip_x, column = np.divmod(x, self.columns)
        chip_y, row = np.divmod(y, self.rows)
        chip = chip_y * self.side + chip_x
        there = (chip_x >= 0) & (chip_x < self.side) & (chip_y >= 0) & (chip < self.chips)
        return np.where(there, chip * self.cores_per_chip + row * self.columns + column, -1)

    def hops(self, a: Cores, b: Cores) -> IntArray:
        """Links on the path from ``a`` to ``b``; 0 where they are the same core."""
        if self.topology == "bus":
            return np.asarray(np.not_equal(a, b), dtype=np.int64)
        ax, ay = self.position(a)
        bx, by = self.position(b)
        return np.asarray(np.abs(ax - bx) + np.abs(ay - by))

    def path(self, a: int, b: int) -> tuple[int, ...]:
        """Cores a flit passes from ``a`` to ``b``, both included.

        Mesh: dimension order, x before y; but y before x on the way out of a last row of chips that is incomplete,
        where the corner could be missing. Paths from one core never part and meet again, and no turn from growing y
        into x is made, so the routing is free of deadlock. Bus: ``(a, b)``.
        """
        if a == b:
            return (a,)
        if self.topology == "bus":
            return (a, b)
        (ax, ay), (bx, by) = self._point(a), self._point(b)
        across, along = _span(ax, bx), _span(ay, by)
        full_rows = self.chips // self.side * self.rows
        if by < full_rows <= ay:
            points = [(ax, y) for y in along] + [(x, by) for x in across[1:]]
        else:
            points = [(x, ay) for x in across] + [(bx, y) for y in along[1:]]
        xs, ys = np.array(points, dtype=np.int64).T
        return tuple(int(core) for core in self.core_at(xs, ys))

    def before(self, a: Cores, b: Cores) -> IntArray:
        """The last core but one on `path` from ``a`` to ``b``; -1 where they are the same core."""
        (ax, ay), (bx, by) = self.position(a), self.position(b)
        y_first = (by < self.chips // self.side * self.rows) & (ay >= self.chips // self.side * self.rows)
        last_in_x = (ax != bx) & (y_first | (ay == by))
        x = np.where(last_in_x, bx - np.sign(bx - ax), bx)
        y = np.where(last_in_x, by, by - np.sign(by - ay))
        entered = np.asarray(a, dtype=np.int64) if self.topology == "bus" else self.core_at(x, y)
        return np.where(np.equal(a, b), -1, entered)

    def _point(self, core: int) -> tuple[int, int]:
        x, y = self.position(core)
        return int(x), int(y)


def _span(start: int, stop: int) -> range:
    """Integers from ``start`` to ``stop``, both included, in either direction."""
    step = 1 if stop >= start else -1
    return range(start, stop + step, step)
