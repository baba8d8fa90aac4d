"""Hypergraphs from lists of pins: both directions, clusters in the place of vertices, connected components."""

import numpy as np
import numpy.typing as npt

from neutrams.kernels.cluster_tables import ROLE, Ints, Ints32
from neutrams.kernels.compiled import kernel


@kernel
def pack_pins(
    start: Ints,
    vertex: Ints32,
    role: npt.NDArray[np.uint8],
    name: Ints32,
    most: int,
    last: Ints,
    ends: Ints,
    pin: Ints32,
) -> int:
    """Rename the vertices of nets and join the pins that become one; return how many pins are left.

    Arrays:
        start   int64[nets + 1]  pins of each net; read
        vertex  int32[pins]      read
        role    uint8[pins]      1 source, 2 target, 3 both; read
        name    int32[vertices]  new number of each, -1: leave out; read
        last    int64[names]     all -1; overwritten
        ends    int64[nets + 1]  where each net then begins; overwritten
        pin     int32[pins]      4 * name + role; overwritten

    Nets with fewer than ``most`` pins are left empty.
    """
    found = 0
    for e in range(start.shape[0] - 1):
        begin = found
        for i in range(start[e], start[e + 1]):
            to = int(name[vertex[i]])
            if to < 0:
                continue
            if last[to] >= begin:
                pin[last[to]] |= role[i]
            else:
                last[to] = found
                pin[found] = 4 * to + role[i]
                found += 1
        if found - begin < most:
            for i in range(begin, found):
                last[pin[i] >> 2] = -1
            found = begin
        ends[e + 1] = found
    return found


@kernel
def turn(start: Ints, pin: Ints32, first: Ints, fill: Ints, net: Ints32) -> None:
    """Sort pins by vertex: net[first[v]:first[v + 1]] are 4 * net + role; ``first`` is zero, ``fill`` is scratch."""
    for i in range(pin.shape[0]):
        first[(pin[i] >> 2) + 1] += 1
    for v in range(first.shape[0] - 1):
        first[v + 1] += first[v]
        fill[v] = first[v]
    for e in range(start.shape[0] - 1):
        for i in range(start[e], start[e + 1]):
            v = pin[i] >> 2
            net[fill[v]] = 4 * e + (pin[i] & ROLE)
            fill[v] += 1


@kernel
def root(parent: Ints32, v: int) -> int:
    """Return the vertex that stands for the component of ``v``; halves the way there."""
    while parent[v] != v:
        parent[v] = parent[parent[v]]
        v = int(parent[v])
    return v


@kernel
def join_components(start: Ints, pin: Ints32, parent: Ints32) -> None:
    """Set parent[v] to the least vertex that is connected with v by nets; it holds 0, 1, 2 ... before."""
    for e in range(start.shape[0] - 1):
        for i in range(start[e] + 1, start[e + 1]):
            a, b = root(parent, pin[start[e]] >> 2), root(parent, pin[i] >> 2)
            parent[max(a, b)] = min(a, b)
    for v in range(parent.shape[0]):
        parent[v] = root(parent, v)
