"""Routes: for each tile one flow to each set of cores its neurons reach, in dimension order."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.hardware import Chip
from neutrams.hardware.geometry import Board
from neutrams.mapping.fan_out import Wiring

Link = tuple[int, int]


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


class Router:
    """Ways of flows on one board; remembers paths it has found."""

    def __init__(self, chip: Chip) -> None:
        self.board = Board.of(chip)
        self.tree = chip.board.multicast == "tree"
        self._paths: dict[Link, tuple[Link, ...]] = {}

    def links(self, flow: Flow, cores: IntArray) -> list[Link]:
        """Links of a flow: each once (``tree``), or once a destination (``copy``); none for input channels.

        The host delivers an input at the core that reads it. Paths around a missing chip may meet others again; the
        tree enters every core by the first link that reached it.
        """
        if flow.tile < 0:
            return []
        start = int(cores[flow.tile])
        every = [link for reader in flow.readers for link in self._path(start, int(cores[reader]))]
        if not self.tree:
            return every
        into: dict[int, Link] = {}
        for link in every:
            into.setdefault(link[1], link)
        return list(into.values())

    def _path(self, start: int, stop: int) -> tuple[Link, ...]:
        if (start, stop) not in self._paths:
            path = self.board.path(start, stop)
            self._paths[start, stop] = tuple(pairwise(path))
        return self._paths[start, stop]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Load:
    """What flows cost on the network of a board, per sample.

    Attributes:
        weighted_hops: Words or spikes times links passed, a link between chips counted by its energy.
        link_peak: Words or spikes on the most loaded link.
    """

    weighted_hops: float
    link_peak: float


def weigh(flows: Sequence[Flow], router: Router, cores: IntArray, sent: FloatArray, crossing: int) -> Load:
    """Return the load of ``flows`` with tiles on ``cores``.

    Args:
        flows: The flows.
        router: Of the board.
        cores: int64 ``[tiles]``.
        sent: float64 ``[flows]``, words or spikes a sample.
        crossing: Hops a link between chips counts more.
    """
    links: dict[Link, float] = {}
    for flow, amount in zip(flows, sent, strict=True):
        for link in router.links(flow, cores):
            links[link] = links.get(link, 0.0) + float(amount)
    if not links:
        return Load(weighted_hops=0.0, link_peak=0.0)
    ends = np.array(list(links), dtype=np.int64)
    loads = np.array(list(links.values()))
    extra = np.where(router.board.same_chip(ends[:, 0], ends[:, 1]), 0, crossing)
    return Load(weighted_hops=float((loads * (1 + extra)).sum()), link_peak=float(loads.max()))
