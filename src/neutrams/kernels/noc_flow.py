"""How flits and credits move, and what is noted for later cycles.

Arguments of all kernels of the network on chip: ``g`` the layout, ``m`` the memory, ``w`` the tables, ``t`` a cycle
(`neutrams.kernels.noc_tables`).
"""

from neutrams.kernels.compiled import kernel
from neutrams.kernels.noc_routes import PORT_BITS, PORT_MASK, route_entry
from neutrams.kernels.noc_tables import (
    ALLOW,
    ARRIVALS,
    AWAY,
    BACKWARD,
    BLOCKED,
    BRANCH,
    BRANCH_MASK,
    BRANCHES,
    BUFFER,
    CREDITS,
    DUE,
    EVENT,
    FILL,
    FIRST,
    FLIT,
    GOAL,
    HELD,
    KINDS,
    LAST_BRANCH,
    MASK,
    NEXT,
    NEXT_BUFFER,
    PATH_MASK,
    PATH_SHIFT,
    PEAK,
    PORT,
    READY,
    RING,
    ROUTED,
    ROUTER,
    SEEN,
    SLOT,
    TARGET_MASK,
    TARGET_SHIFT,
    TIME,
    VC,
    WAY,
    Layout,
    Memory,
    Tables,
)


@kernel
def take(m: Memory, place: int) -> int:
    """Return a word and clear it."""
    bits = m[place]
    m[place] = 0
    return int(bits)


@kernel
def post(g: Layout, m: Memory, t: int, router: int, place: int, bits: int) -> None:
    """Note events of ``router`` for cycle ``t``; ``place`` is among the words of a slot of its own."""
    slot = t & (g.slots - 1)
    m[g.event + router * g.stride + slot * (KINDS * g.words) + place] |= bits
    m[g.busy_router + slot * ((g.routers + 63) >> 6) + (router >> 6)] |= 1 << (router & 63)
    m[g.busy + slot] = 1


@kernel
def post_unit(g: Layout, m: Memory, t: int, unit: int, kind: int) -> None:
    """Note an event of one unit."""
    post(g, m, t, m[unit + ROUTER], m[unit + EVENT] + kind * g.words, m[unit + MASK])


@kernel
def wake(g: Layout, m: Memory, t: int, node: int) -> None:
    """Note that a node has something to do in cycle ``t``."""
    slot = t & (g.slots - 1)
    m[g.busy_node + slot * ((g.nodes + 63) >> 6) + (node >> 6)] |= 1 << (node & 63)
    m[g.busy + slot] = 1


@kernel
def next_slot(g: Layout, m: Memory, unit: int, slot: int) -> int:
    """Return the slot after ``slot``, around."""
    begin = int(m[unit + BUFFER])
    return slot + SLOT if slot + SLOT < begin + g.depth * SLOT else begin


@kernel
def ask_for_vc(g: Layout, m: Memory, t: int, unit: int, entry: int) -> None:
    """The head at the front of an input unit asks for a VC in cycle ``t``, as the entry of a route says."""
    kind = entry >> PORT_BITS
    way = g.out_port + m[unit + ROUTER] * g.stride + (entry & PORT_MASK) * g.way
    if kind > 0 and g.classes > 1 and m[way + RING] >= 0 and m[way + RING] == m[m[unit + PORT] + RING]:
        kind = m[g.class_of + m[unit + VC]]
    m[unit + WAY] = way
    m[unit + ALLOW] = m[g.allowed + kind]
    post_unit(g, m, t, unit, ROUTED)


@kernel
def start_packet(g: Layout, m: Memory, w: Tables, t: int, unit: int, branch: int) -> None:
    """Route the head at the front of an input unit, by its own branch if ``branch`` is 0; it asks for a VC at ``t``."""
    flit = m[m[unit + FIRST] + FLIT]
    if g.branched and flit & BRANCHES:
        if branch == 0:
            branch = (flit >> PATH_SHIFT) & BRANCH_MASK
        m[unit + BRANCH] = branch
        entry = w.branch[branch] & (LAST_BRANCH - 1)
    else:
        path, target = (flit >> PATH_SHIFT) & PATH_MASK, (flit >> TARGET_SHIFT) & TARGET_MASK
        entry = route_entry(w.route, w.key, g.routers, g.nodes, path, m[unit + ROUTER], target)
    ask_for_vc(g, m, t, unit, entry)


@kernel
def ask_for_switch(g: Layout, m: Memory, due: int, unit: int) -> None:
    """The front flit asks from cycle ``due`` on, as soon as there is room for it in the next buffer."""
    m[unit + DUE] = due
    goal = m[unit + GOAL]
    credit = m[m[goal + CREDITS] + m[goal + FILL]]
    if credit != AWAY:
        post_unit(g, m, max(due, credit), unit, READY)
    else:
        m[m[goal + NEXT] + BLOCKED] = unit


@kernel
def free_slot(g: Layout, m: Memory, t: int, unit: int) -> None:
    """Empty the front slot of a unit, to be filled again from cycle ``t`` on; tell who waits for it."""
    slot = m[unit + FIRST]
    m[slot + FLIT] = 0
    m[m[unit + BACKWARD] + (slot - m[unit + BUFFER]) // SLOT] = t
    m[unit + FIRST] = next_slot(g, m, unit, slot)
    waiter = m[unit + BLOCKED]
    if waiter:
        m[unit + BLOCKED] = 0
        if waiter > 0:
            post_unit(g, m, max(t, m[waiter + DUE]), waiter, READY)
        else:
            wake(g, m, t, -1 - waiter)


@kernel
def see_arrivals(g: Layout, m: Memory, router: int, t: int) -> None:
    """Count the flits in a router's buffers up to cycle ``t``, before any leaves in it."""
    record = g.router + router * g.stride
    held = m[record + HELD]
    for cycle in range(max(m[record + SEEN] + 1, t - g.slots + 1), t + 1):
        held += take(m, record + ARRIVALS + (cycle & (g.slots - 1)))
    m[record + HELD] = held
    m[record + SEEN] = t
    m[record + PEAK] = max(m[record + PEAK], held)


@kernel
def fill_slot(g: Layout, m: Memory, goal: int, credit: int) -> int:
    """Take an output unit's next slot, whose credit becomes ``credit``; return its number."""
    number = int(m[goal + FILL])
    m[m[goal + CREDITS] + number] = credit
    m[goal + FILL] = number + 1 if number + 1 < g.depth else 0
    return number


@kernel
def enter(g: Layout, m: Memory, w: Tables, t: int, arrival: int, goal: int, flit: int) -> None:
    """Send a flit in cycle ``t`` from an output unit to the input unit behind it, where it is in cycle ``arrival``."""
    unit = m[goal + NEXT]
    slot = m[goal + NEXT_BUFFER] + fill_slot(g, m, goal, AWAY) * SLOT
    m[slot + FLIT] = flit
    m[slot + TIME] = arrival
    record = g.router + m[unit + ROUTER] * g.stride
    if t - m[record + SEEN] > g.slots >> 1:  # before the wheel of arrivals turns once around
        see_arrivals(g, m, m[unit + ROUTER], t - 1)
    m[record + ARRIVALS + (arrival & (g.slots - 1))] += 1
    if slot == m[unit + FIRST]:
        if m[unit + GOAL] == 0:
            start_packet(g, m, w, arrival + g.lead, unit, 0)
        else:
            ask_for_switch(g, m, arrival + g.allocate - 1, unit)
