"""Level ``cycle``: the ticks of a program's samples, with cores and network cycle by cycle, and the times from them.

Where every word is sent in every step (ann mode), samples are alike: each of the L phases of a step is run once, in the
steady state of the pipeline. Where zeros are not sent, each phase of each step of each sample is, as if all samples in
the pipeline were like that one. In snn mode each tick of each sample is.
"""

from collections.abc import Callable

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware.clock import fixed_tick_s
from neutrams.program import Program
from neutrams.simulator.cycle.clockwork import Beat, Clockwork
from neutrams.simulator.cycle.count import Count
from neutrams.simulator.cycle.work import Tick
from neutrams.simulator.moment import Moment
from neutrams.simulator.result import Cycles
from neutrams.simulator.schedule import schedule
from neutrams.simulator.tally import synapses_of_tiles
from neutrams.simulator.timing import Timing

ENOUGH = 1 << 15
"""Words that are run together [count]."""

Hear = Callable[[int, Beat], None]
"""What is called with the number of each tick and what went on in it, in order."""


def run_steady(program: Program, clockwork: Clockwork, hear: Hear) -> None:
    """Run the phases of a step in which every neuron sends."""
    axons, synapses = np.diff(program.tiles.axons), synapses_of_tiles(program)
    phase = program.tiles.start % program.ticks_per_step
    for number in range(program.ticks_per_step):
        tiles = np.flatnonzero(phase == number)
        hear(number, clockwork.beat([(tiles, axons[tiles], synapses[tiles], None)]))


def look_of(program: Program, clockwork: Clockwork, hear: Hear) -> Callable[[Moment], Beat | None]:
    """Return what runs the ticks of one sample as they are shown to it; of a phase nothing is known at once."""
    if program.mode == "ann":
        return Phases(program, clockwork, hear).see

    def see(moment: Moment) -> Beat:
        beat = clockwork.beat([(moment.tiles, moment.rows, moment.synapses, moment.fired)])
        hear(moment.tick, beat)
        return beat

    return see


class Together:
    """Runs spiking ticks of a sample many at a time: what a tick costs beside its events is paid once for all."""

    def __init__(self, program: Program, clockwork: Clockwork, count: Count) -> None:
        self._clockwork, self._count, self._last = clockwork, count, schedule(program).ticks - 1
        self._distinct: list[Tick] = []
        self._number: dict[tuple[bytes, ...], int] = {}
        self._order: list[int] = []
        self._words = 0

    def see(self, moment: Moment) -> None:
        """Take a tick of the sample; run what was put off when there is enough of it, and at the end."""
        tick = (moment.tiles, moment.rows, moment.synapses, moment.fired)
        number = self._number.setdefault(tuple(array.tobytes() for array in tick), len(self._distinct))
        if number == len(self._distinct):
            self._distinct.append(tick)
            self._words += self._clockwork.words_of(moment.fired)
        self._order.append(number)
        if self._words >= ENOUGH or moment.tick == self._last:
            self._count.add(self._clockwork.beat(self._distinct), self._order)
            self._distinct, self._number, self._order, self._words = [], {}, [], 0


class Phases:
    """Brings together what the tiles of a phase (start mod L) do in the same step, in whichever ticks they do it."""

    def __init__(self, program: Program, clockwork: Clockwork, hear: Hear) -> None:
        self._program, self._clockwork, self._hear = program, clockwork, hear
        period, start = program.ticks_per_step, program.tiles.start
        self._last = [int(start[start % period == phase].max(initial=-1)) for phase in range(period)]
        self._parts: dict[int, list[_Part]] = {}
        self._next = 0

    def see(self, moment: Moment) -> None:
        """Take a tick of the sample; run the phases that are whole, in their order."""
        tiles, period = self._program.tiles, self._program.ticks_per_step
        step = (moment.tick - tiles.start[moment.tiles]) // period
        sender = (moment.tick - tiles.start[np.searchsorted(tiles.neurons, moment.fired, side="right") - 1]) // period
        for k in np.unique(step).tolist():
            mine = step == k
            part = (moment.tiles[mine], moment.rows[mine], moment.synapses[mine], moment.fired[sender == k])
            self._parts.setdefault(k * period + moment.tick % period, []).append(part)
        while self._next < self._program.steps * period and self._whole(self._next, moment.tick):
            self._run(self._next)
            self._next += 1

    def _whole(self, number: int, tick: int) -> bool:
        step, phase = divmod(number, self._program.ticks_per_step)
        return tick >= self._last[phase] + step * self._program.ticks_per_step

    def _run(self, number: int) -> None:
        none = np.zeros(0, dtype=np.int64)
        parts = self._parts.pop(number, [(none, none, none, none)])
        tiles, rows, synapses, fired = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.argsort(tiles)
        self._hear(number, self._clockwork.beat([(tiles[order], rows[order], synapses[order], np.sort(fired))]))


_Part = tuple[IntArray, IntArray, IntArray, IntArray]
"""Tiles, rows of each, their synapses, neurons that sent."""


def timing_of(program: Program, cycles: Cycles) -> Timing:
    """Return tick, latency and throughput from the lengths of all ticks.

    In ann mode a sample passes the phases of as many steps as its ticks need, each of its mean length; one follows
    another after L of them, sequences after the whole latency. In snn mode the latency is the mean over the samples.
    A fixed tick takes as long as the chip says, also where that is no whole number of cycles.
    """
    clock, period = schedule(program), program.ticks_per_step
    if program.mode == "ann":
        ticks = int(program.tiles.start.max(initial=0)) + (program.steps - 1) * period + 1
        lengths = cycles.tick_cycles.reshape(-1, period).mean(axis=0)
        needed = float(lengths.sum() * (ticks // period) + lengths[: ticks % period].sum())
        between = float(lengths.sum()) if program.steps == 1 else needed
    else:
        ticks = clock.output_ticks
        needed = between = cycles.tick_cycles.reshape(cycles.samples, -1)[:, :ticks].sum() / cycles.samples
    fixed_s = fixed_tick_s(program.chip, program.mode)
    cycle_s = fixed_s * ticks / needed if fixed_s else cycles.period_s
    return Timing(
        tick_s=cycle_s * needed / ticks,
        limit=cycles.limit,
        latency_s=cycle_s * needed,
        throughput_hz=1 / (cycle_s * between),
    )
