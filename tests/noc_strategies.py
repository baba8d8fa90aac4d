"""Random networks on chip and traffic for them."""

from functools import cache

import numpy as np
from hypothesis import strategies as st

from neutrams.simulator.noc import PacketTable, RouterSpec, Topology, fat_tree, graph, mesh, ring, torus, tree

GRAPHS = {
    "mesh": lambda: mesh(3, 2),
    "long links": lambda: mesh(2, 3, link_cycles=3),
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
