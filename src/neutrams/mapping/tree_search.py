"""Search for a placement by the links of multicast trees on a mesh, in dimension order."""

from typing import NamedTuple, Self

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware.grids import Grid
from neutrams.kernels.tree_placement import anneal_trees, measure_trees
from neutrams.mapping.annealing import CHANCES, plan, tenants
from neutrams.mapping.metric import grid_scale, slots_beside
from neutrams.mapping.traffic import TreeTraffic

COOL = 1 / 16
"""Temperatures over those of the pairwise search, whose result this one starts from."""

TREE_VISITS, SHARE = 6, 8
"""A tree takes the time of so many ends beside its own, and this search that part of the other's time."""


class TreeSearch(NamedTuple):
    """The arrays of `kernels.tree_placement.anneal_trees` that do not change.

    Attributes:
        trees: What is carried.
        place: int64 ``[slots, 2]``, x and y of each.
        near: int64 ``[slots, n]``, slots beside each.
        start: int64 ``[tiles + 1]``, flows that touch tile i are entries ``start[i]:start[i + 1]`` of the next.
        touching: int64, numbers of flows.
        scale: int64 ``[2, size]``, columns and rows as they count.
        split: Row from which on flows go in y first to rows below it.
    """

    trees: TreeTraffic
    place: IntArray
    near: IntArray
    start: IntArray
    touching: IntArray
    scale: IntArray
    split: int

    @classmethod
    def of(cls, grid: Grid, routers: IntArray, trees: TreeTraffic, tiles: int, crossing: int) -> Self:
        """Return the search of placements on slots at these routers, int64 ``[slots]``, of so many tiles."""
        place = np.ascontiguousarray(np.stack(grid.position(routers), axis=1))
        along = np.arange(int(place.max()) + 1, dtype=np.int64)
        flow = np.arange(len(trees.root), dtype=np.int64)
        tile = np.concatenate([trees.root, trees.end])
        number = np.concatenate([flow, np.repeat(flow, np.diff(trees.first))])
        order = np.lexsort((number, tile))
        start = np.searchsorted(tile[order], np.arange(tiles + 1))
        scale = np.stack(grid_scale(grid, along, along, crossing))
        return cls(trees, place, slots_beside(grid, place), start, number[order], scale, grid.full_rows)

    def measure(self, slot: IntArray) -> tuple[int, IntArray]:
        """Return the sum of traffic x length, and each length, for tiles in slots ``slot``, int64 ``[tiles]``."""
        length = np.zeros(len(self.trees.root), dtype=np.int64)
        total = measure_trees(slot, self.place, *self.trees, self.scale, self.split, length, self._span())
        return total, length

    def improved(self, slot: IntArray, fixed: IntArray, effort: int, seed: int) -> tuple[IntArray, int]:
        """Return slots that annealing from ``slot`` leads to, and by how much traffic x length is less there.

        ``fixed`` is int64 ``[tiles]``, 1 for those that stay.
        """
        _, length = self.measure(slot)
        touched = np.diff(self.trees.first)[self.touching] + TREE_VISITS
        visits = SHARE * 2 * int(touched.sum()) // len(slot)
        heat, turns = plan(effort, len(slot), visits, self.trees.amount)
        heat = np.array([int(h * COOL) for h in heat.tolist()], dtype=np.int64)
        slot = slot.copy()
        change = anneal_trees(
            slot, tenants(slot, len(self.place)), self.place, self.near, fixed, *self.trees, self.start, self.touching,
            self.scale, self.split, length, np.zeros((2, len(length)), dtype=np.int64), self._span(), heat, turns,
            CHANCES, seed,
        )  # fmt: skip
        return slot, change

    def _span(self) -> IntArray:
        return np.zeros((6, self.scale.shape[1]), dtype=np.int64)
