"""How long the parts of a core take: rows of weights, then neurons. The same rule at levels ``tick`` and ``cycle``."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.hardware.accesses import neuron_accesses, row_accesses, word_accesses
from neutrams.hardware.chip import Chip
from neutrams.hardware.clock import clock_s, cycles_of
from neutrams.hardware.parts import MemorySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreTimes:
    """The times of a core, either in whole cycles or in seconds (`in_cycles`, `in_seconds`).

    A tile with R active rows of C columns takes, one part after another:

    1. *rows*: each passes three stages, and as many rows are under way at once. Its word is read from the axon buffer
       (a read access); its weights are read (the accesses of C weights, shared by the ports, read_s each); its weights
       are added (``pipeline.lanes`` in a cycle; ``technology.row_s`` where that is 0). A stage serves one row at a
       time, so the next begins when the slowest stage is free: the stages' sum + (R - 1) * the slowest.
    2. *array*: ``technology.array_s``.
    3. *neurons*, in order, when the last row is added. Neuron j (1, 2, ...) has had its turn after the longer of j of
       ``technology.neuron_s``, or ceil(j / neurons_per_cycle) cycles, and what the state memory's ports take for j
       neurons' reads and writes; states are read ahead, so no single access is waited for. It is done, and its words
       leave, ``neuron_cycles`` (and ``table_cycles``, where the tile looks up) after its turn.

    The next tile of the core begins when the last neuron is done. A word that arrives is in its place after
    ``axon_cycles`` and a write access of the buffer, whose ports serve words in the order of their arrival.

    Attributes:
        chip: Whose cores these are.
        cycle: A cycle: 1, or the clock period [s].
        row: ``technology.row_s``.
        array: ``technology.array_s``.
        neuron: ``technology.neuron_s``.
        fetch: Reading the word of a row [cycle].
        read: One read access of the weights [cycle].
        state: Port-cycles that a neuron takes of its state memory [cycle].
        store: Writing a word into the axon buffer [cycle].
    """

    chip: Chip
    cycle: float
    row: float
    array: float
    neuron: float
    fetch: int
    read: int
    state: int
    store: int

    def rows(self, rows: IntArray, columns: IntArray) -> AnyArray:
        """Return how long ``rows`` active rows of ``columns`` columns take, from the first word to the last sum."""
        lanes, weights = self.chip.pipeline.lanes, self.chip.weights
        fetch = self.fetch * self.cycle
        read = -(-row_accesses(self.chip, columns) // weights.ports) * self.read * self.cycle
        add = -(-columns // lanes) * self.cycle if lanes else self.row
        slowest = np.maximum(np.maximum(fetch, read), add)
        found: AnyArray = np.where(rows > 0, rows * slowest + (fetch + read + add - slowest), 0)
        return found

    def turns(self, neurons: IntArray) -> AnyArray:
        """Return when the first ``neurons`` neurons of a tile have had their turn, from the last sum on."""
        width = self.chip.pipeline.neurons_per_cycle
        logic = -(-neurons // width) * self.cycle if width else neurons * self.neuron
        found: AnyArray = np.maximum(logic, -(-neurons * self.state // self.chip.state.ports) * self.cycle)
        return found

    def depth(self, looks_up: npt.NDArray[np.bool_]) -> AnyArray:
        """Return the time from a neuron's turn to its output, by whether its tile looks up."""
        pipeline = self.chip.pipeline
        return (pipeline.neuron_cycles + pipeline.table_cycles * looks_up) * self.cycle


def in_cycles(chip: Chip, model: str) -> CoreTimes:
    """Return a core's times in whole cycles, for tiles of one neuron model."""
    period = clock_s(chip)
    return _times(chip, model, 1, lambda seconds: cycles_of(seconds, period))


def in_seconds(chip: Chip, model: str) -> CoreTimes:
    """Return a core's times in seconds: those of the technology section as they are, all else in whole cycles."""
    return _times(chip, model, clock_s(chip), float)


def _times(chip: Chip, model: str, cycle: float, time: Callable[[float], float]) -> CoreTimes:
    technology, period, words = chip.technology, clock_s(chip), word_accesses(chip, model)
    reads, writes = neuron_accesses(chip, model)
    return CoreTimes(
        chip=chip,
        cycle=cycle,
        row=time(float(technology.row_s.value)),
        array=time(float(technology.array_s.value)),
        neuron=time(float(technology.neuron_s.value)),
        fetch=words * _busy(chip.buffer, "read_s", period),
        read=_busy(chip.weights, "read_s", period),
        state=reads * _busy(chip.state, "read_s", period) + writes * _busy(chip.state, "write_s", period),
        store=words * _busy(chip.buffer, "write_s", period),
    )


def _busy(memory: MemorySpec, key: str, period_s: float) -> int:
    """Return for how many cycles a port is busy with one access: ``key``, at least one; none without such a memory."""
    return max(1, cycles_of(float(memory.figure(key).value), period_s)) if memory.there else 0
