"""How long the parts of a core take: rows of weights, then neurons. The same rule at levels ``tick`` and ``cycle``."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.hardware.accesses import neuron_accesses, row_accesses, stream_accesses, word_accesses
from neutrams.hardware.chip import Chip
from neutrams.hardware.clock import clock_s, cycles_of
from neutrams.hardware.parts import MemorySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreTimes:
    """The times of a core, either in whole cycles or in seconds (`in_cycles`, `in_seconds`).

    A tile with R active rows of C columns takes, one part after another:

    1. *rows*: each passes three stages, and several rows are under way at once. Its word is read from the axon buffer
       (a read access); its weights are read (the accesses of C weights, shared by the ports, read_s each); its weights
       are added (``pipeline.lanes`` in a cycle; ``technology.row_s`` where that is 0). A stage serves one row at a
       time, so the next begins when the slowest stage is free: the stages' sum + (R - 1) * the slowest.
       Of a core that lists synapses, S in all rows together: their weights are read as one stream, and are added in
       row_s a row + synapse_s a synapse (lanes take the place of synapse_s); what a row takes is the mean.
    2. *array*: ``technology.array_s``.
    3. *neurons*, in order, when the last row is added. Neuron j (1, 2, ...) has had its turn after the longer of two
       times: j of ``technology.neuron_s`` (``idle_neuron_s`` where R is 0), or ceil(j / neurons_per_cycle) cycles; and
       what the state memory's ports take for the reads and writes of j neurons (states are read ahead, so no single
       access is waited for). It is done, and its words leave, ``neuron_cycles`` after its turn; ``table_cycles`` later
       where the tile looks up.

    The next tile of the core begins when the last neuron is done. A word that arrives is in its place after
    ``axon_cycles`` and a write access of the buffer, whose ports serve words in the order of their arrival.

    Attributes:
        chip: Whose cores these are.
        whole: Whether times are whole cycles.
        cycle: A cycle: 1, or the clock period [s].
        row: ``technology.row_s``.
        synapse: ``technology.synapse_s``.
        array: ``technology.array_s``.
        neuron: ``technology.neuron_s``, and ``idle_neuron_s``.
        fetch: Reading the word of a row [cycle].
        read: One read access of the weights [cycle].
        state: Port-cycles that a neuron takes of its state memory [cycle].
        store: Writing a word into the axon buffer [cycle].
    """

    chip: Chip
    whole: bool
    cycle: float
    row: float
    synapse: float
    array: float
    neuron: tuple[float, float]
    fetch: int
    read: int
    state: int
    store: int

    def rows(self, rows: IntArray, synapses: IntArray, columns: IntArray) -> AnyArray:
        """Return how long ``rows`` active rows of ``columns`` columns take, from the first word to the last sum.

        Args:
            rows: int64 ``[tiles]``, active rows of each.
            synapses: int64 ``[tiles]``, synapses of those rows: rows x columns, or those that are listed.
            columns: int64 ``[tiles]``.
        """
        stages = self._stages(rows, synapses, columns)
        slowest = np.maximum.reduce(stages)
        rest, count = sum(stages) - slowest, np.maximum(rows, 1)
        found: AnyArray = slowest + (-(-rest // count) if self.whole else rest / count)
        return found

    def _stages(self, rows: IntArray, synapses: IntArray, columns: IntArray) -> list[AnyArray]:
        """Return how long all rows take in each stage: words, weights, sums."""
        chip, lanes, ports = self.chip, self.chip.pipeline.lanes, self.chip.weights.ports
        if chip.core.synapses == "list":
            reads = -(-stream_accesses(chip, rows, synapses) // ports)
            add = rows * self.row + (-(-synapses // lanes) * self.cycle if lanes else synapses * self.synapse)
        else:
            reads = rows * -(-row_accesses(chip, columns) // ports)
            add = rows * (-(-columns // lanes) * self.cycle if lanes else self.row)
        return [rows * (self.fetch * self.cycle), reads * (self.read * self.cycle), add]

    def turns(self, neurons: IntArray, idle: npt.NDArray[np.bool_]) -> AnyArray:
        """Return when the first ``neurons`` neurons of tiles have had their turn, from the last sum on.

        Args:
            neurons: int64 ``[...]``.
            idle: bool ``[...]``, whether no row of the tile carries anything.
        """
        width, (busy, resting) = self.chip.pipeline.neurons_per_cycle, self.neuron
        logic = -(-neurons // width) * self.cycle if width else neurons * np.where(idle, resting, busy)
        found: AnyArray = np.maximum(logic, -(-neurons * self.state // self.chip.state.ports) * self.cycle)
        return found

    def depth(self, looks_up: npt.NDArray[np.bool_]) -> AnyArray:
        """Return the time from a neuron's turn to its output, by whether its tile looks up."""
        pipeline = self.chip.pipeline
        return (pipeline.neuron_cycles + pipeline.table_cycles * looks_up) * self.cycle


def in_cycles(chip: Chip, model: str) -> CoreTimes:
    """Return a core's times in whole cycles, for tiles of one neuron model."""
    return _times(chip, model, whole=True)


def in_seconds(chip: Chip, model: str) -> CoreTimes:
    """Return a core's times in seconds: those of the technology section as they are, all else in whole cycles."""
    return _times(chip, model, whole=False)


def _times(chip: Chip, model: str, whole: bool) -> CoreTimes:
    period, words = clock_s(chip), word_accesses(chip, model)

    def time(key: str) -> float:
        seconds = chip.technology.number(key)
        return cycles_of(seconds, period) if whole else seconds

    reads, writes = neuron_accesses(chip, model)
    return CoreTimes(
        chip=chip,
        whole=whole,
        cycle=1 if whole else period,
        row=time("row_s"),
        synapse=time("synapse_s"),
        array=time("array_s"),
        neuron=(time("neuron_s"), time("idle_neuron_s")),
        fetch=words * _busy(chip.buffer, "read_s", period),
        read=_busy(chip.weights, "read_s", period),
        state=reads * _busy(chip.state, "read_s", period) + writes * _busy(chip.state, "write_s", period),
        store=words * _busy(chip.buffer, "write_s", period),
    )


def _busy(memory: MemorySpec, key: str, period_s: float) -> int:
    """Return for how many cycles a port is busy with one access: ``key``, at least one; none without such a memory."""
    return max(1, cycles_of(float(memory.figure(key).value), period_s)) if memory.there else 0
