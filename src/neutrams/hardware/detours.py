"""Ways around links that do not work, on any topology."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, BoolArray, IntArray
from neutrams.base.errors import SpecError
from neutrams.hardware.graphs import MOST_ROUTERS, UNREACHED, read_links
from neutrams.hardware.ways import Routers, Tabled, Ways

ROWS = 256
"""Routers whose neighbours are looked for together [count]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detours(Tabled):
    """The ways of a topology some of whose links are dead.

    A link goes *up* if it leads nearer to the first router or, where it is as near, to a lower number; ways go up, then
    down, so one class of channels is free of deadlock. Where a router can be entered by ways that only went up, they
    count, though one that went down might be shorter: so all ways from a router are one tree. On a whole mesh no way is
    longer than in dimension order.

    Attributes:
        base: The topology with all its links.
        dead: int64 ``[links, 2]``, routers that the dead links join, the lower one first.
        reached: bool ``[routers]``, the routers that are joined; the largest set of them that has cores.

    References:
        Schroeder et al., Autonet, IEEE J. Sel. Areas Commun. 9(8), 1991 (up*/down* routing). doi:10.1109/49.105178
    """

    base: Ways
    dead: IntArray
    reached: BoolArray

    @property
    def routers(self) -> int:
        """How many routers there are [count]."""
        return self.base.routers

    @property
    def class_count(self) -> int:
        """Classes of virtual channels that keep the ways free of deadlock: 1."""
        return 1

    def chip(self, router: Routers) -> IntArray:
        """Number of the chip a router is on; one without a core is where the core nearest to it is."""
        return self.base.chip(router)

    def joined(self, a: Routers, b: Routers) -> BoolArray:
        """Whether there is a link between two routers that works."""
        pair = np.minimum(a, b) * self.routers + np.maximum(a, b)
        return np.asarray(self.base.joined(a, b) & ~np.isin(pair, self.dead[:, 0] * self.routers + self.dead[:, 1]))

    def channel(self, root: IntArray, start: IntArray, stop: IntArray) -> IntArray:
        """Class of the channels of a link: 1."""
        return np.ones_like(stop)


def detours_of(base: Ways, texts: Sequence[str], leaves: int) -> Detours:
    """Return the ways around dead links.

    Args:
        base: The topology with all its links.
        texts: The dead links, ``0-1`` and so on.
        leaves: Routers with cores, numbered from 0 [count].

    Raises:
        SpecError: A text names no link of the topology or a link twice, or there are too many routers.
    """
    if base.routers > MOST_ROUTERS:
        raise _refused(f"a board of {base.routers} routers", f"take a board of up to {MOST_ROUTERS}: set board.chips")
    if any("@" in text for text in texts):
        raise _refused("a dead link has a length", "write router-router, such as 0-1")
    dead = np.sort(read_links(texts, "board.dead_links")[:, :2], axis=1)
    for a, b in dead.tolist():
        if b >= base.routers or not base.joined(a, b):
            raise _refused(f"{a}-{b} is no link of this board", "name two neighbouring routers, or leave it out")
    around = _around(base, dead)
    part = _parts(around)
    of_leaf = part[:leaves]
    first = int(np.flatnonzero(of_leaf == np.bincount(of_leaf).argmax())[0])
    rank = _levels(around, first) * base.routers + np.arange(base.routers)
    distance, last = _trees(around, rank, leaves)
    return Detours(base=base, dead=dead, reached=part == part[first], distance=distance, last=last)


def _refused(what: str, fix: str) -> SpecError:
    return SpecError(what, where="board.dead_links", fix=fix)


def _around(base: Ways, dead: IntArray) -> list[IntArray]:
    """Return the neighbours of each router, those behind dead links left out; ascending."""
    every = np.arange(base.routers)
    found: list[IntArray] = []
    for begin in range(0, base.routers, ROWS):
        rows = every[begin : begin + ROWS]
        found += [np.flatnonzero(row) for row in base.joined(rows[:, None], every[None])]
    for a, b in dead.tolist():
        found[a], found[b] = found[a][found[a] != b], found[b][found[b] != a]
    return found


def _levels(around: list[IntArray], first: int) -> IntArray:
    """int64 ``[routers]``, links from the first router; `UNREACHED` where there is no way."""
    level = np.full(len(around), UNREACHED, dtype=np.int64)
    frontier, links = [first], 0
    while frontier:
        level[frontier] = links
        frontier = sorted({int(b) for a in frontier for b in around[a] if level[b] == UNREACHED})
        links += 1
    return level


def _parts(around: list[IntArray]) -> IntArray:
    """int64 ``[routers]``, the number of the part each is in; routers of one part are joined."""
    part = np.full(len(around), -1, dtype=np.int64)
    for router in range(len(around)):
        if part[router] < 0:
            part[_levels(around, router) < UNREACHED] = router
    return part


def _trees(around: list[IntArray], rank: IntArray, leaves: int) -> tuple[AnyArray, AnyArray]:
    """Return ``distance`` and ``last`` of `Detours`: up by falling rank, then down by rising rank, for all leaves."""
    distance = np.full((len(around), leaves), UNREACHED, dtype=np.int16)
    last = np.full((len(around), leaves), -1, dtype=np.int16)
    distance[np.arange(leaves), np.arange(leaves)] = 0
    order = np.argsort(rank)
    up = np.zeros((len(around), leaves), dtype=np.bool_)
    for router in order[::-1].tolist():
        _enter(router, [b for b in around[router].tolist() if rank[b] > rank[router]], distance, last, None)
        up[router] = distance[router] < UNREACHED
    for router in order.tolist():
        _enter(router, [b for b in around[router].tolist() if rank[b] < rank[router]], distance, last, ~up[router])
    return np.ascontiguousarray(distance.T), np.ascontiguousarray(last.T)


def _enter(router: int, sources: list[int], distance: AnyArray, last: AnyArray, free: BoolArray | None) -> None:
    """Enter a router from the nearest of some others, for all leaves, or those that are ``free``."""
    for source in sources:
        better = distance[source] + 1 < distance[router]
        if free is not None:
            better &= free
        distance[router][better] = distance[source][better] + 1
        last[router][better] = source
