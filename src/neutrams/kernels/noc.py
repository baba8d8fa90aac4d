"""A network on chip of wormhole routers with virtual channels and credits, cycle by cycle.

In a cycle nodes send first, then routers act. Whatever one does reaches another in a later cycle, so their order does
not matter. Only routers and nodes with something to do are visited.

Arguments as in `neutrams.kernels.noc_router`.
"""

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel
from neutrams.kernels.noc_bits import bare, lowest_bit
from neutrams.kernels.noc_router import grant_vcs, request_vcs, take_arrivals, take_credits
from neutrams.kernels.noc_switch import depart, enter, request_switch
from neutrams.kernels.noc_tables import (
    ARRIVAL,
    CREDIT_BACK,
    DELIVERED,
    END,
    ENTRY,
    FLITS_IN,
    FLITS_SENT,
    FRONT,
    IN_UNIT,
    INJECT,
    KINDS,
    LAST_ARRIVAL,
    LAST_VC,
    P_CREATED,
    P_FLITS,
    P_SOURCE,
    PACKET,
    READY,
    ROOM,
    ROUTED,
    Layout,
    Memory,
)

Half = npt.NDArray[np.int16]
Order = npt.NDArray[np.int32]


@kernel
def wake(g: Layout, m: Memory, t: int, node: int) -> None:
    """Note that a node has something to do in cycle ``t``."""
    slot = t & (g.slots - 1)
    m[g.busy_node + slot * ((g.nodes + 63) >> 6) + (node >> 6)] |= 1 << (node & 63)
    m[g.busy + slot] = 1


@kernel
def choose_vc(g: Layout, m: Memory, node: int) -> int:
    """Return the first VC with room after the last one used, round robin; -1 if none has."""
    vc = m[node + LAST_VC]
    for _ in range(g.vcs):
        vc = vc + 1 if vc + 1 < g.vcs else 0
        if m[node + ROOM + vc] > 0:
            return int(vc)
    return -1


@kernel
def step_node(g: Layout, m: Memory, packet: Memory, order: Order, t: int, number: int) -> None:
    """Take the credits that come back, then send one flit of the front packet if its VC has room."""
    node = g.node + number * (ROOM + g.vcs)
    refund = g.refund + (t & (g.slots - 1)) * g.nodes + number
    bits = m[refund]
    m[refund] = 0
    while bits:
        m[node + ROOM + lowest_bit(bits)] += 1
        bits &= bits - 1
    front = m[node + FRONT]
    if front == m[node + END]:
        return
    name = int(order[front])
    if packet[name * PACKET + P_CREATED] > t:
        return
    sent = m[node + FLITS_SENT]
    vc = m[node + LAST_VC]
    if sent == 0:
        vc = choose_vc(g, m, node)
    if vc < 0 or m[node + ROOM + vc] == 0:
        return
    m[node + LAST_VC] = vc
    m[node + ROOM + vc] -= 1
    m[g.totals + FLITS_IN] += 1
    tail = 1 if sent + 1 == packet[name * PACKET + P_FLITS] else 0
    flit = name * 4 + (2 if sent == 0 else 0) + tail
    enter(g, m, t + m[node + INJECT], m[node + ENTRY] + vc * IN_UNIT, flit)
    m[node + FLITS_SENT] = 0 if tail else sent + 1
    front += tail
    m[node + FRONT] = front
    if front < m[node + END] and packet[int(order[front]) * PACKET + P_CREATED] <= t:
        wake(g, m, t + 1, number)


@kernel
def take(m: Memory, place: int) -> int:
    """Return a word and clear it."""
    bits = m[place]
    m[place] = 0
    return int(bits)


@kernel
def step_router(
    g: Layout, m: Memory, route: Half, packet: Memory, head: Memory, tail: Memory, t: int, router: int
) -> None:
    """Advance one router by one cycle."""
    event = g.event + ((t & (g.slots - 1)) * g.routers + router) * KINDS * g.words
    for word in range(g.words):
        bits = take(m, event + ARRIVAL * g.words + word)
        if bits:
            take_arrivals(g, m, route, packet, t, router, word, bits)
    for word in range(g.words):
        take_credits(g, m, t, router, word, take(m, event + CREDIT_BACK * g.words + word))
    claims = 0
    for word in range(g.words):
        claims = request_vcs(g, m, t, router, word, take(m, event + ROUTED * g.words + word), claims)
    grant_vcs(g, m, t, claims)
    claims = 0
    for word in range(g.words):
        claims = request_switch(g, m, t, router, word, take(m, event + READY * g.words + word), claims)
    for k in range(claims):
        depart(g, m, route, packet, head, tail, t, take(m, g.winner + m[g.touched + k]))


@kernel
def next_cycle(g: Layout, m: Memory, t: int, until: int) -> int:
    """Return the next cycle after ``t`` in which anything happens, ``until`` if none is noted."""
    for later in range(t + 1, t + g.slots):
        if m[g.busy + (later & (g.slots - 1))]:
            return min(later, until)
    return until


@kernel
def visit(g: Layout, m: Memory, route: Half, packet: Memory, order: Order, head: Memory, tail: Memory, t: int) -> None:
    """Step the nodes and routers that have something to do in cycle ``t``."""
    slot = t & (g.slots - 1)
    words = (g.nodes + 63) >> 6
    for word in range(words):
        bits = take(m, g.busy_node + slot * words + word)
        while bits:
            step_node(g, m, packet, order, t, word * 64 + lowest_bit(bits))
            bits &= bits - 1
    words = (g.routers + 63) >> 6
    for word in range(words):
        bits = m[g.busy_router + slot * words + word]
        while bits:
            step_router(g, m, route, packet, head, tail, t, word * 64 + lowest_bit(bits))
            bits &= bits - 1
        m[g.busy_router + slot * words + word] = 0  # only now: a router may note something for this cycle
    m[g.busy + slot] = 0


@kernel
def run_noc(
    g: Layout,
    memory: Memory,
    routes: Half,
    packets: Memory,
    orders: Order,
    heads: Memory,
    tails: Memory,
    until: int,
    every: bool,
) -> int:
    """Run until all packets have arrived, or cycle ``until``; return the cycle after the last one that counts.

    Arrays (M packets, N nodes, R routers):
        memory   int64[...]            as `Layout` says; overwritten
        routes   int16[paths, R, N]    out port + (class << PORT_BITS); read
        packets  int64[M * PACKET]     records, by cycle of creation; read
        orders   int32[M]              packets by source, then creation; read
        heads    int64[M]              overwritten with the cycle in which the first flit reached its node; -1 before
        tails    int64[M]              the same of the last flit

    ``every`` visits each cycle; otherwise those in which nothing can happen are skipped, with the same results. Flits
    that are on their last link at ``until`` are counted as delivered, with their later cycle of arrival. If packets
    are left and nothing can move any more, the answer is ``until``.
    """
    m, route, packet, order = bare(memory), bare(routes), bare(packets), bare(orders)
    head, tail, count = bare(heads), bare(tails), heads.shape[0]
    t, born = 0, 0
    while t < until and m[g.totals + DELIVERED] < count:
        while born < count and packet[born * PACKET + P_CREATED] <= t:
            wake(g, m, t, packet[born * PACKET + P_SOURCE])
            born += 1
        visit(g, m, route, packet, order, head, tail, t)
        later = next_cycle(g, m, t, until)
        if born < count:
            later = min(later, max(packet[born * PACKET + P_CREATED], t + 1))
        t = later if not every or later == until else t + 1
    if m[g.totals + DELIVERED] == count:
        return int(m[g.totals + LAST_ARRIVAL]) + 1
    return until
