"""Random networks on chip and traffic for them."""

from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import strategies as st

from neutrams.simulator.noc import (
    PacketTable,
    RouterSpec,
    Topology,
    Trees,
    fat_tree,
    graph,
    mesh,
    ring,
    torus,
    tree,
)

GRAPHS = {
    "mesh": lambda: mesh(3, 2),
    "long links": lambda: mesh(2, 3, link_cycles=3),
    "slow links": lambda: replace(mesh(3, 2), interval=np.arange(30).reshape(6, 5) % 7 + 1),
    "slow ring": lambda: replace(ring(4), interval=3),
    "torus": lambda: torus(4, 3),
    "ring": lambda: ring(5),
    "even ring": lambda: ring(4, link_cycles=2),
    "tree": lambda: tree(2, 3),
    "fat tree": lambda: fat_tree(2, 3),
    "graph": lambda: graph([(0, 1, 1), (1, 2, 2), (2, 3, 1), (3, 0, 1), (1, 3, 4), (3, 4, 1)], [0, 1, 2, 3, 4, 4]),
    "hub": lambda: graph([(0, k, 1) for k in range(1, 9)], list(range(9)) * 2),
}


@cache
def built(name: str) -> Topology:
    return GRAPHS[name]()


def topologies() -> st.SearchStrategy[Topology]:
    return st.sampled_from(sorted(GRAPHS)).map(built)


@st.composite
def routers(draw: st.DrawFn, classes: int = 1) -> RouterSpec:
    """Depths from none or one upwards; VCs that fill one word of a mask, or need several."""
    return RouterSpec(
        vcs=classes * draw(st.sampled_from((1, 2, 3, 8, 15))),
        buffer_flits=draw(st.sampled_from((1, 2, 3, 4, 8))),
        route_cycles=draw(st.integers(0, 2)),
        vc_cycles=draw(st.integers(1, 3)),
        allocation_cycles=draw(st.integers(1, 3)),
        switch_cycles=draw(st.integers(1, 2)),
        credit_cycles=draw(st.integers(0, 2)),
        queue_packets=draw(st.sampled_from((0, 0, 1, 2))),
    )


@st.composite
def traffic(draw: st.DrawFn, topology: Topology) -> PacketTable:
    """Some packets at once or far apart, short or longer than a buffer, from all nodes or to one."""
    count = draw(st.integers(0, 120))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    nodes = topology.nodes
    target = rng.integers(0, nodes, count) if draw(st.booleans()) else np.full(count, draw(st.integers(0, nodes - 1)))
    return PacketTable.of(
        rng.integers(0, nodes, count),
        target,
        flits=rng.integers(1, draw(st.sampled_from((2, 4, 12))), count),
        created=rng.integers(0, draw(st.sampled_from((1, 40, 2000))), count),
        path=rng.integers(0, topology.paths, count),
    )


@st.composite
def forests(draw: st.DrawFn, topology: Topology) -> Trees:
    """Trees to one node, to some, or to all, by any path."""
    count, rng = draw(st.integers(1, 12)), np.random.default_rng(draw(st.integers(0, 1 << 20)))
    most = draw(st.sampled_from((1, min(3, topology.nodes), topology.nodes)))
    targets = [rng.choice(topology.nodes, rng.integers(1, most + 1), replace=False) for _ in range(count)]
    return Trees(
        topology=topology,
        source=rng.integers(0, topology.nodes, count),
        begin=np.cumsum([0, *map(len, targets)]),
        target=np.concatenate(targets),
        path=rng.integers(0, topology.paths, count),
    )


@st.composite
def multicasts(draw: st.DrawFn, topology: Topology, router: RouterSpec) -> PacketTable:
    """Packets along trees and to single nodes, no longer than a buffer, so that all may split."""
    trees, alone = draw(forests(topology)), draw(traffic(topology))
    count, rng = draw(st.integers(0, 60)), np.random.default_rng(draw(st.integers(0, 1 << 20)))
    many = PacketTable.along(
        trees,
        rng.integers(0, len(trees), count),
        flits=rng.integers(1, min(router.buffer_flits, 5) + 1, count),
        created=rng.integers(0, draw(st.sampled_from((1, 40, 2000))), count),
    )
    both = {
        name: np.concatenate([getattr(many, name), getattr(alone, name)])
        for name in ("source", "target", "flits", "created", "path", "tree")
    }
    order = np.argsort(both["created"], kind="stable")
    return PacketTable(**{name: array[order] for name, array in both.items()}, trees=trees)
