"""Hypergraphs as the kernels take them, and coarser ones whose vertices are clusters."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.kernels.cluster_coarsen import join_clusters
from neutrams.kernels.cluster_graphs import pack_pins, turn
from neutrams.kernels.cluster_tables import ROLE, Graph
from neutrams.mapping.clusters.nets import Nets

WIDEST = 1000
"""Larger nets are not looked at when clusters are formed: they say little and take long."""

UNIT = 1024
"""The mean weight of a net, as an integer."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Level:
    """A hypergraph and how its vertices join into those of the next, coarser one.

    Attributes:
        graph: The hypergraph.
        coarse: int32 ``[vertices]``, the vertex of the next level; None on the coarsest.
    """

    graph: Graph
    coarse: AnyArray | None


def graph_of(nets: Nets, name: AnyArray, chosen: IntArray, *, sources: bool) -> Graph:
    """Return the hypergraph of some neurons and nets; nets with a single vertex are kept.

    Args:
        nets: All nets.
        name: int32 ``[neurons]``, the vertex of a neuron, or -1.
        chosen: int64 ``[nets]``, those that matter, ascending.
        sources: Whether pins of sources are pins; else only targets are.
    """
    lengths = np.diff(nets.start)[chosen]
    extra = 1 if sources else 0
    start = np.concatenate(([0], np.cumsum(lengths + extra))).astype(np.int64)
    vertex, role = np.empty(start[-1], dtype=np.int32), np.full(start[-1], 2, dtype=np.uint8)
    own = np.ones(start[-1], dtype=np.bool_)
    if sources:
        own[start[:-1]] = False
        vertex[start[:-1]] = nets.source[chosen]
        role[start[:-1]] = 1
    if len(chosen) == len(nets.source):
        vertex[own] = nets.target
    else:
        offset = np.arange(int(lengths.sum()), dtype=np.int64) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        vertex[own] = nets.target[np.repeat(nets.start[chosen], lengths) + offset]
    vertices = int(name.max(initial=-1)) + 1
    size = np.bincount(name[name >= 0], minlength=vertices).astype(np.int64)
    mean = float(nets.weight.mean()) if len(nets.weight) else 1.0
    weight = np.maximum(1, np.rint(nets.weight[chosen] * (UNIT / mean if mean > 0 else 1.0))).astype(np.int64)
    ends, pin = _packed(start, vertex, role, name, vertices, 0)
    load = np.bincount(pin[(pin & 2) > 0] >> 2, minlength=vertices).astype(np.int64)
    return _turned(ends, pin, size, load, weight)


def coarser(level: Graph, cluster: AnyArray, *, least: int = 2) -> Graph:
    """Return the hypergraph of clusters; nets of fewer than ``least`` vertices, 0 to 2, are dropped.

    Args:
        level: The finer one.
        cluster: int32 ``[vertices]``, numbers from 0 without gaps.
        least: 2 where nets within one cluster cost nothing.
    """
    vertices = int(cluster.max(initial=-1)) + 1
    vertex, role = level.pin >> 2, (level.pin & ROLE).astype(np.uint8)
    ends, pin = _packed(level.start, vertex, role, cluster, vertices, least)
    kept = np.flatnonzero(np.diff(ends)) if least else np.arange(len(level.weight))
    ends = np.append(ends[kept], ends[-1])
    size = np.bincount(cluster, weights=level.size, minlength=vertices).astype(np.int64)
    load = np.bincount(cluster, weights=level.load, minlength=vertices).astype(np.int64)
    return _turned(ends, pin, size, load, level.weight[kept])


def clusters_of(graph: Graph, most: int, rng: np.random.Generator) -> AnyArray:
    """Return int32 ``[vertices]``: clusters of at most ``most`` neurons, numbered by their first vertex."""
    n = len(graph.size)
    cluster, size = np.arange(n, dtype=np.int32), graph.size.copy()
    zeros, score, seen = np.zeros(n, dtype=np.uint8), np.zeros(n), np.empty(n, dtype=np.int32)
    join_clusters(graph, rng.permutation(n), most, WIDEST, cluster, size, zeros, score, seen)
    return compact(cluster)


def compact(numbers: AnyArray) -> AnyArray:
    """Return int32, numbers from 0 without gaps, in the order in which the old ones appear first."""
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse])


def hierarchy(graph: Graph, *, coarsest: int, most: int, least: int, seed: int) -> list[Level]:
    """Return levels, the finest first, until there are at most ``coarsest`` vertices or nothing joins any more.

    Args:
        graph: The finest.
        coarsest: Vertices that are few enough.
        most: Neurons of a cluster on the coarsest level.
        least: Nets of fewer vertices are dropped; see `coarser`.
        seed: Of the orders in which vertices choose.
    """
    rng, levels = np.random.default_rng(seed), []
    neurons = int(graph.size.sum())
    while len(graph.size) > coarsest:
        wanted = min(most, max(2, -(-4 * neurons // len(graph.size))))
        cluster = clusters_of(graph, wanted, rng)
        if int(cluster.max(initial=0)) + 1 > 0.95 * len(cluster):
            break
        levels.append(Level(graph=graph, coarse=cluster))
        graph = coarser(graph, cluster, least=least)
    return [*levels, Level(graph=graph, coarse=None)]


def _packed(
    start: IntArray, vertex: AnyArray, role: AnyArray, name: AnyArray, vertices: int, least: int
) -> tuple[IntArray, AnyArray]:
    ends, pin = np.zeros_like(start), np.empty(len(vertex), dtype=np.int32)
    found = pack_pins(start, vertex, role, name, least, np.full(vertices, -1, dtype=np.int64), ends, pin)
    return ends, pin[:found].copy()


def _turned(start: IntArray, pin: AnyArray, size: IntArray, load: IntArray, weight: IntArray) -> Graph:
    first, net = np.zeros(len(size) + 1, dtype=np.int64), np.empty_like(pin)
    turn(start, pin, first, np.empty(len(size), dtype=np.int64), net)
    return Graph(start=start, pin=pin, first=first, net=net, size=size, load=load, weight=weight)
