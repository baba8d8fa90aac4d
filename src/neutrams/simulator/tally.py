"""What an engine counts while it runs: the outputs of each sample and the events of all of them."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.program import Program
from neutrams.simulator.memory import Memory, join_memories
from neutrams.simulator.result import Activity
from neutrams.simulator.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """Counts of some samples; sums of them are counts of more.

    Attributes:
        outputs: int64 ``[n, rows]``, sums over the steps of the output neurons of all ports, port after port; of
            sequences ``[n, T, rows]``, what they gave at each step.
        axon_events: int64 ``[tiles]``, axons that carried something else than 0, summed over steps and samples.
        synapse_events: int64 ``[tiles]``, synapses of those axons (`synapses_of_axons`).
        idle_updates: int64 ``[tiles]``, updates in which no axon of the tile carried anything.
        sent: int64 ``[neurons]``, outputs other than 0.
        received: int64 ``[channels]``, channel values other than 0.
        memory: What the next steps of a sequence go on from; None where a sample is none.
    """

    outputs: IntArray
    axon_events: IntArray
    synapse_events: IntArray
    idle_updates: IntArray
    sent: IntArray
    received: IntArray
    memory: Memory | None = None


def output_neurons(program: Program) -> IntArray:
    """Return the neurons of all output ports, port after port, int64 ``[rows]``."""
    return np.concatenate([port.neuron for port in program.outputs])


def potential_rows(program: Program) -> AnyArray:
    """Return which of `output_neurons` are read as potentials, bool ``[rows]``."""
    return np.concatenate([np.full(len(port.neuron), port.potential) for port in program.outputs])


def lists_synapses(program: Program) -> bool:
    """Whether an axon reads only the weights that are not 0, rather than its whole row."""
    return program.chip.core.synapses == "list"


def synapses_of_axons(program: Program) -> IntArray:
    """Return how many synapses each axon reads, int64 ``[axons]``: the columns of its tile, or those it lists."""
    tiles = program.tiles
    if not lists_synapses(program):
        return np.repeat(np.diff(tiles.neurons), np.diff(tiles.axons))
    rows = [np.count_nonzero(block, axis=1) for block in program.blocks]
    return np.concatenate([rows[block] for block in tiles.block] or [np.zeros(0)]).astype(np.int64)


def synapses_of_tiles(program: Program) -> IntArray:
    """Return how many synapses all axons of each tile read, int64 ``[tiles]``."""
    return np.diff(np.concatenate([[0], np.cumsum(synapses_of_axons(program))])[program.tiles.axons])


def merge(parts: list[Tally]) -> Tally:
    """Join the tallies of consecutive samples."""
    return Tally(
        outputs=np.concatenate([part.outputs for part in parts]),
        axon_events=np.sum([part.axon_events for part in parts], axis=0),
        synapse_events=np.sum([part.synapse_events for part in parts], axis=0),
        idle_updates=np.sum([part.idle_updates for part in parts], axis=0),
        sent=np.sum([part.sent for part in parts], axis=0),
        received=np.sum([part.received for part in parts], axis=0),
        memory=join_memories([part.memory for part in parts if part.memory is not None]),
    )


def activity(program: Program, clock: Schedule, tally: Tally) -> Activity:
    """Return the event counts of a run; an ann chip that does not skip zeros sends, reads and adds every word."""
    n, tiles = len(tally.outputs), len(program.tiles)
    updates = np.full(tiles, n * program.steps, dtype=np.int64)
    axons, columns = np.diff(program.tiles.axons), np.diff(program.tiles.neurons)
    axon_events, sent, received = tally.axon_events, tally.sent, tally.received
    synapse_events, idle_updates = tally.synapse_events, tally.idle_updates
    if counts_every_word(program):
        axon_events = updates * axons
        synapse_events, idle_updates = updates * synapses_of_tiles(program), updates * (axons == 0)
        sent = np.full(len(program.neurons), n * program.steps, dtype=np.int64)
        received = np.full(program.channels, n * program.steps, dtype=np.int64)
    return Activity(
        samples=n,
        ticks=clock.output_ticks,
        tile_updates=updates,
        axon_events=axon_events,
        synapse_events=synapse_events,
        neuron_updates=updates * columns,
        idle_updates=idle_updates,
        sent=sent,
        received=received,
    )


def counts_every_word(program: Program) -> bool:
    """Whether zeros are words like any other, so that events need no counting."""
    return program.mode == "ann" and not program.chip.signal.skip_zero
