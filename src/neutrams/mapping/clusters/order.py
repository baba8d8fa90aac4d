"""Partitions to do better than: the order of the neurons, or one that is given."""

from collections.abc import Sequence

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.kernels.cluster_order import fill_in_order, touched_weight
from neutrams.kernels.cluster_tables import Caps, Graph
from neutrams.mapping.clusters.effort import Effort
from neutrams.mapping.clusters.search import Search
from neutrams.mapping.clusters.traffic import TRAFFIC


def in_order(graph: Graph, caps: Caps) -> AnyArray:
    """Return int32 ``[vertices]``: a new part wherever the next vertex would break a limit."""
    part = np.empty(len(graph.size), dtype=np.int32)
    nets = len(graph.weight)
    fill_in_order(graph, caps, part, np.full(nets, -1, dtype=np.int32), np.zeros(nets, dtype=np.int32))
    return part


def traffic_of(graph: Graph, part: AnyArray) -> int:
    """Return the parts that nets touch, weighted [1/1024 of the mean net]."""
    return int(touched_weight(graph, part, np.full(int(part.max(initial=-1)) + 1, -1, dtype=np.int32)))


def polished(graph: Graph, part: AnyArray, caps: Caps, work: Effort, seed: int) -> AnyArray:
    """Return the part of each vertex, int32, after moves of single vertices that stay legal and lower the traffic."""
    search = Search(graph, part, caps)
    for turn in range(work.polish):
        search.polish(TRAFFIC, 0.0, seed + turn)
    return search.numbers()


def fewest_then_least(graph: Graph, found: Sequence[AnyArray]) -> AnyArray:
    """Return the partition with fewest parts, of those the one with least traffic, of those the first."""
    return min(found, key=lambda part: (int(part.max(initial=-1)), traffic_of(graph, part)))
