"""Which rows of which tiles carry something in each tick of one sample, from the spikes of all its ticks."""

import numpy as np
import numpy.typing as npt

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.program import Program
from neutrams.simulator.inputs import spread_channels, spread_table
from neutrams.simulator.schedule import Schedule
from neutrams.simulator.tally import synapses_of_axons

Flags = npt.NDArray[np.bool_]


class Spikes:
    """One sample in snn mode, read as its axons do (`neutrams.simulator.schedule`)."""

    def __init__(self, program: Program, clock: Schedule, raster: AnyArray, channels: IntArray) -> None:
        """Take the spikes of a sample.

        Args:
            program: The program.
            clock: Its schedule.
            raster: bool ``[ticks, neurons]``, what each neuron sent in each tick.
            channels: int64 ``[T or 1, channels]``, what the input channels carry, before any spreading.
        """
        self._program, self._clock, self._raster = program, clock, raster
        steps = np.arange(program.steps)
        given = np.broadcast_to(channels, (program.steps, program.channels))
        spread = spread_channels(program)
        self._given = given != 0
        self._given[:, spread] = spread_table(program)[steps[:, None], given[:, spread]] != 0
        self._synapses = synapses_of_axons(program)
        self._start = np.repeat(program.tiles.start, np.diff(program.tiles.neurons))

    def rows(self, due: IntArray, tick: int) -> tuple[IntArray, IntArray]:
        """Return how many rows of each of the ``due`` tiles carry something in ``tick``, and their synapses.

        Both int64 ``[due]``.
        """
        program, clock, neurons = self._program, self._clock, len(self._program.neurons)
        counts = np.diff(program.tiles.axons)[due]
        axons = np.repeat(program.tiles.axons[due] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        reader = np.repeat(np.arange(len(due)), counts)
        own = (tick - program.tiles.start[due]) // program.ticks_per_step
        step = np.minimum(own[reader] + clock.offset[axons], program.steps - 1)
        register, active = clock.register[axons], np.zeros(len(axons), dtype=np.bool_)
        inside = (register < neurons) & (step >= 0)
        sent = register[inside]
        active[inside] = self._raster[self._start[sent] + step[inside] * program.ticks_per_step, sent]
        outside = (register >= neurons) & (step >= 0)
        active[outside] = self._given[step[outside], register[outside] - neurons]
        seen = np.bincount(reader[active], weights=self._synapses[axons[active]], minlength=len(due))
        return np.bincount(reader[active], minlength=len(due)), seen.astype(np.int64)

    def sends(self, tick: int) -> Flags:
        """Return which neurons send in ``tick``, bool ``[neurons]``."""
        fired: Flags = self._raster[tick].astype(np.bool_)
        return fired
