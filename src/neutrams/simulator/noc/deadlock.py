"""Deadlock freedom: no cycle among the channels that routes take one after the other."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from neutrams.base.arrays import IntArray
from neutrams.base.errors import SpecError
from neutrams.simulator.noc.multicast import Trees
from neutrams.simulator.noc.planted import above
from neutrams.simulator.noc.topology import Topology


def check_deadlock_free(topology: Topology) -> None:
    """Refuse routes on which packets can wait for each other in a circle.

    A *channel* is a link with a class of virtual channels. Whoever holds one waits for the next on its route; without a
    cycle among these pairs there is no deadlock, whatever the traffic. A packet of class 0 may hold or take any class.

    That holds for `Trees` too. A router serves the branches of a packet one after the other. While it serves one, the
    packet holds the channel it came by and waits for that of the branch, which follows the first on the route to some
    target: a pair of unicast's. Copies sent before are packets of their own, and the packet has room in its buffer as
    a whole, so that no later branch keeps an earlier one from being finished.

    Raises:
        SpecError: It names some channels of a cycle.

    References:
        Dally and Seitz, Deadlock-free message routing in multiprocessor interconnection networks, IEEE Trans. Computers
        C-36(5), 1987, theorem 1. doi:10.1109/TC.1987.1676939
    """
    kinds = topology.class_count + 1
    _refuse_circles(topology, *_spread(*_pairs(topology, kinds), kinds))


def check_trees_deadlock_free(trees: Trees) -> None:
    """Refuse trees of given links on which packets can wait for each other in a circle; see `check_deadlock_free`.

    Raises:
        SpecError: It names some channels of a cycle.
    """
    topology, links = trees.topology, trees.links
    assert links is not None, "trees of a topology's routes are checked with it"
    parent = above(topology, links, topology.node_router[trees.source])
    channel = (links.router * topology.ports + links.port) * (topology.class_count + 1) + links.kind
    inner = parent >= 0
    channels = topology.routers * topology.ports * (topology.class_count + 1)
    before, after = np.divmod(np.unique(channel[parent[inner]] * channels + channel[inner]), channels)
    _refuse_circles(topology, before, after)


def _refuse_circles(topology: Topology, before: IntArray, after: IntArray) -> None:
    kinds = topology.class_count + 1
    channels = topology.routers * topology.ports * kinds
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


def _pairs(topology: Topology, kinds: int) -> tuple[IntArray, IntArray]:
    """Return channels and those that follow them on routes; channel (router * P + port) * kinds + class."""
    links, follows = topology.followed()
    before, after = np.nonzero(follows)
    link, kind = np.divmod(before, kinds)
    there = topology.neighbor.ravel()[links[link]]
    return links[link] * kinds + kind, there * topology.ports * kinds + after


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
