"""What the cores of a chip do in one tick, in cycles: when they are busy, and which words they send when."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.hardware import Chip
from neutrams.program import Program
from neutrams.simulator.schedule import schedule
from neutrams.simulator.traffic import flits_per_word

SHORTEST_S = 1e-15
"""A time shorter than this is taken for none [s]."""


def clock_s(chip: Chip) -> float:
    """Return the clock period of cores and network [s]: ``tick.cycle_s``, or the time of a link."""
    return chip.tick.cycle_s or max(float(chip.technology.link_s.value), SHORTEST_S)


def cycles_of(seconds: float, period_s: float) -> int:
    """Return how many cycles ``seconds`` take: the next whole number, but for rounding errors."""
    return int(np.ceil(seconds / period_s - 1e-6))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Words:
    """Words or spikes that leave their cores in a tick, by cycle of creation.

    Attributes:
        sender: int64 ``[words]``, neuron that sends; the words of one neuron follow one another.
        source: int64 ``[words]``, its core.
        target: int64 ``[words]``, core that reads.
        flits: int64 ``[words]``.
        created: int64 ``[words]``, cycle of the tick, ascending.
    """

    sender: IntArray
    source: IntArray
    target: IntArray
    flits: IntArray
    created: IntArray

    def __len__(self) -> int:
        return len(self.source)


class Work:
    """The cores of one program, ready to be asked what a tick takes.

    A core serves its due tiles in the order of their numbers: the rows that carry something, one after another
    (``row_s``), the array product (``array_s``), then its neurons (``neuron_s`` each). A neuron's words leave when it
    is done, to one core after another in ascending order; those for its own core do not leave.
    """

    def __init__(self, program: Program) -> None:
        technology, period = program.chip.technology, clock_s(program.chip)
        self._program = program
        self.row, self.array, self.neuron = (
            cycles_of(float(figure.value), period)
            for figure in (technology.row_s, technology.array_s, technology.neuron_s)
        )
        tiles = program.tiles
        self._tile_of = np.repeat(np.arange(len(tiles)), np.diff(tiles.neurons))
        inside = program.axons.source >= 0
        reader = tiles.core[schedule(program).tile[inside]]
        pairs = np.unique(np.stack([program.axons.source[inside], reader]), axis=1)
        away = tiles.core[self._tile_of[pairs[0]]] != pairs[1]
        self._sender, self._target = pairs[:, away]
        bits = program.chip.signal.output_bits if program.mode == "ann" else 0
        self._flits = flits_per_word(program.chip, bits)

    def of(self, due: IntArray, rows: IntArray, sends: AnyArray | None = None) -> tuple[Words, IntArray, IntArray]:
        """Return (the words of a tick, the cores at work, ascending, and the cycle in which each is done).

        Args:
            due: int64 ``[due]``, the tiles that update, ascending.
            rows: int64 ``[due]``, rows of each that are served.
            sends: bool ``[neurons]``, which neurons send; None: all of the due tiles.
        """
        tiles = self._program.tiles
        before = rows * self.row + self.array
        span = before + np.diff(tiles.neurons)[due] * self.neuron
        order = np.argsort(tiles.core[due], kind="stable")
        ends = np.cumsum(span[order])
        cores, first, counts = np.unique(tiles.core[due][order], return_index=True, return_counts=True)
        base = np.repeat(ends[first] - span[order][first], counts)
        begin = np.empty(len(due), dtype=np.int64)
        begin[order] = ends - span[order] - base
        done = ends[first + counts - 1] - base[first] if len(due) else np.zeros(0, dtype=np.int64)

        start = np.full(len(tiles), -1, dtype=np.int64)  # of the neurons of a tile; -1 where it is not due
        start[due] = begin + before
        tile = self._tile_of[self._sender]
        chosen = np.flatnonzero((start[tile] >= 0) & (True if sends is None else sends[self._sender]))
        sender, tile = self._sender[chosen], tile[chosen]
        created = start[tile] + (sender - tiles.neurons[tile] + 1) * self.neuron
        by_time = np.argsort(created, kind="stable")
        chosen = chosen[by_time]
        words = Words(
            sender=self._sender[chosen],
            source=tiles.core[tile[by_time]],
            target=self._target[chosen],
            flits=np.full(len(chosen), self._flits, dtype=np.int64),
            created=created[by_time],
        )
        return words, cores, done
