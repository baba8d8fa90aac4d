"""The arrays that the kernels of partitioning share: a hypergraph of neurons or clusters, and its parts.

A pin says how a vertex is in a net: 4 * number + role, where role is 1 (holds the source), 2 (targets) or 3 (both).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel

Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]

SOURCE = 1
TARGET = 2
ROLE = 3
COUNT = 0xFFFFFFFF
"""Low half of an entry: 2 * vertices that hold targets + 1 if the source is in the part; the high half: the part."""


class Graph(NamedTuple):
    """A directed hypergraph, from the nets and from the vertices.

    Arrays:
        start     int64[nets + 1]      pins of net e are pin[start[e]:start[e + 1]]
        pin       int32[pins]          4 * vertex + role, each vertex once a net
        first     int64[vertices + 1]  nets of vertex v are net[first[v]:first[v + 1]]
        net       int32[pins]          4 * net + role
        size      int64[vertices]      neurons of a vertex [count]
        load      int64[vertices]      synapses onto its neurons [count]
        weight    int64[nets]          spikes a tick, 1024 is the mean
    """

    start: Ints
    pin: Ints32
    first: Ints
    net: Ints32
    size: Ints
    load: Ints
    weight: Ints


class Parts(NamedTuple):
    """Which part each vertex is in, and what follows from it.

    Arrays:
        part      int32[vertices]
        slot      int64[nets + 1]   the parts that net e touches are entry[slot[e]:slot[e] + used[e]], in no order
        used      int32[nets]
        entry     int64[slots]      part << 32 | 2 * targets + source
        size      int64[parts]      neurons [count]
        load      int64[parts]      synapses [count]
        axons     int64[parts]      distinct nets read [count]
    """

    part: Ints32
    slot: Ints
    used: Ints32
    entry: Ints
    size: Ints
    load: Ints
    axons: Ints


class Scratch(NamedTuple):
    """Room for what is gathered on one vertex; all zero between calls.

    Arrays:
        near      int64[parts]  weight of the nets that are in a part anyway; 1 if there is none
        read      int64[parts]  axons that a part has anyway
        seen      int64[parts]  parts found, in order
    """

    near: Ints
    read: Ints
    seen: Ints


class Caps(NamedTuple):
    """What a part may hold [count]; ``own``: sources on the same core count as axons (1) or not (0); 2: none do."""

    neurons: int
    axons: int
    synapses: int
    own: int


@kernel
def reads(count: int, own: int) -> int:
    """Return 1 if a part whose entry has this count spends an axon on the net, otherwise 0."""
    return int(own != 2 and count >= TARGET and (own == 1 or count & SOURCE == 0))


@kernel
def enter(p: Parts, e: int, part: int, role: int) -> None:
    """Note that a vertex of net ``e`` is now in ``part``."""
    begin = p.slot[e]
    end = begin + p.used[e]
    for j in range(begin, end):
        if p.entry[j] >> 32 == part:
            p.entry[j] += role
            return
    p.entry[end] = (part << 32) | role
    p.used[e] += 1


@kernel
def leave(p: Parts, e: int, part: int, role: int) -> None:
    """Note that a vertex of net ``e`` is no longer in ``part``."""
    begin = p.slot[e]
    end = begin + p.used[e]
    for j in range(begin, end):
        if p.entry[j] >> 32 == part:
            p.entry[j] -= role
            if p.entry[j] & COUNT == 0:
                p.entry[j] = p.entry[end - 1]
                p.used[e] -= 1
            return


@kernel
def move(g: Graph, p: Parts, v: int, to: int) -> None:
    """Put vertex ``v`` in another part; the caller sees to ``axons``."""
    origin = int(p.part[v])
    for i in range(g.first[v], g.first[v + 1]):
        e, role = g.net[i] >> 2, g.net[i] & ROLE
        leave(p, e, origin, role)
        enter(p, e, to, role)
    p.size[origin] -= g.size[v]
    p.size[to] += g.size[v]
    p.load[origin] -= g.load[v]
    p.load[to] += g.load[v]
    p.part[v] = to


@kernel
def count_parts(g: Graph, p: Parts, own: int) -> None:
    """Fill everything from ``part``; the rest of ``p`` is zero and ``slot`` has room for each net."""
    for v in range(g.size.shape[0]):
        part = int(p.part[v])
        p.size[part] += g.size[v]
        p.load[part] += g.load[v]
        for i in range(g.first[v], g.first[v + 1]):
            enter(p, g.net[i] >> 2, part, g.net[i] & ROLE)
    for e in range(g.weight.shape[0]):
        for j in range(p.slot[e], p.slot[e] + p.used[e]):
            p.axons[p.entry[j] >> 32] += reads(p.entry[j] & COUNT, own)


@kernel
def look_around(g: Graph, p: Parts, s: Scratch, v: int, own: int) -> tuple[int, int]:
    """Gather the parts that share a net with vertex ``v``; return how many, and the axons it would need alone.

    Afterwards near[q] is the weight of its nets that have pins in q, read[q] how many axons fewer than alone it needs
    there, both as if it were not in its own part. The caller clears both for all of ``seen``.
    """
    home, found, alone = int(p.part[v]), 0, 0
    for i in range(g.first[v], g.first[v + 1]):
        e, role = g.net[i] >> 2, g.net[i] & ROLE
        weight, lone = g.weight[e], reads(role, own)
        alone += lone
        for j in range(p.slot[e], p.slot[e] + p.used[e]):
            q, count = p.entry[j] >> 32, p.entry[j] & COUNT
            if s.near[q] == 0:
                s.seen[found] = q
                found += 1
            if q == home:
                count -= role
                if count == 0:
                    s.near[q] = max(1, s.near[q])
                    continue
            s.near[q] += weight
            if own == 2:
                continue
            s.read[q] += lone - reads(count + role, own) + reads(count, own)
    return found, alone
