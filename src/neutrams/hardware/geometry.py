"""Where cores and routers stand on a board and how a flit gets from one to another: a function of the chip alone."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from neutrams.base.arrays import BoolArray, IntArray
from neutrams.hardware.detours import Detours, detours_of
from neutrams.hardware.graphs import graph_of, read_links
from neutrams.hardware.grids import Grid, near_square
from neutrams.hardware.trees import FatTree, Tree
from neutrams.hardware.ways import Bus, Routers, Ways

if TYPE_CHECKING:
    from neutrams.hardware.chip import Chip

Cores = IntArray | int
"""Core numbers: an int or an int64 array of any shape; results broadcast as NumPy does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Cores numbered chip by chip, core = chip * rows * columns + row * columns + column, and the routers they are at.

    Each ``cores_per_router`` cores that follow one another in a row share router core // cores_per_router; routers
    without a core, of trees and graphs, are numbered from there on. Chips are in a near-square grid: chip n stands at
    (n mod side, n // side), side = ceil(sqrt(chips)); the last row of chips may be incomplete. Numbers and positions
    depend on the chip file only, never on how many cores a program uses.

    Attributes:
        rows: Rows of cores on one chip [count].
        columns: Columns of cores on one chip [count].
        chips: Chips the board may have [count].
        topology: How routers are joined: see `neutrams.hardware.chip.BoardSpec`.
        cores_per_router: Cores of one router [count].
        arity: Children of a router in a tree [count].
        links: Links of a graph, as in the chip file.
        dead_links: Links that do not work, likewise.
    """

    rows: int
    columns: int
    chips: int
    topology: str
    cores_per_router: int = 1
    arity: int = 4
    links: tuple[str, ...] = ()
    dead_links: tuple[str, ...] = ()

    @classmethod
    def of(cls, chip: "Chip") -> "Board":
        """Return the board a chip description speaks of."""
        board = chip.board
        return cls(
            rows=board.rows,
            columns=board.columns,
            chips=board.chips,
            topology=board.topology,
            cores_per_router=board.cores_per_router,
            arity=board.arity,
            links=board.links,
            dead_links=board.dead_links,
        )

    @property
    def ways(self) -> Ways:
        """The routers and the ways between them."""
        return _ways(self)

    @property
    def cores_per_chip(self) -> int:
        """Cores on one chip [count]."""
        return self.rows * self.columns

    @property
    def cores(self) -> int:
        """Cores on the whole board, dead ones included [count]."""
        return self.cores_per_chip * self.chips

    @property
    def routers(self) -> int:
        """Routers on the whole board, those without a core included [count]."""
        return self.ways.routers

    @property
    def side(self) -> int:
        """Chips in one row of the grid [count]."""
        return near_square(self.chips)

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

    def router_of(self, core: Cores) -> IntArray:
        """Number of the router a core is at."""
        return np.asarray(core, dtype=np.int64) // self.cores_per_router

    def position(self, core: Cores) -> tuple[IntArray, IntArray]:
        """(x, y) of a core on the board, counted in cores from the corner of core 0."""
        return self._places.position(core)

    def core_at(self, x: Cores, y: Cores) -> IntArray:
        """Number of the core at (x, y); -1 where there is none."""
        return self._places.at(x, y)

    def same_chip(self, a: Routers, b: Routers) -> BoolArray:
        """Whether two routers are on one chip; one without a core is where the core nearest to it is."""
        return np.asarray(self.ways.chip(a) == self.ways.chip(b))

    def hops(self, a: Routers, b: Routers) -> IntArray:
        """Links on the way from router ``a`` to ``b``, both with cores; 0 where they are the same."""
        return self.ways.hops(a, b)

    def before(self, a: Routers, b: Routers) -> IntArray:
        """The last router but one on `path` from ``a``, which has cores, to ``b``; -1 where they are the same."""
        return self.ways.before(a, b)

    def path(self, a: int, b: int) -> tuple[int, ...]:
        """Routers a flit passes from router ``a``, which has cores, to ``b``, both included.

        Paths from one router never part and meet again, and all together are free of deadlock: see the topology's own
        description (`grids.Grid`, `trees.Tree`, `trees.FatTree`, `graphs.Graph`). Bus: ``(a, b)``.
        """
        found = [b]
        while found[-1] != a:
            found.append(int(self.before(a, found[-1])))
        return tuple(reversed(found))

    def follows(self, root: Routers, above: Routers, start: Routers, stop: Routers) -> BoolArray:
        """Whether what ``root`` sends may go on from ``start``, entered from ``above`` (-1: the root), to ``stop``.

        On a mesh without dead links to any neighbour but back, and out of a link along growing y only along y again:
        then there is no deadlock (turn model "north-last", Glass and Ni 1992, doi 10.1145/146628.140384). Elsewhere
        along `path`.
        """
        grid = self.ways
        if self.topology != "mesh" or not isinstance(grid, Grid):
            return np.asarray(self.before(root, stop) == start)
        rose = np.not_equal(above, -1) & (grid.position(start)[1] > grid.position(above)[1])
        there = grid.joined(start, stop) & np.not_equal(stop, above)
        return np.asarray(there & ~(rose & (grid.position(stop)[1] <= grid.position(start)[1])))

    def along_y(self, a: Routers, b: Routers) -> BoolArray:
        """Whether the link between two neighbouring routers goes along y of a mesh or torus."""
        if self.topology not in ("mesh", "torus"):
            return np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b)), dtype=np.bool_)
        grid = self.ways.base if isinstance(self.ways, Detours) else self.ways
        assert isinstance(grid, Grid)
        return np.asarray(grid.position(a)[0] == grid.position(b)[0])

    def slowness(self, a: Routers, b: Routers) -> IntArray:
        """How many times as long as others the link between two neighbouring routers takes; more than 1 in graphs."""
        if not self.links:
            return np.ones(np.broadcast_shapes(np.shape(a), np.shape(b)), dtype=np.int64)
        links = read_links(self.links)
        key, factor = links[:, 0] * self.routers + links[:, 1], links[:, 2]
        order = np.argsort(key)
        place = np.searchsorted(key[order], np.minimum(a, b) * self.routers + np.maximum(a, b))
        return np.asarray(factor[order[np.minimum(place, len(order) - 1)]])

    @property
    def _places(self) -> Grid:
        return Grid(chip_width=self.columns, chip_height=self.rows, chips=self.chips, side=self.side, wraps=False)


@lru_cache(maxsize=16)
def _ways(board: Board) -> Ways:
    per_chip = board.cores_per_chip // board.cores_per_router
    leaves = per_chip * board.chips
    if board.dead_links:
        return detours_of(_ways(replace(board, dead_links=())), board.dead_links, leaves)
    match board.topology:
        case "bus":
            return Bus(per_chip=per_chip, chips=board.chips)
        case "ring":
            return Grid(chip_width=per_chip, chip_height=1, chips=board.chips, side=board.chips, wraps=True)
        case "tree":
            return Tree(leaves=leaves, arity=board.arity, per_chip=per_chip)
        case "fat_tree":
            return FatTree(leaves=leaves, arity=board.arity, per_chip=per_chip)
        case "graph":
            return graph_of(read_links(board.links), leaves, per_chip, board.cores_per_router)
    width = board.columns // board.cores_per_router
    return Grid(
        chip_width=width,
        chip_height=board.rows,
        chips=board.chips,
        side=board.side,
        wraps=board.topology == "torus",
    )
