"""The second half of a router's cycle: switch allocation, and flits that leave.

Arguments as in `neutrams.kernels.noc_router`.
"""

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel
from neutrams.kernels.noc_bits import lowest_bit
from neutrams.kernels.noc_router import first_wins, post, post_unit, start_packet
from neutrams.kernels.noc_tables import (
    ARRIVAL,
    BACK,
    BUFFER,
    COUNT,
    CREDIT,
    CREDIT_BACK,
    DELIVERED,
    DEPTH_RECORD,
    DUE,
    ECHO,
    FIRST,
    FLIGHT,
    FLITS_OUT,
    FREE,
    GOAL,
    HELD,
    IN_UNIT,
    LANE,
    LAST,
    LAST_ARRIVAL,
    MASK,
    NEXT,
    OUT_UNIT,
    OWNER,
    PLACE,
    PORT,
    READY,
    ROUTED,
    ROUTER,
    SENT,
    SERVE,
    SOURCE,
    VC,
    WAIT,
    WANT,
    WAY,
    Layout,
    Memory,
)

Half = npt.NDArray[np.int16]


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
def request_switch(g: Layout, m: Memory, t: int, router: int, word: int, bits: int, claims: int) -> int:
    """Each input port asks for one output, round robin; each output takes one of the inputs, round robin.

    Losers ask again in the next cycle. Returns how many outputs are claimed, ``claims`` of them already before.
    """
    base = g.in_unit + (router * g.ports + word * g.group) * g.vcs * IN_UNIT
    while bits:
        unit = base + lowest_bit(bits) * IN_UNIT
        vc, port = m[unit + VC], m[unit + PORT]
        low = m[unit + MASK] >> vc
        lanes = bits & (((low << (g.vcs - 1)) << 1) - low)
        bits ^= lanes
        if lanes != m[unit + MASK]:
            first = unit - vc * IN_UNIT
            vc = best_lane(g, m, port, first, lanes // low)
            unit = first + vc * IN_UNIT
            post(g, m, t + 1, router, READY * g.words + word, lanes ^ m[unit + MASK])
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
def eject(g: Layout, m: Memory, head: Memory, tail: Memory, t: int, goal: int, flit: int) -> None:
    """A flit leaves to its node, which takes it at once and returns the credit."""
    port = m[goal + PORT]
    post_unit(g, m, t + m[port + ECHO], goal, CREDIT_BACK)
    arrival = t + m[port + FLIGHT]
    m[g.totals + FLITS_OUT] += 1
    if flit & 2:
        head[flit >> 2] = arrival
    if flit & 1:
        tail[flit >> 2] = arrival
        m[g.totals + DELIVERED] += 1
        m[g.totals + LAST_ARRIVAL] = max(m[g.totals + LAST_ARRIVAL], arrival)


@kernel
def return_credit(g: Layout, m: Memory, t: int, port: int, vc: int) -> None:
    """Tell what feeds an input port that one place of a VC is free."""
    source = m[port + SOURCE]
    at = t + m[port + BACK]
    if source >= 0:
        post_unit(g, m, at, source + vc * OUT_UNIT, CREDIT_BACK)
    else:
        node, slot = -1 - source, at & (g.slots - 1)
        m[g.refund + slot * g.nodes + node] |= 1 << vc
        m[g.busy_node + slot * ((g.nodes + 63) >> 6) + (node >> 6)] |= 1 << (node & 63)
        m[g.busy + slot] = 1


@kernel
def enter(g: Layout, m: Memory, t: int, unit: int, flit: int) -> None:
    """Put a flit on the link to an input unit; its place there is taken now, seen when it arrives in cycle ``t``."""
    last = m[unit + LAST]
    m[m[unit + BUFFER] + last] = flit
    m[unit + LAST] = last + 1 if last + 1 < g.depth else 0
    post_unit(g, m, t, unit, ARRIVAL)


@kernel
def release_vc(g: Layout, m: Memory, t: int, router: int, way: int, goal: int) -> None:
    """An output VC has no owner any more; heads that wait for one of its port ask in the next cycle."""
    m[goal + OWNER] = 0
    m[way + FREE] |= 1 << m[goal + VC]
    for word in range(g.words):
        bits = m[way + WAIT + word]
        if bits:
            m[way + WAIT + word] = 0
            post(g, m, t + 1, router, ROUTED * g.words + word, bits)


@kernel
def depart(g: Layout, m: Memory, route: Half, packet: Memory, head: Memory, tail: Memory, t: int, unit: int) -> None:
    """The front flit of a unit has won the switch: it goes, its credit goes back, the next flit comes to the front."""
    port, way, goal = m[unit + PORT], m[unit + WAY], m[unit + GOAL]
    router = m[unit + ROUTER]
    following = m[way + PLACE] + 1
    m[port + WANT] = following if following < g.ports else 0
    following = m[unit + VC] + 1
    m[port + LANE] = following if following < g.vcs else 0
    following = m[port + PLACE] + 1
    m[way + SERVE] = following if following < g.ports else 0
    first = m[unit + FIRST]
    flit = m[m[unit + BUFFER] + first]
    m[unit + FIRST] = first + 1 if first + 1 < g.depth else 0
    m[unit + COUNT] -= 1
    m[goal + CREDIT] -= 1
    m[g.router + router * DEPTH_RECORD + HELD] -= 1
    m[way + SENT] += 1
    if m[goal + NEXT] != 0:
        enter(g, m, t + m[way + FLIGHT], m[goal + NEXT], flit)
    else:
        eject(g, m, head, tail, t, goal, flit)
    return_credit(g, m, t, port, m[unit + VC])
    if flit & 1:
        release_vc(g, m, t, router, way, goal)
        m[unit + GOAL] = 0
        if m[unit + COUNT] > 0:
            start_packet(g, m, route, packet, t + 1 + g.lead, unit)
    elif m[unit + COUNT] > 0:
        m[unit + DUE] = t + g.allocate
        if m[goal + CREDIT] > 0:
            post_unit(g, m, t + g.allocate, unit, READY)
