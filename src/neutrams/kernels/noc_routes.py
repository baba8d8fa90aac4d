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
    routes: Half, keys: Ints, paths: int, kinds: int, links: Ints, nodes: Ints, follow: Bytes, marks: Ints, lost: Ints
) -> bool:
    """Walk from each node to each by each path; return whether all arrive, and note which channels follow each other.

    Arrays (N nodes, R routers with P ports, E links, K kinds: classes and 0 for any):
        routes, keys                  as in `route_entry`; read
        links   int64[R, P, PORTS]    what the ports lead to; read
        nodes   int64[N, 2]           router and port of each node; read
        follow  uint8[E * K, P * K]   set to 1 where a link and class is followed by a port and class
        marks   int64[E * K]          the last walk that came by; 0 before
        lost    int64[3]              overwritten: target, router, and port without a link or node, -1 in a circle

    A walk ends where an earlier one to the same target went on from: what comes then is known.
    """
    route, key, port, node, follows, seen = (
        bare(routes),
        bare(keys),
        bare(links),
        bare(nodes),
        bare(follow),
        bare(marks),
    )
    routers, ports, count, walk = links.shape[0], links.shape[1], nodes.shape[0], 0
    for path in range(paths):
        for target in range(count):
            home = node[2 * target] * ports + node[2 * target + 1]
            begin = walk + 1
            for source in range(count):
                walk += 1
                router, came, around = node[2 * source], -1, -1
                while True:
                    entry = route_entry(route, key, routers, count, path, router, target)
                    kind, out = entry >> PORT_BITS, router * ports + (entry & PORT_MASK)
                    if out == home:
                        break
                    record = out * PORTS
                    if port[record + SINK] < 0:
                        lost[0], lost[1], lost[2] = target, router, out - router * ports
                        return False
                    if came >= 0:
                        if kind > 0 and around >= 0 and port[record + AROUND] == around:
                            kind = came % kinds
                        follows[came * ports * kinds + (out - router * ports) * kinds + kind] = 1
                    channel = port[record + LINK] * kinds + kind
                    if seen[channel] >= begin:
                        if seen[channel] == walk:
                            lost[0], lost[1], lost[2] = target, router, -1
                            return False
                        break
                    seen[channel] = walk
                    came, router = channel, port[record + SINK]
                    around = port[(router * ports + port[record + ENTRY]) * PORTS + AROUND]
    return True
