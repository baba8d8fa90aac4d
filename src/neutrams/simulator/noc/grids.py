"""Mesh, torus and ring: routers in rows and columns, packets in dimension order.

Ports: 0 to the right (x + 1), 1 to the left, 2 up (y + 1), 3 down, 4 the node; a ring has 0, 1 and 2 the node. Node
y * width + x is at the router of the same number.
"""

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import SpecError
from neutrams.simulator.noc.routes import RouteStage
from neutrams.simulator.noc.topology import Topology


def mesh(width: int, height: int, *, link_cycles: int = 1) -> Topology:
    """Return a mesh; packets go in x first, then in y.

    Args:
        width: Routers in a row [count].
        height: Routers in a column [count].
        link_cycles: Latency of each link [cycle].
    """
    return _grid(f"mesh {width}x{height}", (width, height), wraps=False, link_cycles=link_cycles)


def torus(width: int, height: int, *, link_cycles: int = 1) -> Topology:
    """Return a torus; packets take the shorter way around in x, then in y, and keep to one of two VC classes a ring.

    To the right, packets that will pass from the last router to the first are of class 2, all others of class 1; to the
    left the other way round. So no class has packets all around a ring, and none waits for itself (Dally and Seitz,
    1987, with the class fixed where a packet enters the ring). Needs an even number of VCs. Where both ways are equally
    long, bit 0 (x) or 1 (y) of a packet's path picks: 0 right, 1 left; spread paths evenly over the packets.
    """
    return _grid(f"torus {width}x{height}", (width, height), wraps=True, link_cycles=link_cycles)


def ring(length: int, *, link_cycles: int = 1) -> Topology:
    """Return a ring that goes both ways, with the rules of `torus`."""
    return _grid(f"ring {length}", (length,), wraps=True, link_cycles=link_cycles)


def _grid(name: str, sizes: tuple[int, ...], *, wraps: bool, link_cycles: int) -> Topology:
    if min(sizes) < 1:
        raise SpecError(f"sizes are {sizes}", where=name, fix="give whole numbers from 1")
    count, dimensions = int(np.prod(sizes)), len(sizes)
    routers = np.arange(count)
    neighbor = np.full((count, 2 * dimensions + 1), -1, dtype=np.int64)
    entry = np.zeros_like(neighbor)
    stages: list[RouteStage] = []
    paths = 2**dimensions if wraps and any(size % 2 == 0 for size in sizes) else 1
    stride = 1
    for k, size in enumerate(sizes):
        x = routers // stride % size
        port, classes = _along(size, k, paths, wraps)
        home = 2 * dimensions if k == dimensions - 1 else -1
        stages.append(RouteStage.of(x, x, np.where(port < 0, home, port), classes))
        for out, step in ((2 * k, 1), (2 * k + 1, -1)):
            there = (x + step) % size
            linked = (there != x) & (wraps | (there == x + step))
            neighbor[linked, out] = (routers + (there - x) * stride)[linked]
            entry[:, out] = out ^ 1
        stride *= size
    around = np.repeat(np.arange(dimensions), 2) if wraps else np.full(2 * dimensions, -1)
    return Topology(
        name=name,
        neighbor=neighbor,
        entry=entry,
        latency=np.full_like(neighbor, link_cycles),
        node_router=routers,
        node_port=np.full(count, 2 * dimensions),
        routes=tuple(stages),
        class_count=2 if wraps else 1,
        ring=np.tile(np.append(around, -1), (count, 1)),
    )


def _along(size: int, axis: int, paths: int, wraps: bool) -> tuple[IntArray, IntArray]:
    """Return ports and classes along one axis by place and goal, int64[paths, size, size] each; port -1 at the goal."""
    goal, x = np.arange(size)[None, None, :], np.arange(size)[None, :, None]
    right = np.asarray(goal > x)
    if wraps:
        first = np.arange(paths)[:, None, None] >> axis & 1 == 0
        twice = 2 * ((goal - x) % size)
        right = (twice < size) | ((twice == size) & first)
    moves = np.broadcast_to(goal != x, (paths, size, size))
    port = np.where(moves, np.where(right, 2 * axis, 2 * axis + 1), -1)
    return port, np.where(moves & wraps, 1 + (goal < x), 0)
