"""Checks of links: neighbours only, on the board's way, a tree or paths; and which routers a flow reaches by them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.hardware.geometry import Board
from neutrams.program.tables import Program
from neutrams.program.violation import MOST, Found, Violation

CHUNK = 1 << 20
"""Links looked at together [count]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Some flows that follow one another, and their links.

    Attributes:
        program: Their program.
        board: Its board.
        first: Number of the first flow.
        root: int64 ``[flows]``, the router each begins at; -1: outside.
        flow: int64 ``[links]``, the flow of each link, counted from ``first``.
        start: int64 ``[links]``, the router it leaves.
        stop: int64 ``[links]``, the router it enters.
    """

    program: Program
    board: Board
    first: int
    root: AnyArray
    flow: AnyArray
    start: AnyArray
    stop: AnyArray

    def places(self, router: AnyArray, flow: AnyArray) -> AnyArray:
        """One number for each pair of a router and a flow of this part; of router -1 it is none of them."""
        found: AnyArray = flow * (self.board.routers + 1) + router + 1
        return found

    def tile(self, link: int) -> int:
        """The tile that sends over a link; -1: outside."""
        return int(self.program.routes.tile[self.first + self.flow[link]])


def parts(program: Program) -> Iterator[Part]:
    """Yield all flows, so many at a time that their links fit a cache."""
    routes, board = program.routes, Board.of(program.chip)
    root = np.full(len(routes.tile), -1, dtype=np.int64)
    inner = routes.tile >= 0
    root[inner] = board.router_of(program.tiles.core[routes.tile[inner]])
    first = 0
    while first < len(root):
        end = int(np.searchsorted(routes.links, routes.links[first] + CHUNK, side="right")) - 1
        end = min(max(end, first + 1), len(root))
        own = slice(int(routes.links[first]), int(routes.links[end]))
        yield Part(
            program=program, board=board, first=first, root=root[first:end],
            flow=np.repeat(np.arange(end - first), np.diff(routes.links[first : end + 1])),
            start=routes.link_from[own], stop=routes.link_to[own],
        )  # fmt: skip
        first = end


def check_links(part: Part, reach: "Reach") -> Found:
    """Links join neighbours and follow each other as the board lets them; from outside there are none."""
    root = part.root[part.flow]
    off = np.flatnonzero((root < 0) | ~part.board.follows(root, reach.above, part.start, part.stop))
    yield from _dead(part)
    yield from _adjacent(part, off)
    yield from _ways(part, off, reach)
    yield from _shapes(part, reach)


def _adjacent(part: Part, off: AnyArray) -> Found:
    for i in off[~part.board.ways.joined(part.start[off], part.stop[off])][:MOST].tolist():
        value, tile = f"{int(part.start[i])} to {int(part.stop[i])}", part.tile(i)
        message = (
            f"flow {part.first + int(part.flow[i])} of tile {tile}: link {value} does not join neighbouring routers"
        )
        yield Violation(constraint="route_link", tile=tile, value=value, limit="neighbouring routers", message=message)


def _dead(part: Part) -> Found:
    """Links that the chip says do not work; here read anew, whatever the board makes of them."""
    pairs = [sorted(int(n) for n in text.split("-")) for text in part.program.chip.board.dead_links]
    ends = np.sort(np.stack([part.start, part.stop], axis=1), axis=1) @ np.array([part.board.routers, 1])
    for i in np.flatnonzero(np.isin(ends, [a * part.board.routers + b for a, b in pairs]))[:MOST].tolist():
        value, tile = f"{int(part.start[i])} to {int(part.stop[i])}", part.tile(i)
        message = f"flow {part.first + int(part.flow[i])} of tile {tile}: link {value} is dead"
        yield Violation(constraint="dead_link", tile=tile, value=value, limit="a working link", message=message)


def _ways(part: Part, off: AnyArray, reach: "Reach") -> Found:
    wanted = part.board.before(part.root[part.flow], part.stop)
    for i in off[:MOST].tolist():
        value, stop = f"{int(part.start[i])} to {int(part.stop[i])}", int(part.stop[i])
        tile, flow = part.tile(i), part.first + int(part.flow[i])
        if tile < 0:
            message = f"flow {flow} of input channels has a link {value}, the host delivers where they are read"
            yield Violation(constraint="route_input", value=value, limit="no links", message=message)
            continue
        limit = f"{int(wanted[i])} to {stop}" if wanted[i] >= 0 else "no link back"
        if reach.above[i] >= 0 and part.board.topology == "mesh" and not part.board.dead_links:
            limit = f"from {int(reach.above[i])} on along y, or {limit}"
        way = f"the way from router {int(part.root[part.flow[i]])} to router {stop}"
        message = f"flow {flow} of tile {tile}: link {value} is not on {way}, allowed is {limit}"
        yield Violation(constraint="route_order", tile=tile, value=value, limit=limit, message=message)


def _shapes(part: Part, reach: "Reach") -> Found:
    wrong = np.flatnonzero(reach.stray & (part.root[part.flow] >= 0))
    _, first = np.unique(part.flow[wrong], return_index=True)
    tree = part.program.chip.board.multicast == "tree"
    shape = "a tree that enters each router once" if tree else "paths, one after another,"
    for i in wrong[first][:MOST].tolist():
        value = f"link {int(part.start[i])} to {int(part.stop[i])}"
        limit = f"{shape} from router {int(part.root[part.flow[i]])}"
        message = f"flow {part.first + int(part.flow[i])} of tile {part.tile(i)}: {value} breaks {limit}"
        yield Violation(constraint="route_shape", tile=part.tile(i), value=value, limit=limit, message=message)


class Reach(NamedTuple):
    """Where flows deliver, and the links that break their form.

    Attributes:
        places: int64, ascending: `Part.places` of every router a flow delivers to, of paths once for each.
        stray: bool ``[links]``, links that break the form of their flow.
        above: int64 ``[links]``, the router from which the flow entered the one each link leaves; -1: none.
    """

    places: AnyArray
    stray: AnyArray
    above: AnyArray


def reach_of(part: Part) -> Reach:
    """Return what the flows of a part reach: all routers of a tree, or the ends of paths."""
    return _trees(part) if part.program.chip.board.multicast == "tree" else _paths(part)


def _trees(part: Part) -> Reach:
    """A flow enters each router once, and never the one it comes from; every link hangs on one that starts there."""
    n, root = len(part.flow), part.root[part.flow]
    entered, left = part.places(part.stop, part.flow), part.places(part.start, part.flow)
    order = np.argsort(entered, kind="stable")
    ranked = entered[order]
    again = part.stop == root
    again[order[1:]] |= np.diff(ranked) == 0
    above = np.full(n + 2, n + 1, dtype=np.int64)  # the link each one hangs on; n: the root, n + 1: nothing
    above[n] = n
    if n:
        found = np.minimum(np.searchsorted(ranked, left), n - 1)
        above[:n] = np.where(part.start == root, n, np.where(ranked[found] == left, order[found], n + 1))
    entry = np.where(above[:n] < n, part.start[np.minimum(above[:n], max(n - 1, 0))], -1) if n else above[:n]
    for _ in range(int(np.bincount(part.flow, minlength=1).max()).bit_length() + 1):
        above = above[above]
    joined = above[:n] == n
    return Reach(places=np.sort(np.concatenate([_own(part), entered[joined]])), stray=again | ~joined, above=entry)


def _paths(part: Part) -> Reach:
    """A flow's links are paths one after another, each from its tile's router to a core: no more than a router has."""
    n, root = len(part.flow), part.root[part.flow]
    entered, left = part.places(part.stop, part.flow), part.places(part.start, part.flow)
    begins = np.append(True, left[1:] != entered[:-1])[:n]
    above = np.where(begins, -1, np.append(-1, part.start[:-1])[:n])
    last = np.flatnonzero(np.append(begins[1:], True)[:n])
    order = last[np.argsort(entered[last], kind="stable")]
    stray = begins & (part.start != root)
    most = part.board.cores_per_router
    stray[order[most:]] |= entered[order[most:]] == entered[order[:-most]]
    stray[last] |= part.stop[last] == root[last]
    so_far = np.append(0, np.cumsum(stray))
    broken = so_far[1:] > so_far[np.searchsorted(part.flow, part.flow)]
    return Reach(places=np.sort(np.concatenate([_own(part), entered[last[~broken[last]]]])), stray=stray, above=above)


def _own(part: Part) -> AnyArray:
    """The routers that the flows begin at."""
    inner = np.flatnonzero(part.root >= 0)
    return part.places(part.root[inner], inner)
