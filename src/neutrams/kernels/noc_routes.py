"""Routes in stages: which port comes next, and a walk along all of them."""

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel
from neutrams.kernels.instructions import bare

Half = npt.NDArray[np.int16]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

PORT_BITS = 8
"""A route's entry is out port + (class << PORT_BITS), or -1: the next stage says."""
PORT_MASK = (1 << PORT_BITS) - 1

SINK, ENTRY, LINK, AROUND, PORTS = 0, 1, 2, 3, 4
"""Of a port: router it leads to, -1 if none; input port there; number of the link; ring of the port, or -1; size."""


@kernel
def route_entry(route: Half, key: Ints, routers: int, nodes: int, path: int, router: int, target: int) -> int:
    """Return the entry of the first stage that has one.

    Arrays (S stages, R routers, N nodes):
        route  int16[...]              tables of all stages
        key    int64[S * (1 + R + N)]  a stage: words from a path's table to the next one's; the place of each router's
                                       row in the first path's table; the column of each node
    """
    stage, entry = 0, -1
    while entry < 0:
        place = key[stage + 1 + router] + path * key[stage] + key[stage + 1 + routers + target]
        entry = int(route[place])
        stage += 1 + routers + nodes
    return entry


@kernel
def follow_routes(
    routes: Half, keys: Ints, paths: int, kinds: int, port: Ints, node: Ints, follows: Bytes, seen: Ints, lost: Ints
) -> bool:
    """Walk from each node to each by each path; return whether all arrive, and note which channels follow each other.

    Arrays (N nodes, R routers with P ports, E links, K kinds: classes and 0 for any):
        routes, keys                   as in `route_entry`; read
        port     int64[R, P, PORTS]    what the ports lead to; read
        node     int64[N, 2]           router and port of each node; read
        follows  uint8[E * K, P * K]   set to 1 where a link and class is followed by a port and class
        seen     int64[E * K]          the last walk that came by; 0 before
        lost     int64[3]              overwritten: target, router, and port without a link or node, -1 in a circle

    A walk ends where an earlier one to the same target went on from: what comes then is known.
    """
    route, key = bare(routes), bare(keys)
    routers, nodes, walk = port.shape[0], node.shape[0], 0
    for path in range(paths):
        for target in range(nodes):
            begin = walk + 1
            for source in range(nodes):
                walk += 1
                router, came, door = node[source, 0], -1, 0
                while True:
                    entry = route_entry(route, key, routers, nodes, path, router, target)
                    out, kind = entry & PORT_MASK, entry >> PORT_BITS
                    if router == node[target, 0] and out == node[target, 1]:
                        break
                    lost[0], lost[1], lost[2] = target, router, out
                    if port[router, out, SINK] < 0:
                        return False
                    around = port[router, out, AROUND]
                    if came >= 0:
                        if kind > 0 and around >= 0 and port[router, door, AROUND] == around:
                            kind = came % kinds
                        follows[came, out * kinds + kind] = 1
                    channel = port[router, out, LINK] * kinds + kind
                    if seen[channel] == walk:
                        lost[2] = -1
                        return False
                    if seen[channel] >= begin:
                        break
                    seen[channel] = walk
                    came, door, router = channel, port[router, out, ENTRY], port[router, out, SINK]
    return True
