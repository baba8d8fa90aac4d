"""Walks along all routes: whether they arrive, and which channels they take one after the other."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neutrams.base.arrays import IntArray
from neutrams.base.errors import SpecError
from neutrams.kernels.noc_routes import LINK, SINK, follow_routes
from neutrams.simulator.noc.routes import RouteStage, lowered


def follow(
    stages: Sequence[RouteStage], port: IntArray, node: IntArray, kinds: int, name: str
) -> tuple[IntArray, npt.NDArray[np.uint8]]:
    """Follow the routes from each node to each by each path.

    Args:
        stages: The routes.
        port: int64[R, P, 4], what each port leads to (`neutrams.kernels.noc_routes`).
        node: int64[N, 2], router and port of each node.
        kinds: K, classes and 0 for any.
        name: Of the topology, for messages.

    Returns:
        The router * P + port of each link, int64[E], and uint8[E * K, P * K], 1 where a link and class is followed by a
        port (of the router it leads to) and class.

    Raises:
        SpecError: A route leads nowhere, or goes around for ever.
    """
    tables, keys = lowered(stages)
    ports = port.shape[1]
    port = np.ascontiguousarray(port)
    links = np.flatnonzero(port[:, :, SINK].ravel() >= 0)
    port.reshape(-1, port.shape[2])[links, LINK] = np.arange(len(links))
    follows = np.zeros((len(links) * kinds, ports * kinds), dtype=np.uint8)
    seen, lost = np.zeros(len(links) * kinds, dtype=np.int64), np.zeros(3, dtype=np.int64)
    paths = stages[0].entry.shape[0]
    if not follow_routes(tables, keys, paths, kinds, port, np.ascontiguousarray(node), follows, seen, lost):
        _refuse(name, *(int(value) for value in lost))
    return links, follows


def _refuse(name: str, target: int, router: int, port: int) -> None:
    if port >= 0:
        raise SpecError(
            f"router {router} sends packets for node {target} to port {port}, which leads nowhere",
            where=f"routes of topology {name!r}",
            fix="name a port with a link, or at the node's router the node's port",
        )
    raise SpecError(
        f"a packet for node {target} goes around and never arrives",
        where=f"routes of topology {name!r}",
        fix="let each hop bring a packet nearer to its node",
    )
