"""What the cores of a chip do in one tick, in cycles: when they are busy, and which words they send when."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware import Chip
from neutrams.program import Program
from neutrams.simulator.tally import lists_synapses
from neutrams.simulator.traffic import flits_per_word, words_between_cores

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
    (``row_s``, and ``synapse_s`` for each synapse where the core lists them), the array product (``array_s``), then its
    neurons (``neuron_s`` each, or ``idle_neuron_s`` where no row carries anything). A neuron's words leave when it
    is done, to one core after another in ascending order; those for its own core do not leave.
    """

    def __init__(self, program: Program) -> None:
        technology, period = program.chip.technology, clock_s(program.chip)
        self._program = program
        names = ("row_s", "array_s", "neuron_s", "idle_neuron_s", "synapse_s")
        self.row, self.array, self.neuron, self.idle, self.synapse = (
            cycles_of(technology.number(name), period) for name in names
        )
        self.synapse *= lists_synapses(program)
        tiles = program.tiles
        self._tile_of = np.repeat(np.arange(len(tiles)), np.diff(tiles.neurons))
        self._sender, self._target = words_between_cores(program)
        self._first = np.searchsorted(self._sender, np.arange(len(program.neurons) + 1))
        bits = program.chip.signal.output_bits if program.mode == "ann" else 0
        self._flits = flits_per_word(program.chip, bits)

    def of(
        self, due: IntArray, rows: IntArray, synapses: IntArray, fired: IntArray | None = None
    ) -> tuple[Words, IntArray, IntArray]:
        """Return (the words of a tick, the cores at work, ascending, and the cycle in which each is done).

        Args:
            due: int64 ``[due]``, the tiles that update, ascending.
            rows: int64 ``[due]``, rows of each that carry something.
            synapses: int64 ``[due]``, the synapses those read.
            fired: int64 ``[fired]``, which neurons of these tiles send, ascending; None: all.
        """
        tiles = self._program.tiles
        before = rows * self.row + synapses * self.synapse + self.array
        neuron = np.full(len(tiles), self.neuron)
        neuron[due[rows == 0]] = self.idle
        span = before + (np.diff(tiles.neurons) * neuron)[due]
        order = np.argsort(tiles.core[due], kind="stable")
        ends = np.cumsum(span[order])
        cores, first, counts = np.unique(tiles.core[due][order], return_index=True, return_counts=True)
        base = np.repeat(ends[first] - span[order][first], counts)
        begin = np.empty(len(due), dtype=np.int64)
        begin[order] = ends - span[order] - base
        done = ends[first + counts - 1] - base[first] if len(due) else np.zeros(0, dtype=np.int64)

        start = np.full(len(tiles), -1, dtype=np.int64)  # of the neurons of a tile; -1 where it is not due
        start[due] = begin + before
        chosen = np.flatnonzero(start[self._tile_of[self._sender]] >= 0) if fired is None else self._words_of(fired)
        sender = self._sender[chosen]
        tile = self._tile_of[sender]
        created = start[tile] + (sender - tiles.neurons[tile] + 1) * neuron[tile]
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

    def _words_of(self, fired: IntArray) -> IntArray:
        """Return the words of these neurons, as rows of ``_sender`` and ``_target``: only those are looked at."""
        first, counts = self._first[fired], self._first[fired + 1] - self._first[fired]
        return np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
