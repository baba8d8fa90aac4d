"""Run packets over a topology and say when each arrived."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import InputError, SpecError
from neutrams.kernels.noc import run_noc
from neutrams.kernels.noc_tables import ARRIVALS, DELIVERED, FLITS_IN, FLITS_OUT, LAST_ARRIVAL, PEAK
from neutrams.simulator.noc.lower import memory_of, packet_records, records, route_table, sent_by_port
from neutrams.simulator.noc.packets import PacketTable
from neutrams.simulator.noc.router import RouterSpec
from neutrams.simulator.noc.topology import Topology

FOREVER = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True)
class NocResult:
    """What became of M packets.

    Attributes:
        head: int64[M], cycle in which its first flit reached the target, -1 if it did not [cycle].
        tail: int64[M], the same of its last flit [cycle].
        latency: int64[M], tail - creation, waiting at the source included; -1 if it did not arrive [cycle].
        link_flits: int64[R, P], flits that left by each output port [flit].
        peak_flits: int64[R], the most flits that stood in a router's buffers [flit].
        cycles: Cycles simulated: up to the last arrival, or ``until`` [cycle].
        delivered: Packets that arrived [count].
        sent_flits: Flits that nodes sent [flit].
        received_flits: Flits that reached nodes [flit].
    """

    head: IntArray
    tail: IntArray
    latency: IntArray
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

    Args:
        topology: Routers, links, routes.
        router: What a router is made of.
        packets: What to send.
        until: Stop in this cycle; None runs until all have arrived or nothing moves any more.
        every_cycle: Visit each cycle. Otherwise those in which nothing can happen are skipped, with the same results.

    Raises:
        InputError: A packet names a node or a path that does not exist.
        SpecError: The VCs do not divide into the topology's classes.
    """
    _check(topology, router, packets)
    narrow = np.uint16 if topology.nodes <= 1 << 16 else np.int64  # 16 bits are sorted by digits
    order = np.argsort(packets.source.astype(narrow), kind="stable")
    layout, memory = memory_of(topology, router, packets.source[order])
    head, tail = np.full((2, len(packets)), -1, dtype=np.int64)
    end = FOREVER if until is None else until
    table, record = route_table(topology), packet_records(packets)
    cycles = run_noc(layout, memory, table, record, order.astype(np.int32), head, tail, end, every_cycle)
    totals = memory[layout.totals :]
    return NocResult(
        head=head,
        tail=tail,
        latency=np.where(tail >= 0, tail - packets.created, -1),
        link_flits=sent_by_port(topology, layout, memory),
        peak_flits=records(memory, layout.router, topology.routers, ARRIVALS + layout.slots)[:, PEAK].copy(),
        cycles=int(cycles) if cycles < FOREVER else int(totals[LAST_ARRIVAL]) + 1,
        delivered=int(totals[DELIVERED]),
        sent_flits=int(totals[FLITS_IN]),
        received_flits=int(totals[FLITS_OUT]),
    )


def _check(topology: Topology, router: RouterSpec, packets: PacketTable) -> None:
    if router.vcs % topology.class_count:
        raise SpecError(
            f"{router.vcs} VCs do not divide into the {topology.class_count} classes of {topology.name!r}",
            where="RouterSpec.vcs",
            fix=f"give a multiple of {topology.class_count}",
        )
    for name, array, size in (
        ("source", packets.source, topology.nodes),
        ("target", packets.target, topology.nodes),
        ("path", packets.path, topology.paths),
    ):
        if len(packets) and array.max() >= size:
            raise InputError(
                f"a packet has {name} {array.max()}, topology {topology.name!r} has 0 to {size - 1}",
                where=f"PacketTable.{name}",
                fix="send to nodes, and by paths, that exist",
            )
