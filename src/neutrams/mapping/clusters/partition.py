"""partition(): neurons to parts that a core can hold each."""

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import CapacityError, SpecError
from neutrams.mapping.clusters.bound import fewest_parts
from neutrams.mapping.clusters.effort import EFFORTS
from neutrams.mapping.clusters.levels import graph_of
from neutrams.mapping.clusters.limits import Limits
from neutrams.mapping.clusters.nets import Nets
from neutrams.mapping.clusters.search import caps_of
from neutrams.mapping.clusters.traffic import least_traffic


def partition(nets: Nets, limits: Limits, *, effort: int = 1, seed: int = 0) -> IntArray:
    e = EFFORTS[effort]
    n = nets.neurons
    graph = graph_of(nets, np.arange(n, dtype=np.int32), np.arange(len(nets.source)), sources=True)
    s = least_traffic(graph, caps_of(limits), fewest_parts(nets, limits).parts, e, seed)
    return s.numbers().astype(np.int64)
