"""One tick below the clock: what all cores and the network do in it, and how many cycles that takes."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.hardware.clock import clock_s, cycles_of
from neutrams.program import Program
from neutrams.simulator.cycle.network import Delivery, network_of
from neutrams.simulator.cycle.recent import Recent
from neutrams.simulator.cycle.work import Words, Work
from neutrams.simulator.timing import barrier_s


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beat:
    """What went on in a tick.

    Attributes:
        tiles: int64 ``[due]``, tiles that updated, ascending.
        rows: int64 ``[due]``, rows of each that were served.
        words: The words that left their cores.
        delivery: What became of them.
        placed: int64 ``[words]``, cycle in which each is in the axon buffer of its core.
        cores: int64 ``[cores]``, cores at work, ascending.
        done: int64 ``[cores]``, cycle in which each was done.
        needed: Cycles until all cores are done, all words are placed, at least 1, and the barrier has passed.
        cycles: Length of the tick: as many as are needed, or the chip's fixed period.
        latencies: int64, how many words had each latency, by cycles.
        missed: bool ``[words]``, which words were placed after a fixed period was over.
    """

    tiles: IntArray
    rows: IntArray
    words: Words
    delivery: Delivery
    placed: IntArray
    cores: IntArray
    done: IntArray
    needed: int
    cycles: int
    latencies: IntArray
    missed: AnyArray

    @property
    def busy(self) -> int:
        """Cycles until the last core is done."""
        return int(self.done.max(initial=0))

    @property
    def limit(self) -> str:
        """What takes longest, as in `neutrams.simulator.result.Cycles.limit`."""
        if len(self.words) and self.placed.max() > self.busy:
            return f"network, to core {self.words.target[self.placed.argmax()]}"
        return f"core {self.cores[self.done.argmax()]}" if len(self.cores) else "nothing"


class Clockwork:
    """A program's cores and network, ready to run any tick; ticks know nothing of each other.

    So a tick in which the same rows are read and the same neurons send as in one of the last few is not run again, nor
    is the network where the same words leave.

    In a tick all due tiles compute and send (`neutrams.simulator.cycle.work`), and the network takes each word to its
    core (`neutrams.simulator.cycle.network`). The tick is over when all cores are done, all words are in their axon
    buffers and the barrier has passed, or after the chip's fixed period. Words placed after that are missed: what
    becomes of them is said in `neutrams.simulator.late`.
    """

    def __init__(self, program: Program) -> None:
        self._work, self._network = Work(program), network_of(program)
        spec, self.period_s = program.chip.tick, clock_s(program.chip)
        self._barrier = cycles_of(barrier_s(program), self.period_s)
        self._beats, self._deliveries = Recent[Beat](), Recent[Delivery]()
        self.fixed = round((spec.ann_s if program.mode == "ann" else spec.snn_s) / self.period_s)

    def beat(self, tiles: IntArray, rows: IntArray, synapses: IntArray, fired: IntArray | None = None) -> Beat:
        """Return one tick. Arguments are those of `Work.of`."""
        asked = (tiles, rows, synapses) if fired is None else (tiles, rows, synapses, fired)
        return self._beats.answer(asked, lambda: self._run(tiles, rows, synapses, fired))

    def _run(self, tiles: IntArray, rows: IntArray, synapses: IntArray, fired: IntArray | None) -> Beat:
        words, cores, done = self._work.of(tiles, rows, synapses, fired)
        sent = (words.created, words.source, words.target, words.flits, words.sender)
        delivery = self._deliveries.answer(sent, lambda: self._network.deliver(words))
        if len(delivery.stall):  # every core at work holds a tile
            done = done + delivery.stall[np.searchsorted(delivery.cores, cores)]
        placed = self._work.placed(words, delivery.arrived)
        needed = max(int(done.max(initial=0)), int(placed.max(initial=0)), 1) + self._barrier
        return Beat(
            tiles=tiles,
            rows=rows,
            words=words,
            delivery=delivery,
            placed=placed,
            cores=cores,
            done=done,
            needed=needed,
            cycles=self.fixed or needed,
            latencies=np.bincount(delivery.arrived - words.created),
            missed=(placed > self.fixed) & (self.fixed > 0),
        )
