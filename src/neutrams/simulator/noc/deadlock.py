"""Deadlock freedom: no cycle among the channels that routes take one after the other."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from neutrams.base.arrays import IntArray
from neutrams.base.errors import SpecError
from neutrams.simulator.noc.topology import Topology

BATCH = 1 << 20
"""Routes followed at a time."""


@dataclass(frozen=True, slots=True)
class _Walk:
    """Packets under way: router, node they go to, channel (port * (C + 1) + class) they came by, -1 if none."""

    router: IntArray
    target: IntArray
    channel: IntArray


def check_deadlock_free(topology: Topology) -> None:
    """Refuse routes that lead nowhere, go around for ever, or can wait for each other in a circle.

    A *channel* is a link with a class of virtual channels. Whoever holds one waits for the next on its route; without a
    cycle among these pairs there is no deadlock, whatever the traffic. A packet of class 0 may hold or take any class.

    Raises:
        SpecError: It names the route, or some channels of a cycle.

    References:
        Dally and Seitz, Deadlock-free message routing in multiprocessor interconnection networks, IEEE Trans. Computers
        C-36(5), 1987, theorem 1. doi:10.1109/TC.1987.1676939
    """
    kinds = topology.class_count + 1
    channels = topology.routers * topology.ports * kinds
    pairs: list[IntArray] = []
    for path in range(topology.paths):
        step = max(1, BATCH // topology.nodes)
        for begin in range(0, topology.nodes, step):
            pairs.append(_dependencies(topology, path, np.arange(begin, min(begin + step, topology.nodes))))
    before, after = np.divmod(np.unique(np.concatenate(pairs)), channels)
    before, after = _spread(before, after, kinds)
    edges = coo_array((np.ones(len(before)), (before, after)), shape=(channels, channels))
    _, component = connected_components(edges.tocsr(), connection="strong")
    sizes = np.bincount(component)
    caught = np.flatnonzero(sizes[component] > 1)
    if before.size and (before == after).any():
        caught = np.append(caught, before[before == after])
    if caught.size:
        raise SpecError(
            f"{caught.size} channels can wait for each other in a circle: {_names(topology, caught[:4], kinds)}",
            where=f"routes of topology {topology.name!r}",
            fix="give packets that cross one link of each circle another class, or routes that go up and then down",
        )


def _dependencies(topology: Topology, path: int, targets: IntArray) -> IntArray:
    """Return pairs (channel * channels + next channel) of the routes from all nodes to some."""
    kinds = topology.class_count + 1
    channels = topology.routers * topology.ports * kinds
    sources, goals = (array.ravel() for array in np.meshgrid(topology.node_router, targets, indexing="ij"))
    walk = _Walk(sources, goals, np.full(len(sources), -1, dtype=np.int64))
    found: list[IntArray] = [np.empty(0, dtype=np.int64)]
    for _ in range(topology.routers + 1):
        if walk.router.size == 0:
            return np.unique(np.concatenate(found))
        walk, pairs = _advance(topology, path, walk, channels)
        found.append(np.unique(pairs))
    raise SpecError(
        f"a packet for node {walk.target[0]} goes around and never arrives",
        where=f"routes of topology {topology.name!r}",
        fix="let each hop bring a packet nearer to its node",
    )


def _advance(topology: Topology, path: int, walk: _Walk, channels: int) -> tuple[_Walk, IntArray]:
    """Move all one router on; return those that have not arrived, and the pairs of channels they used."""
    kinds = topology.class_count + 1
    port = topology.route[path, walk.router, walk.target]
    kind = topology.classes[path, walk.router, walk.target]
    there = topology.neighbor[walk.router, port]
    home = (topology.node_router[walk.target] == walk.router) & (topology.node_port[walk.target] == port)
    lost = (there < 0) & ~home
    if lost.any():
        i = int(np.flatnonzero(lost)[0])
        raise SpecError(
            f"router {walk.router[i]} sends packets for node {walk.target[i]} to port {port[i]}, which leads nowhere",
            where=f"routes of topology {topology.name!r}",
            fix="name a port with a link",
        )
    came = walk.channel // kinds
    entered = np.where(walk.channel >= 0, topology.entry.ravel()[came], 0)
    same = (walk.channel >= 0) & (topology.ring[walk.router, port] >= 0) & (kind > 0)
    same &= topology.ring[walk.router, entered] == topology.ring[walk.router, port]
    kind = np.where(same, walk.channel % kinds, kind)
    channel = (walk.router * topology.ports + port) * kinds + kind
    moved = ~home
    pairs = (walk.channel * channels + channel)[moved & (walk.channel >= 0)]
    return _Walk(there[moved], walk.target[moved], channel[moved]), pairs


def _spread(before: IntArray, after: IntArray, kinds: int) -> tuple[IntArray, IntArray]:
    """Replace class 0 by each of the classes."""
    wide = np.arange(1, kinds)
    a, b = np.meshgrid(wide, wide, indexing="ij")
    old = np.where(before[:, None] % kinds == 0, before[:, None] + a.ravel(), before[:, None])
    new = np.where(after[:, None] % kinds == 0, after[:, None] + b.ravel(), after[:, None])
    return old.ravel(), new.ravel()


def _names(topology: Topology, channels: IntArray, kinds: int) -> str:
    ports, classes = np.divmod(channels, kinds)
    return ", ".join(
        f"router {p // topology.ports} port {p % topology.ports} class {c}" for p, c in zip(ports, classes, strict=True)
    )
