"""How long a placement is annealed, and how hot, by effort: counts and whole numbers, never a clock."""

import numpy as np

from neutrams.base.arrays import IntArray

MOST_EFFORT = 3

PROPOSALS = (0, 1_000, 20_000, 200_000)
"""Changes tried a tile, by effort."""

MOST_VISITS = (0, 1 << 27, 1 << 30, 7 << 29)
"""Neighbours or ends looked at, by effort: bounds the search on large boards, where each change touches many."""

HEAT = ((0.0, 0.0), (0.5, 0.05), (2.0, 0.2), (16.0, 0.9))
"""First and last temperature, by effort, over the mean traffic of a word's pair: a long search may undo more."""

QUICK = 1 << 22
"""Changes that take less than a second: where a higher effort tries no more, it is taken."""

STEPS, COLD = 100, 4
"""Temperatures above 0, and of 0."""

CHANCES = np.rint(-1024 * np.log((np.arange(1024) + 0.5) / 1024)).astype(np.int64)
"""See `kernels.placement.anneal`; no entry is so near to a half that another logarithm would round it otherwise."""


def raised(effort: int, tiles: int) -> int:
    """Return the effort to search the places of so many tiles with: a small search is hot and long at any above 0."""
    quick = [e for e in range(1, MOST_EFFORT + 1) if PROPOSALS[e] * tiles <= QUICK]
    return max([effort, *quick]) if effort else 0


def plan(effort: int, tiles: int, visits: int, weights: IntArray) -> tuple[IntArray, int]:
    """Return temperatures, int64 ``[steps]``, and changes to try at each.

    Args:
        effort: 1 … 3.
        tiles: How many there are.
        visits: Neighbours or ends that one change looks at, on average [count].
        weights: int64 ``[pairs]``, the traffic; its mean, weighted by itself, is the unit of temperatures.
    """
    high, low = HEAT[effort]
    mean = float((weights * weights.astype(np.float64)).sum() / max(1, weights.sum()))
    heat = [round(mean * high * (low / high) ** (step / (STEPS - 1))) for step in range(STEPS)]
    total = min(PROPOSALS[effort] * tiles, MOST_VISITS[effort] // max(1, visits))
    return np.array([*heat, *[0] * COLD], dtype=np.int64), -(-total // (STEPS + COLD))


def tenants(slot: IntArray, slots: int) -> IntArray:
    """Return int64 ``[slots]``, the tile in each slot; -1: none."""
    tenant = np.full(slots, -1, dtype=np.int64)
    tenant[slot] = np.arange(len(slot))
    return tenant
