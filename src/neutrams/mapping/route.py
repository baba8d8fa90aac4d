"""Routes: the links that flows take on the ways of a board, and what passes over them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.hardware import Chip
from neutrams.hardware.geometry import Board
from neutrams.hardware.grids import Grid
from neutrams.kernels.routes import trace
from neutrams.mapping.flows import Flows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Links:
    """The links of all flows for one placement.

    Attributes:
        first: int64 ``[flows + 1]``, the links of a flow are rows ``first[i]:first[i+1]`` of the others.
        start: int64 ``[links]``, router a flit leaves.
        stop: int64 ``[links]``, router it enters.
    """

    first: IntArray
    start: IntArray
    stop: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What flows cost on the network of a board, per sample.

    Attributes:
        weighted_hops: Words or spikes times links passed, a link between chips counted by its energy.
        link_peak: Words or spikes on the most loaded link.
    """

    weighted_hops: float
    link_peak: float


def find_links(flows: Flows, bundle: IntArray, cores: IntArray, chip: Chip) -> Links:
    """Return the links of all flows.

    Each link once (``tree``), or once a destination (``copy``); none for input channels, which the host delivers at the
    core that reads them. Paths from one core never part and meet again, so their union is a tree.

    Args:
        flows: The flows.
        bundle: int64 ``[tiles]``, which tiles share a core.
        cores: int64 ``[bundles]``, the core of each.
        chip: The chip.
    """
    if not is_plain_mesh(chip):
        return _walk(flows, bundle, cores, chip)
    traced = _trace(flows, bundle, cores, chip, np.zeros(len(flows)), record=True)
    return Links(first=np.append(0, np.cumsum(traced.counts[:, 0])), start=traced.start, stop=traced.stop)


def weigh(flows: Flows, bundle: IntArray, cores: IntArray, chip: Chip, sent: FloatArray, crossing: int) -> Load:
    """Return the load of the links of all flows.

    Args:
        flows: The flows.
        bundle: int64 ``[tiles]``, which tiles share a core.
        cores: int64 ``[bundles]``, the core of each.
        chip: The chip.
        sent: float64 ``[flows]``, words or spikes a sample.
        crossing: Hops a link between chips counts more.
    """
    if not is_plain_mesh(chip):
        return load_of(_walk(flows, bundle, cores, chip), chip, sent, crossing)
    traced = _trace(flows, bundle, cores, chip, sent, record=False)
    hops = traced.counts[:, 0] + crossing * traced.counts[:, 1]
    return Load(weighted_hops=float((sent * hops).sum()), link_peak=float(traced.load.max(initial=0)))


def load_of(links: Links, chip: Chip, sent: FloatArray, crossing: int) -> Load:
    """Return the load of these links; arguments as of `weigh`."""
    board = Board.of(chip)
    amount = np.repeat(sent, np.diff(links.first))
    extra = np.where(board.same_chip(links.start, links.stop), 0, crossing)
    _, place = np.unique(links.start * board.routers + links.stop, return_inverse=True)
    peak = float(np.bincount(place, weights=amount).max(initial=0))
    return Load(weighted_hops=float((amount * (1 + extra)).sum()), link_peak=peak)


def is_plain_mesh(chip: Chip) -> bool:
    """Whether ways are in dimension order over a mesh without dead links."""
    return chip.board.topology == "mesh" and not chip.board.dead_links


def _ends(flows: Flows, bundle: IntArray, at: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return the router each flow begins at, offsets of its ends (none for input channels), and the routers it ends at.

    ``at`` is int64 ``[bundles]``, the router of each.
    """
    inner = flows.tile >= 0
    count = np.where(inner, np.diff(flows.readers), 0)
    outside = int(flows.readers[np.count_nonzero(~inner)])
    return at[bundle[np.maximum(flows.tile, 0)]], np.append(0, np.cumsum(count)), at[flows.reader[outside:]]


def _walk(flows: Flows, bundle: IntArray, cores: IntArray, chip: Chip) -> Links:
    """Walk from all ends back to where their flows begin, a link at a time (`Board.before`), on any topology."""
    board, tree = Board.of(chip), chip.board.multicast == "tree"
    root, first, end = _ends(flows, bundle, board.router_of(cores))
    flow = np.repeat(np.arange(len(flows), dtype=np.int64), np.diff(first))
    way = flow if tree else np.arange(len(flow), dtype=np.int64)  # ways of one number share their links
    left = np.flatnonzero(root[flow] != end)
    way, flow, at = way[left], flow[left], end[left]
    found = [np.zeros((4, 0), dtype=np.int64)]
    while len(at):
        if tree:
            _, once = np.unique(flow * board.routers + at, return_index=True)
            way, flow, at = way[once], flow[once], at[once]
        before = board.before(root[flow], at)
        found.append(np.stack([way, flow, before, at]))
        left = np.flatnonzero(before != root[flow])
        way, flow, at = way[left], flow[left], before[left]
    way, flow, start, stop = np.concatenate(found[::-1], axis=1)  # the first link of each way first
    if tree:
        _, order = np.unique(way * board.routers + stop, return_index=True)
    else:
        order = np.argsort(way, kind="stable")
    count = np.bincount(flow[order], minlength=len(flows))
    return Links(first=np.append(0, np.cumsum(count)), start=start[order], stop=stop[order])


class Boxed(NamedTuple):
    """Flows on a mesh, as `kernels.routes.trace` takes them.

    Attributes:
        root: int64 ``[flows, 2]``, x, y where each begins.
        first: int64 ``[flows + 1]``, its ends are rows ``first[i]:first[i+1]`` of ``end``; none for input channels.
        end: int64 ``[ends, 2]``, x, y.
        box: int64 ``[7]``, the smallest box that holds all, and the chips.
        split: Row from which on flows go in y first to rows below it.
    """

    root: IntArray
    first: IntArray
    end: IntArray
    box: IntArray
    split: int


def boxed(flows: Flows, bundle: IntArray, cores: IntArray, chip: Chip) -> Boxed:
    """Return where flows begin and end on a mesh; arguments as of `find_links`."""
    board = Board.of(chip)
    grid = board.ways
    assert isinstance(grid, Grid), "only a mesh is traced"
    begin, first, stops = _ends(flows, bundle, board.router_of(cores))
    root, end = (np.stack(grid.position(at), axis=1) for at in (begin, stops))
    every = np.concatenate([root, end])
    low, high = every.min(axis=0), every.max(axis=0) + 1
    box = np.array([*low, *(high - low), grid.chip_width, grid.chip_height, grid.side], dtype=np.int64)
    return Boxed(root, first, end, box, grid.full_rows)


class _Traced(NamedTuple):
    start: IntArray
    stop: IntArray
    counts: IntArray
    load: FloatArray


def _trace(flows: Flows, bundle: IntArray, cores: IntArray, chip: Chip, sent: FloatArray, *, record: bool) -> _Traced:
    """Run `kernels.routes.trace` in the smallest box; once more to list the links where they are wanted."""
    root, first, end, box, split = boxed(flows, bundle, cores, chip)
    cells = int(box[2] * box[3])
    counts = np.zeros((len(flows), 3), dtype=np.int64)
    counts[:, 2] = split
    start = stop = np.zeros(0, dtype=np.int64)
    tree, load = chip.board.multicast == "tree", np.zeros((cells, 4))
    none = np.full(cells, -1, dtype=np.int64)
    found = trace(root, first, end, box, sent, tree, none.copy(), load, counts, start, stop)
    if record and found:
        start, stop = np.empty(found, dtype=np.int64), np.empty(found, dtype=np.int64)
        trace(root, first, end, box, sent, tree, none, load, counts, start, stop)
        start.flags.writeable = stop.flags.writeable = False  # tables take them as they are
    return _Traced(start=start, stop=stop, counts=counts, load=load)
