"""The figures of a mapping."""

from dataclasses import dataclass

import numpy as np

from neutrams.hardware.geometry import Board
from neutrams.mapping.route import Load
from neutrams.mapping.router_tables import Compressed
from neutrams.program.tables import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingStats:
    """What a mapped program takes.

    Attributes:
        cores: Cores in use [count].
        tiles: Tiles [count].
        chips: Chips in use [count].
        neurons: Neurons, copies and relays included [count].
        relay_neurons: Neurons that only repeat others [count].
        copied_neurons: Neurons beyond the first that compute the same value [count].
        synapses: Weights other than zero of all tiles [count].
        utilization: Weights other than zero that are stored over the synapse cells of the cores in use [1]; tiles that
            share a core share its weights.
        weighted_hops: Words or spikes times links passed, per sample; a link between chips counts by its energy [1].
        sequential_weighted_hops: The same for tiles in order on cores in order [1].
        link_peak: Words or spikes per sample on the most loaded link [1].
        table_entries_max: Entries of the fullest table of a router [count]; None where routers have no tables.
        table_entries_max_uncompressed: The same with an entry for each flow that passes a router.
    """

    cores: int
    tiles: int
    chips: int
    neurons: int
    relay_neurons: int
    copied_neurons: int
    synapses: int
    utilization: float
    weighted_hops: float
    sequential_weighted_hops: float
    link_peak: float
    table_entries_max: int | None = None
    table_entries_max_uncompressed: int | None = None


def count_program(
    program: Program, *, signals: int, relays: int, load: Load, sequential: Load, tables: Compressed | None = None
) -> MappingStats:
    """Return the figures of ``program``.

    Args:
        program: The program.
        signals: Neurons of the network.
        relays: Relay neurons.
        load: Network load of its placement.
        sequential: Network load of the sequential order.
        tables: Tables of routers, where the chip has them.
    """
    core = program.chip.core
    cores, leader = np.unique(program.tiles.core, return_index=True)
    nonzero = np.array([np.count_nonzero(block) for block in program.blocks], dtype=np.int64)
    synapses = int(nonzero[program.tiles.block].sum())
    return MappingStats(
        cores=len(cores),
        tiles=len(program.tiles),
        chips=len(np.unique(Board.of(program.chip).chip_of(cores))),
        neurons=len(program.neurons),
        relay_neurons=relays,
        copied_neurons=len(program.neurons) - relays - signals,
        synapses=synapses,
        utilization=int(nonzero[program.tiles.block[leader]].sum()) / (len(cores) * core.axons * core.neurons),
        weighted_hops=load.weighted_hops,
        sequential_weighted_hops=sequential.weighted_hops,
        link_peak=load.link_peak,
        table_entries_max=None if tables is None else tables.most,
        table_entries_max_uncompressed=None if tables is None else int(tables.flows.max(initial=0)),
    )
