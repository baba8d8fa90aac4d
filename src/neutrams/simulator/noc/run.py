"""Run packets over a topology and say when each arrived."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import InputError, SpecError
from neutrams.kernels.noc import run_noc
from neutrams.kernels.noc_tables import FLITS_IN, FLITS_OUT, LAST_ARRIVAL
from neutrams.simulator.noc.lower import (
    aligned,
    hand_packets,
    made_in,
    memory_of,
    most_held,
    sent_by_port,
    stalls,
    tables_of,
)
from neutrams.simulator.noc.packets import PacketTable
from neutrams.simulator.noc.router import RouterSpec
from neutrams.simulator.noc.topology import Topology

FOREVER = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class NocResult:
    """What became of M packets.

    Attributes:
        head: int64[M], cycle in which its first flit had reached all its targets, -1 if it did not [cycle].
        tail: int64[M], the same of its last flit [cycle].
        arrived: int64[A], cycle of the last flit's arrival at each target of each packet, those of a packet together in
            the order of its tree; -1 if it did not arrive. Without trees the same as ``tail`` [cycle].
        created: int64[M], cycle of its creation; later than asked for where its node's queue was full [cycle].
        latency: int64[M], tail - created, waiting at the source included; -1 if it did not arrive [cycle].
        stall: int64[N], how long each node was held up by a full queue, in all waves together [cycle].
        link_flits: int64[R, P], flits that left by each output port [flit].
        peak_flits: int64[R], the most flits that stood in a router's buffers [flit].
        cycles: Cycles simulated: up to the last arrival, in all waves together, or ``until`` [cycle].
        delivered: Packets that arrived at all their targets [count].
        sent_flits: Flits that nodes sent [flit].
        received_flits: Flits that reached nodes [flit].
    """

    head: IntArray
    tail: IntArray
    arrived: IntArray
    created: IntArray
    latency: IntArray
    stall: IntArray
    link_flits: IntArray
    peak_flits: IntArray
    cycles: int
    delivered: int
    sent_flits: int
    received_flits: int

    def histogram(self) -> IntArray:
        """Return int64[max + 1], how many packets had each latency [count]."""
        return np.bincount(self.latency[self.latency >= 0])


def simulate_packets(
    topology: Topology,
    router: RouterSpec,
    packets: PacketTable,
    *,
    until: int | None = None,
    every_cycle: bool = False,
) -> NocResult:
    """Send packets over the network and return when each arrived.

    Wormhole switching with credits; a node sends one flit a cycle, its packets one after the other, and takes what
    arrives at once. Without contention a packet of f flits over h routers takes
    2 + h * (router.cycles + link latency) + f - 1 cycles at node latency 1, the last link being that to the node, if
    buffers hold as many flits as a credit's round trip takes cycles. Call `check_deadlock_free` once for routes of
    your own.

    A router serves the branches of a packet's tree one after the other: for each a VC, then the switch, then its flits;
    they leave their buffer with the last branch.

    Args:
        topology: Routers, links, routes.
        router: What a router is made of.
        packets: What to send.
        until: Stop in this cycle; None runs until all have arrived or nothing moves any more.
        every_cycle: Visit each cycle. Otherwise those in which nothing can happen are skipped, with the same results.

    Raises:
        InputError: A packet names a node or a path that does not exist, or a tree it cannot take.
        SpecError: The VCs do not divide into the topology's classes.
    """
    return Noc(topology, router).run(packets, until=until, every_cycle=every_cycle)


class Noc:
    """A topology and its routers, made ready once to run many tables of packets; each begins with an empty network."""

    def __init__(self, topology: Topology, router: RouterSpec) -> None:
        if router.vcs % topology.class_count:
            raise SpecError(
                f"{router.vcs} VCs do not divide into the {topology.class_count} classes of {topology.name!r}",
                where="RouterSpec.vcs",
                fix=f"give a multiple of {topology.class_count}",
            )
        self.topology, self.router = topology, router
        self._layout, self._fresh = memory_of(topology, router)
        self._spare: list[IntArray] = []  # large memories of runs that are over, which threads take and bring back

    def run(self, packets: PacketTable, *, until: int | None = None, every_cycle: bool = False) -> NocResult:
        """Send packets over the network: see `simulate_packets`."""
        _check(self.topology, self.router, packets)
        narrow = np.uint16 if self.topology.nodes <= 1 << 16 else np.int64  # 16 bits are sorted by digits
        order = np.argsort(packets.source.astype(narrow), kind="stable")
        memory = self._empty()
        layout = hand_packets(self._layout, memory, packets)
        tables = tables_of(self.topology, packets, order)
        cycles = run_noc(layout, memory, tables, FOREVER if until is None else until, every_cycle)
        totals = memory[layout.totals :]
        created = made_in(tables.created)
        head, tail = (_of_all(array, packets) for array in (tables.head, tables.tail))
        result = NocResult(
            head=head,
            tail=tail,
            arrived=tables.tail,
            created=created,
            latency=np.where(tail >= 0, tail - created, -1),
            stall=stalls(layout, memory),
            link_flits=sent_by_port(layout, memory),
            peak_flits=most_held(layout, memory),
            cycles=int(cycles) if cycles < FOREVER else int(totals[LAST_ARRIVAL]) + 1,
            delivered=int(np.count_nonzero(tail >= 0)),
            sent_flits=int(totals[FLITS_IN]),
            received_flits=int(totals[FLITS_OUT]),
        )
        if layout.large:
            self._spare.append(memory)
        return result

    def _empty(self) -> IntArray:
        """Return the memory of an empty network."""
        try:
            memory = self._spare.pop()
        except IndexError:
            memory = aligned(len(self._fresh))
        memory[:] = self._fresh
        return memory


def _of_all(arrived: IntArray, packets: PacketTable) -> IntArray:
    """Return int64[M], the last of each packet's arrivals, -1 if one is missing."""
    if len(arrived) == len(packets):
        return arrived
    first = packets.first_arrival[:-1]
    last, least = (f.reduceat(arrived, first) for f in (np.maximum, np.minimum))
    return np.where(least < 0, -1, last)


def _check(topology: Topology, router: RouterSpec, packets: PacketTable) -> None:
    alone = packets.tree < 0
    if alone.any() and not topology.paths:
        raise InputError(
            f"a packet has no tree, topology {topology.name!r} has no routes",
            where="PacketTable.tree",
            fix="give each packet a tree of given links (Trees.links), or the topology routes",
        )
    for name, array, size in (
        ("source", packets.source, topology.nodes),
        ("target", packets.target[alone], topology.nodes),
        ("path", packets.path[alone], topology.paths),
    ):
        if array.max(initial=-1) >= size:
            raise InputError(
                f"a packet has {name} {array.max()}, topology {topology.name!r} has 0 to {size - 1}",
                where=f"PacketTable.{name}",
                fix="send to nodes, and by paths, that exist",
            )
    if packets.trees is not None:
        _check_trees(topology, router, packets)


def _check_trees(topology: Topology, router: RouterSpec, packets: PacketTable) -> None:
    trees = packets.trees
    assert trees is not None
    if trees.topology is not topology:
        raise InputError(
            f"the trees are of another topology than {topology.name!r}",
            where="PacketTable.trees",
            fix="build the trees of the topology that is simulated",
        )
    mine = packets.tree >= 0
    flits = packets.flits[mine][trees.splits[packets.tree[mine]]].max(initial=0)
    if flits > router.buffer_flits:
        raise InputError(
            f"a packet of {flits} flits has a tree that splits, a buffer has room for {router.buffer_flits}",
            where="PacketTable.flits",
            fix=f"give buffers of {flits} flits, shorter packets, or a packet to each target",
        )
