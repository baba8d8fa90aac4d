"""Grow parts one after another, always by the vertex that needs the least that the part does not have yet."""

from typing import NamedTuple

from neutrams.kernels.cluster_tables import TARGET, Caps, Graph, Ints, Ints32
from neutrams.kernels.compiled import kernel


class Queue(NamedTuple):
    """Vertices by how much they would add, in buckets of linked lists.

    Arrays:
        head      int32[buckets]   first vertex of each, -1: none
        after     int32[vertices]
        before    int32[vertices]  -1: first of its bucket
        bucket    int32[vertices]  -1: not in the queue
    """

    head: Ints32
    after: Ints32
    before: Ints32
    bucket: Ints32


@kernel
def take_out(q: Queue, v: int) -> None:
    """Take vertex ``v`` out of its bucket."""
    before, after = q.before[v], q.after[v]
    if before >= 0:
        q.after[before] = after
    else:
        q.head[q.bucket[v]] = after
    if after >= 0:
        q.before[after] = before
    q.bucket[v] = -1


@kernel
def put_in(q: Queue, v: int, bucket: int) -> None:
    """Make vertex ``v`` the first of a bucket."""
    front = q.head[bucket]
    q.after[v], q.before[v], q.bucket[v] = front, -1, bucket
    if front >= 0:
        q.before[front] = v
    q.head[bucket] = v


@kernel
def grow_parts(
    g: Graph,
    caps: Caps,
    parts: int,
    shift: int,
    alone: Ints,
    more: Ints,
    part: Ints32,
    inside: Ints32,
    seen: Ints32,
    q: Queue,
) -> int:
    """Put each vertex into a part; return the number of parts.

    Arrays:
        alone   int64[vertices]  what it needs in a part of its own: axons, or weight of nets; read
        more    int64[vertices]  the same; overwritten
        part    int32[vertices]  -1; overwritten
        inside  int32[nets]      -1; overwritten
        seen    int32[vertices]  scratch

    Where ``parts`` is 0, a part ends where the next vertex would break ``caps``, and what is needed is axons (of the
    reading kind only). Otherwise there are just so many parts, of even size, and what is needed is weight.
    A vertex that no part can hold gets one of its own. ``alone >> shift`` are the buckets.
    """
    n, buckets = g.size.shape[0], q.head.shape[0]
    left = 0
    for v in range(n):
        left += g.size[v]
    scan, current, seed = 0, 0, -1
    while True:
        while scan < n and part[scan] >= 0:
            scan += 1
        if scan == n:
            return current
        v = seed if seed >= 0 else scan
        size, load, axons, found, least = 0, 0, 0, 0, buckets
        aim = left / max(1, parts - current)
        while True:
            part[v] = current
            size += g.size[v]
            load += g.load[v]
            axons += more[v]
            if q.bucket[v] >= 0:
                take_out(q, v)
            for i in range(g.first[v], g.first[v + 1]):
                e = g.net[i] >> 2
                if inside[e] == current or (parts == 0 and g.net[i] & TARGET == 0):
                    continue
                inside[e] = current
                gain = g.weight[e] if parts else 1
                for j in range(g.start[e], g.start[e + 1]):
                    u = g.pin[j] >> 2
                    if part[u] >= 0 or (parts == 0 and g.pin[j] & TARGET == 0):
                        continue
                    if more[u] == alone[u]:
                        seen[found] = u
                        found += 1
                    more[u] -= gain
                    bucket = more[u] >> shift
                    if bucket != q.bucket[u]:
                        if q.bucket[u] >= 0:
                            take_out(q, u)
                        put_in(q, u, bucket)
                        least = min(least, bucket)
            while least < buckets and q.head[least] < 0:
                least += 1
            if least < buckets:
                v = int(q.head[least])
            else:
                while scan < n and part[scan] >= 0:
                    scan += 1
                if scan == n:
                    break
                v = scan
            if parts:
                if current < parts - 1 and size + g.size[v] * 0.5 > aim:
                    break
            elif size + g.size[v] > caps.neurons or axons + more[v] > caps.axons or load + g.load[v] > caps.synapses:
                break
        left -= size
        current += 1
        seed = v if part[v] < 0 and q.bucket[v] >= 0 else -1
        for i in range(found):
            u = seen[i]
            more[u] = alone[u]
            if q.bucket[u] >= 0:
                take_out(q, u)
