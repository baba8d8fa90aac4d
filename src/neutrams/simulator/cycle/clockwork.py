"""Ticks below the clock: what all cores and the network do in them, and how many cycles each takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import BoolArray, IntArray
from neutrams.base.errors import SpecError
from neutrams.hardware.clock import clock_s, cycles_of, fixed_tick_s
from neutrams.program import Program
from neutrams.simulator.cycle.network import Delivery, network_of
from neutrams.simulator.cycle.recent import Recent
from neutrams.simulator.cycle.work import Busy, Due, Tick, Words, Work
from neutrams.simulator.timing import barrier_s

MOST_CYCLES = 1 << 24
"""Longest time that is counted cycle by cycle; what takes longer has too short a clock for its times [cycle]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beat:
    """What went on in a tick, or in several.

    Attributes:
        due: Tiles that updated.
        words: The words that left their cores.
        delivery: What became of them.
        placed: int64 ``[words]``, cycle in which each is in the axon buffer of its core.
        cores: Cores at work.
        core_cycles: int64 ``[ticks]``, cycles until the last core is done.
        needed: int64 ``[ticks]``, cycles until all cores are done and all words placed, at least 1, and the barrier
            has passed.
        cycles: int64 ``[ticks]``, length of each tick: as many as are needed, or the chip's fixed period.
        missed: bool ``[words]``, which words were placed after a fixed period was over.
    """

    due: Due
    words: Words
    delivery: Delivery
    placed: IntArray
    cores: Busy
    core_cycles: IntArray
    needed: IntArray
    cycles: IntArray
    missed: BoolArray

    def limit(self, tick: int) -> str:
        """What takes longest in a tick, as in `neutrams.simulator.result.Cycles.limit`."""
        words, cores = np.flatnonzero(self.words.tick == tick), np.flatnonzero(self.cores.tick == tick)
        if self.placed[words].max(initial=0) > self.core_cycles[tick]:
            return f"network, to core {self.words.target[words[self.placed[words].argmax()]]}"
        return f"core {self.cores.core[cores[self.cores.done[cores].argmax()]]}" if len(cores) else "nothing"


class Clockwork:
    """A program's cores and network, ready to run any ticks; ticks know nothing of each other.

    So ticks in which the same rows are read and the same neurons send as in one of the last few are not run again, nor
    is the network where the same words leave.

    In a tick all due tiles compute and send (`neutrams.simulator.cycle.work`), and the network takes each word to its
    core (`neutrams.simulator.cycle.network`). The tick is over when all cores are done, all words are in their axon
    buffers and the barrier has passed, or after the chip's fixed period. Words placed after that are missed: what
    becomes of them is said in `neutrams.simulator.late`.
    """

    def __init__(self, program: Program) -> None:
        self._work, self._network = Work(program), network_of(program)
        self.period_s = clock_s(program.chip)
        self._barrier = cycles_of(barrier_s(program), self.period_s)
        self._beats, self._deliveries = Recent[Beat](), Recent[Delivery]()
        fixed_s = fixed_tick_s(program.chip, program.mode)
        self.fixed = max(1, cycles_of(fixed_s, self.period_s)) if fixed_s else 0

    def beat(self, ticks: Sequence[Tick]) -> Beat:
        """Return what goes on in some ticks."""
        due = Due.of(ticks)
        asked = (*due.columns, np.array([len(ticks)]))
        return self._beats.answer(asked, lambda: self._run(due, len(ticks)))

    def words_of(self, fired: IntArray) -> int:
        """Return how many words leave their cores when some neurons send."""
        return self._work.count(fired)

    def _run(self, due: Due, ticks: int) -> Beat:
        words, cores = self._work.of(due)
        self._check_length(int(cores.done.max(initial=0)), "a core works")
        sent = (words.created, words.source, words.target, words.flits, words.sender, words.tick)
        delivery = self._deliveries.answer(sent, lambda: self._network.deliver(words))
        if len(delivery.stall):
            cores = self._work.held_up(cores, words, delivery.stall)
        self._check_length(int((delivery.arrived - words.created).max(initial=0)), "a word is under way")
        placed = self._work.placed(words, delivery.arrived)
        core_cycles, needed = np.zeros(ticks, dtype=np.int64), np.ones(ticks, dtype=np.int64)
        np.maximum.at(core_cycles, cores.tick, cores.done)
        np.maximum.at(needed, words.tick, placed)
        needed = np.maximum(needed, core_cycles) + self._barrier
        return Beat(
            due=due,
            words=words,
            delivery=delivery,
            placed=placed,
            cores=cores,
            core_cycles=core_cycles,
            needed=needed,
            cycles=np.full_like(needed, self.fixed) if self.fixed else needed,
            missed=(placed > self.fixed) & (self.fixed > 0),
        )

    def _check_length(self, cycles: int, what: str) -> None:
        if cycles > MOST_CYCLES:
            longer_s = self.period_s * -(-cycles // MOST_CYCLES)
            raise SpecError(
                f"{what} {cycles} cycles of {self.period_s:.3g} s, level cycle counts up to {MOST_CYCLES}",
                where="simulate, level cycle",
                fix=f"set tick.cycle_s to {longer_s:.1e} and above, or take level tick",
            )
