"""The literal clock, worked out once per program: which step of its source each axon reads.

A tile with start tick s writes step k of its registers in tick s + k L. An input channel stands like a tile with start
tick -1. So in its own step k a reader with start s and delay d sees of a source with start s' the step
k + floor((s - d - s') / L), the last one (T - 1) if that is later, and what the register began with if that is
earlier than step 0. A state is read one step back.
"""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.program import Program

INPUT_START = -1
"""Start tick of the input channels: their step k stands after tick k L - 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Schedule:
    """What the clock does with a program.

    Attributes:
        ticks: The clock runs through ticks 0 … ticks - 1, until every tile has done its T steps [tick].
        output_ticks: Ticks until the last step of the last output neuron, which is what a sample takes [tick].
        tile: int64 ``[axons]``, the tile each axon belongs to.
        register: int64 ``[axons]``, what it reads: a neuron, or neurons + channel.
        offset: int64 ``[axons]``, in its step k it reads step k + offset of that register.
        depth: How many steps back a register must be kept, the step being written included [step].
    """

    ticks: int
    output_ticks: int
    tile: IntArray
    register: IntArray
    offset: IntArray
    depth: int


def schedule(program: Program) -> Schedule:
    """Work out the clock of ``program``."""
    tiles, period = program.tiles, program.ticks_per_step
    neurons = len(program.neurons)
    tile = np.repeat(np.arange(len(tiles)), np.diff(tiles.axons))
    source = program.axons.source
    register = np.where(source >= 0, source, neurons - 1 - source)
    starts = np.full(neurons + program.channels, INPUT_START, dtype=np.int64)
    starts[:neurons] = np.repeat(tiles.start, np.diff(tiles.neurons))
    ahead = tiles.start[tile] - starts[register]
    offset = (ahead - program.axons.delay) // period
    offset = np.where(_constant(program)[register], np.maximum(offset, 0), offset)
    back = ahead // period - offset
    done = starts + (program.steps - 1) * period + 1
    last = done[np.concatenate([port.neuron for port in program.outputs] or [np.zeros(0, dtype=np.int64)])]
    ticks = max(0, int(done[:neurons].max(initial=0)))
    return Schedule(
        ticks=ticks,
        output_ticks=int(last.max(initial=0)) or ticks,
        tile=tile,
        register=register,
        offset=offset,
        depth=min(program.steps, 1 + int(back.max(initial=0))),
    )


def _constant(program: Program) -> AnyArray:
    """Whether each register always holds the same: channels without an element do, even before the clock starts."""
    elements = [port.element for port in program.inputs]
    return np.concatenate([np.zeros(len(program.neurons), dtype=np.bool_), *(element < 0 for element in elements)])


def due(program: Program, tick: int) -> IntArray:
    """Return the tiles that update in ``tick``, int64."""
    since = tick - program.tiles.start
    period = program.ticks_per_step
    result: IntArray = np.flatnonzero((since >= 0) & (since % period == 0) & (since < program.steps * period))
    return result
