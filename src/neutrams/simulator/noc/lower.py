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

LARGE = 1 << 19
"""Words from which on memory is fetched ahead: with 4 MB it pays, with 1 MB it costs a third."""


def memory_of(topology: Topology, router: RouterSpec) -> tuple[k.Layout, IntArray]:
    """Return layout and memory before the first cycle: empty buffers, all credits, pointers at 0; nothing to send."""
    links = _links(topology)
    layout = _layout(topology, router, links)
    memory = aligned(layout.node + layout.nodes * layout.node_stride)
    memory[:] = 0
    memory[layout.totals + k.LAST_ARRIVAL] = -1
    share = layout.vcs // topology.class_count
    memory[layout.allowed] = (1 << layout.vcs) - 1
    for c in range(topology.class_count):
        memory[layout.allowed + 1 + c] = ((1 << share) - 1) << (c * share)
    memory[layout.class_of : layout.class_of + layout.vcs] = 1 + np.arange(layout.vcs) // share
    _of_routers(layout, memory, layout.router, 1, k.ARRIVALS)[:, 0, k.SEEN] = -1
    if layout.pace:
        _of_routers(layout, memory, layout.pace, layout.ports, k.PACE)[:, :, k.INTERVAL] = topology.intervals
    _fill_ports(layout, memory, topology, router, links)
    _fill_units(layout, memory, links)
    nodes = _of_nodes(layout, memory, layout.node, 1, k.NODE)[:, 0]
    nodes[:, k.OUT] = layout.node_unit + np.arange(layout.nodes) * layout.node_stride
    nodes[:, k.INJECT] = 1 + topology.node_latency
    nodes[:, k.LAST_VC] = layout.vcs - 1
    return layout, memory


def hand_packets(layout: k.Layout, memory: IntArray, packets: PacketTable) -> k.Layout:
    """Give nodes their packets to send, in a memory that is as `memory_of` made it; return the layout for these."""
    nodes = _of_nodes(layout, memory, layout.node, 1, k.NODE)[:, 0]
    count = np.bincount(packets.source, minlength=layout.nodes)
    nodes[:, k.END] = np.cumsum(count)
    nodes[:, k.FRONT] = nodes[:, k.END] - count
    return layout._replace(branched=int(packets.trees is not None))


def aligned(words: int) -> IntArray:
    """Return int64[words] with any content that begin with a line of the cache."""
    memory = np.empty(words + k.LINE, dtype=np.int64)
    begin = -(memory.ctypes.data // memory.itemsize) % k.LINE
    return memory[begin : begin + words]


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
    way, place = packets.target << k.TARGET_SHIFT, first[:-1].copy()
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
        asked=packets.created + k.LATER,
        order=_read(order.astype(np.int32)),
        place=_read(place),
        created=packets.created + k.LATER,
        head=head,
        tail=tail,
        wave=_read(wave_bounds(packets)),
    )


def _read(array: AnyArray) -> AnyArray:
    """Return a view that cannot be written to: numba compiles anew for another mix of both kinds."""
    view = array.view()
    view.flags.writeable = False
    return view


def wave_bounds(packets: PacketTable) -> IntArray:
    """Return int64[2 * (W + 1)], the first packet and the first arrival of each wave, and those behind the last."""
    begin = np.concatenate([[0], np.flatnonzero(np.diff(packets.wave)) + 1, [len(packets)]])
    return np.stack([begin, packets.first_arrival[begin]], axis=1).ravel()


def made_in(created: IntArray) -> IntArray:
    """Return int64[M], the cycle in which each packet was made, also of waves that never began [cycle]."""
    return np.where(created < k.LATER // 2, created, created - k.LATER)


def stalls(layout: k.Layout, memory: IntArray) -> IntArray:
    """Return int64[N], how long a full queue held up each node [cycle]."""
    return _of_nodes(layout, memory, layout.node, 1, k.NODE)[:, 0, k.STALLED].copy()


def sent_by_port(layout: k.Layout, memory: IntArray) -> IntArray:
    """Return int64[R, P], flits that left by each output port [flit]."""
    return _of_routers(layout, memory, layout.out_port, layout.ports, layout.way)[:, :, k.SENT].copy()


def most_held(layout: k.Layout, memory: IntArray) -> IntArray:
    """Return int64[R], the most flits that were in the buffers of each router [flit]."""
    return _of_routers(layout, memory, layout.router, 1, k.ARRIVALS)[:, 0, k.PEAK].copy()


def _of_routers(g: k.Layout, memory: IntArray, begin: int, count: int, size: int) -> IntArray:
    """Return a view int64[R, count, size] of some records that each router has."""
    return _strided(memory, begin, (g.routers, g.stride), (count, size))


def _of_nodes(g: k.Layout, memory: IntArray, begin: int, count: int, size: int) -> IntArray:
    """Return a view int64[N, count, size] of some records that each node has."""
    return _strided(memory, begin, (g.nodes, g.node_stride), (count, size))


def _strided(memory: IntArray, begin: int, blocks: tuple[int, int], inner: tuple[int, int]) -> IntArray:
    (number, stride), (count, size) = blocks, inner
    word = memory.itemsize
    return np.lib.stride_tricks.as_strided(memory[begin:], (number, count, size), (stride * word, size * word, word))


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
    ports, vcs, depth = topology.ports, router.vcs, router.buffer_flits
    group = k.WORD_BITS // vcs
    words, units = -(-ports // group), ports * vcs
    way = -(-(k.WAIT + words) // k.LINE) * k.LINE
    slots = _slots(topology, router, links)
    masks = {"router": (topology.routers + 63) >> 6, "node": (topology.nodes + 63) >> 6}
    shared, end = _places(
        {
            "totals": k.TOTALS,
            "allowed": topology.class_count + 1,
            "class_of": vcs,
            "winner": units,
            "touched": units,
            "visited": max(topology.routers, topology.nodes),
        }
        | {f"busy_{name}": slots * size for name, size in masks.items()}
        | {f"met_{name}": size for name, size in masks.items()}
        | {"busy": slots},
        k.LINE,  # address 0 is none
    )
    of_router, end_of_router = _places(
        {"router": k.ARRIVALS + slots, "event": slots * k.KINDS * words}
        | {"in_port": ports * k.IN_PORT, "in_unit": units * k.IN_UNIT, "buffer": units * depth * k.SLOT}
        | {"out_port": ports * way, "out_unit": units * k.OUT_UNIT, "credit": units * depth}
        | ({"pace": ports * k.PACE} if int(np.max(topology.interval)) > 1 else {}),
        end,
    )
    stride = (end_of_router - end) | k.LINE  # an odd number of lines spreads the same line of all over the cache
    of_node, end_of_node = _places(
        {"node": k.NODE, "node_unit": vcs * k.OUT_UNIT, "node_credit": vcs * depth}, end + topology.routers * stride
    )
    return k.Layout(
        ports=ports,
        vcs=vcs,
        depth=depth,
        group=group,
        words=words,
        routers=topology.routers,
        nodes=topology.nodes,
        slots=slots,
        queue=router.queue_packets,
        branched=0,
        classes=topology.class_count,
        large=int(end_of_node > LARGE),
        lead=router.route_cycles + router.vc_cycles - 1,
        allocate=router.allocation_cycles,
        echo=1 + topology.node_latency + router.credit_cycles,
        way=way,
        stride=stride,
        node_stride=end_of_node - of_node["node"],
        **{"pace": 0} | shared | of_router | of_node,
    )


def _slots(topology: Topology, router: RouterSpec, links: _Links) -> int:
    longest = max(int(links.latency.max()), topology.node_latency)
    slowest = int(np.max(topology.interval))
    return 2 << (router.cycles + router.credit_cycles + 2 * longest + slowest + 3).bit_length()


def _places(sizes: dict[str, int], begin: int) -> tuple[dict[str, int], int]:
    """Return where each of some things begins, one after the other, each on a line of its own, and where they end."""
    ends = begin + np.cumsum([-(-size // k.LINE) * k.LINE for size in sizes.values()])
    return dict(zip(sizes, [begin, *ends[:-1].tolist()], strict=True)), int(ends[-1])


def _fill_ports(g: k.Layout, memory: IntArray, topology: Topology, router: RouterSpec, links: _Links) -> None:
    shape = g.routers, g.ports
    inputs = _of_routers(g, memory, g.in_port, g.ports, k.IN_PORT)
    outputs = _of_routers(g, memory, g.out_port, g.ports, g.way)
    for records in (inputs, outputs):
        records[:, :, k.PLACE], records[:, :, k.RING] = np.arange(g.ports), topology.ring
    fed = np.where(links.source >= 0, links.latency[np.maximum(links.source, 0)], topology.node_latency)
    inputs[:, :, k.BACK] = 1 + router.credit_cycles + fed.reshape(shape)
    outputs[:, :, k.UNITS] = _addresses(g.out_unit, g.routers, g.stride, g.ports, g.vcs * k.OUT_UNIT)
    outputs[:, :, k.FLIGHT] = router.switch_cycles + 1 + links.latency.reshape(shape)
    outputs[:, :, k.FREE] = (1 << g.vcs) - 1


def _fill_units(g: k.Layout, memory: IntArray, links: _Links) -> None:
    units = g.ports * g.vcs
    local = np.arange(units)
    word, bit = np.divmod(local, g.group * g.vcs)
    buffer = _addresses(g.buffer, g.routers, g.stride, units, g.depth * k.SLOT)
    fields = {k.ROUTER: np.arange(g.routers)[:, None], k.EVENT: word, k.MASK: 1 << bit, k.LOCAL: local}
    fields |= {k.VC: local % g.vcs, k.BUFFER: buffer, k.FIRST: buffer}
    fields |= {k.PORT: _addresses(g.in_port, g.routers, g.stride, g.ports, k.IN_PORT).repeat(g.vcs, axis=1)}
    inputs = _of_routers(g, memory, g.in_unit, units, k.IN_UNIT)
    for field, value in fields.items():
        inputs[:, :, field] = value
    outputs = _of_routers(g, memory, g.out_unit, units, k.OUT_UNIT)
    outputs[:, :, k.O_LOCAL], outputs[:, :, k.O_VC] = local, local % g.vcs
    outputs[:, :, k.CREDITS] = _addresses(g.credit, g.routers, g.stride, units, g.depth)
    nodes = _of_nodes(g, memory, g.node_unit, g.vcs, k.OUT_UNIT)
    nodes[:, :, k.CREDITS] = _addresses(g.node_credit, g.nodes, g.node_stride, g.vcs, g.depth)
    _join(g, (inputs, outputs, nodes), links)


def _join(g: k.Layout, units: tuple[IntArray, IntArray, IntArray], links: _Links) -> None:
    """Let input units and the output units that feed them, of routers and nodes, know of each other."""
    inputs, outputs, nodes = units
    router, port = np.divmod(np.flatnonzero(links.source != ABSENT)[:, None], g.ports)
    local = port * g.vcs + np.arange(g.vcs)
    source = links.source[links.source != ABSENT]
    for feeders, mine, place in (
        (outputs, source >= 0, np.divmod(source, g.ports)),
        (nodes, source < 0, (-1 - source, 0 * source)),
    ):
        at = router[mine], local[mine]
        feeder = place[0][mine, None], place[1][mine, None] * g.vcs + np.arange(g.vcs)
        inputs[(*at, k.BACKWARD)] = feeders[(*feeder, k.CREDITS)]
        feeders[(*feeder, k.NEXT)] = g.in_unit + at[0] * g.stride + at[1] * k.IN_UNIT
        feeders[(*feeder, k.NEXT_BUFFER)] = inputs[(*at, k.BUFFER)]
        feeders[(*feeder, k.NEXT_ROUTER)] = g.router + at[0] * g.stride


def _addresses(begin: int, number: int, stride: int, count: int, size: int) -> IntArray:
    """Return int64[number, count], the addresses of some records of each router or node."""
    return begin + np.arange(number)[:, None] * stride + np.arange(count) * size
