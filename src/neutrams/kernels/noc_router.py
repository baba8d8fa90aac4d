"""One router in one cycle: arrivals, credits, virtual channel allocation.

Both allocators are separable, input first, with round-robin arbiters whose pointers move on success only (Dally and
Towles, Principles and Practices of Interconnection Networks, 2004, chapters 16 to 19).

Arguments everywhere: ``g`` the layout, ``m`` the memory, ``t`` the cycle (`neutrams.kernels.noc_tables`).
"""

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel
from neutrams.kernels.noc_bits import lowest_bit
from neutrams.kernels.noc_tables import (
    ALLOW,
    BUFFER,
    CLASS,
    COUNT,
    CREDIT,
    DEPTH_RECORD,
    DUE,
    FIRST,
    FREE,
    GOAL,
    HELD,
    IN_UNIT,
    KINDS,
    LOCAL,
    MASK,
    OUT_UNIT,
    OWNER,
    P_PATH,
    P_TARGET,
    PACKET,
    PEAK,
    PORT,
    PORT_BITS,
    PREFER,
    READY,
    RING,
    ROUTED,
    ROUTER,
    TURN,
    UNITS,
    VC,
    WAIT,
    WAY,
    WORD,
    Layout,
    Memory,
)

Half = npt.NDArray[np.int16]


@kernel
def post(g: Layout, m: Memory, t: int, router: int, place: int, bits: int) -> None:
    """Note events of ``router`` for cycle ``t``; ``place`` is kind * words + word."""
    slot = t & (g.slots - 1)
    m[g.event + (slot * g.routers + router) * KINDS * g.words + place] |= bits
    m[g.busy_router + slot * ((g.routers + 63) >> 6) + (router >> 6)] |= 1 << (router & 63)
    m[g.busy + slot] = 1


@kernel
def post_unit(g: Layout, m: Memory, t: int, unit: int, kind: int) -> None:
    """Note an event of one unit."""
    post(g, m, t, m[unit + ROUTER], kind * g.words + m[unit + WORD], m[unit + MASK])


@kernel
def start_packet(g: Layout, m: Memory, route: Half, packet: Memory, t: int, unit: int) -> None:
    """Route the head at the front of an input unit; it asks for a VC in cycle ``t``."""
    router = m[unit + ROUTER]
    record = (m[m[unit + BUFFER] + m[unit + FIRST]] >> 2) * PACKET
    entry = int(route[(packet[record + P_PATH] * g.routers + router) * g.nodes + packet[record + P_TARGET]])
    place = entry & ((1 << PORT_BITS) - 1)
    kind = entry >> PORT_BITS
    way = g.out_port + (router * g.ports + place) * (WAIT + g.words)
    if kind > 0 and m[way + RING] >= 0 and m[way + RING] == m[m[unit + PORT] + RING]:
        kind = m[unit + CLASS]
    m[unit + WAY] = way
    m[unit + ALLOW] = m[g.allowed + kind]
    post_unit(g, m, t, unit, ROUTED)


@kernel
def take_arrivals(g: Layout, m: Memory, route: Half, packet: Memory, t: int, router: int, word: int, bits: int) -> None:
    """Flits that arrive become visible; a head at the front starts, another front flit may ask for the switch."""
    first = g.in_unit + (router * g.ports + word * g.group) * g.vcs * IN_UNIT
    held = m[g.router + router * DEPTH_RECORD + HELD]
    while bits:
        unit = first + lowest_bit(bits) * IN_UNIT
        bits &= bits - 1
        held += 1
        m[unit + COUNT] += 1
        if m[unit + COUNT] == 1:
            goal = m[unit + GOAL]
            if goal == 0:
                start_packet(g, m, route, packet, t + g.lead, unit)
            else:
                m[unit + DUE] = t + g.allocate - 1
                if m[goal + CREDIT] > 0:
                    post_unit(g, m, t + g.allocate - 1, unit, READY)
    m[g.router + router * DEPTH_RECORD + HELD] = held
    m[g.router + router * DEPTH_RECORD + PEAK] = max(m[g.router + router * DEPTH_RECORD + PEAK], held)


@kernel
def take_credits(g: Layout, m: Memory, t: int, router: int, word: int, bits: int) -> None:
    """Credits come back; the first one lets a waiting flit ask for the switch."""
    first = g.out_unit + (router * g.ports + word * g.group) * g.vcs * OUT_UNIT
    while bits:
        goal = first + lowest_bit(bits) * OUT_UNIT
        bits &= bits - 1
        m[goal + CREDIT] += 1
        unit = m[goal + OWNER]
        if m[goal + CREDIT] == 1 and unit != 0 and m[unit + COUNT] > 0:
            post_unit(g, m, max(t, m[unit + DUE]), unit, READY)


@kernel
def first_wins(a: int, b: int, pointer: int) -> bool:
    """Return whether ``a`` comes before ``b``, both different, counting up and around from ``pointer``."""
    return (a < b) == ((a < pointer) == (b < pointer))


@kernel
def request_vcs(g: Layout, m: Memory, t: int, router: int, word: int, bits: int, claims: int) -> int:
    """Each head picks a free VC, round robin; of those that pick the same one, round robin leaves one winner.

    Losers ask again in the next cycle; heads for which no VC is free wait until one is. Returns how many VCs are
    claimed, ``claims`` of them already before.
    """
    first = g.in_unit + (router * g.ports + word * g.group) * g.vcs * IN_UNIT
    while bits:
        unit = first + lowest_bit(bits) * IN_UNIT
        bits &= bits - 1
        way = m[unit + WAY]
        free = m[way + FREE] & m[unit + ALLOW]
        if free == 0:
            m[way + WAIT + word] |= m[unit + MASK]
            continue
        goals = m[way + UNITS]
        start = m[unit + PREFER] - m[goals + LOCAL]
        later = (free >> start) << start if 0 <= start < g.vcs else free
        goal = m[goals + LOCAL] + lowest_bit(later if later else free)
        rival = m[g.winner + goal]
        if rival == 0:
            m[g.winner + goal] = unit
            m[g.touched + claims] = goals + (goal - m[goals + LOCAL]) * OUT_UNIT
            claims += 1
            continue
        turn = m[goals + (goal - m[goals + LOCAL]) * OUT_UNIT + TURN]
        loser = unit
        if first_wins(m[unit + LOCAL], m[rival + LOCAL], turn):
            loser = rival
            m[g.winner + goal] = unit
        post_unit(g, m, t + 1, loser, ROUTED)
    return claims


@kernel
def grant_vcs(g: Layout, m: Memory, t: int, claims: int) -> None:
    """Give each claimed VC to its winner, which may ask for the switch when that has been set up."""
    units = g.ports * g.vcs
    for k in range(claims):
        goal = m[g.touched + k]
        unit = m[g.winner + m[goal + LOCAL]]
        m[g.winner + m[goal + LOCAL]] = 0
        m[unit + GOAL] = goal
        m[goal + OWNER] = unit
        m[m[unit + WAY] + FREE] &= ~(1 << m[goal + VC])
        following = m[goal + LOCAL] + 1
        m[unit + PREFER] = following if following < units else 0
        following = m[unit + LOCAL] + 1
        m[goal + TURN] = following if following < units else 0
        m[unit + DUE] = t + g.allocate
        if m[goal + CREDIT] > 0:
            post_unit(g, m, t + g.allocate, unit, READY)
