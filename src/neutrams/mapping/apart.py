"""Tiles taken apart into single neurons with their synapses, and put together again under any grouping."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.mapping.clusters import Nets
from neutrams.mapping.loads import narrow
from neutrams.mapping.partition import Tile
from neutrams.mapping.units import Units


@dataclass(frozen=True, kw_only=True, eq=False)
class Apart:
    """Neurons and all their synapses, by neuron, then by signal.

    A neuron that reads a signal k times needs k rows of it: the first reads row 0 of the signal, the next row 1.

    Attributes:
        signals: int64 ``[neurons]``, the signal each gives, ascending.
        begin: int64 ``[neurons]``, the tile each was taken from.
        neuron: int64 ``[synapses]``, whose synapse it is.
        source: int64 ``[synapses]``, the signal it reads.
        turn: int64 ``[synapses]``, which row of that signal.
        weight: int64 ``[synapses]`` [LSB].
    """

    signals: IntArray
    begin: IntArray
    neuron: IntArray
    source: IntArray
    turn: IntArray
    weight: IntArray

    @cached_property
    def row(self) -> IntArray:
        """int64 ``[synapses]``: the row each reads, among all different ones; by turn, then by signal."""
        most = int(self.source.max(initial=0)) + 1
        _, row = np.unique(self.turn * most + self.source, return_inverse=True)
        return np.asarray(row.reshape(-1), dtype=np.int64)

    def nets(self, sent: FloatArray) -> Nets:
        """Return a net for each row, to its neurons; senders are numbered after the neurons.

        Args:
            sent: float64 ``[signals]``, words or spikes a sample. Rows beyond a signal's first cost no traffic.
        """
        order = np.argsort(self.row, kind="stable")
        length = np.bincount(self.row)
        first = order[np.cumsum(length) - length]
        neurons, rows = len(self.signals), len(length)
        return Nets(
            neurons=neurons + rows,
            source=neurons + np.arange(rows, dtype=np.int64),
            start=np.append(0, np.cumsum(length)),
            target=self.neuron[order],
            weight=np.where(self.turn[first] == 0, sent[self.source[first]], 0.0),
        )

    def tiles(self, part: IntArray, units: Units, like: Tile) -> list[Tile]:
        """Return a tile for each part, int64 ``[neurons]`` from 0 without gaps; level and lag are those of ``like``."""
        order = np.argsort(part[self.neuron], kind="stable")
        ends = np.cumsum(np.bincount(part[self.neuron], minlength=int(part.max()) + 1))
        return [
            self._tile(np.flatnonzero(part == q), synapses, units, like)
            for q, synapses in enumerate(np.split(order, ends[:-1]))
        ]

    def _tile(self, neurons: IntArray, synapses: IntArray, units: Units, like: Tile) -> Tile:
        _, first, row = np.unique(self.row[synapses], return_index=True, return_inverse=True)
        sources = self.source[synapses[first]]
        if not len(sources):  # a crossbar has a row, if only of zeros
            sources = like.sources[:1]
        column = np.searchsorted(neurons, self.neuron[synapses])
        weights = np.zeros((len(sources), len(neurons)), dtype=narrow(self.weight))
        weights[row.reshape(-1), column] = self.weight[synapses]
        signals = self.signals[neurons]
        return Tile(
            sources=sources, weights=weights, signals=signals,
            units=tuple(np.unique(units.unit_of[signals]).tolist()), level=like.level, lag=like.lag,
        )  # fmt: skip


def take_apart(tiles: Sequence[Tile]) -> Apart:
    """Return the neurons of some tiles; zeros are no synapses."""
    signals = np.concatenate([tile.signals for tile in tiles])
    order = np.argsort(signals)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    first, found = 0, []
    for tile in tiles:
        row, column = np.nonzero(tile.weights)
        found.append((rank[first + column], tile.sources[row], tile.weights[row, column].astype(np.int64)))
        first += len(tile.signals)
    neuron, source, weight = (np.concatenate(parts) for parts in zip(*found, strict=True))
    by = np.lexsort((source, neuron))
    neuron, source = neuron[by], source[by]
    new = np.ones(len(by), dtype=np.bool_)
    new[1:] = (np.diff(neuron) != 0) | (np.diff(source) != 0)
    at = np.arange(len(by))
    return Apart(
        signals=signals[order],
        begin=np.repeat(np.arange(len(tiles), dtype=np.int64), [len(tile.signals) for tile in tiles])[order],
        neuron=neuron, source=source, turn=at - np.maximum.accumulate(np.where(new, at, 0)), weight=weight[by],
    )  # fmt: skip
