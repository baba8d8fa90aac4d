"""What the ticks of a run took, added up."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.simulator.cycle.clockwork import Beat, Clockwork
from neutrams.simulator.result import Cycles


def _none() -> IntArray:
    return np.zeros(0, dtype=np.int64)


@dataclass
class Count:
    """Counts of some ticks; counts of consecutive ones can be joined."""

    lengths: "array[int]" = field(default_factory=lambda: array("q"))
    histogram: IntArray = field(default_factory=_none)
    routers: IntArray = field(default_factory=_none)
    peaks: IntArray = field(default_factory=_none)
    missed: int = 0
    longest: tuple[int, str] = (0, "nothing")
    core_cycles: int = 0

    def add(self, beat: Beat, order: Sequence[int] = (0,)) -> None:
        """Count ticks more: those of ``beat`` in the order given, each as often as it is there; all are."""
        times = np.bincount(order)
        self.lengths.extend(beat.cycles[list(order)].tolist())
        often = times[beat.words.tick]
        self._latencies(np.bincount(beat.delivery.arrived - beat.words.created, weights=often).astype(np.int64))
        self._peaks(beat.delivery.routers, beat.delivery.peak)
        self.missed += int(often[beat.missed].sum())
        self.core_cycles += int(beat.core_cycles @ times)
        worst = int(beat.needed.argmax())
        if beat.needed[worst] > self.longest[0]:
            self.longest = (int(beat.needed[worst]), beat.limit(worst))

    def join(self, other: "Count") -> None:
        """Count the ticks of ``other`` too, as coming after those here."""
        self.lengths.extend(other.lengths)
        self._latencies(other.histogram)
        self._peaks(other.routers, other.peaks)
        self.missed += other.missed
        self.core_cycles += other.core_cycles
        self.longest = max(self.longest, other.longest, key=lambda found: found[0])  # of equal ones the first

    def _latencies(self, histogram: IntArray) -> None:
        longer, shorter = sorted((self.histogram, histogram), key=len, reverse=True)
        self.histogram = longer.astype(np.int64)
        self.histogram[: len(shorter)] += shorter

    def _peaks(self, routers: IntArray, peaks: IntArray) -> None:
        self.peaks = np.maximum(self.peaks, peaks) if len(self.routers) else peaks.copy()
        self.routers = routers

    def result(self, clockwork: Clockwork, samples: int, lost: bool = False) -> Cycles:
        """Return the counts of ``samples`` samples (1 where all are alike); ``lost``: what was missed is lost."""
        needed, limit = self.longest
        if clockwork.fixed:
            limit = "fixed" if needed <= clockwork.fixed else f"fixed, too short: {limit} needs {needed} cycles"
        return Cycles(
            period_s=clockwork.period_s,
            tick_cycles=np.array(self.lengths, dtype=np.int64),
            core_cycles=self.core_cycles,
            longest_cycles=needed,
            limit=limit,
            latency=self.histogram,
            peak_flits=dict(zip(self.routers.tolist(), self.peaks.tolist(), strict=True)),
            late=0.0 if lost else self.missed / samples,
            lost=self.missed / samples if lost else 0.0,
            samples=samples,
        )
