"""A network on chip of wormhole routers with virtual channels and credits, cycle by cycle.

In a cycle nodes send first, then routers act. Whatever one does reaches another in a later cycle, so their order does
not matter. Only routers and nodes with something to do are visited.

Arguments as in `neutrams.kernels.noc_flow`.
"""

from neutrams.kernels.compiled import kernel
from neutrams.kernels.instructions import bare, lowest_bit
from neutrams.kernels.noc_flow import enter, see_arrivals, take, wake
from neutrams.kernels.noc_router import depart, grant_vcs, request_switch, request_vcs
from neutrams.kernels.noc_tables import (
    BLOCKED,
    CALL,
    DELIVERED,
    END,
    ENTRY,
    FLIT,
    FLITS_IN,
    FLITS_SENT,
    FRONT,
    HEAD,
    IN_UNIT,
    INJECT,
    KINDS,
    LAST,
    LAST_ARRIVAL,
    LAST_VC,
    NODE,
    PACKET_SHIFT,
    READY,
    ROUTED,
    STALL,
    TAIL,
    TIME,
    Layout,
    Memory,
    Tables,
)


@kernel
def room_for(g: Layout, m: Memory, t: int, number: int, tries: int) -> int:
    """Return a VC with room for a node's flit, trying some after the last one used, around; -1 if none has.

    In that case the node is told when a slot can be filled.
    """
    node = g.node + number * NODE
    vc = m[node + LAST_VC]
    soonest = t
    for _ in range(tries):
        vc = vc + 1 if vc + 1 < g.vcs and tries > 1 else (0 if tries > 1 else vc)
        unit = m[node + ENTRY] + vc * IN_UNIT
        slot = m[unit + LAST]
        if m[slot + FLIT] != 0:
            m[unit + BLOCKED] = -1 - number
        elif m[slot + TIME] <= t:
            return int(vc)
        elif soonest == t or m[slot + TIME] < soonest:
            soonest = m[slot + TIME]
    if soonest > t:
        wake(g, m, soonest, number)
    return -1


@kernel
def hold_up(g: Layout, m: Memory, w: Tables, t: int, number: int) -> None:
    """A packet has left a node's queue in cycle ``t``: that gives the packet that comes next into it its creation.

    A node makes its packets one after the other: what holds up one holds up all later ones as long.
    """
    node = g.node + number * NODE
    place = m[node + FRONT] + g.queue
    if place < m[node + END]:
        name = w.order[place]
        w.created[name] = max(w.asked[name] + m[node + STALL], t + 1)
        m[node + STALL] = w.created[name] - w.asked[name]


@kernel
def call_later(g: Layout, m: Memory, t: int, due: int, number: int) -> None:
    """Have a node look again in cycle ``due``, or where that is too far ahead, look how far it still is."""
    node = g.node + number * NODE
    if m[node + CALL] <= t:
        m[node + CALL] = min(due, t + (g.slots >> 1))
        wake(g, m, m[node + CALL], number)


@kernel
def step_node(g: Layout, m: Memory, w: Tables, t: int, number: int) -> None:
    """Send one flit of the front packet if its VC has room; a head takes the next VC that has, round robin."""
    node = g.node + number * NODE
    front = m[node + FRONT]
    if front == m[node + END]:
        return
    name = int(w.order[front])
    if w.created[name] > t:
        if g.queue:
            call_later(g, m, t, w.created[name], number)
        return
    sent = m[node + FLITS_SENT]
    vc = room_for(g, m, t, number, g.vcs if sent == 0 else 1)
    if vc < 0:
        return
    m[node + LAST_VC] = vc
    m[g.totals + FLITS_IN] += 1
    flit = ((name + 1) << PACKET_SHIFT) | w.way[name]
    if sent == 0:
        flit |= HEAD
    sent += 1
    if sent == w.flits[name]:
        flit |= TAIL
        sent = 0
        if g.queue:
            hold_up(g, m, w, t, number)
        front += 1
    m[node + FLITS_SENT] = sent
    m[node + FRONT] = front
    enter(g, m, w, t, t + m[node + INJECT], m[node + ENTRY] + vc * IN_UNIT, flit)
    if front < m[node + END] and w.asked[w.order[front]] <= t:
        wake(g, m, t + 1, number)


@kernel
def step_router(g: Layout, m: Memory, w: Tables, t: int, router: int) -> None:
    """Advance one router by one cycle."""
    event = g.event + ((t & (g.slots - 1)) * g.routers + router) * KINDS * g.words
    claims = 0
    for word in range(g.words):
        bits = m[event + ROUTED * g.words + word]
        if bits:
            m[event + ROUTED * g.words + word] = 0
            claims = request_vcs(g, m, t, router, word, bits, claims)
    if claims:
        grant_vcs(g, m, t, claims)
    claims = 0
    for word in range(g.words):
        bits = m[event + READY * g.words + word]
        if bits:
            m[event + READY * g.words + word] = 0
            claims = request_switch(g, m, t, router, word, bits, claims)
    if claims:
        see_arrivals(g, m, router, t)
    for k in range(claims):
        depart(g, m, w, t, take(m, g.winner + m[g.touched + k]))


@kernel
def next_cycle(g: Layout, m: Memory, t: int, until: int) -> int:
    """Return the next cycle after ``t`` in which anything happens, ``until`` if none is noted."""
    for later in range(t + 1, t + g.slots):
        if m[g.busy + (later & (g.slots - 1))]:
            return min(later, until)
    return until


@kernel
def visit(g: Layout, m: Memory, w: Tables, t: int) -> None:
    """Step the nodes and routers that have something to do in cycle ``t``."""
    slot = t & (g.slots - 1)
    words = (g.nodes + 63) >> 6
    for word in range(words):
        bits = take(m, g.busy_node + slot * words + word)
        while bits:
            step_node(g, m, w, t, word * 64 + lowest_bit(bits))
            bits &= bits - 1
    words = (g.routers + 63) >> 6
    for word in range(words):
        bits = take(m, g.busy_router + slot * words + word)
        while bits:
            step_router(g, m, w, t, word * 64 + lowest_bit(bits))
            bits &= bits - 1
    m[g.busy + slot] = 0


@kernel
def run_noc(
    g: Layout,
    memory: Memory,
    tables: Tables,
    until: int,
    every: bool,
) -> int:
    """Run until all packets have arrived, or cycle ``until``; return the cycle after the last one that counts.

    Memory and tables are arrays as `Layout` and `Tables` say.

    ``every`` visits each cycle; otherwise those in which nothing can happen are skipped, with the same results. Flits
    that are on their last link at ``until`` are counted as delivered, with their later cycle of arrival. If packets
    are left and nothing can move any more, the answer is ``until``.
    """
    m, a = bare(memory), tables
    w = Tables(
        bare(a.route),
        bare(a.key),
        bare(a.branch),
        bare(a.source),
        bare(a.way),
        bare(a.flits),
        bare(a.asked),
        bare(a.order),
        bare(a.place),
        bare(a.created),
        bare(a.head),
        bare(a.tail),
    )
    packets, count = a.order.shape[0], a.head.shape[0]
    t, born = 0, 0
    while t < until and m[g.totals + DELIVERED] < count:
        while born < packets and w.asked[born] <= t:
            wake(g, m, t, w.source[born])
            born += 1
        visit(g, m, w, t)
        later = next_cycle(g, m, t, until)
        if born < packets:
            later = min(later, max(w.asked[born], t + 1))
        t = later if not every or later == until else t + 1
    if m[g.totals + DELIVERED] == count:
        return int(m[g.totals + LAST_ARRIVAL]) + 1
    for router in range(g.routers):
        see_arrivals(g, m, router, until - 1)
    return until
