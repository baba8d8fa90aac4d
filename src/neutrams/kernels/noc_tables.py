"""The memory of the network-on-chip simulator: one int64 array of records that point to each other.

One array, because numba counts references to every array it takes out of a tuple, and the count would cost twenty times
what the work does; records, because one visit then touches one or two cache lines. A record is known by its address,
the place of its first word; address 0 is none. `Layout` says where the records of each kind begin.

A router has P input and P output ports with V virtual channels (VCs) each. An input *unit* is one VC's buffer, an
output unit one VC of the next buffer as seen from here. Unit place * V + VC of a router is its *local* number; in event
masks it is bit local % (G * V) of word local // (G * V), G whole ports a word.

Nothing happens when a flit arrives or a credit comes back: each slot of a buffer carries the cycle in which its flit is
there, each of its credits, which whoever fills the buffer keeps, that in which it is back. Whoever makes one of the two
known notes what follows from it, for the cycle in which it follows.

A router's memory leaves the cache between two visits on a large board. So records of units and ports begin with a line
of the cache, credits are kept where they are asked for, and what is met next in another router is fetched ahead.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Memory = npt.NDArray[np.int64]

WORD_BITS = 60
"""Units in one word of an event mask; a port must fit, so V is at most this. Below 63, so that words stay positive."""

TAIL, HEAD, BRANCHES, PATH_SHIFT, TARGET_SHIFT, PACKET_SHIFT = 1, 2, 4, 3, 11, 33
"""A flit: three flags, path, target node, packet + 1. With BRANCHES, a tree's branch stands for path and target."""
PATH_MASK, TARGET_MASK, BRANCH_MASK = (1 << 8) - 1, (1 << 22) - 1, (1 << 30) - 1

LAST_BRANCH, CHILD_SHIFT = 1 << 15, 16
"""A branch: the entry of a route (`neutrams.kernels.noc_routes`), whether it is its router's last, then its child: the
first branch at the next router, or the place of the target among those of all trees."""

ROUTED, READY, KINDS = 0, 1, 2
"""Events of an input unit: its head asks for a VC; its front flit asks for the switch."""

ROUTER, EVENT, MASK, LOCAL, VC, PORT, BRANCH = 0, 1, 2, 3, 4, 5, 6
FIRST, BACKWARD, GOAL, WAY, ALLOW, DUE, PREFER, BUFFER, BLOCKED, IN_UNIT = 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
"""Input unit: router; its words among a slot's events; its bit there; local number; VC; input port; branch its front
packet takes, 0 without a tree; slot of the next flit to be sent; first credit of whoever fills it; output unit held;
output port of the front packet; VCs it may take [bits]; first cycle in which its front flit may ask for the switch;
round robin over output units; first slot; whoever waits for room here, an input unit or -1 - node; size.
"""

O_LOCAL, O_VC, TURN, NEXT, NEXT_BUFFER, CREDITS, FILL, NEXT_ROUTER, OUT_UNIT = 0, 1, 2, 3, 4, 5, 6, 7, 8
"""Output unit: local number; VC; round robin over input units; the input unit behind it, 0 for that of a node; its
first slot; the first credit; number of the slot to be filled next; record of the router behind it; size."""

LINE = 8
"""Words of a line of the cache."""

AWAY = 1 << 60
"""A credit is the cycle from which on its slot may be filled, or this while that is not known."""

FLIT, TIME, SLOT = 0, 1, 2
"""Slot of a buffer: its flit, or 0; cycle in which it is there; size."""

PLACE, RING = 0, 1
"""Both kinds of port: number within the router; ring, -1 if none."""

BACK, WANT, LANE, IN_PORT = 2, 3, 4, 8
"""Input port: cycles from switch allocation to a credit's use; round robin over output ports, over its VCs; size."""

UNITS, FLIGHT, FREE, SERVE, SENT, WAIT = 2, 3, 4, 5, 6, 7
"""Output port: its first output unit; cycles from switch allocation to arrival at the sink; VCs without owner [bits];
round robin over input ports; flits that left; then W words of input units that wait for a VC (size `Layout.way`).
"""

INTERVAL, OPEN, PACE = 0, 1, 2
"""Pace of an output port, where links are slow: cycles from flit to flit; cycle from which on the next may go; size."""

OUT, INJECT, FRONT, END, FLITS_SENT, LAST_VC, STALL, CALL, STALLED, NODE = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
"""Node: its first output unit; cycles to the router; places in ``order`` of its front packet and behind its last; flits
of the front packet sent; VC of the last packet; cycles for which a full queue has held it up in this wave; cycle in
which it looks whether a packet that was held up is there; cycles held up in earlier waves; size.
"""

LATER = 1 << 50
"""Added to the cycles of creation of packets whose wave has not begun."""

HELD, PEAK, SEEN, ARRIVALS = 0, 1, 2, 3
"""Router: flits in its buffers, the most there were, and up to which cycle these are known; then S words: flits that
arrive in a cycle (size ARRIVALS + S).
"""

DELIVERED, LAST_ARRIVAL, FLITS_IN, FLITS_OUT, TOTALS = 0, 1, 2, 3, 4
"""Totals: packets delivered; cycle of the last arrival; flits that nodes sent and received; size."""


class Layout(NamedTuple):
    """Sizes, and the addresses in memory at which records of each kind begin.

    Sizes: ``ports`` P, ``vcs`` V, ``depth`` flits of a buffer, ``group`` G = WORD_BITS // V, ``words`` W = ceil(P / G),
    ``routers`` R, ``nodes`` N, ``slots`` S: cycle t is slot t mod S; a power of two above twice any delay; ``queue``
    packets of a node's queue, 0 for any number; ``branched`` 1 if any packet has a tree; ``classes`` of VCs; ``large``
    1 if memory is to be fetched ahead.
    Delays [cycle]: ``lead`` from a head's arrival to its first VC allocation; ``allocate`` >= 1 of switch allocation;
    ``echo`` from a flit's arrival in a node to its credit's return.
    Words: ``way`` of an output port; ``stride`` from a router's records to those of the next, ``node_stride`` of nodes.

    Addresses of what there is once:
        totals     TOTALS words
        allowed    classes + 1 words: VCs of a class [bits]; class 0 is all of them
        class_of   V words: class of a VC, for packets that keep theirs
        winner     P * V words, scratch, all 0; ``touched`` P * V words, scratch
        visited    max(R, N) words, scratch
        busy_router  S * ceil(R / 64) words: routers with an event [bits]; ``busy_node`` S * ceil(N / 64), the same
        busy       S words, 1 if anything happens
        met_router  ceil(R / 64) words: routers with an event in this wave [bits]; ``met_node`` ceil(N / 64), the same
    Addresses of router 0, of others ``stride`` words on each:
        router     its record
        event      S * KINDS * W words: units with an event [bits]
        in_port    P records; ``out_port`` P records
        in_unit    P * V records; ``out_unit`` P * V records
        buffer     P * V * depth slots
        credit     P * V * depth words, depth for each output unit
        pace       P records, or nothing and 0 if no link is slow
    Addresses of node 0:
        node       its record
        node_unit  V output units
        node_credit  V * depth words
    """

    ports: int
    vcs: int
    depth: int
    group: int
    words: int
    routers: int
    nodes: int
    slots: int
    queue: int
    branched: int
    classes: int
    large: int
    lead: int
    allocate: int
    echo: int
    way: int
    stride: int
    node_stride: int
    totals: int
    allowed: int
    class_of: int
    winner: int
    touched: int
    visited: int
    busy_router: int
    busy_node: int
    busy: int
    met_router: int
    met_node: int
    router: int
    event: int
    in_port: int
    out_port: int
    in_unit: int
    out_unit: int
    buffer: int
    credit: int
    pace: int
    node: int
    node_unit: int
    node_credit: int


class Tables(NamedTuple):
    """What a run reads and writes beside its memory; in kernels as bare addresses.

    Arrays (M packets by wave, then cycle of creation, A arrivals: a packet at each of its targets):
        route    int16[...]  tables of routes; read
        key      int64[...]  their keys (`neutrams.kernels.noc_routes`); read
        branch   int64[...]  branches of trees, from 1; read
        source   int64[M]    node; read
        way      int64[M]    bits of a packet's flits that say where to; read
        flits    int64[M]    length, at least 1; read
        asked    int64[M]    cycle of creation as asked for, LATER added; overwritten with that of the whole run
        order    int32[M]    packets by source, then creation; read
        place    int64[M]    what to add to a target's place to get its arrival; read if any packet has a tree
        created  int64[M]    the same as ``asked``; overwritten with the cycle of its wave, later where a queue is full
        head     int64[A]    overwritten with the cycle in which the first flit reached its node; -1 before
        tail     int64[A]    the same of the last flit
        wave     int64[2 * (W + 1)]  first packet and first arrival of each of W waves, then M and A; read
    """

    route: npt.NDArray[np.int16]
    key: Memory
    branch: Memory
    source: Memory
    way: Memory
    flits: Memory
    asked: Memory
    order: npt.NDArray[np.int32]
    place: Memory
    created: Memory
    head: Memory
    tail: Memory
    wave: Memory
