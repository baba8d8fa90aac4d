"""Mesh, torus and ring: routers in rows and columns, ways in dimension order."""

from dataclasses import dataclass
from math import isqrt

import numpy as np

from neutrams.base.arrays import BoolArray, IntArray
from neutrams.hardware.ways import Routers, Ways


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid(Ways):
    """Chips side by side, each a rectangle of routers; neighbours are joined.

    Ways go in x first, then in y; but y before x on the way out of a last row of chips that is incomplete, where the
    corner could be missing. No turn from growing y into x is made, so a mesh is free of deadlock. Where the grid wraps
    around, the shorter way is taken, and of two equally long ones that which does not wrap; a flit that has wrapped
    around in x (or y) takes channels of class 2 along x (or y), others of class 1, so that no class is used all around
    (Dally and Seitz 1987).

    Attributes:
        chip_width: Columns of routers on a chip [count].
        chip_height: Rows of routers on a chip [count].
        chips: Chips [count].
        side: Chips in a full row [count].
        wraps: Whether the last router of a row or column is joined with the first; then all rows of chips are full.
    """

    chip_width: int
    chip_height: int
    chips: int
    side: int
    wraps: bool

    @property
    def routers(self) -> int:
        """How many routers there are [count]."""
        return self.chip_width * self.chip_height * self.chips

    @property
    def class_count(self) -> int:
        """Classes of virtual channels that keep the ways free of deadlock [count]."""
        return 2 if self.wraps else 1

    @property
    def width(self) -> int:
        """Routers in one full row [count]."""
        return self.side * self.chip_width

    @property
    def height(self) -> int:
        """Rows of routers, the incomplete ones included [count]."""
        return -(-self.chips // self.side) * self.chip_height

    @property
    def full_rows(self) -> int:
        """Rows of routers in full rows of chips [count]."""
        return self.chips // self.side * self.chip_height

    def chip(self, router: Routers) -> IntArray:
        """Number of the chip a router is on."""
        return np.asarray(router, dtype=np.int64) // (self.chip_width * self.chip_height)

    def position(self, router: Routers) -> tuple[IntArray, IntArray]:
        """(x, y) of a router, counted in routers from router 0."""
        chip, inside = np.divmod(np.asarray(router, dtype=np.int64), self.chip_width * self.chip_height)
        chip_y, chip_x = np.divmod(chip, self.side)
        row, column = np.divmod(inside, self.chip_width)
        return chip_x * self.chip_width + column, chip_y * self.chip_height + row

    def at(self, x: Routers, y: Routers) -> IntArray:
        """Number of the router at (x, y); -1 where there is none."""
        x, y = np.asarray(x, dtype=np.int64), np.asarray(y, dtype=np.int64)
        chip_x, column = np.divmod(x, self.chip_width)
        chip_y, row = np.divmod(y, self.chip_height)
        chip = chip_y * self.side + chip_x
        there = (chip_x >= 0) & (chip_x < self.side) & (chip_y >= 0) & (chip < self.chips)
        return np.where(there, chip * self.chip_width * self.chip_height + row * self.chip_width + column, -1)

    def steps(self, a: Routers, b: Routers) -> tuple[IntArray, IntArray]:
        """Steps along x and y from ``a`` to ``b``, negative to the left and down."""
        (ax, ay), (bx, by) = self.position(a), self.position(b)
        return self._around(bx - ax, self.width), self._around(by - ay, self.height)

    def joined(self, a: Routers, b: Routers) -> BoolArray:
        """Whether there is a link between two routers."""
        return np.asarray(self.hops(a, b) == 1)

    def hops(self, a: Routers, b: Routers) -> IntArray:
        """Links on the way from ``a`` to ``b`` [count]."""
        x, y = self.steps(a, b)
        return np.asarray(np.abs(x) + np.abs(y))

    def before(self, a: Routers, b: Routers) -> IntArray:
        """Last router but one on the way from ``a`` to ``b``; -1 where they are one."""
        (x, y), (_, ay) = self.position(b), self.position(a)
        across, along = self.steps(a, b)
        y_first = (y < self.full_rows) & (ay >= self.full_rows)
        last_in_x = (across != 0) & (y_first | (along == 0))
        x = np.where(last_in_x, x - np.sign(across), x)
        y = np.where(last_in_x, y, y - np.sign(along))
        if self.wraps:
            x, y = x % self.width, y % self.height
        return np.where(np.equal(a, b), -1, self.at(x, y))

    def borders(self, a: Routers, b: Routers) -> IntArray:
        """How many of the links on the way from ``a`` to ``b`` join two chips [count]."""
        found = np.zeros((), dtype=np.int64)
        for begin, steps, size in zip(
            self.position(a), self.steps(a, b), (self.chip_width, self.chip_height), strict=True
        ):
            found = found + np.abs((begin + steps) // size - begin // size)
        if self.wraps:  # around a single chip, the first router is joined with the last of the same chip
            x, y = self.steps(a, b)
            (ax, ay) = self.position(a)
            found -= (self.side == 1) * ((ax + x) // self.width != 0)
            found -= (self.height == self.chip_height) * ((ay + y) // self.height != 0)
        return np.asarray(found)

    def channel(self, root: IntArray, start: IntArray, stop: IntArray) -> IntArray:
        """Class of the channels of a link: 2 where what comes from ``root`` has wrapped around in its direction."""
        if not self.wraps:
            return np.ones_like(stop)
        x, y = (begin + steps for begin, steps in zip(self.position(root), self.steps(root, stop), strict=True))
        in_x = self.position(start)[1] == self.position(stop)[1]
        return np.asarray(1 + np.where(in_x, x // self.width != 0, y // self.height != 0))

    def _around(self, steps: IntArray, size: int) -> IntArray:
        if not self.wraps:
            return steps
        return np.where(2 * np.abs(steps) > size, steps - np.sign(steps) * size, steps)


def near_square(chips: int) -> int:
    """Chips in one row of a grid of ``chips`` as square as possible; the last row may be incomplete [count]."""
    return isqrt(chips - 1) + 1
