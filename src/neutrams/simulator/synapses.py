"""Tables of the compiled tick loop: padded neurons, spiking axons in spans, weights as dense or listed rows."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, BoolArray, IntArray
from neutrams.kernels import spiking as kernels
from neutrams.kernels.spiking import Axons, Tiles, Weights
from neutrams.program import Program
from neutrams.simulator.cores import SPARSE_DENSITY, exact_type
from neutrams.simulator.inputs import spread_channels
from neutrams.simulator.schedule import Schedule

PAD = kernels.PAD
"""Tiles are padded to a multiple of so many neurons, so that every vector loop runs without a remainder."""

SHORTEST_RUN = 16
"""Axons that read one register after another are looked through without their list, if runs are as long on average."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Where neurons and input channels stand in the kernel's registers.

    Attributes:
        first: int64 ``[tiles + 1]``, first place of each tile, a multiple of `PAD`.
        neuron: int64 ``[neurons]``, place of each neuron.
        register: int64 ``[axons]``, place each axon reads.
        spiking: bool ``[axons]``, whether it reads spikes (a neuron or a ``spread`` channel).
    """

    first: IntArray
    neuron: IntArray
    register: IntArray
    spiking: AnyArray


def layout(program: Program, clock: Schedule) -> Layout:
    """Give every neuron and channel a place."""
    tiles, neurons = program.tiles, len(program.neurons)
    widths = np.diff(tiles.neurons)
    first = np.concatenate([[0], np.cumsum(-(-widths // PAD) * PAD)])
    neuron = np.arange(neurons) + np.repeat(first[:-1] - tiles.neurons[:-1], widths)
    place = np.concatenate([neuron, first[-1] + np.arange(program.channels)])
    spikes = np.concatenate([np.ones(neurons, dtype=np.bool_), spread_channels(program)])
    return Layout(first=first, neuron=neuron, register=place[clock.register], spiking=spikes[clock.register])


def widest(places: Layout) -> int:
    """Return the places of the widest tile [count]."""
    return int(np.diff(places.first).max(initial=0))


def spiking_axons(
    clock: Schedule, places: Layout, chosen: IntArray, rows: tuple[IntArray, int], synapses: IntArray
) -> tuple[Axons, IntArray]:
    """Return axons in spans, and int64 ``[tiles + 1]``, the first span of each tile.

    Args:
        clock: The schedule.
        places: The layout.
        chosen: The axons, ascending.
        rows: int64 ``[axons]``, where each axon's weights begin (`store_weights`); where the row of zeros does.
        synapses: int64 ``[axons]``, how many each reads; of no length where those of one axon are not counted.
    """
    begins, zero = rows
    chosen = chosen[np.lexsort((clock.offset[chosen], clock.tile[chosen]))]
    tile, offset, source = clock.tile[chosen], clock.offset[chosen], places.register[chosen]
    new = np.ones(len(chosen), dtype=np.bool_)
    new[1:] = (np.diff(tile) != 0) | (np.diff(offset) != 0)
    new, runs = _in_runs(source, new)
    begin = np.flatnonzero(new)
    axons = Axons(
        offset=offset[begin],
        begin=np.append(begin, len(chosen)),
        run=np.where(runs[begin], source[begin], -1),
        source=source.astype(np.int32),
        row=np.append(begins[chosen], zero).astype(np.int32 if zero < np.iinfo(np.int32).max else np.int64),
        synapses=(synapses[chosen] if len(synapses) else synapses).astype(np.int32),
    )
    return axons, np.searchsorted(tile[begin], np.arange(len(places.first)))


def _in_runs(source: IntArray, new: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Cut spans whose axons mostly read one register after another into such runs.

    Args:
        source: int64 ``[axons]``, the register each reads.
        new: bool ``[axons]``, where spans begin.

    Returns:
        bool ``[axons]`` each: where spans begin then; which axons are in runs.
    """
    span = np.cumsum(new) - 1
    breaks = np.diff(source, prepend=source[:1]) != 1
    runs, sizes = np.bincount(span[breaks | new]), np.bincount(span)
    worth = (sizes >= SHORTEST_RUN * runs)[span]
    return new | (breaks & worth), worth


def store_weights(
    program: Program, clock: Schedule, places: Layout, kind: type[np.signedinteger]
) -> tuple[Weights, IntArray, AnyArray]:
    """Store each block some spiking axon uses, once.

    Args:
        program: The program.
        clock: Its schedule.
        places: Its layout.
        kind: Type of the dense rows, which holds every weight.

    Returns:
        The weights; int64 ``[axons]``, where each axon's row begins; bool ``[tiles]``, whether its rows are listed.
    """
    tiles = program.tiles
    used = np.unique(tiles.block[np.unique(clock.tile[places.spiking])])
    sparse = [np.count_nonzero(block) < SPARSE_DENSITY * block.size for block in program.blocks]
    base = np.zeros(len(program.blocks), dtype=np.int64)
    stride = np.ones(len(program.blocks), dtype=np.int64)
    dense: list[AnyArray] = []
    listed: list[AnyArray] = []
    placed = rows = 0
    for b in used:
        block = program.blocks[b]
        if sparse[b]:
            base[b] = rows
            listed.append(block)
            rows += len(block)
        else:
            stride[b] = -(-block.shape[1] // PAD) * PAD
            base[b] = placed
            dense.append(np.zeros((len(block), int(stride[b])), dtype=kind))
            dense[-1][:, : block.shape[1]] = block
            placed += dense[-1].size
    row = np.arange(len(clock.tile)) - tiles.axons[clock.tile]
    block_of = tiles.block[clock.tile]
    return (
        _packed(dense, listed, widest(places), kind),
        base[block_of] + row * stride[block_of],
        np.array(sparse)[tiles.block],
    )


def _packed(dense: list[AnyArray], listed: list[AnyArray], width: int, kind: type[np.signedinteger]) -> Weights:
    """Lay the blocks one after another; behind the dense rows stands one row of zeros, ``width`` long."""
    rows = [*(block.ravel() for block in dense), np.zeros(width, dtype=kind)]
    entries = [np.nonzero(block) for block in listed]
    per_row = [np.count_nonzero(block, axis=1) for block in listed]
    none = [np.zeros(0, dtype=np.int64)]
    return Weights(
        dense=np.concatenate(rows, dtype=kind),
        begin=np.concatenate([[0], np.cumsum(np.concatenate(per_row + none))]).astype(np.int32),
        column=np.concatenate([columns for _, columns in entries] + none).astype(np.int32),
        weight=np.concatenate([block[at] for block, at in zip(listed, entries, strict=True)] + none).astype(np.int32),
    )


def tile_rows(program: Program, places: Layout, spans: IntArray, pulses: IntArray, listed: AnyArray) -> Tiles:
    """Return the kernel's tile table, ordered by phase (start mod L)."""
    period = program.ticks_per_step
    phase = program.tiles.start % period
    order = np.argsort(phase, kind="stable")
    return Tiles(
        phase=np.searchsorted(phase[order], np.arange(period + 1)),
        order=order,
        start=program.tiles.start.copy(),
        neurons=places.first,
        spans=spans,
        pulses=pulses,
        listed=listed,
    )


def accumulator_bound(program: Program, clock: Schedule, places: Layout) -> int:
    """Return the largest |sum of weights| that spikes can cause in any neuron [LSB]."""
    bound = 0
    for i, block in enumerate(program.tiles.block):
        spiking = places.spiking[program.tiles.axons[i] : program.tiles.axons[i + 1]]
        if spiking.any():
            weights = program.blocks[block]
            exact = exact_type(len(weights) << 8 * weights.itemsize)
            sums = spiking.astype(exact) @ np.abs(weights.astype(exact))
            bound = max(bound, int(sums.max(initial=0)))
    return bound
