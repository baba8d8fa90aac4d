"""Least traffic over a given number of parts: multilevel, a heat bath on each level."""

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.kernels.cluster_anneal import FINE
from neutrams.kernels.cluster_grow import Queue, grow_parts
from neutrams.kernels.cluster_tables import ROLE, TARGET, Caps, Graph
from neutrams.mapping.clusters.effort import Effort
from neutrams.mapping.clusters.levels import hierarchy
from neutrams.mapping.clusters.search import NEVER, Schedule, Search, Worth, follow

BUCKETS = 4096
TRAFFIC = Worth(near=1.0, read=0.0)


def least_traffic(graph: Graph, caps: Caps, parts: int, effort: Effort, seed: int) -> Search:
    """Return a partition into ``parts`` parts or a few more, all legal, with little traffic between them.

    Vertices are single neurons. Coarsening: `cluster_coarsen`. First parts: growth on the coarsest level. Refinement: a
    heat bath (simulated annealing, Kirkpatrick et al. 1983, doi 10.1126/science.220.4598.671; Gumbel-max trick)
    under an augmented Lagrangian for the limits (Hestenes 1969, doi 10.1007/BF00927673), cooled on every level.
    """
    limited = caps.axons < NEVER
    most = max(1, caps.neurons // effort.clusters)
    levels = hierarchy(graph, coarsest=effort.clusters * parts, most=most, least=0 if limited else 2, seed=seed)
    part = grown(levels[-1].graph, caps, parts)
    neurons = int(graph.size.sum())
    soft: tuple[AnyArray, AnyArray] | None = None
    done, total = 0, effort.sweeps + effort.coarse_sweeps * (len(levels) - 1)
    for depth in range(len(levels) - 1, -1, -1):
        level = levels.pop()
        if level.coarse is not None:
            part = part[level.coarse]
        empty = max(0, parts - 1 - int(part.max(initial=-1)))  # the last parts may have been left
        search = Search(level.graph, part, caps, room=empty + (0 if depth else spare(parts)))
        if soft is None:
            search.soft.neurons[:] = round(16 * neurons / parts)
        else:
            search.soft.neurons[:parts], search.soft.axons[:parts] = soft
        scale = (neurons / max(1, len(level.graph.size))) ** effort.warmth
        sweeps = effort.coarse_sweeps if depth else effort.sweeps
        plan = Schedule(
            sweeps=sweeps,
            hot=effort.hot * scale,
            price=(_price(effort, done, total), _price(effort, done + sweeps, total)),
            axon_price=(1e-4, 1e-3) if limited else (0.0, 0.0),
        )
        cool(search, plan, parts, seed + 1000 * depth)
        if depth == 0:
            firm = Schedule(sweeps=4, hot=0.0, price=(plan.price[1], 10 * plan.price[1]), axon_price=plan.axon_price)
            cool(search, firm, parts, seed + 500)
        done += sweeps
        soft = search.soft.neurons[:parts].copy(), search.soft.axons[:parts].copy()
        part = search.parts.part
    search.level_out(effort.chains)
    search.settle(TRAFFIC)
    for turn in range(effort.polish):
        search.polish(TRAFFIC, 0.0, seed + turn)
    return search


def _price(effort: Effort, done: int, total: int) -> float:
    low, high = effort.price
    return float(low * (high / low) ** (done / max(1, total)))


def cool(search: Search, plan: Schedule, parts: int, seed: int) -> None:
    """Anneal on one level; soft limits of neurons keep parts even, those of axons keep them below the limit."""
    caps, aim = search.caps, int(search.graph.size.sum()) / parts
    for turn in range(plan.sweeps):
        share = turn / plan.sweeps
        price, axon_price = between(plan.price, share), between(plan.axon_price, share)
        search.heat(TRAFFIC, plan.hot + (plan.cold - plan.hot) * share, (price, axon_price), 1, seed + turn)
        growth = between(plan.price, 1.0 / plan.sweeps) / plan.price[0]
        follow(search.soft.neurons[:parts], search.parts.size[:parts], aim, plan.follow, growth)
        if axon_price:
            growth = between(plan.axon_price, 1.0 / plan.sweeps) / plan.axon_price[0]
            follow(search.soft.axons[:parts], search.parts.axons[:parts], caps.axons, plan.follow, growth)
            np.minimum(search.soft.axons, caps.axons << FINE, out=search.soft.axons)


def between(ends: tuple[float, float], share: float) -> float:
    """Return the value at ``share`` of the way from first to last, on a logarithmic scale; 0 if the first is 0."""
    low, high = ends
    return low * (high / low) ** share if low else 0.0


def spare(parts: int) -> int:
    """Parts that may be opened when the last neurons do not fit [count]."""
    return 16 + parts // 4


def grown(graph: Graph, caps: Caps, parts: int) -> AnyArray:
    """Return parts by overlap growth, int32 ``[vertices]``; see `grow_parts`.

    Args:
        graph: The hypergraph.
        caps: Limits of a part, kept where ``parts`` is 0.
        parts: How many even parts, or 0: as many as it takes.
    """
    n, nets = len(graph.size), len(graph.weight)
    vertex = np.repeat(np.arange(n), np.diff(graph.first))
    worth = graph.weight[graph.net >> 2] if parts else ((graph.net & ROLE) >= TARGET).astype(np.int64)
    alone = np.bincount(vertex, weights=worth, minlength=n).astype(np.int64)
    shift, most = 0, int(alone.max(initial=0))
    while most >> shift >= BUCKETS:
        shift += 1
    part = np.full(n, -1, dtype=np.int32)
    queue = Queue(np.full((most >> shift) + 1, -1, dtype=np.int32), *(np.full(n, -1, dtype=np.int32) for _ in range(3)))
    inside, seen = np.full(nets, -1, dtype=np.int32), np.empty(n, dtype=np.int32)
    grow_parts(graph, caps, parts, shift, alone, alone.copy(), part, inside, seen, queue)
    return part
