"""Multicast in the network: every target gets every flit once, over each link once, and nothing locks up."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neutrams.base.errors import InputError
from neutrams.simulator.noc import PacketTable, RouterSpec, Topology, Trees, mesh, route_table, simulate_packets, torus
from noc_strategies import forests, multicasts, routers, topologies
from simulator.test_noc import same


def way(topology: Topology, source: int, target: int, path: int) -> list[tuple[int, int, int]]:
    """(router, output port, class) on the route of a packet to one node."""
    router, door, kind, found = int(topology.node_router[source]), int(topology.node_port[source]), 0, []
    while True:
        port, table_kind = (int(a) for a in topology.hop(np.array(path), np.array(router), np.array(target)))
        ring = topology.ring[router]
        kind = kind if table_kind > 0 and ring[port] >= 0 and ring[port] == ring[door] else table_kind
        found.append((router, port, kind))
        if router == topology.node_router[target] and port == topology.node_port[target]:
            return found
        router, door = int(topology.neighbor[router, port]), int(topology.entry[router, port])


def edges(trees: Trees, k: int) -> list[tuple[int, int]]:
    """(router, output port) of each link of a tree: routes are one as long as they have been the same."""
    targets = trees.target[trees.begin[k] : trees.begin[k + 1]]
    ways = [way(trees.topology, int(trees.source[k]), int(t), int(trees.path[k])) for t in targets]
    return [prefix[-1][:2] for prefix in {tuple(each[: n + 1]) for each in ways for n in range(len(each))}]


def copies(packets: PacketTable) -> PacketTable:
    """The same as a packet to each target."""
    trees = packets.trees
    assert trees is not None
    sizes = np.diff(packets.first_arrival)
    target = np.concatenate(
        [
            trees.target[trees.begin[k] : trees.begin[k + 1]] if k >= 0 else [packets.target[m]]
            for m, k in enumerate(packets.tree)
        ]
        or [[]]
    ).astype(np.int64)
    path = np.where(packets.tree >= 0, trees.path[packets.tree], packets.path)
    names = ("source", "flits", "created")
    parts = {name: np.repeat(getattr(packets, name), sizes) for name in names}
    return PacketTable(target=target, path=np.repeat(path, sizes), **parts)


@given(data=st.data(), topology=topologies())
def test_every_target_gets_every_flit_once_over_each_link_once(data: st.DataObject, topology: Topology) -> None:
    router = data.draw(routers(topology.class_count))
    packets = data.draw(multicasts(topology, router))
    result = simulate_packets(topology, router, packets)
    sizes = np.diff(packets.first_arrival)
    assert result.delivered == len(packets)
    assert result.sent_flits == packets.flits.sum()
    assert result.received_flits == (packets.flits * sizes).sum()
    assert (result.arrived >= np.repeat(result.created, sizes)).all()
    assert (result.peak_flits <= topology.ports * router.vcs * router.buffer_flits).all()
    wanted = np.zeros_like(topology.neighbor)
    for m, k in enumerate(packets.tree):
        alone = way(topology, int(packets.source[m]), int(packets.target[m]), int(packets.path[m])) if k < 0 else []
        for hop in edges(packets.trees, int(k)) if k >= 0 else [each[:2] for each in alone]:
            wanted[hop] += packets.flits[m]
    np.testing.assert_array_equal(result.link_flits, wanted)
    assert (result.link_flits <= simulate_packets(topology, router, copies(packets)).link_flits).all()


@given(data=st.data(), topology=topologies())
def test_arrivals_are_those_of_the_targets(data: st.DataObject, topology: Topology) -> None:
    """A node receives one flit a cycle, so that the cycles of its arrivals differ."""
    router = data.draw(routers(topology.class_count))
    packets = data.draw(multicasts(topology, router))
    result = simulate_packets(topology, router, packets)
    first = packets.first_arrival
    for m in range(len(packets)):
        assert result.tail[m] == result.arrived[first[m] : first[m + 1]].max()
    node = copies(packets).target
    for n in range(topology.nodes):
        there = np.sort(result.arrived[node == n])
        assert (np.diff(there) >= topology.intervals[topology.node_router[n], topology.node_port[n]]).all()


@given(data=st.data(), topology=topologies())
def test_skipping_cycles_changes_nothing(data: st.DataObject, topology: Topology) -> None:
    router = data.draw(routers(topology.class_count))
    packets, until = data.draw(multicasts(topology, router)), data.draw(st.sampled_from((None, 9, 60)))
    skipped, stepped = (
        simulate_packets(topology, router, packets, until=until, every_cycle=every) for every in (False, True)
    )
    same(skipped, stepped)


@given(data=st.data(), topology=topologies())
def test_a_tree_to_one_node_is_a_packet_to_it(data: st.DataObject, topology: Topology) -> None:
    router = data.draw(routers(topology.class_count))
    packets = data.draw(multicasts(topology, router))
    alone = copies(packets)
    names = np.arange(len(alone))
    trees = Trees(
        topology=topology, source=alone.source, begin=np.append(names, len(alone)), target=alone.target, path=alone.path
    )
    single = replace(alone, tree=names, trees=trees)
    same(simulate_packets(topology, router, alone), simulate_packets(topology, router, single))


@given(data=st.data(), topology=topologies().filter(lambda topology: topology.class_count == 1))
def test_packets_of_one_tree_arrive_in_order_with_one_vc(data: st.DataObject, topology: Topology) -> None:
    trees, rng = data.draw(forests(topology)), np.random.default_rng(data.draw(st.integers(0, 99)))
    router = RouterSpec(vcs=1, buffer_flits=3)
    packets = PacketTable.along(
        trees, rng.integers(0, len(trees), 40), flits=rng.integers(1, 4, 40), created=rng.integers(0, 50, 40)
    )
    result = simulate_packets(topology, router, packets)
    first = packets.first_arrival
    for k in range(len(trees)):
        mine = [result.arrived[first[m] : first[m + 1]] for m in np.flatnonzero(packets.tree == k)]
        for before, after in pairwise(mine):
            assert (after > before).all()


def test_no_deadlock_in_a_hundred_thousand_cycles_of_multicast_beyond_saturation() -> None:
    topology, rng = torus(4, 4), np.random.default_rng(1)
    targets = [rng.choice(16, rng.integers(1, 9), replace=False) for _ in range(200)]
    trees = replace(Trees.of(topology, rng.integers(0, 16, 200), targets), path=rng.integers(0, 4, 200))
    created = np.sort(rng.integers(0, 20_000, 80_000))
    packets = PacketTable.along(trees, rng.integers(0, 200, 80_000), flits=rng.integers(1, 4, 80_000), created=created)
    result = simulate_packets(topology, RouterSpec(vcs=2, buffer_flits=3), packets)
    assert result.delivered == len(packets)
    assert result.cycles > 100_000


def test_a_packet_that_parts_on_its_way() -> None:
    """In a row of three, node 0 sends one flit to 1 and 2.

    It is in router 1 in cycle 7; the branch to the right is routed in 7, gets the VC in 8, the switch in 9, and is at
    node 2 8 later, in 17. Behind it the branch to node 1 is routed in 10, gets the VC in 11, the switch in 12, is
    across in 13 and on the link in 14: it arrives in 15, where a packet to node 1 alone would in 12.
    """
    row = mesh(3, 1)
    trees = Trees.of(row, [0], [[2, 1]])
    result = simulate_packets(row, RouterSpec(), PacketTable.along(trees, 0))
    assert result.arrived.tolist() == [17, 15]
    assert result.tail.tolist() == result.latency.tolist() == [17]
    assert result.link_flits[:, 0].tolist() == [1, 1, 0]
    assert result.link_flits[:, 4].tolist() == [0, 1, 1]
    cut = simulate_packets(row, RouterSpec(), PacketTable.along(trees, 0), until=13)
    assert (cut.delivered, cut.tail.tolist(), cut.arrived.tolist()) == (0, [-1], [-1, 15])


def test_a_class_that_is_kept_is_one_branch() -> None:
    """In a row that is part of a ring, tables give two targets other classes behind router 1; packets keep theirs."""
    row = mesh(4, 1)
    path, router, node = np.ogrid[:1, :4, :4]
    port, _ = row.hop(path, router, node)
    kind = np.where((router == 0) | (node == 2), 1, 2)
    ring = np.tile([0, 0, -1, -1, -1], (4, 1))
    row = replace(row, routes=route_table(port, kind), class_count=2, ring=ring)
    packets = PacketTable.along(Trees.of(row, [0], [[2, 3]]), 0)
    result = simulate_packets(row, RouterSpec(), packets)
    assert result.link_flits[:, 0].tolist() == [1, 1, 1, 0]
    assert result.link_flits[:, 4].tolist() == [0, 0, 1, 1]


def test_trees_that_cannot_be_are_refused() -> None:
    row = mesh(3, 1)
    for targets in ([], [1, 1]):
        with pytest.raises(InputError, match="a tree has no target, or one twice"):
            Trees.of(row, [0], [targets])
    with pytest.raises(InputError, match="indices are not among its 3 entries"):
        Trees.of(row, [0], [[3]])
    for begin in ([0, 2], [1, 1], [0]):
        with pytest.raises(InputError, match="do not fit each other"):
            replace(Trees.of(row, [0], [[1]]), begin=np.array(begin))
    with pytest.raises(InputError, match="an index is negative"):
        Trees.of(row, [-1], [[1]])


def test_packets_that_their_trees_do_not_suit_are_refused() -> None:
    row = mesh(3, 1)
    packets = PacketTable.along(Trees.of(row, [0], [[1, 2]]), 0, flits=5)
    with pytest.raises(InputError, match="a packet of 5 flits has a tree that splits, a buffer has room for 4"):
        simulate_packets(row, RouterSpec(buffer_flits=4), packets)
    with pytest.raises(InputError, match="the trees are of another topology than 'mesh 3x1'"):
        simulate_packets(mesh(3, 1), RouterSpec(buffer_flits=5), packets)
    with pytest.raises(InputError, match="a packet starts from another node than its tree"):
        replace(packets, source=np.array([1]))
    with pytest.raises(InputError, match="packets have trees 1 to 1, there are 1"):
        replace(packets, tree=np.array([1]))
