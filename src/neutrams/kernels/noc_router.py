"""One router in one cycle: virtual channel allocation, switch allocation, flits that leave.

Both allocators are separable, input first, with round-robin arbiters whose pointers move on success only (Dally and
Towles, Principles and Practices of Interconnection Networks, 2004, chapters 16 to 19).

Arguments as in `neutrams.kernels.noc_flow`.
"""

from neutrams.kernels.compiled import kernel
from neutrams.kernels.instructions import lowest_bit
from neutrams.kernels.noc_flow import (
    ask_for_switch,
    enter,
    fill_slot,
    free_slot,
    next_slot,
    post,
    post_unit,
    start_packet,
)
from neutrams.kernels.noc_tables import (
    ALLOW,
    BACK,
    BRANCH,
    BRANCH_MASK,
    BUFFER,
    CHILD_SHIFT,
    DELIVERED,
    EVENT,
    FIRST,
    FLIGHT,
    FLIT,
    FLITS_OUT,
    FREE,
    GOAL,
    HEAD,
    HELD,
    IN_UNIT,
    INTERVAL,
    LANE,
    LAST_ARRIVAL,
    LAST_BRANCH,
    LOCAL,
    MASK,
    NEXT,
    O_LOCAL,
    O_VC,
    OPEN,
    OUT_UNIT,
    PACE,
    PACKET_SHIFT,
    PATH_SHIFT,
    PLACE,
    PORT,
    PREFER,
    READY,
    ROUTED,
    ROUTER,
    SENT,
    SERVE,
    SLOT,
    TAIL,
    TIME,
    TURN,
    UNITS,
    VC,
    WAIT,
    WANT,
    WAY,
    Layout,
    Memory,
    Tables,
)


@kernel
def first_wins(a: int, b: int, pointer: int) -> bool:
    """Return whether ``a`` comes before ``b``, both different, counting up and around from ``pointer``."""
    return (a < b) == ((a < pointer) == (b < pointer))


@kernel
def after(number: int, count: int) -> int:
    """Return the number behind it, around."""
    return number + 1 if number + 1 < count else 0


@kernel
def request_vcs(g: Layout, m: Memory, t: int, router: int, word: int, bits: int, claims: int) -> int:
    """Each head picks a free VC, round robin; of those that pick the same one, round robin leaves one winner.

    Losers ask again in the next cycle; heads for which no VC is free wait until one is. Returns how many VCs are
    claimed, ``claims`` of them already before.
    """
    first = g.in_unit + router * g.stride + word * g.group * g.vcs * IN_UNIT
    while bits:
        unit = first + lowest_bit(bits) * IN_UNIT
        bits &= bits - 1
        way = m[unit + WAY]
        free = m[way + FREE] & m[unit + ALLOW]
        if free == 0:
            m[way + WAIT + word] |= m[unit + MASK]
            continue
        goals = m[way + UNITS]
        start = m[unit + PREFER] - m[goals + O_LOCAL]
        later = (free >> start) << start if 0 <= start < g.vcs else free
        vc = lowest_bit(later if later else free)
        goal = goals + vc * OUT_UNIT
        place = g.winner + m[goals + O_LOCAL] + vc
        rival = m[place]
        if rival == 0:
            m[place] = unit
            m[g.touched + claims] = goal
            claims += 1
            continue
        loser = unit
        if first_wins(m[unit + LOCAL], m[rival + LOCAL], m[goal + TURN]):
            loser = rival
            m[place] = unit
        post_unit(g, m, t + 1, loser, ROUTED)
    return claims


@kernel
def grant_vcs(g: Layout, m: Memory, t: int, claims: int) -> None:
    """Give each claimed VC to its winner, which may ask for the switch when that has been set up."""
    units = g.ports * g.vcs
    for k in range(claims):
        goal = m[g.touched + k]
        place = g.winner + m[goal + O_LOCAL]
        unit = m[place]
        m[place] = 0
        m[unit + GOAL] = goal
        m[m[unit + WAY] + FREE] &= ~(1 << m[goal + O_VC])
        m[unit + PREFER] = after(m[goal + O_LOCAL], units)
        m[goal + TURN] = after(m[unit + LOCAL], units)
        ask_for_switch(g, m, t + g.allocate, unit)


@kernel
def best_lane(g: Layout, m: Memory, port: int, first: int, lanes: int) -> int:
    """Return the VC of an input port that asks: round robin over outputs, then over the VCs for that output.

    ``first`` is the port's first unit, ``lanes`` the VCs that could ask [bits].
    """
    best, best_key = 0, g.ports * g.vcs
    while lanes:
        vc = lowest_bit(lanes)
        lanes &= lanes - 1
        ahead = m[m[first + vc * IN_UNIT + WAY] + PLACE] - m[port + WANT]
        if ahead < 0:
            ahead += g.ports
        behind = vc - m[port + LANE]
        if behind < 0:
            behind += g.vcs
        key = ahead * g.vcs + behind
        if key < best_key:
            best, best_key = vc, key
    return best


@kernel
def hold_back(g: Layout, m: Memory, t: int, router: int, first: int, bits: int) -> int:
    """Return those of some input units whose link is open; the others ask again when it is.

    ``first`` is the unit of bit 0.
    """
    left = bits
    while left:
        unit = first + lowest_bit(left) * IN_UNIT
        left &= left - 1
        due = m[g.pace + router * g.stride + m[m[unit + WAY] + PLACE] * PACE + OPEN]
        if due > t:
            bits ^= m[unit + MASK]
            post_unit(g, m, due, unit, READY)
    return bits


@kernel
def request_switch(g: Layout, m: Memory, t: int, router: int, word: int, bits: int, claims: int) -> int:
    """Each input port asks for one output, round robin; each output takes one of the inputs, round robin.

    Losers ask again in the next cycle. Returns how many outputs are claimed, ``claims`` of them already before.
    """
    base = g.in_unit + router * g.stride + word * g.group * g.vcs * IN_UNIT
    if g.pace:
        bits = hold_back(g, m, t, router, base, bits)
    while bits:
        unit = base + lowest_bit(bits) * IN_UNIT
        vc, port, mask = m[unit + VC], m[unit + PORT], m[unit + MASK]
        low = mask >> vc
        lanes = bits & (((low << (g.vcs - 1)) << 1) - low)
        bits ^= lanes
        if lanes != mask:
            first = unit - vc * IN_UNIT
            unit = first + best_lane(g, m, port, first, lanes // low) * IN_UNIT
            post(g, m, t + 1, router, m[unit + EVENT] + READY * g.words, lanes ^ m[unit + MASK])
        out = m[m[unit + WAY] + PLACE]
        rival = m[g.winner + out]
        if rival == 0:
            m[g.winner + out] = unit
            m[g.touched + claims] = out
            claims += 1
            continue
        loser = unit
        if first_wins(m[port + PLACE], m[m[rival + PORT] + PLACE], m[m[unit + WAY] + SERVE]):
            loser = rival
            m[g.winner + out] = unit
        post_unit(g, m, t + 1, loser, READY)
    return claims


@kernel
def eject(g: Layout, m: Memory, w: Tables, arrival: int, goal: int, flit: int, branch: int) -> None:
    """A flit leaves by an output unit to its node, which takes it at once and sends the credit back."""
    fill_slot(g, m, goal, arrival + g.echo)
    place = (flit >> PACKET_SHIFT) - 1
    if g.branched:
        place = w.place[place] + (w.branch[branch] >> CHILD_SHIFT if branch else 0)
    m[g.totals + FLITS_OUT] += 1
    if flit & HEAD:
        w.head[place] = arrival
    if flit & TAIL:
        w.tail[place] = arrival
        m[g.totals + DELIVERED] += 1
        m[g.totals + LAST_ARRIVAL] = max(m[g.totals + LAST_ARRIVAL], arrival)


@kernel
def release_vc(g: Layout, m: Memory, t: int, router: int, way: int, vc: int) -> None:
    """An output VC has no owner any more; heads that wait for one of its port ask in the next cycle."""
    m[way + FREE] |= 1 << vc
    for word in range(g.words):
        bits = m[way + WAIT + word]
        if bits:
            m[way + WAIT + word] = 0
            post(g, m, t + 1, router, ROUTED * g.words + word, bits)


@kernel
def rewind(g: Layout, m: Memory, unit: int) -> None:
    """Go back from the slot behind a packet's tail to that of its head."""
    begin, slot = m[unit + BUFFER], m[unit + FIRST]
    while True:
        slot = slot - SLOT if slot > begin else begin + (g.depth - 1) * SLOT
        if m[slot + FLIT] & HEAD:
            break
    m[unit + FIRST] = slot


@kernel
def leave(g: Layout, m: Memory, t: int, unit: int, port: int, router: int) -> None:
    """The front flit leaves its buffer, its credit goes back."""
    m[g.router + router * g.stride + HELD] -= 1
    free_slot(g, m, t + m[port + BACK], unit)


@kernel
def depart(g: Layout, m: Memory, w: Tables, t: int, unit: int) -> None:
    """The front flit of a unit has won the switch: it goes, its credit goes back, the next flit comes to the front.

    A flit that other branches of its tree still need stays in its buffer; behind the tail the head comes to the front
    once more, for the next branch.
    """
    port, way, goal, router = m[unit + PORT], m[unit + WAY], m[unit + GOAL], m[unit + ROUTER]
    m[port + WANT] = after(m[way + PLACE], g.ports)
    m[port + LANE] = after(m[unit + VC], g.vcs)
    m[way + SERVE] = after(m[port + PLACE], g.ports)
    m[way + SENT] += 1
    if g.pace:
        pace = g.pace + router * g.stride + m[way + PLACE] * PACE
        m[pace + OPEN] = t + m[pace + INTERVAL]
    flit, branch, stays = m[m[unit + FIRST] + FLIT], 0, False
    if g.branched:
        branch = m[unit + BRANCH]
        stays = branch != 0 and w.branch[branch] & LAST_BRANCH == 0
    if stays:
        m[unit + FIRST] = next_slot(g, m, unit, m[unit + FIRST])
    else:
        leave(g, m, t, unit, port, router)
    if m[goal + NEXT]:
        if branch:
            flit ^= (((flit >> PATH_SHIFT) ^ (w.branch[branch] >> CHILD_SHIFT)) & BRANCH_MASK) << PATH_SHIFT
        enter(g, m, w, t, t + m[way + FLIGHT], goal, flit)
    else:
        eject(g, m, w, t + m[way + FLIGHT], goal, flit, branch)
    if flit & TAIL:
        release_vc(g, m, t, router, way, m[goal + O_VC])
        m[unit + GOAL] = 0
        if branch:
            m[unit + BRANCH] = 0
            branch += 1
        if stays:
            rewind(g, m, unit)
        else:
            branch = 0
    slot = m[unit + FIRST]
    if m[slot + FLIT] != 0:
        there = max(t + 1, m[slot + TIME])
        if flit & TAIL:
            start_packet(g, m, w, there + g.lead, unit, branch)
        else:
            ask_for_switch(g, m, there + g.allocate - 1, unit)
