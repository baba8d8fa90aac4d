"""Topologies: routes are as short as they should be and free of deadlock; what is not is refused by name."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import shortest_path

from neutrams.base.errors import NeutramsError, SpecError
from neutrams.simulator.noc import (
    PacketTable,
    RouterSpec,
    RouteStage,
    Topology,
    axis_stage,
    check_deadlock_free,
    fat_tree,
    graph,
    mesh,
    ring,
    route_table,
    simulate_packets,
    torus,
    tree,
)
from noc_strategies import topologies


def hops(topology: Topology, path: int) -> np.ndarray:
    """Links from each router to each node, int64[R, N]."""
    at = np.repeat(np.arange(topology.routers)[:, None], topology.nodes, axis=1)
    node = np.arange(topology.nodes)
    count = np.zeros_like(at)
    while (at != topology.node_router).any():
        ahead = topology.neighbor[at, topology.hop(np.array(path), at, node)[0]]
        count += at != topology.node_router
        at = np.where(at == topology.node_router, at, ahead)
    return count


@given(topology=topologies())
def test_all_built_topologies_are_free_of_deadlock(topology: Topology) -> None:
    check_deadlock_free(topology)


@pytest.mark.parametrize(
    "topology", [mesh(4, 3), torus(5, 4), torus(4, 4), ring(6), ring(2), tree(3, 2), fat_tree(3, 2), mesh(1, 1)]
)
def test_routes_are_shortest(topology: Topology) -> None:
    router, port = np.nonzero(topology.neighbor >= 0)
    ones = np.ones(len(router))
    links = coo_array((ones, (router, topology.neighbor[router, port])), shape=(topology.routers,) * 2)
    distance = shortest_path(links.tocsr(), unweighted=True)[:, topology.node_router]
    for path in range(topology.paths):
        np.testing.assert_array_equal(hops(topology, path), distance)


@given(seed=st.integers(0, 999), extra=st.integers(0, 8))
def test_any_connected_graph_gets_routes_without_deadlock(seed: int, extra: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = {(int(rng.integers(0, k)), k) for k in range(1, 8)}
    pairs |= {tuple(sorted(map(int, rng.choice(8, 2, replace=False)))) for _ in range(extra)}
    topology = graph([(a, b, 1) for a, b in sorted(pairs)], list(range(8)))
    check_deadlock_free(topology)
    source, target = np.divmod(np.arange(64), 8)
    packets = PacketTable.of(np.repeat(source, 5), np.repeat(target, 5), flits=6)
    assert simulate_packets(topology, RouterSpec(vcs=1, buffer_flits=1), packets).delivered == 320


def one_way_ring(classes: int) -> Topology:
    """Four routers, all packets to the right."""
    around = ring(4)
    here, there = np.meshgrid(np.arange(4), np.arange(4), indexing="ij")
    route = np.where(here == there, 2, 0)
    kind = np.where(here == there, 0, 1 + (there < here) * (classes - 1)) if classes > 1 else 0 * route
    return replace(around, routes=route_table(route, kind), class_count=classes, ring=0 * around.ring - 1)


def test_a_ring_without_a_dateline_is_refused_and_does_lock_up() -> None:
    circle = one_way_ring(1)
    with pytest.raises(
        SpecError, match=r"channels can wait for each other in a circle: router 0 port 0 class 1, router 1"
    ):
        check_deadlock_free(circle)
    packets = PacketTable.of(np.arange(4), (np.arange(4) + 2) % 4, flits=9)
    for every in (False, True):
        stuck = simulate_packets(circle, RouterSpec(vcs=1, buffer_flits=2), packets, every_cycle=every)
        assert stuck.delivered == 0


def test_a_dateline_frees_it() -> None:
    circle = one_way_ring(2)
    check_deadlock_free(circle)
    packets = PacketTable.of(np.arange(4), (np.arange(4) + 2) % 4, flits=9)
    assert simulate_packets(circle, RouterSpec(vcs=2, buffer_flits=2), packets).delivered == 4


def test_a_dateline_does_not_free_a_ring_whose_packets_keep_their_class() -> None:
    """All around one way, packets that have passed the dateline stay in class 2 and wait for those before it."""
    with pytest.raises(SpecError, match="channels can wait for each other in a circle: router 0 port 0 class 2"):
        check_deadlock_free(replace(one_way_ring(2), ring=np.tile([0, 0, -1], (4, 1))))


def ports_of(topology: Topology) -> np.ndarray:
    """The routes as one table, int64[R, N]."""
    return topology.hop(np.array(0), np.arange(topology.routers)[:, None], np.arange(topology.nodes))[0]


def test_a_route_that_never_arrives_is_refused() -> None:
    row = mesh(3, 1)
    route = ports_of(row)
    route[:, 2] = [0, 1, 4]
    with pytest.raises(SpecError, match="a packet for node 2 goes around and never arrives"):
        replace(row, routes=route_table(route))


def test_a_route_out_of_a_port_without_a_link_is_refused() -> None:
    row = mesh(3, 1)
    route = ports_of(row)
    route[0, 2] = 3
    with pytest.raises(SpecError, match="router 0 sends packets for node 2 to port 3, which leads nowhere"):
        replace(row, routes=route_table(route))


def test_a_route_to_another_nodes_port_is_refused() -> None:
    links = [(0, 1, 1)]
    pair = graph(links, [0, 1, 1])
    route = ports_of(pair)
    route[1, 2] = route[1, 1]
    with pytest.raises(SpecError, match=r"router 1 sends packets for node 2 to port \d, which leads nowhere"):
        replace(pair, routes=route_table(route))


def test_an_axis_that_goes_first_for_some_rows() -> None:
    """A board whose last row has one router of three: from there packets leave in y before x."""
    x, y = np.array([0, 1, 2, 0, 1, 2, 0]), np.array([0, 0, 0, 1, 1, 1, 2])
    place = {at: n for n, at in enumerate(zip(x.tolist(), y.tolist(), strict=True))}
    steps = ((1, 0), (-1, 0), (0, 1), (0, -1))
    ways = [[place.get((a + dx, b + dy), -1) for dx, dy in steps] + [-1] for a, b in place]
    leave = RouteStage.of(y, y, np.where((np.arange(3) < 2) & (np.arange(3)[:, None] == 2), 3, -1))
    board = Topology(
        name="board", neighbor=np.array(ways), entry=np.tile([1, 0, 3, 2, 0], (7, 1)), latency=np.ones((7, 5)),
        node_router=np.arange(7), node_port=np.full(7, 4), class_count=1, ring=np.full((7, 5), -1),
        routes=(leave, axis_stage(x, x, (0, 1, -1)), axis_stage(y, y, (2, 3, 4))),
    )  # fmt: skip
    check_deadlock_free(board)
    assert hops(board, 0)[6].tolist() == [2, 3, 4, 1, 2, 3, 0]
    result = simulate_packets(board, RouterSpec(), PacketTable.of(6, 2))
    assert result.link_flits.sum(axis=1).tolist() == [0, 0, 1, 1, 1, 1, 1]
    with pytest.raises(SpecError, match="router 6 sends packets for node 1 to port 0, which leads nowhere"):
        replace(board, routes=board.routes[1:])


@given(topology=topologies())
def test_one_table_of_the_same_routes_changes_nothing(topology: Topology) -> None:
    path, router, node = np.ogrid[: topology.paths, : topology.routers, : topology.nodes]
    flat = replace(topology, routes=route_table(*topology.hop(path, router, node)))
    source, target = np.divmod(np.arange(topology.nodes**2), topology.nodes)
    packets = PacketTable.of(source, target, flits=3, path=source % topology.paths)
    one, other = (simulate_packets(each, RouterSpec(), packets) for each in (topology, flat))
    np.testing.assert_array_equal(one.tail, other.tail)
    np.testing.assert_array_equal(one.link_flits, other.link_flits)


def test_a_large_mesh_takes_little_room() -> None:
    assert sum(stage.entry.nbytes for stage in mesh(40, 30).routes) == 2 * (40**2 + 30**2)


def test_keys_and_ports_outside_a_stage_are_refused() -> None:
    with pytest.raises(SpecError, match="router_key goes from 0 to 2, the table has 0 to 1"):
        RouteStage.of([0, 2], [0], np.zeros((2, 1), dtype=np.int64))
    with pytest.raises(SpecError, match="port goes from 0 to 256, allowed are -1 to 255"):
        route_table([[0, 256]])
    with pytest.raises(SpecError, match="class goes from 128 to 128, allowed are 0 to 127"):
        route_table([[0]], 128)


def test_table_routing_is_taken_as_given() -> None:
    """A square; node 2 is reached from router 0 by router 3, not by 1."""
    links = [(0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 0, 1)]
    ahead = np.array([[0, 1, 3, 3], [0, 1, 2, 0], [1, 1, 2, 3], [0, 0, 2, 3]])
    topology = graph(links, [0, 1, 2, 3], next_router=ahead)
    result = simulate_packets(topology, RouterSpec(), PacketTable.of(0, 2))
    assert result.link_flits.sum(axis=1).tolist() == [1, 0, 1, 1]
    ahead[0, 2] = 2
    with pytest.raises(SpecError, match="router 0 has no link to 2, its next router for node 2"):
        graph(links, [0, 1, 2, 3], next_router=ahead)


def test_graphs_that_are_not_connected_are_refused() -> None:
    with pytest.raises(SpecError, match="router 2 is not connected to router 0"):
        graph([(0, 1, 1)], [0, 1, 2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latency": np.zeros((2, 5), dtype=np.int64)}, "a link takes less than one cycle"),
        ({"entry": np.zeros((2, 4), dtype=np.int64)}, r"entry has shape \(2, 4\)"),
        ({"node_port": np.array([4, 1])}, "input port 1 of router 1 has two links"),
        ({"node_router": np.array([0, 2])}, "1 of 2 indices are not among its 2 entries"),
        ({"interval": np.zeros((2, 5), dtype=np.int64)}, "a link takes less than one cycle"),
        ({"routes": route_table(np.full((2, 2), 9))}, "routes name port 9, allowed are up to 4"),
        ({"routes": route_table(np.full((2, 3), 4))}, r"routes are for \(routers, nodes, paths\) \[\(2, 3, 1\)\]"),
        ({"routes": route_table(np.full((2, 2), -1))}, "with an entry everywhere in the last stage"),
        ({"class_count": 0}, "class_count is 0, allowed are 1 to 127"),
        ({"routes": route_table(np.full((2, 2), 4), 3)}, "routes name class 3, allowed are up to 1"),
    ],
)
def test_tables_that_do_not_fit_are_refused(change: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(NeutramsError, match=message):
        replace(mesh(2, 1), **change)


@pytest.mark.parametrize(("build", "message"), [(tree, "arity is 1"), (fat_tree, "arity is 1"), (mesh, "sizes are")])
def test_sizes_that_make_no_network_are_refused(build: Callable[[int, int], Topology], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        build(1, 0) if build is not mesh else build(0, 1)
