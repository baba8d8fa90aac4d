"""Join vertices that share many nets into clusters."""

import numpy as np
import numpy.typing as npt

from neutrams.kernels.cluster_tables import Graph, Ints, Ints32
from neutrams.kernels.compiled import kernel


@kernel
def join_clusters(
    g: Graph,
    order: Ints,
    most: int,
    widest: int,
    cluster: Ints32,
    size: Ints,
    joined: npt.NDArray[np.uint8],
    score: npt.NDArray[np.float64],
    seen: Ints32,
) -> None:
    """Let each vertex, in ``order``, join the cluster with the best rating, unless another has joined it.

    Arrays:
        order    int64[vertices]    read
        cluster  int32[vertices]    0, 1, 2 ...; overwritten by the vertex that gives the cluster its name
        size     int64[vertices]    of the cluster of that name; the vertices' own, overwritten
        joined   uint8[vertices]    zero; overwritten
        score    float64[vertices]  zero, and zero again afterwards
        seen     int32[vertices]    scratch

    Rating: sum of weight / (pins - 1) over shared nets (heavy edge, Çatalyürek & Aykanat 1999, doi 10.1109/71.780863),
    by the size of the cluster, which may grow to ``most`` neurons. Nets with more than ``widest`` pins say nothing.
    """
    for turn in range(order.shape[0]):
        v = order[turn]
        if joined[v]:
            continue
        found = 0
        for i in range(g.first[v], g.first[v + 1]):
            e = g.net[i] >> 2
            pins = g.start[e + 1] - g.start[e]
            if pins > widest or pins < 2:
                continue
            share = g.weight[e] / (pins - 1)
            for j in range(g.start[e], g.start[e + 1]):
                c = cluster[g.pin[j] >> 2]
                if score[c] == 0.0:
                    seen[found] = c
                    found += 1
                score[c] += share
        best, to = 0.0, v
        for i in range(found):
            c = np.int64(seen[i])
            rating = score[c] / size[c]
            score[c] = 0.0
            if c != v and rating > best and size[c] + g.size[v] <= most:
                best, to = rating, c
        if to != v:
            cluster[v] = to
            size[to] += g.size[v]
            joined[v] = 1
            joined[to] = 1
