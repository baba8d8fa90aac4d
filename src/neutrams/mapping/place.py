"""Put each tile on a core so that traffic has short ways: good orders first, then seeded local search."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware import Chip
from neutrams.hardware.geometry import Board
from neutrams.hardware.grids import Grid
from neutrams.kernels.placement import improve
from neutrams.mapping.metric import Metric, weighted_hops
from neutrams.mapping.orders import compact_cores, hilbert_order, sequential_cores
from neutrams.mapping.traffic import neighbours

PROPOSALS = (0, 400, 2_000, 10_000)
"""Changes tried per core, by effort."""

MOST_VISITS = 1 << 27
"""Neighbours looked at, per effort: bounds the search on large boards, where each change touches many."""

MOST_SLOTS = 2048
"""Cores that are searched where distances are a table: on trees and graphs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """Candidates, the best by pairwise weighted hops first; the sequential order is always the last.

    Attributes:
        candidates: int64 ``[tiles]`` cores each.
    """

    candidates: tuple[IntArray, ...]


def place_tiles(
    chip: Chip, tiles: int, traffic: tuple[IntArray, IntArray], *, effort: int = 1, seed: int = 0
) -> Placement:
    """Return placements of ``tiles`` on usable cores, one tile a core.

    The start is the better of the sequential and the Hilbert order; local search follows (Balaji et al. 2020, SpiNeMap,
    doi 10.1109/TVLSI.2019.2951493, searches the same objective with particle swarms).

    Args:
        chip: The chip; it has enough cores.
        tiles: How many.
        traffic: (pairs, weights) of `mapping.traffic.tile_traffic`.
        effort: 0 … 3, how many changes to try.
        seed: Of the search.
    """
    board = Board.of(chip)
    sequential = sequential_cores(board, chip.board.dead_cores, tiles)
    if board.topology == "bus":
        return Placement(candidates=(sequential,))
    most = max(tiles, min(2 * tiles, MOST_SLOTS))
    starts, region = [sequential], sequential_cores(board, chip.board.dead_cores, most)
    if board.topology in ("mesh", "torus"):
        region = compact_cores(board, chip.board.dead_cores, tiles)
        starts = [hilbert_order(board, region)[:tiles], sequential]
    costs = [weighted_hops(board, cores, traffic, crossing_cost(chip)) for cores in starts]
    start = starts[int(np.argmin(costs))]
    found = _searched(chip, np.union1d(region, start), start, traffic, (effort, seed))
    return Placement(candidates=(found, sequential))


def crossing_cost(chip: Chip) -> int:
    """What a hop between chips costs more than one on a chip, in hops: the ratio of energies (router + link) less 1."""
    technology = chip.technology
    router_j, link_j = technology.router_j.value, technology.link_j.value
    ratio = (router_j + technology.chip_link_j.value) / max(router_j + link_j, 1e-18)
    return int(np.clip(round(ratio) - 1, 0, 1000))


def _searched(
    chip: Chip, slots: IntArray, start: IntArray, traffic: tuple[IntArray, IntArray], work: tuple[int, int]
) -> IntArray:
    """Local search: one round that may climb, one that may not; the start itself where that was no gain."""
    board, crossing = Board.of(chip), crossing_cost(chip)
    if board.topology in ("mesh", "torus"):
        slots = hilbert_order(board, slots)
    elif len(slots) > MOST_SLOTS and not isinstance(board.ways, Grid):
        return start
    order = np.argsort(slots)
    slot = order[np.searchsorted(slots[order], start)].astype(np.int64)
    tenant = np.full(len(slots), -1, dtype=np.int64)
    tenant[slot] = np.arange(len(start))
    graph = neighbours(len(start), *traffic)
    effort, seed = work
    degree = max(1, len(graph[1]) // len(start))
    proposals = min(PROPOSALS[effort] * len(start), MOST_VISITS * effort // degree)
    climb = int(traffic[1].mean()) * 2 if len(traffic[1]) else 0
    place, around, _ = Metric.of(board, slots, crossing)
    change = improve(slot, tenant, place, around, *graph, crossing, proposals // 2, climb, seed)
    change += improve(slot, tenant, place, around, *graph, crossing, proposals // 2, 0, seed + 1)
    return slots[slot] if change < 0 else start
