"""Any graph of routers, given link by link."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, BoolArray, IntArray
from neutrams.base.errors import SpecError
from neutrams.hardware.ways import Routers, Tabled

LINK = re.compile(r"(\d{1,6})-(\d{1,6})(?:@(\d{1,6}))?")
MOST_ROUTERS = 4096
"""A graph has tables with an entry for every two routers [count]."""
UNREACHED = 1 << 14


def read_links(links: Sequence[str], where: str = "board.links") -> IntArray:
    """Return int64 ``[links, 3]``: two routers, and by how much longer than others the link takes.

    Raises:
        SpecError: A text is no link, a link stands twice or joins a router with itself, or a number is too large.
    """
    found: dict[tuple[int, int], int] = {}
    for text in links:
        match = LINK.fullmatch(text)
        a, b, factor = (int(part or 1) for part in match.groups()) if match else (0, 0, 0)
        if match is None or not factor:
            raise _refused(where, f"{text!r} is no link", "write router-router, such as 0-1, or 0-1@3 for 3 x link_s")
        if a == b or (min(a, b), max(a, b)) in found:
            what = "joins a router with itself" if a == b else "stands twice"
            raise _refused(where, f"link {text!r} {what}", "leave it out, a link goes both ways")
        if max(a, b) >= MOST_ROUTERS:
            raise _refused(where, f"link {text!r} has a number above {MOST_ROUTERS - 1}", "number routers without gaps")
        found[min(a, b), max(a, b)] = factor
    return np.array([(*pair, factor) for pair, factor in found.items()], dtype=np.int64).reshape(-1, 3)


def _refused(where: str, what: str, fix: str) -> SpecError:
    return SpecError(what, where=where, fix=fix)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graph(Tabled):
    """Routers joined by given links, both ways; each way has the fewest links.

    Of ways with as few links it is that whose routers, in order, have the lowest numbers: so parts of ways are ways. A
    link goes *up* if it leads nearer to router 0 or, where it is as near, to a lower number. A flit goes on with class
    c + 1 of channels where it turns up after it went down with class c: within a class it only goes up and then down,
    and classes only grow, so there is no deadlock.

    Attributes:
        leaves: Routers with cores [count].
        on_chip: int64 ``[routers]``, the chip of each.
        turns: int16 ``[routers, routers]``, how often that way turns up after it went down [count].
    """

    leaves: int
    on_chip: IntArray
    turns: AnyArray

    @property
    def routers(self) -> int:
        """How many routers there are [count]."""
        return len(self.on_chip)

    @property
    def class_count(self) -> int:
        """Classes of virtual channels that keep the ways free of deadlock [count]."""
        return 1 + int(self.turns[: self.leaves, : self.leaves].max())

    def chip(self, router: Routers) -> IntArray:
        """Number of the chip a router is on; one without a core is where the core nearest to it is."""
        return np.asarray(self.on_chip[router])

    def joined(self, a: Routers, b: Routers) -> BoolArray:
        """Whether there is a link between two routers."""
        return np.asarray(self.distance[a, b] == 1)

    def channel(self, root: IntArray, start: IntArray, stop: IntArray) -> IntArray:
        """Class of the channels of a link: 1, and one more for each turn from down to up before or into it."""
        return 1 + self.turns[root, stop].astype(np.int64)


def graph_of(links: IntArray, leaves: int, per_chip: int, cores: int) -> Graph:
    """Return the ways of a graph.

    Args:
        links: int64 ``[links, 3]`` of `read_links`.
        leaves: Routers with cores, numbered from 0 [count].
        per_chip: Routers with cores on a chip [count].
        cores: Cores of such a router [count].

    Raises:
        SpecError: There is no way between two routers with cores, or there are too many routers.
    """
    count = max(leaves, int(links[:, :2].max(initial=0)) + 1)
    if count > MOST_ROUTERS:
        raise SpecError(
            f"a graph of {count} routers is given", where="board", fix=f"take up to {MOST_ROUTERS}, or another topology"
        )
    ends = np.concatenate([links[:, :2], links[:, 1::-1]])
    ends = ends[np.lexsort((ends[:, 1], ends[:, 0]))]
    first = np.searchsorted(ends[:, 0], np.arange(count + 1))
    around = [ends[first[a] : first[a + 1], 1].tolist() for a in range(count)]
    distance = _distances(around)
    lost = np.flatnonzero(distance[0, :leaves] == UNREACHED)
    if lost.size:
        raise SpecError(
            f"there is no way from core 0 to core {int(lost[0]) * cores}",
            where="board.links",
            fix="add links that join them",
        )
    last, turns = _ways(around, distance)
    nearest = distance[:, :leaves].argmin(axis=1)
    return Graph(leaves=leaves, on_chip=nearest // per_chip, distance=distance, last=last, turns=turns)


def _distances(around: list[list[int]]) -> AnyArray:
    """Return links between every two routers, int16 ``[routers, routers]``; `UNREACHED` where there is no way."""
    distance = np.full((len(around), len(around)), UNREACHED, dtype=np.int16)
    for start, row in enumerate(distance):
        seen, frontier, links = {start}, [start], 0
        while frontier:
            row[frontier] = links
            frontier = list({there for at in frontier for there in around[at]} - seen)
            seen.update(frontier)
            links += 1
    return distance


def _ways(around: list[list[int]], distance: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Return ``last`` and ``turns`` of `Graph`, filled in by growing distance."""
    count = len(distance)
    rank = distance[0].astype(np.int64) * count + np.arange(count)  # up leads to a lower one
    following = np.full(distance.shape, -1, dtype=np.int16)  # first router on the way
    for a in range(count):
        for b in reversed(around[a]):  # lowest numbers last
            following[a, distance[b] == distance[a] - 1] = b
    last, turns = np.full(distance.shape, -1, dtype=np.int16), np.zeros(distance.shape, dtype=np.int16)
    order = np.argsort(distance, axis=None, kind="stable")
    edges = np.searchsorted(distance.ravel()[order], np.arange(int(distance[distance < UNREACHED].max()) + 2))
    for links in range(1, len(edges) - 1):
        start, stop = np.divmod(order[edges[links] : edges[links + 1]], count)
        last[start, stop] = start if links == 1 else last[following[start, stop], stop]
        if links > 1:
            middle = last[start, stop]
            turned = (rank[middle] > rank[last[start, middle]]) & (rank[stop] < rank[middle])
            turns[start, stop] = turns[start, middle] + turned
    return last, turns
