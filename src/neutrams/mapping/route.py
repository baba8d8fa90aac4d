"""Routes: for each tile one flow to each set of cores its neurons reach, in dimension order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.hardware import Chip
from neutrams.hardware.geometry import Board
from neutrams.mapping.fan_out import Wiring


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flow:
    """All neurons of a tile that reach the same tiles.

    Attributes:
        tile: The sending tile; -1: input channels.
        columns: int64, its neurons (or channels).
        readers: The tiles they reach.
    """

    tile: int
    columns: IntArray
    readers: tuple[int, ...]


def find_flows(wiring: Wiring) -> tuple[Flow, ...]:
    """Return the flows, by tile; those of the input channels first."""
    triples = np.unique(np.stack([wiring.feed_tile, wiring.feed_column, wiring.reader]), axis=1)
    changes = np.flatnonzero((np.diff(triples[:2]) != 0).any(axis=0)) + 1
    groups: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for part in np.split(triples, changes, axis=1):
        groups.setdefault((int(part[0, 0]), tuple(part[2].tolist())), []).append(int(part[1, 0]))
    return tuple(
        Flow(tile=tile, columns=np.array(columns, dtype=np.int64), readers=readers)
        for (tile, readers), columns in groups.items()
    )


def flow_signals(flow: Flow, wiring: Wiring) -> IntArray:
    """int64, the signals a flow carries."""
    return flow.columns if flow.tile < 0 else wiring.tiles[flow.tile].signals[flow.columns]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Links:
    """The links of all flows for one placement.

    Attributes:
        flow: int64 ``[links]``, the flow each belongs to; ascending.
        start: int64 ``[links]``, core a flit leaves.
        stop: int64 ``[links]``, core it enters.
    """

    flow: IntArray
    start: IntArray
    stop: IntArray


def find_links(flows: Sequence[Flow], cores: IntArray, chip: Chip) -> Links:
    """Return the links of each flow: each once (``tree``), or once a destination (``copy``); none for input channels.

    The host delivers an input at the core that reads it. Paths from one core never part and meet again, so their union
    is a tree.
    """
    sent = [(i, flow) for i, flow in enumerate(flows) if flow.tile >= 0]
    flow = np.repeat(np.array([i for i, _ in sent], dtype=np.int64), [len(f.readers) for _, f in sent])
    tile = np.repeat(np.array([f.tile for _, f in sent], dtype=np.int64), [len(f.readers) for _, f in sent])
    reader = np.array([reader for _, f in sent for reader in f.readers], dtype=np.int64)
    way, start, stop = path_links(Board.of(chip), cores[tile], cores[reader])
    flow = flow[way]
    if chip.board.multicast == "tree":
        _, first = np.unique(np.stack([flow, stop]), axis=1, return_index=True)
        first.sort()
        flow, start, stop = flow[first], start[first], stop[first]
    return Links(flow=flow, start=start, stop=stop)


def path_links(board: Board, a: IntArray, b: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return the links of `Board.path` for many pairs at once: (index of the pair, core left, core entered)."""
    (ax, ay), (bx, by) = board.position(a), board.position(b)
    length = board.hops(a, b)
    pair = np.repeat(np.arange(len(a)), length)
    if board.topology == "bus":
        return pair, a[pair], b[pair]
    step = np.arange(len(pair)) - np.repeat(np.cumsum(length) - length, length)
    dx, dy = np.abs(bx - ax)[pair], np.abs(by - ay)[pair]
    full_rows = board.chips // board.side * board.rows
    x_first = ((by >= full_rows) | (ay < full_rows))[pair]

    def point(passed: IntArray) -> IntArray:
        x = np.where(x_first, np.minimum(passed, dx), np.maximum(passed - dy, 0))
        return board.core_at(ax[pair] + np.sign(bx - ax)[pair] * x, ay[pair] + np.sign(by - ay)[pair] * (passed - x))

    return pair, point(step), point(step + 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Load:
    """What flows cost on the network of a board, per sample.

    Attributes:
        weighted_hops: Words or spikes times links passed, a link between chips counted by its energy.
        link_peak: Words or spikes on the most loaded link.
    """

    weighted_hops: float
    link_peak: float


def weigh(links: Links, sent: FloatArray, chip: Chip, crossing: int) -> Load:
    """Return the load of the links.

    Args:
        links: Of all flows.
        sent: float64 ``[flows]``, words or spikes a sample.
        chip: The chip.
        crossing: Hops a link between chips counts more.
    """
    extra = np.where(Board.of(chip).same_chip(links.start, links.stop), 0, crossing)
    amount = sent[links.flow]
    order = np.lexsort((links.stop, links.start))
    ends = np.stack([links.start, links.stop])[:, order]
    first = np.flatnonzero(np.append(True, (np.diff(ends) != 0).any(axis=0))) if len(order) else order
    peaks = np.add.reduceat(amount[order], first) if len(order) else np.zeros(1)
    return Load(weighted_hops=float((amount * (1 + extra)).sum()), link_peak=float(peaks.max()))
