"""partition(): neurons to parts that a core can hold each."""

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.errors import CapacityError, SpecError
from neutrams.kernels.cluster_settle import seat
from neutrams.kernels.cluster_tables import ROLE, Caps, Graph
from neutrams.mapping.clusters.bound import fewest_parts
from neutrams.mapping.clusters.cores import fewest_cores
from neutrams.mapping.clusters.effort import EFFORTS, Effort
from neutrams.mapping.clusters.levels import coarser, compact, graph_of
from neutrams.mapping.clusters.limits import Limits
from neutrams.mapping.clusters.merge import merged
from neutrams.mapping.clusters.nets import Nets
from neutrams.mapping.clusters.order import fewest_then_least, in_order, polished, traffic_of
from neutrams.mapping.clusters.pieces import TWINS, pieces, twins
from neutrams.mapping.clusters.search import Search, caps_of
from neutrams.mapping.clusters.traffic import grown, least_traffic

LOOSE = 1.3
"""Where growth takes at most this many times the lower bound of parts, least traffic over just that many is tried."""

SMALL = 1 << 16
"""Pins up to which fewer parts are searched for at any effort [count]."""


def partition(nets: Nets, limits: Limits, *, effort: int = 1, seed: int = 0) -> IntArray:
    """Return the part of each neuron, int64 ``[neurons]``; every part is legal, numbers have no gaps.

    Without a limit of axons, traffic (`Cost.connectivity`) is minimised over as few parts as hold all neurons, or a few
    more where the last would have to go far. With one, the number of parts comes first, traffic second. The order of
    the neurons has in no case both fewer parts and less traffic, or as little of one and less of the other.

    Args:
        nets: The network.
        limits: What a part may hold.
        effort: 0 … 3, how much to search; a number of sweeps, never a clock.
        seed: Of all choices by chance.

    Raises:
        SpecError: ``effort`` is outside its range.
        CapacityError: A single neuron exceeds a limit.
    """
    every = _checked(nets, limits, effort)
    if nets.neurons == 0:
        return np.zeros(0, dtype=np.int64)
    work, least, caps = EFFORTS[effort], fewest_parts(nets, limits).parts, caps_of(limits)
    if not limits.axons:
        found = least_traffic(every, caps, least, work, seed).numbers()
        return _no_worse(every, caps, found, work, seed).astype(np.int64)
    first = None
    if int(grown(every, caps, 0).max()) + 1 <= LOOSE * least:
        first = least_traffic(every, caps, least, work, seed).numbers()
    if first is None or int(first.max()) + 1 > least:
        few = seated(every, few_parts(nets, limits, every, work, seed), caps)
        if first is None or few.max() < first.max():
            first = few
    return _no_worse(every, caps, polished(every, first, caps, work, seed), work, seed).astype(np.int64)


def _no_worse(every: Graph, caps: Caps, found: AnyArray, work: Effort, seed: int) -> AnyArray:
    """Return ``found``, or the order of the neurons where that has no more parts and less traffic, or fewer parts.

    Without a limit of axons fewer parts are not enough: a few more are taken there for much less traffic.
    """
    ordered = in_order(every, caps)
    fewer = int(found.max(initial=-1)) - int(ordered.max(initial=-1))
    less = traffic_of(every, found) - traffic_of(every, ordered)
    better = (fewer >= 0 and less > 0) or (fewer > 0 and (less == 0 or caps.own != 2))
    return polished(every, ordered, caps, work, seed) if better else found


def improve_readers(nets: Nets, limits: Limits, begin: IntArray, *, effort: int = 1, seed: int = 0) -> IntArray:
    """Return legal parts of the neurons that read, int64 ``[neurons]``, no worse than ``begin``; -1 for all others.

    The number of parts comes first, traffic second: spikes times the parts that read them. Sources are elsewhere.

    Args:
        nets: The network.
        limits: What a part may hold; a source on the same core counts as an axon.
        begin: int64 ``[neurons]``, legal parts of those that read.
        effort: 0 … 3, how much to search.
        seed: Of the search.
    """
    every = _checked(nets, limits, effort)
    work, caps = EFFORTS[effort], caps_of(limits)._replace(own=1)
    reading = every.load > 0
    name = np.where(reading, np.cumsum(reading) - 1, -1).astype(np.int32)
    graph = graph_of(nets, name, np.arange(len(nets.source)), sources=False)
    if not len(graph.size):
        return np.full(nets.neurons, -1, dtype=np.int64)
    least = max(-(-len(graph.size) // caps.neurons), -(-int(graph.load.sum()) // caps.synapses))
    best = fewest_then_least(graph, [compact(begin[reading]), in_order(graph, caps)])
    for turn in range(work.searches):
        found = least_traffic(graph, caps, int(best.max()) + 1, work, seed + turn).numbers()
        best = fewest_then_least(graph, [polished(graph, part, caps, work, seed) for part in (best, found)])
    count = int(best.max()) + 1
    if count > least and (effort or count <= LOOSE * least or len(graph.pin) <= SMALL):
        found = few_parts(nets, limits, every, work, seed)[reading]
        best = fewest_then_least(graph, [best, polished(graph, found, caps, work, seed)])
    result = np.full(nets.neurons, -1, dtype=np.int64)
    result[reading] = best
    return result


def partition_readers(nets: Nets, limits: Limits, *, effort: int = 1, seed: int = 0) -> IntArray:
    """Return few legal parts of the neurons that read, int64 ``[neurons]``; -1 for those that only send.

    Those take no room, as if elsewhere; a source on the same core counts as an axon. Otherwise as `partition`.
    """
    every = _checked(nets, limits, effort)
    return few_parts(nets, limits, every, EFFORTS[effort], seed).astype(np.int64)


def _checked(nets: Nets, limits: Limits, effort: int) -> Graph:
    """Return the hypergraph of a network; refuse an unknown effort, and neurons that no part can hold."""
    if not 0 <= effort < len(EFFORTS):
        raise SpecError(f"effort is {effort}, allowed are 0 to {len(EFFORTS) - 1}", where="partition", fix="give 1")
    every = graph_of(nets, np.arange(nets.neurons, dtype=np.int32), np.arange(len(nets.source)), sources=True)
    n = len(every.size)
    vertex = np.repeat(np.arange(n), np.diff(every.first))
    free = np.bincount(vertex[(every.net & ROLE) == ROLE], minlength=n) * (not limits.own_axons)
    for name, most, need in (("axons", limits.axons, every.load - free), ("synapses", limits.synapses, every.load)):
        worst = int(need.argmax()) if n else 0
        if most and n and need[worst] > most:
            raise CapacityError(
                f"neuron {worst} takes {int(need[worst])} {name}, a core has {most}",
                where="partition",
                fix=f"split its fan-in to {most} or less",
            )
    return every


def few_parts(nets: Nets, limits: Limits, every: Graph, work: Effort, seed: int) -> AnyArray:
    """Return few parts of the neurons that read, int32 ``[neurons]``; -1 for those that only send.

    Neurons that read the same become one; components are searched one by one, and one for all that are alike. A source
    on the same core counts as an axon here, so that parts are legal in any case.
    """
    caps = caps_of(limits)._replace(own=1)
    reading = every.load > 0
    name = np.where(reading, np.cumsum(reading) - 1, -1).astype(np.int32)
    fine = graph_of(nets, name, np.arange(len(nets.source)), sources=False)
    most = max(1, min(limits.neurons // TWINS, caps.synapses // (TWINS * int(every.load.max(initial=1)) or 1)))
    twin = twins(fine, most)
    graph = coarser(fine, twin, least=0)
    part, count = np.full(len(graph.size), -1, dtype=np.int32), 0
    found = pieces(graph, 2 * limits.neurons)
    for number, piece in enumerate(found):
        least = max(-(-int(piece.graph.size.sum()) // caps.neurons), -(-int(piece.graph.load.sum()) // caps.synapses))
        own = fewest_cores(piece.graph, caps, least, work, work.pins // len(found), seed + number)
        for vertices in piece.vertices:
            part[vertices] = own + count
            count += int(own.max()) + 1
    joined = np.append(merged(Search(graph, part, caps))[twin], -1) if count else np.full(1, -1, dtype=np.int32)
    return np.asarray(joined[np.where(reading, name, -1)])


def seated(every: Graph, part: AnyArray, caps: Caps) -> AnyArray:
    """Return parts, int32 ``[neurons]``, in which those of -1 have a place where their targets are, or elsewhere."""
    idle = np.flatnonzero(part < 0)
    parts = int(part.max(initial=-1)) + 1
    waiting = parts + len(idle) // caps.neurons + 2
    if len(idle) == 0:
        return part
    search = Search(every, np.where(part < 0, waiting, part), caps)
    seat(every, search.parts, search.scratch, caps, idle, parts, waiting)
    return search.numbers()
