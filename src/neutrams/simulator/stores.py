"""The memories of cores at work: how often they are read and written, what that costs, what they leak and cover."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray, distinct
from neutrams.hardware import Board, Chip
from neutrams.hardware.accesses import neuron_accesses, row_accesses, stream_accesses, word_accesses
from neutrams.program import Program
from neutrams.simulator.energy import scaled, total
from neutrams.simulator.result import Activity, Band


@dataclass(frozen=True, slots=True, kw_only=True)
class Accesses:
    """Accesses of one memory, over all cores, per sample.

    Attributes:
        reads: Read accesses [count].
        writes: Write accesses [count].
    """

    reads: float
    writes: float


def accesses_of(program: Program, activity: Activity) -> dict[str, Accesses]:
    """Return the accesses of each memory that the chip has.

    Weights: a read of its columns, or of the synapses it lists, for each active row; loading them is not counted.
    State: a read and a write for each update. Buffer: a write for each word that reaches a core, whether from a core
    (its own, too) or from outside, and a read for each axon that carries something. How many accesses one of these
    takes: `neutrams.hardware.accesses`.
    """
    chip = program.chip
    reads, writes = neuron_accesses(chip, program.model)
    updates, width = activity.neuron_updates.sum(), word_accesses(chip, program.model)
    counts = {
        "weights": (_weight_reads(chip, activity, np.diff(program.tiles.neurons)), 0),
        "state": (updates * reads, updates * writes),
        "buffer": (activity.axon_events.sum() * width, words_in(program, activity).sum() * width),
    }
    per_sample = {name: tuple(float(n) / activity.samples for n in pair) for name, pair in counts.items()}
    return {name: Accesses(reads=per_sample[name][0], writes=per_sample[name][1]) for name in chip.memories()}


def _weight_reads(chip: Chip, activity: Activity, columns: IntArray) -> int:
    """Reads of weights; of lists as if all ticks' were read in one go."""
    if chip.core.synapses == "list":
        return int(stream_accesses(chip, activity.axon_events, activity.synapse_events).sum())
    return int(activity.axon_events @ row_accesses(chip, columns))


def words_in(program: Program, activity: Activity) -> IntArray:
    """Return the words that reach cores, once for each source and core that reads it, int64 ``[pairs]``."""
    source, _ = deliveries(program)
    neurons = len(program.neurons)
    counts = np.concatenate([activity.sent, activity.received])
    words: IntArray = counts[np.where(source >= 0, source, neurons - 1 - source)]
    return words


def deliveries(program: Program) -> tuple[IntArray, IntArray]:
    """Return (sources, cores that read them), each pair once, int64 ``[pairs]`` each; channel c is source -1 - c."""
    reader = program.tiles.core[np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.axons))]
    cores, channels = Board.of(program.chip).cores, program.channels
    pairs = distinct((program.axons.source + channels) * cores + reader)
    return pairs // cores - channels, pairs % cores


def slowest_buffer(program: Program, activity: Activity, write_s: float) -> tuple[float, str]:
    """Return (how long the busiest buffer writes what other cores send it in a step, its name): mean over the steps.

    Args:
        program: The program.
        activity: Its event counts.
        write_s: What a word takes of a port [s].
    """
    if not write_s:
        return 0.0, ""
    source, core = deliveries(program)
    sender = np.repeat(program.tiles.core, np.diff(program.tiles.neurons))
    away = np.flatnonzero((source >= 0) & (core != sender[np.maximum(source, 0)]))
    if not len(away):
        return 0.0, ""
    cores, which = np.unique(core[away], return_inverse=True)
    words: FloatArray = np.bincount(which, weights=activity.sent[source[away]]).astype(np.float64)
    steps, ports = activity.samples * program.steps, program.chip.buffer.ports
    return float(words.max()) / steps / ports * write_s, f"buffer of core {cores[words.argmax()]}"


def access_energy(chip: Chip, accesses: dict[str, Accesses]) -> dict[str, Band]:
    """Return the energy of each memory's accesses [J]."""
    return {
        name: total(
            [
                scaled(memory.figure("read_j"), accesses[name].reads),
                scaled(memory.figure("write_j"), accesses[name].writes),
            ]
        )
        for name, memory in chip.memories().items()
    }


def memory_leakage(chip: Chip, cores: int, time_s: float) -> Band:
    """Return what the memories of ``cores`` cores leak in ``time_s`` [J]."""
    return total([scaled(memory.figure("leak_w"), cores * time_s) for memory in chip.memories().values()])


def memory_area(chip: Chip, cores: int) -> dict[str, Band]:
    """Return the area of each memory of ``cores`` cores [mm2]."""
    return {name: scaled(memory.figure("area_mm2"), cores) for name, memory in chip.memories().items()}
