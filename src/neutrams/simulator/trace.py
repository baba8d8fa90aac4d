"""The events of a compiled run, a few ticks at a time: what the tick loop noted, as `Moment` s."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.kernels import spiking as kernels
from neutrams.program import Program
from neutrams.simulator.moment import Moment
from neutrams.simulator.schedule import due
from neutrams.simulator.synapses import Layout
from neutrams.simulator.tally import lists_synapses

BYTES = 16 << 20
"""Memory for the events of the ticks that one compiled call goes through [byte]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Constant:
    """Rows of level-coded channels, which carry the same in every step from their first on.

    Attributes:
        tile: int64 ``[pulses]``.
        step: int64 ``[pulses]``, the step of the tile from which they carry it.
        rows: int64 ``[pulses]``, how many rows carry something else than 0.
        synapses: int64 ``[pulses]``, the synapses those read.
    """

    tile: IntArray
    step: IntArray
    rows: IntArray
    synapses: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tracer:
    """Room for the events of some ticks, and the way back to the program's own numbers.

    Attributes:
        program: The program.
        ticks: How many ticks there is room for.
        trace: What the kernel writes.
        neuron: int64 ``[places]``, the neuron that stands in each place of the kernel, -1 in padding.
    """

    program: Program
    ticks: int
    trace: kernels.Trace
    neuron: IntArray

    @classmethod
    def of(cls, program: Program, places: Layout, watched: IntArray, most: int) -> "Tracer":
        """Return room for ``most`` ticks, or for as many as `BYTES` hold, one at least."""
        width, tiles = int(places.first[-1]), len(program.tiles)
        ticks = max(1, min(most, BYTES // (4 * width + 12 * tiles + 8 * len(watched) + 8)))
        neuron = np.full(width, -1, dtype=np.int64)
        neuron[places.neuron] = np.arange(len(places.neuron))
        return cls(
            program=program, ticks=ticks, trace=_room(ticks, width, tiles, places.neuron[watched]), neuron=neuron
        )

    def moments(self, begin: int, end: int, constant: Constant) -> Iterator[Moment]:
        """Yield ticks ``begin`` … ``end`` - 1 from what the kernel wrote; there is nothing to see of tick -1."""
        tiles, trace, listed = self.program.tiles, self.trace, lists_synapses(self.program)
        columns = np.diff(tiles.neurons)
        for i in range(max(begin, 0) - begin, end - begin):
            tick = begin + i
            now = due(self.program, tick)
            own = (tick - tiles.start[constant.tile]) // self.program.ticks_per_step
            stands = own >= constant.step
            rows = trace.rows[i].astype(np.int64)
            np.add.at(rows, constant.tile, constant.rows * stands)
            reads = trace.reads[i].copy() if listed else rows * columns
            np.add.at(reads, constant.tile, constant.synapses * stands * listed)
            first = int(trace.ends[i - 1]) if i else 0
            yield Moment(
                tick=tick,
                tiles=now,
                rows=rows[now],
                synapses=reads[now],
                fired=np.sort(self.neuron[trace.fired[first : int(trace.ends[i])]]),
                potential=trace.v[i].copy(),
            )


def _room(ticks: int, width: int, tiles: int, watched: IntArray) -> kernels.Trace:
    return kernels.Trace(
        rows=np.zeros((ticks, tiles), dtype=np.int32),
        reads=np.zeros((ticks, tiles), dtype=np.int64),
        fired=np.zeros(ticks * width + 1 if ticks else 0, dtype=np.int32),
        ends=np.zeros(ticks, dtype=np.int64),
        watched=watched,
        v=np.zeros((ticks, len(watched)), dtype=np.int64),
    )


NO_TRACE = _room(0, 0, 0, np.zeros(0, dtype=np.int64))
"""For a run that nobody looks at."""
