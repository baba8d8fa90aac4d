"""A network on chip of wormhole routers with virtual channels and credits, cycle by cycle.

In a cycle nodes send first, then routers act. Whatever one does reaches another in a later cycle, so their order does
not matter. Only routers and nodes with something to do are visited.

Arguments as in `neutrams.kernels.noc_flow`.
"""

from neutrams.kernels.compiled import kernel
from neutrams.kernels.instructions import bare, lowest_bit
from neutrams.kernels.noc_ahead import fetch_for_node, fetch_for_router
from neutrams.kernels.noc_flow import enter, see_arrivals, take, wake
from neutrams.kernels.noc_router import depart, grant_vcs, request_switch, request_vcs
from neutrams.kernels.noc_tables import (
    AWAY,
    BLOCKED,
    CALL,
    CREDITS,
    DELIVERED,
    END,
    FILL,
    FLITS_IN,
    FLITS_SENT,
    FRONT,
    HEAD,
    IN_PORT,
    IN_UNIT,
    INJECT,
    KINDS,
    LANE,
    LAST_ARRIVAL,
    LAST_VC,
    LATER,
    NEXT,
    OUT,
    OUT_UNIT,
    PACKET_SHIFT,
    PREFER,
    READY,
    ROUTED,
    SERVE,
    STALL,
    STALLED,
    TAIL,
    TURN,
    WANT,
    Layout,
    Memory,
    Tables,
)


@kernel
def room_for(g: Layout, m: Memory, t: int, number: int, tries: int) -> int:
    """Return a VC with room for a node's flit, trying some after the last one used, around; -1 if none has.

    In that case the node is told when a slot can be filled.
    """
    node = g.node + number * g.node_stride
    vc = m[node + LAST_VC]
    soonest = t
    for _ in range(tries):
        vc = vc + 1 if vc + 1 < g.vcs and tries > 1 else (0 if tries > 1 else vc)
        goal = m[node + OUT] + vc * OUT_UNIT
        credit = m[m[goal + CREDITS] + m[goal + FILL]]
        if credit == AWAY:
            m[m[goal + NEXT] + BLOCKED] = -1 - number
        elif credit <= t:
            return int(vc)
        elif soonest == t or credit < soonest:
            soonest = credit
    if soonest > t:
        wake(g, m, soonest, number)
    return -1


@kernel
def hold_up(g: Layout, m: Memory, w: Tables, t: int, number: int) -> None:
    """A packet has left a node's queue in cycle ``t``: that gives the packet that comes next into it its creation.

    A node makes its packets one after the other: what holds up one holds up all later ones as long.
    """
    node = g.node + number * g.node_stride
    place = m[node + FRONT] + g.queue
    if place < m[node + END]:
        name = w.order[place]
        w.created[name] = max(w.asked[name] + m[node + STALL], t + 1)
        m[node + STALL] = w.created[name] - w.asked[name]


@kernel
def call_later(g: Layout, m: Memory, t: int, due: int, number: int) -> None:
    """Have a node look again in cycle ``due``, or where that is too far ahead, look how far it still is."""
    node = g.node + number * g.node_stride
    if m[node + CALL] <= t:
        m[node + CALL] = min(due, t + (g.slots >> 1))
        wake(g, m, m[node + CALL], number)


@kernel
def step_node(g: Layout, m: Memory, w: Tables, t: int, number: int) -> None:
    """Send one flit of the front packet if its VC has room; a head takes the next VC that has, round robin."""
    node = g.node + number * g.node_stride
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
    enter(g, m, w, t, t + m[node + INJECT], m[node + OUT] + vc * OUT_UNIT, flit)
    if front < m[node + END] and w.asked[w.order[front]] <= t:
        wake(g, m, t + 1, number)


@kernel
def step_router(g: Layout, m: Memory, w: Tables, t: int, router: int) -> None:
    """Advance one router by one cycle."""
    event = g.event + router * g.stride + (t & (g.slots - 1)) * KINDS * g.words
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
def list_busy(g: Layout, m: Memory, busy: int, met: int, words: int) -> int:
    """List the numbers of the bits in some words, clear these and note them as met; return where the list ends."""
    last = g.visited
    for word in range(words):
        bits = take(m, busy + word)
        m[met + word] |= bits
        while bits:
            m[last] = word * 64 + lowest_bit(bits)
            last += 1
            bits &= bits - 1
    return last


@kernel
def visit(g: Layout, m: Memory, w: Tables, t: int) -> None:
    """Step the nodes and routers that have something to do in cycle ``t``."""
    slot, words = t & (g.slots - 1), (g.nodes + 63) >> 6
    last = list_busy(g, m, g.busy_node + slot * words, g.met_node, words)
    for place in range(g.visited, last):
        if g.large:
            fetch_for_node(g, m, w, t, place, last)
        step_node(g, m, w, t, m[place])
    words = (g.routers + 63) >> 6
    last = list_busy(g, m, g.busy_router + slot * words, g.met_router, words)
    for place in range(g.visited, last):
        if g.large:
            fetch_for_router(g, m, w, t, place, last)
        step_router(g, m, w, t, m[place])
    m[g.busy + slot] = 0


@kernel
def start_afresh(g: Layout, m: Memory) -> None:
    """Let the arbiters of all routers and nodes that had something to do point to their first again."""
    for word in range((g.nodes + 63) >> 6):
        bits = take(m, g.met_node + word)
        while bits:
            node = g.node + (word * 64 + lowest_bit(bits)) * g.node_stride
            m[node + LAST_VC] = g.vcs - 1
            m[node + STALLED] += take(m, node + STALL)
            bits &= bits - 1
    for word in range((g.routers + 63) >> 6):
        bits = take(m, g.met_router + word)
        while bits:
            turn_back(g, m, word * 64 + lowest_bit(bits))
            bits &= bits - 1


@kernel
def turn_back(g: Layout, m: Memory, router: int) -> None:
    """Let the arbiters of one router point to their first again."""
    begin = router * g.stride
    for port in range(g.ports):
        m[g.in_port + begin + port * IN_PORT + WANT] = 0
        m[g.in_port + begin + port * IN_PORT + LANE] = 0
        m[g.out_port + begin + port * g.way + SERVE] = 0
    for unit in range(g.ports * g.vcs):
        m[g.in_unit + begin + unit * IN_UNIT + PREFER] = 0
        m[g.out_unit + begin + unit * OUT_UNIT + TURN] = 0


@kernel
def run_noc(
    g: Layout,
    memory: Memory,
    tables: Tables,
    until: int,
    every: bool,
) -> int:
    """Run until all packets have arrived, or cycle ``until``; return the cycles that count, of all waves.

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
        bare(a.wave),
    )
    cycles, t = 0, 0
    for number in range(a.wave.shape[0] // 2 - 1):
        end = run_wave(g, m, w, 2 * number, t, until, every)
        if end < 0:
            for router in range(g.routers):
                see_arrivals(g, m, router, until - 1)
            return until
        cycles += end - t
        t = end + g.slots  # all credits are back by then
    return cycles


@kernel
def run_wave(g: Layout, m: Memory, w: Tables, wave: int, begin: int, until: int, every: bool) -> int:
    """Run the packets of a wave from cycle ``begin`` on; return the cycle after its last arrival, -1 if some are left.

    Cycles are counted from ``begin`` then, and the arbiters point to their first again.
    """
    born, last, first_arrival, count = w.wave[wave], w.wave[wave + 2], w.wave[wave + 1], w.wave[wave + 3]
    for number in range(born, last):
        w.asked[number] += begin - LATER
        w.created[number] = w.asked[number]
    t = begin
    while t < until and m[g.totals + DELIVERED] < count:
        while born < last and w.asked[born] <= t:
            wake(g, m, t, w.source[born])
            born += 1
        visit(g, m, w, t)
        later = next_cycle(g, m, t, until)
        if born < last:
            later = min(later, max(w.asked[born], t + 1))
        t = later if not every or later == until else t + 1
    start_afresh(g, m)
    for number in range(w.wave[wave], last):
        w.created[number] -= begin
    for arrival in range(first_arrival, count):
        w.head[arrival] -= begin if w.head[arrival] >= 0 else 0
        w.tail[arrival] -= begin if w.tail[arrival] >= 0 else 0
    if m[g.totals + DELIVERED] < count:
        return -1
    return int(m[g.totals + LAST_ARRIVAL]) + 1 if count > first_arrival else begin
