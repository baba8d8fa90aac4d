"""From topology, router and packets to the memory of the kernel (`neutrams.kernels.noc_tables`)."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.kernels import noc_tables as k
from neutrams.simulator.noc.packets import PacketTable
from neutrams.simulator.noc.router import RouterSpec
from neutrams.simulator.noc.routes import lowered
from neutrams.simulator.noc.topology import Topology


@dataclass(frozen=True, slots=True)
class _Links:
    """What ports lead to, each int64[R * P]; -1 - n for node n, ABSENT for nothing."""

    sink: IntArray
    source: IntArray
    latency: IntArray


ABSENT = -(1 << 40)


def memory_of(topology: Topology, router: RouterSpec, packets: PacketTable) -> tuple[k.Layout, IntArray]:
    """Return layout and memory before the first cycle: empty buffers, all credits, pointers at 0."""
    links = _links(topology)
    layout = _layout(topology, router, links)._replace(branched=int(packets.trees is not None))
    memory = np.zeros(layout.busy + layout.slots, dtype=np.int64)
    memory[layout.totals + k.LAST_ARRIVAL] = -1
    share = layout.vcs // topology.class_count
    memory[layout.allowed] = (1 << layout.vcs) - 1
    for c in range(topology.class_count):
        memory[layout.allowed + 1 + c] = ((1 << share) - 1) << (c * share)
    memory[layout.class_of : layout.class_of + layout.vcs] = 1 + np.arange(layout.vcs) // share
    records(memory, layout.router, layout.routers, k.ARRIVALS + layout.slots)[:, k.SEEN] = -1
    if layout.pace:
        records(memory, layout.pace, layout.routers * layout.ports, k.PACE)[:, k.INTERVAL] = topology.intervals.ravel()
    _fill_ports(layout, memory, topology, router, links)
    _fill_units(layout, memory, links)
    _fill_nodes(layout, memory, topology, packets)
    return layout, memory


def tables_of(topology: Topology, packets: PacketTable, order: IntArray) -> k.Tables:
    """Return what a run reads and writes beside its memory.

    Args:
        topology: Routes.
        packets: What to send.
        order: int64[M], the packets by source, then creation.
    """
    trees, first = packets.trees, packets.first_arrival
    route, key = lowered(topology.routes)
    head, tail = np.full((2, first[-1]), -1, dtype=np.int64)
    way, place = packets.target << k.TARGET_SHIFT, first[:-1]
    way |= packets.path << k.PATH_SHIFT
    if trees is not None:
        mine = packets.tree >= 0
        tree = packets.tree[mine]
        way[mine] = k.BRANCHES | trees.root[tree] << k.PATH_SHIFT
        place[mine] -= trees.begin[tree]
    return k.Tables(
        route=_read(route),
        key=_read(key),
        branch=_read(np.zeros(1, dtype=np.int64) if trees is None else trees.branch),
        source=packets.source,
        way=_read(way),
        flits=packets.flits,
        asked=packets.created,
        order=_read(order.astype(np.int32)),
        place=_read(place),
        created=packets.created.copy(),
        head=head,
        tail=tail,
    )


def _read(array: AnyArray) -> AnyArray:
    """Return a view that cannot be written to: numba compiles anew for another mix of both kinds."""
    view = array.view()
    view.flags.writeable = False
    return view


def stalls(layout: k.Layout, memory: IntArray) -> IntArray:
    """Return int64[N], how long a full queue held up each node [cycle]."""
    return records(memory, layout.node, layout.nodes, k.NODE)[:, k.STALL].copy()


def sent_by_port(topology: Topology, layout: k.Layout, memory: IntArray) -> IntArray:
    """Return int64[R, P], flits that left by each output port [flit]."""
    ports = topology.routers * topology.ports
    return records(memory, layout.out_port, ports, k.WAIT + layout.words)[:, k.SENT].reshape(topology.neighbor.shape)


def records(memory: IntArray, begin: int, count: int, size: int) -> IntArray:
    """Return a view int64[count, size] of some records."""
    return memory[begin : begin + count * size].reshape(count, size)


def _links(topology: Topology) -> _Links:
    out = topology.neighbor.ravel() >= 0
    sink = np.where(out, (topology.neighbor * topology.ports + topology.entry).ravel(), ABSENT)
    source = np.full_like(sink, ABSENT)
    source[sink[out]] = np.flatnonzero(out)
    home = topology.node_router * topology.ports + topology.node_port
    sink[home] = source[home] = -1 - np.arange(topology.nodes)
    latency = topology.latency.ravel().copy()
    latency[home] = topology.node_latency
    return _Links(sink, source, latency)


def _layout(topology: Topology, router: RouterSpec, links: _Links) -> k.Layout:
    ports, vcs, routers, nodes = topology.ports, router.vcs, topology.routers, topology.nodes
    group = k.WORD_BITS // vcs
    words, units = -(-ports // group), routers * ports * vcs
    longest = max(int(links.latency.max()), topology.node_latency)
    slowest = int(np.max(topology.interval))
    slots = 2 << (router.cycles + router.credit_cycles + 2 * longest + slowest + 3).bit_length()
    sizes = {
        "totals": 1 + k.TOTALS,  # address 0 is none
        "allowed": topology.class_count + 1,
        "class_of": vcs,
        "winner": ports * vcs,
        "touched": ports * vcs,
        "router": routers * (k.ARRIVALS + slots),
        "in_port": routers * ports * k.IN_PORT,
        "out_port": routers * ports * (k.WAIT + words),
        "in_unit": (units + nodes * vcs) * k.IN_UNIT,
        "out_unit": units * k.OUT_UNIT,
        "pace": routers * ports * k.PACE if slowest > 1 else 0,
        "node": nodes * k.NODE,
        "buffer": (units + nodes * vcs) * router.buffer_flits * k.SLOT,
        "event": slots * routers * k.KINDS * words,
        "busy_router": slots * ((routers + 63) >> 6),
        "busy_node": slots * ((nodes + 63) >> 6),
        "busy": slots,
    }
    ends = np.cumsum(list(sizes.values()))
    begins = {name: int(end) - size for (name, size), end in zip(sizes.items(), ends, strict=True)}
    begins["totals"] = 1
    begins["pace"] *= slowest > 1
    return k.Layout(
        ports=ports,
        vcs=vcs,
        depth=router.buffer_flits,
        group=group,
        words=words,
        routers=routers,
        nodes=nodes,
        slots=slots,
        queue=router.queue_packets,
        branched=0,
        lead=router.route_cycles + router.vc_cycles - 1,
        allocate=router.allocation_cycles,
        **begins,
    )


def _fill_ports(g: k.Layout, memory: IntArray, topology: Topology, router: RouterSpec, links: _Links) -> None:
    count = g.routers * g.ports
    place, ring = np.arange(count) % g.ports, topology.ring.ravel()
    inputs = records(memory, g.in_port, count, k.IN_PORT)
    inputs[:, k.PLACE], inputs[:, k.RING] = place, ring
    fed = np.where(links.source >= 0, links.latency[np.maximum(links.source, 0)], topology.node_latency)
    inputs[:, k.BACK] = 1 + router.credit_cycles + fed
    outputs = records(memory, g.out_port, count, k.WAIT + g.words)
    outputs[:, k.PLACE], outputs[:, k.RING] = place, ring
    outputs[:, k.UNITS] = g.out_unit + np.arange(count) * g.vcs * k.OUT_UNIT
    outputs[:, k.FLIGHT] = router.switch_cycles + 1 + links.latency
    outputs[:, k.ECHO] = outputs[:, k.FLIGHT] + 1 + topology.node_latency + router.credit_cycles
    outputs[:, k.FREE] = (1 << g.vcs) - 1


def _fill_units(g: k.Layout, memory: IntArray, links: _Links) -> None:
    count, extra = g.routers * g.ports * g.vcs, g.nodes * g.vcs
    number = np.arange(count)
    port, vc = np.divmod(number, g.vcs)
    router, local = np.divmod(number, g.ports * g.vcs)
    word, bit = np.divmod(local, g.group * g.vcs)
    inputs = records(memory, g.in_unit, count + extra, k.IN_UNIT)
    fields = {k.ROUTER: router, k.EVENT: router * k.KINDS * g.words + word, k.MASK: 1 << bit, k.LOCAL: local}
    fields |= {k.VC: vc, k.PORT: g.in_port + port * k.IN_PORT}
    for field, value in fields.items():
        inputs[:count, field] = value
    inputs[count:, k.ROUTER] = -1
    first = g.buffer + np.arange(count + extra) * g.depth * k.SLOT
    for field in (k.BUFFER, k.FIRST, k.LAST):
        inputs[:, field] = first
    outputs = records(memory, g.out_unit, count, k.OUT_UNIT)
    outputs[:, k.O_LOCAL], outputs[:, k.O_VC] = local, vc
    sink = links.sink[port]
    ahead = np.where(sink >= 0, sink, g.routers * g.ports - 1 - sink)
    outputs[:, k.NEXT] = np.where(sink == ABSENT, 0, g.in_unit + (ahead * g.vcs + vc) * k.IN_UNIT)


def _fill_nodes(g: k.Layout, memory: IntArray, topology: Topology, packets: PacketTable) -> None:
    nodes = records(memory, g.node, g.nodes, k.NODE)
    entry = topology.node_router * g.ports + topology.node_port
    nodes[:, k.ENTRY] = g.in_unit + entry * g.vcs * k.IN_UNIT
    nodes[:, k.INJECT] = 1 + topology.node_latency
    count = np.bincount(packets.source, minlength=g.nodes)
    nodes[:, k.END] = np.cumsum(count)
    nodes[:, k.FRONT] = nodes[:, k.END] - count
    nodes[:, k.LAST_VC] = g.vcs - 1
