"""The memory of the network-on-chip simulator: one int64 array of records that point to each other.

One array, because numba counts references to every array it takes out of a tuple, and the count would cost twenty times
what the work does; records, because one visit then touches one or two cache lines. A record is known by its address,
the place of its first word; address 0 is none. `Layout` says where the records of each kind begin.

A router has P input and P output ports with V virtual channels (VCs) each. An input *unit* is one VC's buffer, an
output unit one VC of the next buffer as seen from here. Unit place * V + VC of a router is its *local* number; in event
masks it is bit local % (G * V) of word local // (G * V), G whole ports a word.

Nothing happens when a flit arrives or a credit comes back: each slot of a buffer carries the cycle in which its flit is
there, or in which the credit for it is. Whoever makes one of the two known notes what follows from it, for the cycle in
which it follows.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Memory = npt.NDArray[np.int64]

WORD_BITS = 60
"""Units in one word of an event mask; a port must fit, so V is at most this. Below 63, so that words stay positive."""

PORT_BITS = 8
"""A route is out port + (class << PORT_BITS)."""

TAIL, HEAD, PATH_SHIFT, TARGET_SHIFT, PACKET_SHIFT = 1, 2, 2, 10, 32
"""A flit: two flags, table of routes, target node, packet + 1."""
PATH_MASK, TARGET_MASK = (1 << 8) - 1, (1 << 22) - 1

ROUTED, READY, KINDS = 0, 1, 2
"""Events of an input unit: its head asks for a VC; its front flit asks for the switch."""

ROUTER, EVENT, MASK, LOCAL, VC, PORT, WORD = 0, 1, 2, 3, 4, 5, 6
FIRST, LAST, GOAL, WAY, ALLOW, DUE, PREFER, BUFFER, BLOCKED, IN_UNIT = 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
"""Input unit: router, -1 in a node; its words among a slot's events; its bit there; local number; VC; input port; word;
slots of the front flit and of the next to come; output unit held; output port of the front packet; VCs it may take
[bits]; first cycle in which its front flit may ask for the switch; round robin over output units; first slot; whoever
waits for room here, an input unit or -1 - node; size.
"""

O_LOCAL, O_VC, TURN, NEXT, OUT_UNIT = 0, 1, 2, 3, 4
"""Output unit: local number; VC; round robin over input units; the input unit behind it; size."""

FLIT, TIME, SLOT = 0, 1, 2
"""Slot of a buffer: its flit, or 0; cycle in which the flit is there, or from which on the slot may be filled; size."""

PLACE, RING = 0, 1
"""Both kinds of port: number within the router; ring, -1 if none."""

BACK, WANT, LANE, IN_PORT = 2, 3, 4, 5
"""Input port: cycles from switch allocation to a credit's use; round robin over output ports, over its VCs; size."""

UNITS, FLIGHT, ECHO, FREE, SERVE, SENT, WAIT = 2, 3, 4, 5, 6, 7, 8
"""Output port: its first output unit; cycles from switch allocation to arrival at the sink, and to the return of a
node's credit; VCs without owner [bits]; round robin over input ports; flits that left; then W words of input units that
wait for a VC (size WAIT + W).
"""

ENTRY, INJECT, FRONT, END, FLITS_SENT, LAST_VC, NODE = 0, 1, 2, 3, 4, 5, 6
"""Node: its first input unit; cycles to it; places in ``order`` of its front packet and behind its last; flits of the
front packet sent; VC of the last packet; size.
"""

P_SOURCE, P_TARGET, P_FLITS, P_PATH, P_CREATED, PACKET = 0, 1, 2, 3, 4, 5
"""Packet: nodes; length [flit], at least 1; table of routes; cycle of creation; size."""

HELD, PEAK, SEEN, ARRIVALS = 0, 1, 2, 3
"""Router: flits in its buffers, the most there were, and up to which cycle these are known; then S words: flits that
arrive in a cycle (size ARRIVALS + S).
"""

DELIVERED, LAST_ARRIVAL, FLITS_IN, FLITS_OUT, TOTALS = 0, 1, 2, 3, 4
"""Totals: packets delivered; cycle of the last arrival; flits that nodes sent and received; size."""


class Layout(NamedTuple):
    """Sizes, and the addresses in memory at which records of each kind begin.

    Sizes: ``ports`` P, ``vcs`` V, ``depth`` flits of a buffer, ``group`` G = WORD_BITS // V, ``words`` W = ceil(P / G),
    ``routers`` R, ``nodes`` N, ``slots`` S: cycle t is slot t mod S; a power of two above twice any delay.
    Delays [cycle]: ``lead`` from a head's arrival to its first VC allocation; ``allocate`` >= 1 of switch allocation.

    Addresses:
        totals     TOTALS words
        allowed    classes + 1 words: VCs of a class [bits]; class 0 is all of them
        class_of   V words: class of a VC, for packets that keep theirs
        winner     P * V words, scratch, all 0; ``touched`` P * V words, scratch
        router     R records
        in_port    R * P records; ``out_port`` R * P records
        in_unit    R * P * V records, then N * V in the nodes; ``out_unit`` R * P * V records
        node       N records
        buffer     (R * P + N) * V * depth slots
        event      S * R * KINDS * W words: units with an event [bits]
        busy_router  S * ceil(R / 64) words: routers with an event [bits]; ``busy_node`` S * ceil(N / 64), the same
        busy       S words, 1 if anything happens
    """

    ports: int
    vcs: int
    depth: int
    group: int
    words: int
    routers: int
    nodes: int
    slots: int
    lead: int
    allocate: int
    totals: int
    allowed: int
    class_of: int
    winner: int
    touched: int
    router: int
    in_port: int
    out_port: int
    in_unit: int
    out_unit: int
    node: int
    buffer: int
    event: int
    busy_router: int
    busy_node: int
    busy: int
