"""Everything that looks at the ticks of a run: the clock below them, the raster, an observer."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.kernels.compiled import thread_count
from neutrams.program import Program
from neutrams.simulator.cycle import Beat, Clockwork, Count, Hear, Together, look_of, run_steady
from neutrams.simulator.engine import Watch
from neutrams.simulator.late import may_miss
from neutrams.simulator.moment import Look, Moment
from neutrams.simulator.observer import Observer
from neutrams.simulator.result import Cycles
from neutrams.simulator.schedule import Schedule
from neutrams.simulator.tally import Tally, activity, counts_every_word


@dataclass
class View:
    """What is made of the ticks of a run.

    Attributes:
        program: The program.
        clock: Its schedule.
        raster: bool ``[ticks, neurons]``, to be filled with the spikes of the first sample; None: not wanted.
        clockwork: Cores and network at level ``cycle``; None below it.
        observer: Who else looks.
        count: What ticks took.
    """

    program: Program
    clock: Schedule
    raster: AnyArray | None
    clockwork: Clockwork | None
    observer: Observer | None
    count: Count = field(default_factory=Count)
    _counts: dict[int, Count] = field(default_factory=dict)

    def watched(self, samples: int) -> int:
        """Return of how many samples, the first ones, every tick has to be looked at."""
        if not counts_every_word(self.program) and (self.clockwork or self.observer):
            return samples
        return 0 if self.raster is None else 1

    def cycles(self, samples: int) -> Cycles | None:
        """Return what was counted below the ticks; None where nothing was."""
        if self.clockwork is None:
            return None
        every = counts_every_word(self.program)
        lost = self.program.chip.tick.late == "lost"
        return self.count.result(self.clockwork, 1 if every else samples, lost)

    @property
    def watch(self) -> Watch:
        """How the engine is to show them: samples side by side, or in order where an observer writes them down."""
        neurons = np.zeros(0, dtype=np.int64) if self.observer is None else self.observer.neurons
        threads = thread_count() if self.observer is None else 1
        return Watch(begin=self._begin, neurons=neurons, end=self._end, threads=threads)

    def alike(self, samples: int, tally: Tally) -> None:
        """Look at samples that are each like the other, once they have run."""
        if self.clockwork is not None:
            run_steady(self.program, self.clockwork, self._hear(0, self.count))
        if self.observer is not None:
            one = replace(tally, outputs=tally.outputs[:1])
            for sample in range(samples):
                self.observer.end_sample(sample, activity(self.program, self.clock, one))

    def _begin(self, sample: int) -> Look:
        looks: list[Callable[[Moment], Beat | None]] = []
        if self.raster is not None and sample == 0:
            looks.append(self._draw)
        if self.observer is not None:
            looks.append(partial(self.observer.see, sample))
        if self.clockwork is not None:
            self._counts[sample] = Count()
            looks.append(self._ticks_of(sample, self.clockwork, self._counts[sample]))

        def see(moment: Moment) -> Beat | None:
            return [None, *(look(moment) for look in looks)][-1]

        return see

    def _ticks_of(self, sample: int, clockwork: Clockwork, count: Count) -> Callable[[Moment], Beat | None]:
        """What runs the ticks of a sample: many together, where nobody has to know of each at once."""
        if self.program.mode == "snn" and self.observer is None and not may_miss(self.program):
            return Together(self.program, clockwork, count).see
        return look_of(self.program, clockwork, self._hear(sample, count))

    def _draw(self, moment: Moment) -> None:
        assert self.raster is not None
        self.raster[moment.tick, moment.fired] = True

    def _hear(self, sample: int, count: Count) -> Hear:
        def hear(tick: int, beat: Beat) -> None:
            count.add(beat)
            if self.observer is not None:
                self.observer.hear(sample, tick, beat)

        return hear

    def _end(self, sample: int, tally: Tally) -> None:
        if self.clockwork is not None:
            self.count.join(self._counts.pop(sample))
        if self.observer is not None:
            self.observer.end_sample(sample, activity(self.program, self.clock, tally))
