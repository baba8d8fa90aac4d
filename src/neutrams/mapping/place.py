"""Put each tile on a core so that traffic has short ways: good starts first, then seeded annealing."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.hardware import Chip
from neutrams.hardware.geometry import Board
from neutrams.hardware.grids import Grid
from neutrams.kernels.placement import anneal
from neutrams.mapping.annealing import CHANCES, plan, raised, tenants
from neutrams.mapping.metric import Metric, weighted_hops
from neutrams.mapping.orders import compact_cores, hilbert_order, sequential_cores, square_cores
from neutrams.mapping.starts import starts
from neutrams.mapping.traffic import TreeTraffic, neighbours
from neutrams.mapping.tree_search import TreeSearch

MOST_SLOTS = 2048
"""Cores that are searched where distances are a table: on trees and graphs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Candidates; the sequential order is always the last.

    Attributes:
        candidates: int64 ``[tiles]`` cores each.
    """

    candidates: tuple[IntArray, ...]


def place_tiles(
    chip: Chip,
    tiles: int,
    traffic: tuple[IntArray, IntArray],
    trees: TreeTraffic | None = None,
    *,
    effort: int = 1,
    seed: int = 0,
    start: IntArray | None = None,
    pins: IntArray | None = None,
) -> Placement:
    """Return placements of ``tiles`` on usable cores, one tile a core.

    The best of several starts is annealed on pairwise hops; then, on a mesh whose routers replicate, on the links of
    multicast trees.

    Args:
        chip: The chip; it has enough cores.
        tiles: How many.
        traffic: (pairs, weights) of `mapping.traffic.core_traffic`.
        trees: The flows of `mapping.traffic.tree_traffic`, where a word takes each link once.
        effort: 0 … 3, how many changes to try; few tiles get more (`mapping.annealing.raised`).
        seed: Of the search.
        start: int64 ``[tiles]`` cores to begin from, in place of the usual starts.
        pins: int64 ``[tiles]``, the core where a tile must be, each another one that works; -1: anywhere. None: all so.
    """
    board, effort = Board.of(chip), raised(effort, tiles)
    pins = np.full(tiles, -1, dtype=np.int64) if pins is None else pins
    sequential = pinned(sequential_cores(board, chip.board.dead_cores, tiles), pins)
    if board.topology == "bus":
        return Placement(candidates=(sequential,))
    search = _Search(chip, traffic, pins, seed, start)
    best = search.best(effort) if start is None else search.better(start)
    grid = board.ways
    if trees is None or not len(trees.root) or not effort or not isinstance(grid, Grid) or grid.wraps:
        return Placement(candidates=(best, sequential))
    slots = np.union1d(search.slots, best)
    by_trees = TreeSearch.of(grid, board.router_of(slots), trees, tiles, crossing_cost(chip))
    better, _ = by_trees.improved(np.searchsorted(slots, best), search.fixed, effort, seed)
    return Placement(candidates=(slots[better], best, sequential))


def pinned(cores: IntArray, pins: IntArray) -> IntArray:
    """Return a placement with pinned tiles on their cores; who was there takes the core that they leave.

    Args:
        cores: int64 ``[tiles]``, a placement.
        pins: As of `place_tiles`.
    """
    found = cores.copy()
    for tile in np.flatnonzero(pins >= 0).tolist():
        found[found == pins[tile]] = found[tile]
        found[tile] = pins[tile]
    return found


def crossing_cost(chip: Chip) -> int:
    """What a hop between chips costs more than one on a chip, in hops: the ratio of energies (router + link) less 1."""
    technology = chip.technology
    router_j, link_j = technology.router_j.value, technology.link_j.value
    ratio = (router_j + technology.chip_link_j.value) / max(router_j + link_j, 1e-18)
    return int(np.clip(round(ratio) - 1, 0, 1000))


class _Search:
    """A search by pairwise hops: the cores it may take, and the traffic."""

    def __init__(
        self,
        chip: Chip,
        traffic: tuple[IntArray, IntArray],
        pins: IntArray,
        seed: int,
        start: IntArray | None = None,
    ) -> None:
        tiles = len(pins)
        self.board, self.crossing, self.seed = Board.of(chip), crossing_cost(chip), seed
        self.pins, self.fixed = pins, (pins >= 0).astype(np.int64)
        self.traffic, self.graph = traffic, neighbours(tiles, *traffic)
        dead = chip.board.dead_cores
        self.sequential = sequential_cores(self.board, dead, tiles)
        self.planar = self.board.topology in ("mesh", "torus")
        most = max(tiles, min(2 * tiles, MOST_SLOTS))
        if self.planar:
            region = compact_cores(self.board, dead, tiles)
            self.square, self.curve = square_cores(self.board, region, tiles), hilbert_order(self.board, region)[:tiles]
        else:
            region, self.square, self.curve = sequential_cores(self.board, dead, most), self.sequential, self.sequential
        self.slots = np.union1d(region, np.union1d(self.sequential, self.square))
        self.slots = np.union1d(self.slots, pins[pins >= 0])
        if start is not None:
            self.slots = np.union1d(self.slots, start)

    def best(self, effort: int) -> IntArray:
        """Return the cores of the best placement found."""
        found = [self.sequential, self.curve]
        if effort:
            found += [self.square[slot] for slot in starts(self._positions(), self.graph, effort, self.seed)]
        best = self._least([pinned(cores, self.pins) for cores in found])
        if not effort or (len(self.slots) > MOST_SLOTS and not isinstance(self.board.ways, Grid)):
            return best
        found = [best, self._annealed(best, effort)]
        return self._least([*found, *(self._annealed(start, 1) for start in found)])

    def better(self, start: IntArray) -> IntArray:
        """Return the cores of a placement near ``start``, which it is the best of."""
        return self._least([start, self._annealed(start, 1)])

    def _positions(self) -> FloatArray:
        if self.planar:
            return np.stack(self.board.position(self.square), axis=1).astype(np.float64)
        return np.arange(len(self.square), dtype=np.float64)[:, None]

    def _least(self, found: list[IntArray]) -> IntArray:
        costs = [weighted_hops(self.board, cores, self.traffic, self.crossing) for cores in found]
        return found[int(np.argmin(costs))]

    def _annealed(self, start: IntArray, effort: int) -> IntArray:
        place, around, near, crossing = Metric.of(self.board, self.slots, self.crossing)
        slot = np.searchsorted(self.slots, start).astype(np.int64)
        degree = max(1, len(self.graph[1]) // len(slot))
        heat, turns = plan(effort, len(slot), 2 * degree, self.traffic[1])
        tenant = tenants(slot, len(self.slots))
        here = np.zeros((2, len(slot)), dtype=np.int64)
        anneal(
            slot, tenant, here, place, around, near, self.fixed, *self.graph, crossing, heat, turns, CHANCES, self.seed
        )
        return self.slots[slot]
