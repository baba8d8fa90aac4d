"""Memory that is fetched while others are at work: on a large board no router is in the cache when it is visited.

The routers and nodes that have something to do in a cycle are known before the first of them does it. What one will
need is reached by pointers; so it is fetched in stages, each some visits ahead of the next, which follows the pointers
that the one before has brought. Nothing is changed.

Arguments as in `neutrams.kernels.noc_flow`; ``event`` the first word of a router's events of this cycle.
"""

from neutrams.kernels.compiled import kernel
from neutrams.kernels.instructions import lowest_bit, prefetch
from neutrams.kernels.noc_tables import (
    ARRIVALS,
    BACKWARD,
    BRANCH,
    BRANCH_MASK,
    CHILD_SHIFT,
    CREDITS,
    END,
    FIRST,
    FLIT,
    FRONT,
    GOAL,
    IN_UNIT,
    KINDS,
    LINE,
    NEXT,
    NEXT_BUFFER,
    NEXT_ROUTER,
    OUT,
    OUT_UNIT,
    PACKET_SHIFT,
    PATH_SHIFT,
    PORT,
    READY,
    ROUTED,
    UNITS,
    WAY,
    Layout,
    Memory,
    Tables,
)

EVENTS, UNITS_OF_EVENTS, PORTS, GOALS = 12, 9, 6, 3
"""How many routers ahead each stage is [count]."""

NODES, PACKETS, FLITS, ROOTS = 12, 9, 6, 3
"""How many nodes ahead each stage is [count]."""

USUAL_FLIGHT = 3
"""From switch allocation to arrival, where switch and link take a cycle each [cycle]."""


@kernel
def fetch_unit(m: Memory, unit: int) -> None:
    """Fetch an input unit."""
    prefetch(m, unit)
    prefetch(m, unit + LINE)


@kernel
def fetch_units(g: Layout, m: Memory, router: int, event: int) -> None:
    """Fetch the input units that have an event."""
    for word in range(g.words):
        bits = m[event + ROUTED * g.words + word] | m[event + READY * g.words + word]
        first = g.in_unit + router * g.stride + word * g.group * g.vcs * IN_UNIT
        while bits:
            fetch_unit(m, first + lowest_bit(bits) * IN_UNIT)
            bits &= bits - 1


@kernel
def fetch_ports(g: Layout, m: Memory, w: Tables, t: int, router: int, event: int) -> None:
    """Fetch what these units point to."""
    record = g.router + router * g.stride
    prefetch(m, record)
    prefetch(m, record + ARRIVALS + (t & (g.slots - 1)))
    for word in range(g.words):
        first = g.in_unit + router * g.stride + word * g.group * g.vcs * IN_UNIT
        bits = m[event + ROUTED * g.words + word]
        while bits:
            prefetch(m, m[first + lowest_bit(bits) * IN_UNIT + WAY])
            bits &= bits - 1
        bits = m[event + READY * g.words + word]
        while bits:
            unit = first + lowest_bit(bits) * IN_UNIT
            for field in (WAY, GOAL, FIRST, PORT, BACKWARD):
                prefetch(m, m[unit + field])
            if g.branched:
                prefetch(w.branch, m[unit + BRANCH])
            bits &= bits - 1


@kernel
def fetch_goals(g: Layout, m: Memory, w: Tables, t: int, router: int, event: int) -> None:
    """Fetch what their output ports and units point to: in the next router, too."""
    begin = router * g.stride
    for word in range(g.words):
        first = g.in_unit + begin + word * g.group * g.vcs * IN_UNIT
        bits = m[event + ROUTED * g.words + word]
        while bits:
            goal = m[m[first + lowest_bit(bits) * IN_UNIT + WAY] + UNITS]
            for vc in range(g.vcs):
                prefetch(m, goal + vc * OUT_UNIT)
            prefetch(m, g.credit + begin + (goal - g.out_unit - begin) // OUT_UNIT * g.depth)
            bits &= bits - 1
        bits = m[event + READY * g.words + word]
        while bits:
            fetch_sink(g, m, w, t, first + lowest_bit(bits) * IN_UNIT)
            bits &= bits - 1


@kernel
def fetch_sink(g: Layout, m: Memory, w: Tables, t: int, unit: int) -> None:
    """Fetch what the front flit of an input unit meets where it goes: a router, or its node and arrival there."""
    goal, branch = m[unit + GOAL], m[unit + BRANCH]
    fetch_next(g, m, t, goal)
    if m[goal + NEXT] == 0:
        packet = (m[m[unit + FIRST] + FLIT] >> PACKET_SHIFT) - 1
        prefetch(w.place, packet)
        prefetch(w.head, packet)
        prefetch(w.tail, packet)
    elif branch:
        prefetch(w.branch, w.branch[branch] >> CHILD_SHIFT)


@kernel
def fetch_next(g: Layout, m: Memory, t: int, goal: int) -> None:
    """Fetch what a flit meets behind an output unit."""
    record, arrival = m[goal + NEXT_ROUTER], t + USUAL_FLIGHT
    fetch_unit(m, m[goal + NEXT])
    prefetch(m, m[goal + NEXT_BUFFER])
    prefetch(m, record)
    prefetch(m, record + ARRIVALS + (arrival & (g.slots - 1)))
    prefetch(m, record + g.event - g.router + ((arrival + g.lead) & (g.slots - 1)) * KINDS * g.words)
    prefetch(m, m[goal + CREDITS])


@kernel
def fetch_for_router(g: Layout, m: Memory, w: Tables, t: int, place: int, last: int) -> None:
    """Do each stage for the router that it is due for; ``place`` of ``last`` in the list of those to visit."""
    begin = (t & (g.slots - 1)) * KINDS * g.words + g.event
    if place + EVENTS < last:
        prefetch(m, begin + m[place + EVENTS] * g.stride)
    if place + UNITS_OF_EVENTS < last:
        router = m[place + UNITS_OF_EVENTS]
        fetch_units(g, m, router, begin + router * g.stride)
    if place + PORTS < last:
        router = m[place + PORTS]
        fetch_ports(g, m, w, t, router, begin + router * g.stride)
    if place + GOALS < last:
        router = m[place + GOALS]
        fetch_goals(g, m, w, t, router, begin + router * g.stride)


@kernel
def fetch_for_node(g: Layout, m: Memory, w: Tables, t: int, place: int, last: int) -> None:
    """Do each stage for the node that it is due for."""
    if place + NODES < last:
        begin = m[place + NODES] * g.node_stride
        prefetch(m, g.node + begin)
        prefetch(m, g.node + begin + LINE)
        prefetch(m, g.node_unit + begin)
    if place + PACKETS < last:
        node = g.node + m[place + PACKETS] * g.node_stride
        prefetch(w.order, m[node + FRONT])
        fetch_next(g, m, t, m[node + OUT])
    name = front_packet(g, m, w, place + FLITS, last)
    if name >= 0:
        prefetch(w.created, name)
        prefetch(w.way, name)
        prefetch(w.flits, name)
    name = front_packet(g, m, w, place + ROOTS, last)
    if name >= 0 and g.branched:
        prefetch(w.branch, (w.way[name] >> PATH_SHIFT) & BRANCH_MASK)


@kernel
def front_packet(g: Layout, m: Memory, w: Tables, place: int, last: int) -> int:
    """Return the packet that a node in the list sends next, -1 if there is none."""
    if place >= last:
        return -1
    node = g.node + m[place] * g.node_stride
    return int(w.order[m[node + FRONT]]) if m[node + FRONT] < m[node + END] else -1
