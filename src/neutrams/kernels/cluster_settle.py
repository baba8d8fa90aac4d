"""Make parts legal: where a limit is broken, the vertices go whose way costs least, over other parts if need be."""

from typing import NamedTuple

from neutrams.kernels.cluster_tables import Caps, Graph, Ints, Ints32, Parts, Scratch, look_around, move
from neutrams.kernels.compiled import kernel

FAR = 1 << 62
NOWHERE = 1 << 60
LAST = 1 << 56


LINKS = 24
"""Neighbours that are remembered of a part [count]."""


class Ways(NamedTuple):
    """Room for searching chains of moves from parts that are too full to others that have room.

    Arrays:
        link_part    int32[parts, 24]  neighbours of a part, -1: none
        link_vertex  int32[parts, 24]  the vertex whose move there costs least, -1: it has been moved
        link_cost    int64[parts, 24]  and what it costs
        cost         int64[parts]      of the cheapest chain so far
        origin       int32[parts]      the part before it in that chain
        link         int32[parts]      and which of its links leads there
        done         int32[parts]
        front        int32[parts]      parts that a chain has reached
        members      int32[vertices]   vertices by part
        begin        int64[parts + 1]  where those of each part begin
    """

    link_part: Ints32
    link_vertex: Ints32
    link_cost: Ints
    cost: Ints
    origin: Ints32
    link: Ints32
    done: Ints32
    front: Ints32
    members: Ints32
    begin: Ints


@kernel
def legal(p: Parts, caps: Caps, q: int) -> bool:
    """Return whether part ``q`` keeps to all limits."""
    return bool(p.size[q] <= caps.neurons and p.axons[q] <= caps.axons and p.load[q] <= caps.synapses)


@kernel
def fits(g: Graph, p: Parts, caps: Caps, v: int, q: int, added: int) -> bool:
    """Return whether part ``q`` takes vertex ``v``, which needs ``added`` more axons."""
    return bool(
        p.size[q] + g.size[v] <= caps.neurons
        and p.axons[q] + added <= caps.axons
        and p.load[q] + g.load[v] <= caps.synapses
    )


@kernel
def clear(s: Scratch, found: int) -> None:
    """Clear what `look_around` has gathered."""
    for i in range(found):
        s.near[s.seen[i]] = 0
        s.read[s.seen[i]] = 0


@kernel
def relocate(g: Graph, p: Parts, s: Scratch, v: int, to: int, own: int) -> None:
    """Put vertex ``v`` in part ``to`` and keep count of the axons."""
    found, alone = look_around(g, p, s, v, own)
    home = int(p.part[v])
    p.axons[home] -= alone - s.read[home]
    p.axons[to] += alone - s.read[to]
    clear(s, found)
    move(g, p, v, to)


@kernel
def list_members(p: Parts, w: Ways) -> None:
    """Sort the vertices by part."""
    parts = w.cost.shape[0]
    w.begin[:] = 0
    for v in range(p.part.shape[0]):
        w.begin[p.part[v] + 1] += 1
    for q in range(parts):
        w.begin[q + 1] += w.begin[q]
        w.cost[q] = w.begin[q]
    for v in range(p.part.shape[0]):
        q = p.part[v]
        w.members[w.cost[q]] = v
        w.cost[q] += 1


@kernel
def push_out(
    g: Graph, p: Parts, s: Scratch, caps: Caps, w: Ways, q: int, near: int, read: int, last: int
) -> tuple[int, int]:
    """Find the vertex of part ``q`` that leaves at the least cost, and where to.

    Vertices that save no axon where there are too many come last. Where to is a part that shares a net with it and has
    room, or else ``last``, or else -1: none has room.
    """
    best, vertex, to = FAR, -1, -1
    for i in range(w.begin[q], w.begin[q + 1]):
        v = int(w.members[i])
        if p.part[v] != q:
            continue
        found, alone = look_around(g, p, s, v, caps.own)
        saved = alone - s.read[q]
        stay = near * s.near[q] // 1024 + read * s.read[q]
        if saved <= 0 and p.axons[q] > caps.axons:
            stay += LAST
        for j in range(found):
            other = int(s.seen[j])
            cost = stay - near * s.near[other] // 1024 - read * s.read[other]
            if other != q and cost < best and fits(g, p, caps, v, other, alone - s.read[other]):
                best, vertex, to = cost, v, other
        if to < 0 and stay - 1024 * saved < best - NOWHERE:  # remember whom to put elsewhere
            best, vertex = stay - 1024 * saved + NOWHERE, v
        clear(s, found)
    if vertex >= 0 and to < 0 and last >= 0:
        found, alone = look_around(g, p, s, vertex, caps.own)
        if fits(g, p, caps, vertex, last, alone - s.read[last]):
            to = last
        clear(s, found)
    return vertex, to


@kernel
def note_link(w: Ways, a: int, b: int, v: int, cost: int) -> None:
    """Remember vertex ``v`` for the way from part ``a`` to ``b`` if there is no cheaper one."""
    worst, at = -1, 0
    for i in range(LINKS):
        if w.link_part[a, i] == b or w.link_part[a, i] < 0:
            if w.link_part[a, i] == b and w.link_cost[a, i] <= cost:
                return
            at, worst = i, FAR
            break
        if w.link_cost[a, i] > worst:
            at, worst = i, w.link_cost[a, i]
    if worst > cost:
        w.link_part[a, at], w.link_vertex[a, at], w.link_cost[a, at] = b, v, cost


@kernel
def note_links(g: Graph, p: Parts, s: Scratch, caps: Caps, w: Ways) -> None:
    """Find the cheapest move between each two parts that share nets."""
    w.link_part[:] = -1
    for v in range(g.size.shape[0]):
        found, alone = look_around(g, p, s, v, caps.own)
        home = int(p.part[v])
        for j in range(found):
            q = int(s.seen[j])
            if q != home and p.axons[q] + alone - s.read[q] <= caps.axons and p.load[q] + g.load[v] <= caps.synapses:
                note_link(w, home, q, v, max(0, s.near[home] - s.near[q]) + 1)
        clear(s, found)


@kernel
def find_chain(p: Parts, caps: Caps, w: Ways, start: int, most: int) -> int:
    """Find the cheapest chain of links from part ``start`` to one with room (Dijkstra), in ``most`` parts; -1: none."""
    w.cost[:] = FAR
    w.done[:] = 0
    w.cost[start] = 0
    w.front[0], reached = start, 1
    for _ in range(most):
        here, least = -1, FAR
        for i in range(reached):
            q = int(w.front[i])
            if w.done[q] == 0 and w.cost[q] < least:
                here, least = q, int(w.cost[q])
        if here < 0:
            return -1
        if here != start and p.size[here] < caps.neurons:
            return here
        w.done[here] = 1
        for i in range(LINKS):
            q = int(w.link_part[here, i])
            if q < 0:
                break
            cost = least + w.link_cost[here, i]
            if w.link_vertex[here, i] >= 0 and w.done[q] == 0 and cost < w.cost[q]:
                if w.cost[q] == FAR:
                    w.front[reached] = q
                    reached += 1
                w.cost[q], w.origin[q], w.link[q] = cost, here, i
    return -1


@kernel
def level_out(g: Graph, p: Parts, s: Scratch, caps: Caps, w: Ways, most: int, rounds: int) -> int:
    """Move neurons from parts that have too many, along chains of parts, to such that have room; return how many stay.

    Vertices are single neurons. Each round finds all links anew and uses each once; other limits are not passed.
    """
    left = 0
    for _ in range(rounds):
        note_links(g, p, s, caps, w)
        left, moved = 0, 0
        for q in range(w.cost.shape[0]):
            while p.size[q] > caps.neurons:
                end = find_chain(p, caps, w, q, most)
                if end < 0:
                    break
                while end != q:
                    origin = int(w.origin[end])
                    v = int(w.link_vertex[origin, w.link[end]])
                    w.link_vertex[origin, w.link[end]] = -1
                    found, alone = look_around(g, p, s, v, caps.own)
                    added = alone - s.read[end]
                    clear(s, found)
                    if p.part[v] != origin or p.axons[end] + added > caps.axons:
                        break
                    if p.load[end] + g.load[v] > caps.synapses:
                        break
                    relocate(g, p, s, v, end, caps.own)
                    moved += 1
                    end = origin
            left += max(0, p.size[q] - caps.neurons)
        if left == 0 or moved == 0:
            break
    return left


@kernel
def find_room(g: Graph, p: Parts, s: Scratch, caps: Caps, v: int) -> int:
    """Return the first part in use that takes vertex ``v`` although they share nothing; -1: none does."""
    found, alone = look_around(g, p, s, v, caps.own)
    clear(s, found)
    for q in range(p.size.shape[0]):
        if p.size[q] > 0 and q != p.part[v] and fits(g, p, caps, v, q, alone):
            return q
    return -1


@kernel
def settle(g: Graph, p: Parts, s: Scratch, caps: Caps, w: Ways, parts: int, near: int, read: int) -> int:
    """Make all parts legal, opening new ones where nothing else helps; return how many there are, -1: no room for more.

    Each vertex fits a part. ``parts`` are there, and more may be opened up to the length of the arrays; ``near`` and
    ``read`` are worths as in `cluster_anneal.Heat`.
    """
    opened, full = -1, w.cost.shape[0]
    list_members(p, w)
    for q in range(parts):
        while not legal(p, caps, q):
            v, to = push_out(g, p, s, caps, w, q, near, read, opened)
            if to < 0:
                to = find_room(g, p, s, caps, v)
            if to < 0:
                opened = opened + 1 if opened >= 0 else parts
                if opened == full:
                    return -1
                to = opened
            relocate(g, p, s, v, to, caps.own)
    return parts if opened < 0 else opened + 1


@kernel
def seat(g: Graph, p: Parts, s: Scratch, caps: Caps, vertices: Ints, parts: int, waiting: int) -> int:
    """Put each of ``vertices``, which are in part ``waiting``, where its nets are, or else where there is room.

    Returns how many parts there are then; new ones, up to ``waiting``, are opened behind the ``parts`` there are.
    """
    scan = 0
    for i in range(vertices.shape[0]):
        v = int(vertices[i])
        found, alone = look_around(g, p, s, v, caps.own)
        best, to = -1, -1
        for j in range(found):
            q = int(s.seen[j])
            if q != waiting and s.near[q] > best and fits(g, p, caps, v, q, alone - s.read[q]):
                best, to = s.near[q], q
        clear(s, found)
        while to < 0:
            if scan == parts:
                parts += 1
            if fits(g, p, caps, v, scan, alone):
                to = scan
            else:
                scan += 1
        relocate(g, p, s, v, to, caps.own)
    return parts
