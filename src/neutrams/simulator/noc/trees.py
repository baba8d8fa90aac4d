"""Trees, fat trees and any graph of routers, with routes that go up and then down."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import SpecError
from neutrams.simulator.noc.routes import route_table
from neutrams.simulator.noc.topology import Topology

FAR = 1 << 40


def tree(arity: int, levels: int, *, link_cycles: int = 1) -> Topology:
    """Return a tree of routers with ``arity`` ** ``levels`` nodes, ``arity`` at each router of the last level."""
    if arity < 2 or levels < 1:
        raise SpecError(f"arity is {arity}, levels {levels}", where="tree", fix="give arity >= 2 and levels >= 1")
    routers = (arity**levels - 1) // (arity - 1)
    links = [((child - 1) // arity, child, link_cycles) for child in range(1, routers)]
    leaves = arity ** (levels - 1)
    at = np.repeat(np.arange(routers - leaves, routers), arity)
    return graph(links, at.tolist(), name=f"tree {arity}^{levels}")


def fat_tree(arity: int, levels: int, *, link_cycles: int = 1) -> Topology:
    """Return a k-ary n-tree: k ** n nodes, n levels of k ** (n - 1) routers with k ports down and k up.

    Packets go up only as far as they must, by the port that the target's digit names, so that each target has a tree
    of its own.

    References:
        Petrini and Vanneschi, k-ary n-trees, IPPS 1997. doi:10.1109/IPPS.1997.580853
    """
    if arity < 2 or levels < 1:
        raise SpecError(f"arity is {arity}, levels {levels}", where="fat tree", fix="give arity >= 2 and levels >= 1")
    wide = arity ** (levels - 1)
    word = np.arange(wide)
    neighbor = np.full((levels * wide, 2 * arity), -1, dtype=np.int64)
    entry = np.zeros_like(neighbor)
    for level in range(1, levels):  # level 0 has the nodes; the digit that changes above level l - 1 is l - 1
        place = arity ** (level - 1)
        digit = word // place % arity
        for up in range(arity):
            low, high = (level - 1) * wide + word, level * wide + word + (up - digit) * place
            neighbor[low, arity + up], entry[low, arity + up] = high, digit
            neighbor[high, digit], entry[high, digit] = low, arity + up
    nodes = np.arange(arity**levels)
    route = np.empty((levels * wide, len(nodes)), dtype=np.int16)
    for level in range(levels):
        below = arity ** (level + 1)
        for at in range(wide):
            # the router's subtree: nodes whose word has the same digits from ``level`` on
            inside = nodes // below == at // arity**level
            down = nodes // arity**level % arity
            route[level * wide + at] = np.where(inside, down, arity + nodes // arity ** (level + 1) % arity)
    return Topology(
        name=f"fat tree {arity}^{levels}",
        neighbor=neighbor,
        entry=entry,
        latency=np.full_like(neighbor, link_cycles),
        node_router=nodes // arity,
        node_port=nodes % arity,
        routes=route_table(route),
        class_count=1,
        ring=np.full_like(neighbor, -1),
    )


def graph(
    links: Sequence[tuple[int, int, int]],
    nodes: Sequence[int],
    *,
    name: str = "graph",
    next_router: IntArray | None = None,
) -> Topology:
    """Return any graph of routers with links both ways.

    Without ``next_router`` routes are up*/down*: routers are ordered by their distance from router 0, and a packet
    never goes up again once it has gone down, so no deadlock is possible; among such routes the shortest.

    Args:
        links: (router, router, latency [cycle]) of each.
        nodes: Router of each node.
        name: For messages.
        next_router: int64[R, N], the router to which a router sends a packet for a node; anything at the node's own.

    Raises:
        SpecError: The graph is not connected, or ``next_router`` names a router without a link.

    References:
        Schroeder et al., Autonet, IEEE JSAC 9(8), 1991 (up*/down* routing). doi:10.1109/49.105178
    """
    count = 1 + max([max(a, b) for a, b, _ in links] + list(nodes), default=0)
    if not nodes or min([min(a, b) for a, b, _ in links] + list(nodes)) < 0:
        raise SpecError("there is no node, or a router below 0", where=name, fix="number routers from 0; give nodes")
    ports = _Ports(count)
    for a, b, cycles in links:
        ports.link(a, b, cycles)
    node_port = [ports.take(router) for router in nodes]
    around = [{there: port for port, (there, _, _) in at.items()} for at in ports.to]
    ahead = _up_down(around, nodes, name) if next_router is None else np.asarray(next_router)
    route = np.empty((count, len(nodes)), dtype=np.int16)
    for router in range(count):
        for n, home in enumerate(nodes):
            port = node_port[n] if home == router else around[router].get(int(ahead[router, n]))
            if port is None:
                raise SpecError(
                    f"router {router} has no link to {ahead[router, n]}, its next router for node {n}",
                    where=name,
                    fix="name a router it has a link to, or add the link",
                )
            route[router, n] = port
    table = ports.table()
    return Topology(
        name=name,
        neighbor=table[0],
        entry=table[1],
        latency=table[2],
        node_router=np.array(nodes),
        node_port=np.array(node_port),
        routes=route_table(route),
        class_count=1,
        ring=np.full_like(table[0], -1),
    )


class _Ports:
    """Ports of each router, taken one after the other."""

    def __init__(self, routers: int) -> None:
        self.used = [0] * routers
        self.to: list[dict[int, tuple[int, int, int]]] = [{} for _ in range(routers)]

    def take(self, router: int) -> int:
        self.used[router] += 1
        return self.used[router] - 1

    def link(self, a: int, b: int, cycles: int) -> None:
        pa, pb = self.take(a), self.take(b)
        self.to[a][pa], self.to[b][pb] = (b, pb, cycles), (a, pa, cycles)

    def table(self) -> IntArray:
        """Neighbor, entry, latency, int64[3, R, P]."""
        table = np.zeros((3, len(self.to), max(self.used)), dtype=np.int64)
        table[0] = -1
        for router, ports in enumerate(self.to):
            for port, link in ports.items():
                table[:, router, port] = link
        return table


def _up_down(around: list[dict[int, int]], nodes: Sequence[int], name: str) -> IntArray:
    """Return int64[R, N], the next router of the shortest route that goes up, then down; lower numbers first."""
    rank = _ranks(around, name)
    ahead: dict[int, list[int]] = {}
    for home in set(nodes):
        down = _distances(around, home, rank)  # by links that lead away from the root only
        best = list(down)
        choice = [-1] * len(around)
        for router in sorted(range(len(around)), key=lambda r: rank[r]):  # those higher up are known before
            below = [(down[there], there) for there in around[router] if rank[there] > rank[router]]
            above = [(best[there], there) for there in around[router] if rank[there] < rank[router]]
            cost, choice[router] = min(below if down[router] < FAR and router != home else above, default=(0, home))
            best[router] = 0 if router == home else cost + 1
        ahead[home] = choice
    return np.array([ahead[home] for home in nodes], dtype=np.int64).T


def _ranks(around: list[dict[int, int]], name: str) -> list[tuple[int, int]]:
    """Return (distance from router 0, number) of each router."""
    level = {0: 0}
    queue = deque([0])
    while queue:
        router = queue.popleft()
        for there in around[router]:
            if there not in level:
                level[there] = level[router] + 1
                queue.append(there)
    if len(level) < len(around):
        lost = next(r for r in range(len(around)) if r not in level)
        raise SpecError(f"router {lost} is not connected to router 0", where=name, fix="add a link, or leave it out")
    return [(level[r], r) for r in range(len(around))]


def _distances(around: list[dict[int, int]], home: int, rank: list[tuple[int, int]]) -> list[int]:
    """Return links from each router to ``home`` that all lead down, FAR where there is no such way."""
    distance = [FAR] * len(around)
    distance[home] = 0
    queue = deque([home])
    while queue:
        router = queue.popleft()
        for there in around[router]:
            if rank[there] < rank[router] and distance[there] == FAR:
                distance[there] = distance[router] + 1
                queue.append(there)
    return distance
