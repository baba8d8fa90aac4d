"""Mesh, torus and ring: routers in rows and columns, packets in dimension order.

Ports: 0 to the right (x + 1), 1 to the left, 2 up (y + 1), 3 down, 4 the node; a ring has 0, 1 and 2 the node. Node
y * width + x is at the router of the same number.
"""

import numpy as np

from neutrams.base.errors import SpecError
from neutrams.simulator.noc.topology import ShortArray, Topology


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
    stride = 1
    for k, size in enumerate(sizes):
        x = routers // stride % size
        for port, step in ((2 * k, 1), (2 * k + 1, -1)):
            there = (x + step) % size
            linked = (there != x) & (wraps | (there == x + step))
            neighbor[linked, port] = (routers + (there - x) * stride)[linked]
            entry[:, port] = port ^ 1
        stride *= size
    route, classes = _dimension_order(sizes, wraps)
    around = np.repeat(np.arange(dimensions), 2) if wraps else np.full(2 * dimensions, -1)
    return Topology(
        name=name,
        neighbor=neighbor,
        entry=entry,
        latency=np.full_like(neighbor, link_cycles),
        node_router=routers,
        node_port=np.full(count, 2 * dimensions),
        route=route,
        classes=classes,
        class_count=2 if wraps else 1,
        ring=np.tile(np.append(around, -1), (count, 1)),
    )


def _dimension_order(sizes: tuple[int, ...], wraps: bool) -> tuple[ShortArray, ShortArray]:
    """Return tables of routes and classes; one path, or two a dimension with an even way around."""
    count, dimensions = int(np.prod(sizes)), len(sizes)
    paths = 2**dimensions if wraps and any(size % 2 == 0 for size in sizes) else 1
    route = np.full((paths, count, count), 2 * dimensions, dtype=np.int16)
    classes = np.zeros_like(route)
    for path in range(paths):
        stride = count
        for k in reversed(range(dimensions)):  # a lower dimension overwrites a higher one
            stride //= sizes[k]
            goal = np.arange(count)[None, :] // stride % sizes[k]
            x = goal.T
            right = goal > x
            if wraps:
                twice = 2 * ((goal - x) % sizes[k])
                right = (twice < sizes[k]) | ((twice == sizes[k]) & (path >> k & 1 == 0))
            moves = goal != x
            np.copyto(route[path], np.where(right, 2 * k, 2 * k + 1), where=moves, casting="same_kind")
            if wraps:
                np.copyto(classes[path], 1 + (goal < x), where=moves, casting="same_kind")
    return route, classes
