"""What the cores of a chip do in a tick, in cycles: when they are busy, and which words they send when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware.core_times import in_cycles
from neutrams.program import Program
from neutrams.simulator.cycle.buffers import stored
from neutrams.simulator.traffic import flits_per_word, words_between_cores


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Words:
    """Words or spikes that leave their cores in some ticks, by tick and cycle of creation.

    Attributes:
        tick: int64 ``[words]``, number of the tick among those looked at.
        pair: int64 ``[words]``, number of the neuron and the core that reads in
            `neutrams.simulator.traffic.words_between_cores`.
        sender: int64 ``[words]``, neuron that sends; the words of one neuron follow one another.
        source: int64 ``[words]``, its core.
        target: int64 ``[words]``, core that reads.
        flits: int64 ``[words]``.
        created: int64 ``[words]``, cycle of the tick, ascending.
    """

    tick: IntArray
    pair: IntArray
    sender: IntArray
    source: IntArray
    target: IntArray
    flits: IntArray
    created: IntArray

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Due:
    """Tiles that update in some ticks, by tick and number, and the neurons of theirs that send.

    Attributes:
        tick: int64 ``[due]``, number of the tick among those looked at.
        tile: int64 ``[due]``.
        rows: int64 ``[due]``, rows of each that carry something.
        synapses: int64 ``[due]``, the synapses those read.
        fired: int64 ``[fired]``, neurons that send, by tick and number; None: all of these tiles.
        fired_tick: int64 ``[fired]``, their ticks.
    """

    tick: IntArray
    tile: IntArray
    rows: IntArray
    synapses: IntArray
    fired: IntArray | None
    fired_tick: IntArray

    @classmethod
    def of(cls, ticks: Sequence["Tick"]) -> Self:
        """Return what is due in ticks that follow one another; in all of them it is known what fires, or in none."""
        tiles, rows, synapses, fired = zip(*ticks, strict=True)
        spikes = [neurons for neurons in fired if neurons is not None]
        return cls(
            tick=_numbers(tiles),
            tile=np.concatenate(tiles),
            rows=np.concatenate(rows),
            synapses=np.concatenate(synapses),
            fired=np.concatenate(spikes) if spikes else None,
            fired_tick=_numbers(spikes),
        )

    @property
    def columns(self) -> tuple[IntArray, ...]:
        """All of it, to be compared."""
        return tuple(array for name in self.__slots__ if (array := getattr(self, name)) is not None)


Tick = tuple[IntArray, IntArray, IntArray, IntArray | None]
"""Tiles that update in a tick, ascending; rows and synapses of each; neurons that fire, ascending, None for all."""


def _numbers(parts: Sequence[IntArray]) -> IntArray:
    """Return the number of the part each entry is from, int64."""
    return np.repeat(np.arange(len(parts)), [len(part) for part in parts])


class Busy(NamedTuple):
    """Cores at work, by tick and number, and the cycle in which each is done; int64 ``[busy]`` each."""

    tick: IntArray
    core: IntArray
    done: IntArray


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
        self._ends = tiles.neurons[:-1], tiles.neurons[1:]
        self._cores = int(tiles.core.max(initial=0)) + 1
        bits = program.chip.signal.output_bits if program.mode == "ann" else 0
        self._flits = flits_per_word(program.chip, bits)

    def of(self, due: Due) -> tuple[Words, Busy]:
        """Return the words of some ticks, and the cores at work in them."""
        tiles, times, columns = self._program.tiles, self._times, self._columns[due.tile]
        before = times.rows(due.rows, due.synapses, columns) + times.array
        depth, idle = self._depth[due.tile], due.rows == 0
        span = before + depth + times.turns(columns, idle)
        place = due.tick * self._cores + tiles.core[due.tile]
        order = np.argsort(place, kind="stable")
        ends = np.cumsum(span[order])
        places, first, counts = np.unique(place[order], return_index=True, return_counts=True)
        base = ends[first] - span[order][first]
        start = np.empty(len(due.tile), dtype=np.int64)
        start[order] = ends - span[order] - np.repeat(base, counts)
        tick, core = np.divmod(places, self._cores)
        busy = Busy(tick=tick, core=core, done=ends[first + counts - 1] - base)

        chosen, entry = self._all_words(due) if due.fired is None else self._words_of(due)
        sender = self._sender[chosen]
        turn = times.turns(sender - tiles.neurons[due.tile[entry]] + 1, idle[entry])
        created: IntArray = ((start + before + depth)[entry] + turn).astype(np.int64)
        by_time = _ascending(due.tick[entry] * (created.max(initial=0) + 1) + created)
        chosen, entry = chosen[by_time], entry[by_time]
        words = Words(
            tick=due.tick[entry],
            pair=chosen,
            sender=self._sender[chosen],
            source=tiles.core[due.tile[entry]],
            target=self._target[chosen],
            flits=np.full(len(chosen), self._flits, dtype=np.int64),
            created=created[by_time],
        )
        return words, busy

    def count(self, fired: IntArray) -> int:
        """Return how many words leave their cores when some neurons send."""
        return int((self._first[fired + 1] - self._first[fired]).sum())

    def held_up(self, busy: Busy, words: Words, stall: IntArray) -> Busy:
        """Return when cores are done whose words found a full output queue, ``stall`` int64 ``[words]`` cycles long."""
        longest = np.zeros_like(busy.done)
        place = busy.tick * self._cores + busy.core
        np.maximum.at(longest, np.searchsorted(place, words.tick * self._cores + words.source), stall)
        return busy._replace(done=busy.done + longest)

    def placed(self, words: Words, arrived: IntArray) -> IntArray:
        """Return when each word that arrives is in its core's axon buffer, int64 ``[words]``."""
        times, pipeline = self._times, self._times.chip.pipeline
        buffer = words.tick * self._cores + words.target
        return stored(buffer, arrived + pipeline.axon_cycles, times.store, times.chip.buffer.ports)

    def _all_words(self, due: Due) -> tuple[IntArray, IntArray]:
        """Return all words of tiles that are due, as rows of ``_sender`` and ``_target``, and the tile's row in due."""
        first, after = (self._first[neurons[due.tile]] for neurons in self._ends)
        return ranges(first, after - first), np.repeat(np.arange(len(due.tile)), after - first)

    def _words_of(self, due: Due) -> tuple[IntArray, IntArray]:
        """Return the same of the words of neurons that fired: only those are looked at."""
        assert due.fired is not None
        tiles = len(self._program.tiles)
        counts = self._first[due.fired + 1] - self._first[due.fired]
        row = np.zeros((int(due.tick.max(initial=0)) + 1) * tiles, dtype=np.int64)
        row[due.tick * tiles + due.tile] = np.arange(len(due.tile))
        entry = row[due.fired_tick * tiles + self._tile_of[due.fired]]
        return ranges(self._first[due.fired], counts), np.repeat(entry, counts)


def _ascending(values: IntArray) -> IntArray:
    """Return the order that sorts values from 0 up, equal ones as they are; 16 bits are sorted by digits."""
    narrow = np.uint16 if values.max(initial=0) < 1 << 16 else np.int64
    return np.argsort(values.astype(narrow), kind="stable")


def ranges(first: IntArray, counts: IntArray) -> IntArray:
    """Return first, first + 1, ..., as many as counted, for each entry, int64."""
    return np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
