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
    Topology,
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
        ({"routes": ()}, "there are no routes"),
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
