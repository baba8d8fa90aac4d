"""What the cores of a chip do in one tick, in cycles: when they are busy, and which words they send when."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware.core_times import in_cycles
from neutrams.program import Program
from neutrams.simulator.cycle.buffers import stored
from neutrams.simulator.traffic import flits_per_word, words_between_cores


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

    A core serves its due tiles in the order of their numbers: the rows that carry something, the array product, then
    its neurons; how these overlap: `neutrams.hardware.core_times.CoreTimes`. A neuron's words leave when it is done,
    to one core after another in ascending order. Those for its own core do not leave, and are written into its buffer
    while its neurons work.
    """

    def __init__(self, program: Program) -> None:
        self._program, self._times = program, in_cycles(program.chip, program.model)
        tiles = program.tiles
        self._tile_of = np.repeat(np.arange(len(tiles)), np.diff(tiles.neurons))
        looking = np.bincount(self._tile_of[program.lookup >= 0], minlength=len(tiles)) > 0
        self._columns, self._depth = np.diff(tiles.neurons), self._times.depth(looking)
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
        tiles, times, columns = self._program.tiles, self._times, self._columns[due]
        before = times.rows(rows, synapses, columns) + times.array
        span = before + self._depth[due] + times.turns(columns, rows == 0)
        idle = np.zeros(len(tiles), dtype=np.bool_)
        idle[due] = rows == 0
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
        created = start[tile] + self._depth[tile] + times.turns(sender - tiles.neurons[tile] + 1, idle[tile])
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

    def placed(self, words: Words, arrived: IntArray) -> IntArray:
        """Return when each word that arrives is in its core's axon buffer, int64 ``[words]``."""
        times, pipeline = self._times, self._times.chip.pipeline
        return stored(words.target, arrived + pipeline.axon_cycles, times.store, times.chip.buffer.ports)

    def _words_of(self, fired: IntArray) -> IntArray:
        """Return the words of these neurons, as rows of ``_sender`` and ``_target``: only those are looked at."""
        first, counts = self._first[fired], self._first[fired + 1] - self._first[fired]
        return np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
