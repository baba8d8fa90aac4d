"""Fewest parts under a limit of axons: growth, then a heat bath that empties parts as long as what they read fits."""

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.kernels.cluster_anneal import FINE
from neutrams.kernels.cluster_tables import Caps, Graph
from neutrams.mapping.clusters.effort import Effort
from neutrams.mapping.clusters.search import GONE, Schedule, Search, Worth, follow
from neutrams.mapping.clusters.traffic import between, grown

AXONS = Worth(near=0.0, read=1.0)
FILL = 0.985
"""Share of all axons that parts are expected to use when the search decides how many it can do with [1]."""

SETTLE = 0.6
"""Share of the sweeps after which no more parts are emptied [1]."""

PACE = 0.03
"""Share of the parts that is emptied at a time [1]."""

SPILL = 0.005
"""More are emptied where the excess is at most this share of all axons [1]."""


def fewest_cores(graph: Graph, caps: Caps, least: int, effort: Effort, pins: int, seed: int) -> AnyArray:
    """Return legal parts, few, int32 ``[vertices]``; every vertex fits a part.

    Args:
        graph: Targets as pins.
        caps: Limits of a part.
        least: A lower bound: where it is reached, the search ends.
        effort: How much to search.
        pins: How many pins to look at, where that is more than ``effort`` demands [count].
        seed: Of the search.
    """
    best = grown(graph, caps, 0)
    low, high = 0, int(best.max(initial=-1)) + 1  # what has failed, and what has not
    size = max(1, len(graph.pin))
    sweeps = min(max(effort.core_sweeps, pins // (size * effort.searches)), effort.most_sweeps)
    tries = min(max(effort.searches, pins // (size * sweeps)), effort.most_searches)
    for turn in range(tries):
        if high <= least:
            break
        aim = 0 if turn == 0 else max(least, high - max(1, (high - low) // 2 if low else high // 50))
        found, live = shrunk(graph, best, caps, aim, (sweeps, effort), seed + 1000 * turn)
        used = high + 1 if found is None else int(found.max()) + 1
        if used > live:
            low = max(low, min(live, high - 1))
        if found is not None and used <= high:
            best, high = found, used
    return best


def shrunk(
    graph: Graph, part: AnyArray, caps: Caps, aim: int, work: tuple[int, Effort], seed: int
) -> tuple[AnyArray | None, int]:
    """Return legal parts after one search, or None if it got lost, and how many it came down to, legal or not.

    Args:
        graph: Targets as pins.
        part: Where to start, int32 ``[vertices]``.
        caps: Limits of a part.
        aim: Parts to get down to [count]; 0: as many as the excess allows.
        work: Sweeps, and the constants of annealing.
        seed: Of the search.
    """
    sweeps, effort = work
    parts = int(part.max()) + 1
    search = Search(graph, part, caps, room=parts // 2 + 16)
    gone = np.zeros(len(search.parts.size), dtype=np.bool_)
    gone[parts:] = True
    plan = Schedule(
        sweeps=sweeps, hot=effort.core_hot, price=effort.axon_price, axon_price=effort.axon_price, follow=0.1
    )
    growth = between(plan.axon_price, 1.0 / plan.sweeps) / plan.axon_price[0]
    search.soft.axons[:] = round((1 << FINE) * caps.axons * FILL)
    for turn in range(plan.sweeps):
        share = turn / plan.sweeps
        _empty_some(search, gone, aim, share)
        price = between(plan.axon_price, share)
        search.heat(AXONS, plan.hot * (1.0 - share), (price, price), 2, seed + turn)
        follow(search.soft.axons, search.parts.axons, caps.axons * FILL, plan.follow, growth)
        follow(search.soft.neurons, search.parts.size, caps.neurons, plan.follow, growth)
        np.minimum(search.soft.neurons, caps.neurons << FINE, out=search.soft.neurons)
    live = search.used
    return (search.numbers() if search.settle(AXONS) else None), live


def _empty_some(search: Search, gone: AnyArray, aim: int, share: float) -> None:
    """Mark parts that are to be emptied, those that read least first, and keep to what has been marked."""
    live = np.flatnonzero(~gone)
    surplus = len(live) - aim
    if surplus > 0 and share < SETTLE:
        axons = search.parts.axons
        if aim == 0:
            surplus = 0
            if search.excess() <= SPILL * int(axons.sum()) or not share:
                surplus = min(len(live) - 1, max(1, int(PACE * len(live))))
        gone[live[np.argsort(axons[live], kind="stable")[:surplus]]] = True
    search.soft.axons[gone] = search.soft.neurons[gone] = GONE << FINE
