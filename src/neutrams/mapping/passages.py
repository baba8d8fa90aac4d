"""What each router does with each flow that passes it."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from neutrams.base.arrays import BoolArray, IntArray
from neutrams.hardware import Chip
from neutrams.hardware.detours import Detours
from neutrams.hardware.geometry import Board
from neutrams.hardware.grids import Grid
from neutrams.mapping.keys import Sendings
from neutrams.mapping.route import Links


class Passages(NamedTuple):
    """All pairs of a router and a flow that passes it, its first and last router included; by router, then by flow.

    Attributes:
        router: int64 ``[p]``.
        flow: int64 ``[p]``, which of the flows that leave their cores.
        begin: int64 ``[p + 1]``, where it goes to are rows ``begin[i]:begin[i+1]`` of ``port``.
        port: int64, the next router, or ``-1 - core``; ascending.
        kind: int64 ``[p]``, the same number where the ports are the same.
        straight: bool ``[p]``, whether a word without an entry would go the same way.
    """

    router: IntArray
    flow: IntArray
    begin: IntArray
    port: IntArray
    kind: IntArray
    straight: BoolArray


def passages_of(sendings: Sendings, links: Links, chip: Chip) -> Passages:
    """Return the passages of the flows that leave their cores along these links."""
    board, n = Board.of(chip), max(len(sendings), 1)
    own = np.diff(links.first)[sendings.flow]
    row = np.repeat(links.first[sendings.flow] - np.append(0, np.cumsum(own))[:-1], own) + np.arange(own.sum())
    flow, start, stop = np.repeat(np.arange(len(own)), own), links.start[row], links.stop[row]
    place = np.concatenate([start * n + flow, board.router_of(sendings.target) * n + sendings.sender])
    port = np.concatenate([stop, -1 - sendings.target])
    order = np.lexsort((port, place))
    place, port = place[order], port[order]
    named, begin = np.unique(place, return_index=True)
    begin = np.append(begin, len(port))
    came = np.full(len(named), -1, dtype=np.int64)
    came[np.searchsorted(named, stop * n + flow)] = start
    router, sender = np.divmod(named, n)
    straight = np.zeros(len(named), dtype=np.bool_)
    if chip.noc.default_route:
        only = np.where(np.diff(begin) == 1, port[begin[:-1]], -1)
        straight = _straight_on(board, came, router, only)
    return Passages(router, sender, begin, port, _kinds(begin, port), straight)


def _straight_on(board: Board, came: IntArray, router: IntArray, port: IntArray) -> BoolArray:
    """Whether a flow that came from one router (-1: a core) goes on to the opposite one."""
    grid = board.ways.base if isinstance(board.ways, Detours) else board.ways
    assert isinstance(grid, Grid), "only on a mesh is there an opposite"
    on = np.flatnonzero((came >= 0) & (port >= 0))
    (ax, ay), (bx, by), (cx, cy) = (grid.position(some[on]) for some in (came, router, port))
    found = np.zeros(len(router), dtype=np.bool_)
    found[on] = (bx - ax == cx - bx) & (by - ay == cy - by)
    return found


def _kinds(begin: IntArray, port: IntArray) -> IntArray:
    raw, width = port.tobytes(), port.itemsize
    index: dict[bytes, int] = {}
    ends = (begin * width).tolist()
    return np.array([index.setdefault(raw[a:b], len(index)) for a, b in pairwise(ends)], dtype=np.int64)
