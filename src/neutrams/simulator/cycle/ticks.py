"""Level ``cycle``: how long each tick of a program takes, with its cores and its network simulated cycle by cycle."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.errors import SpecError
from neutrams.program import Program
from neutrams.simulator.cycle.network import network_of
from neutrams.simulator.cycle.spikes import Spikes
from neutrams.simulator.cycle.work import Work, clock_s
from neutrams.simulator.result import Cycles
from neutrams.simulator.schedule import due, schedule
from neutrams.simulator.timing import Timing

Raster = Callable[[int], tuple[AnyArray, IntArray]]
"""(sample) -> spikes of all its ticks, bool ``[ticks, neurons]``, and its channels, int64 ``[T or 1, channels]``."""


@dataclass
class _Count:
    """What the ticks so far took."""

    lengths: list[int] = field(default_factory=list)
    histogram: IntArray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    peaks: dict[int, int] = field(default_factory=dict)
    late: int = 0
    longest: tuple[int, str] = (0, "nothing")
    core_cycles: int = 0


class Clockwork:
    """A program's cores and network, ready to run ticks.

    In a tick all due tiles compute and send (`neutrams.simulator.cycle.work`), and the network takes each word to its
    core (`neutrams.simulator.cycle.network`). The tick is over when all cores are done and all words have arrived, or
    after the chip's fixed period; words that arrive after that are late, and are counted. Values never depend on it.
    """

    def __init__(self, program: Program) -> None:
        self._program, self._work, self._network = program, Work(program), network_of(program)
        spec, self._period_s = program.chip.tick, clock_s(program.chip)
        fixed_s = spec.ann_s if program.mode == "ann" else spec.snn_s
        self._fixed = round(fixed_s / self._period_s)
        self._count = _Count()

    def tick(self, tiles: IntArray, rows: IntArray, sends: AnyArray | None = None) -> int:
        """Run one tick; return how many cycles it takes. Arguments are those of `Work.of`."""
        words, cores, done = self._work.of(tiles, rows, sends)
        delivery, count = self._network.deliver(words), self._count
        if len(delivery.stall):  # every core at work holds a tile
            done = done + delivery.stall[np.searchsorted(delivery.cores, cores)]
        busy, arrived = int(done.max(initial=0)), int(delivery.arrived.max(initial=0))
        needed = max(busy, arrived, 1)
        if needed > count.longest[0]:
            last = f"core {cores[done.argmax()]}" if len(cores) else "nothing"
            count.longest = (
                needed,
                f"network, to core {words.target[delivery.arrived.argmax()]}" if arrived > busy else last,
            )
        found = np.bincount(delivery.arrived - words.created, minlength=len(count.histogram))
        found[: len(count.histogram)] += count.histogram
        count.histogram = found
        for router, peak in zip(delivery.routers.tolist(), delivery.peak.tolist(), strict=True):
            count.peaks[router] = max(peak, count.peaks.get(router, 0))
        count.late += int((delivery.arrived > self._fixed).sum()) if self._fixed else 0
        count.core_cycles += busy
        count.lengths.append(self._fixed or needed)
        return count.lengths[-1]

    def result(self, samples: int) -> Cycles:
        """Return what was counted over all ticks, of ``samples`` samples (1 where every sample is alike)."""
        count = self._count
        needed, limit = count.longest
        if self._fixed:
            limit = "fixed" if needed <= self._fixed else f"fixed, too short: {limit} needs {needed} cycles"
        return Cycles(
            period_s=self._period_s,
            tick_cycles=np.array(count.lengths, dtype=np.int64),
            core_cycles=count.core_cycles,
            longest_cycles=needed,
            limit=limit,
            latency=count.histogram,
            peak_flits=count.peaks,
            late=count.late / samples,
            samples=samples,
        )


def run_cycles(
    program: Program, samples: int, raster: Raster, progress: Callable[[int, int], None] | None = None
) -> tuple[Cycles, Timing]:
    """Return what the clock counted, and tick, latency and throughput from it.

    In ann mode every sample is alike, and each of the L phases of a step is run once, in the steady state of the
    pipeline. In snn mode every tick of every sample is.

    Args:
        program: The program.
        samples: N.
        raster: Gives the spikes of a sample; called in snn mode only.
        progress: Called with (samples done, N) now and then.

    Raises:
        SpecError: The chip's ann neurons send nothing for 0, so that traffic depends on values.
    """
    if program.mode == "snn":
        return _spiking(program, samples, raster, progress)
    if program.chip.signal.skip_zero:
        raise SpecError(
            f"neurons of chip {program.chip.name!r} do not send zeros, so traffic is not the same each time",
            where="simulate, level cycle",
            fix="take level tick, or set signal.skip_zero=false",
        )
    works, tiles, period = Clockwork(program), program.tiles, program.ticks_per_step
    axons = np.diff(tiles.axons)
    phases = [np.flatnonzero(tiles.start % period == phase) for phase in range(period)]
    lengths = np.array([works.tick(phase, axons[phase]) for phase in phases], dtype=np.int64)
    cycles = works.result(1)
    ticks = int(tiles.start.max(initial=0)) + (program.steps - 1) * period + 1
    latency_s = cycles.period_s * int(lengths.sum() * (ticks // period) + lengths[: ticks % period].sum())
    step_s = cycles.period_s * int(lengths.sum())
    return cycles, _timing(cycles, ticks, latency_s, step_s if program.steps == 1 else latency_s)


def _spiking(
    program: Program, samples: int, raster: Raster, progress: Callable[[int, int], None] | None
) -> tuple[Cycles, Timing]:
    works, clock = Clockwork(program), schedule(program)
    total = 0
    for sample in range(samples):
        spikes = Spikes(program, clock, *raster(sample))
        for tick in range(clock.output_ticks):
            tiles = due(program, tick)
            total += works.tick(tiles, spikes.rows(tiles, tick), spikes.sends(tick))
        if progress is not None:
            progress(sample + 1, samples)
    cycles = works.result(samples)
    latency_s = cycles.period_s * total / samples
    return cycles, _timing(cycles, clock.output_ticks, latency_s, latency_s)


def _timing(cycles: Cycles, ticks: int, latency_s: float, interval_s: float) -> Timing:
    return Timing(tick_s=latency_s / ticks, limit=cycles.limit, latency_s=latency_s, throughput_hz=1 / interval_s)
