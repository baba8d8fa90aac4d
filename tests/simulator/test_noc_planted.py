"""Trees of given links: those of a topology's routes run as its own do; what is no tree is refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neutrams.base.errors import InputError, SpecError
from neutrams.simulator.noc import (
    PacketTable,
    RouterSpec,
    TreeLinks,
    Trees,
    check_deadlock_free,
    check_trees_deadlock_free,
    mesh,
)
from neutrams.simulator.noc import simulate_packets as run
from neutrams.simulator.noc.topology import Topology
from noc_strategies import built

PLAIN = ("mesh", "long links", "tree", "graph", "hub")
"""Topologies without classes, on which the union of a node's routes is a tree."""


def given_links(topology: Topology, source: list[int], targets: list[list[int]]) -> TreeLinks:
    """The union of unicast routes, walked hop by hop."""
    found: dict[tuple[int, int, int], None] = {}
    for tree, (node, ends) in enumerate(zip(source, targets, strict=True)):
        for end in ends:
            router = int(topology.node_router[node])
            while router != topology.node_router[end]:
                port = int(topology.hop(np.array(0), np.array(router), np.array(end))[0])
                found[tree, router, port] = None
                router = int(topology.neighbor[router, port])
    tree, router, port = np.array(list(found), dtype=np.int64).reshape(-1, 3).T
    return TreeLinks(tree=tree, router=router, port=port, kind=np.ones_like(port))


def planted(topology: Topology, source: list[int], targets: list[list[int]], links: TreeLinks | None = None) -> Trees:
    return Trees(
        topology=topology,
        source=np.array(source),
        begin=np.cumsum([0, *map(len, targets)]),
        target=np.concatenate(targets),
        path=np.zeros(len(source), dtype=np.int64),
        links=given_links(topology, source, targets) if links is None else links,
    )


@given(name=st.sampled_from(PLAIN), data=st.data())
def test_links_of_routes_run_as_the_routes_do(name: str, data: st.DataObject) -> None:
    topology = built(name)
    node = st.integers(0, topology.nodes - 1)
    source = data.draw(st.lists(node, min_size=1, max_size=6))
    targets = [data.draw(st.lists(node, min_size=1, max_size=5, unique=True)) for _ in source]
    trees = (Trees.of(topology, source, targets), planted(topology, source, targets))
    created = np.sort(data.draw(st.lists(st.integers(0, 9), min_size=len(source), max_size=len(source))))
    check_trees_deadlock_free(trees[1])
    one, two = (
        run(topology, RouterSpec(vcs=2), PacketTable.along(t, np.arange(len(source)), flits=2, created=created))
        for t in trees
    )
    np.testing.assert_array_equal(one.arrived >= 0, two.arrived >= 0)
    np.testing.assert_array_equal(one.link_flits, two.link_flits)
    assert (two.arrived >= 0).all()
    if all(len(ends) == 1 for ends in targets):
        np.testing.assert_array_equal(one.arrived, two.arrived)


def links(*rows: tuple[int, int, int]) -> TreeLinks:
    tree, router, port = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return TreeLinks(tree=tree, router=router, port=port, kind=np.ones_like(port))


@pytest.mark.parametrize(
    ("given_rows", "message"),
    [
        ([(0, 0, 1), (0, 0, 0)], "port 1 of router 0 is no part of tree 0: a tree has links there are"),
        ([(0, 0, 0), (0, 1, 1)], "port 1 of router 1 is no part of tree 0"),  # back into the root
        ([(0, 0, 0), (0, 0, 2), (0, 2, 0), (0, 1, 2)], "no part of tree 0"),  # router 3 twice
        ([(0, 0, 0), (0, 3, 1), (0, 2, 0)], "no part of tree 0"),  # a circle beside the root
        ([], "a tree has a target where none of its links leads"),
        ([(0, 0, 0), (0, 0, 2)], "a link that leads to no target"),
    ],
)
def test_what_is_no_tree_to_the_targets_is_refused(given_rows: list[tuple[int, int, int]], message: str) -> None:
    """A mesh of 2 x 2: port 0 to the right, 1 to the left, 2 up, 3 down; from node 0 to node 1."""
    with pytest.raises(InputError, match=message):
        planted(mesh(2, 2), [0], [[1]], links(*given_rows))


def test_a_network_without_routes_takes_trees_of_given_links_only() -> None:
    bare = replace(mesh(2, 2), routes=())
    trees = planted(bare, [0], [[3, 1]], links((0, 0, 0), (0, 1, 2)))
    assert run(bare, RouterSpec(), PacketTable.along(trees, [0])).delivered == 1
    with pytest.raises(InputError, match=r"a packet has no tree, topology .* has no routes; give each packet a tree"):
        run(bare, RouterSpec(), PacketTable.of([0], [3]))
    with pytest.raises(SpecError, match=r"there are no routes to follow; .*check_trees_deadlock_free"):
        check_deadlock_free(bare)


def test_trees_that_wait_for_each_other_are_refused() -> None:
    """Four packets around a square, each two links far."""
    around = [(0, 0), (1, 2), (3, 1), (2, 3)]
    rows = [(tree, *around[(tree + i) % 4]) for tree in range(4) for i in range(2)]
    trees = planted(mesh(2, 2), [0, 1, 3, 2], [[3], [2], [0], [1]], links(*rows))
    with pytest.raises(SpecError, match="4 channels can wait for each other in a circle"):
        check_trees_deadlock_free(trees)
