"""Strands: where neighbouring columns of a sparse block read neighbouring registers, as sums of groups and relays do.

A strand of length n adds weight[i] * register[s + i] to column c + i for all i < n: one vector operation, cheaper than
looking for the spikes first. A tile is taken apart into strands where they are long and all its axons see their
sources in step, so that the spikes an axon brought are those its source sent, and need no counting.
"""

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.kernels.spiking import Strands
from neutrams.program import Program
from neutrams.simulator.cores import SPARSE_DENSITY
from neutrams.simulator.schedule import Schedule
from neutrams.simulator.synapses import Layout

LANES = 32
"""Strands are padded to a multiple of so many weights, so that the vector loop runs without a remainder."""

WORTHWHILE = 8
"""Least mean length of a tile's strands; where they are shorter, looking for the spikes is cheaper."""


def find_strands(program: Program, clock: Schedule, places: Layout, synapses: IntArray) -> tuple[Strands, AnyArray]:
    """Return the strands of the tiles that are taken apart, and bool ``[axons]``, the axons they stand for.

    Args:
        program: The program.
        clock: Its schedule.
        places: Its layout.
        synapses: int64 ``[axons]``, how many each reads; of no length where those of one axon are not counted.
    """
    tiles = program.tiles
    covered = np.zeros(len(clock.tile), dtype=np.bool_)
    first, parts, filled = [0], [], 0
    for tile, block in enumerate(tiles.block):
        axons = slice(tiles.axons[tile], tiles.axons[tile + 1])
        spiking = places.spiking[axons]
        entries = _entries(program.blocks[block], places.register[axons], spiking)
        begins = _begins(entries)
        in_step = (clock.offset[axons][spiking] == 0).all()
        if in_step and len(begins) and entries.shape[1] >= WORTHWHILE * len(begins):
            parts.append((entries, begins))
            covered[axons] = spiking
            filled += len(begins)
        first.append(filled)
    read = synapses[covered] if len(synapses) else synapses
    return _table(np.array(first), parts, (places.register[covered], clock.tile[covered], read)), covered


def _entries(block: AnyArray, register: IntArray, spiking: AnyArray) -> IntArray:
    """Return register, column, weight of the nonzero weights of spiking rows, int64 ``[3, entries]``, by diagonals."""
    if np.count_nonzero(block) >= SPARSE_DENSITY * block.size:
        return np.zeros((3, 0), dtype=np.int64)
    row, column = np.nonzero(block * spiking[:, None])
    entries = np.stack([register[row], column, block[row, column].astype(np.int64)])
    return entries[:, np.lexsort((column, entries[0] - column))]


def _begins(entries: IntArray) -> IntArray:
    """Return where a strand begins: anywhere but one register and one column further."""
    register, column, _ = entries
    new = np.ones(len(column), dtype=np.bool_)
    new[1:] = (np.diff(column) != 1) | (np.diff(register) != 1)
    return np.flatnonzero(new)


def _table(first: IntArray, parts: list[tuple[IntArray, IntArray]], covered: tuple[IntArray, ...]) -> Strands:
    registers, columns, lengths, weights = [], [], [], [np.zeros(0, dtype=np.int16)]
    for (register, column, weight), begins in parts:
        for run in np.split(np.arange(len(weight)), begins[1:]):
            registers.append(register[run[0]])
            columns.append(column[run[0]])
            padded = -(-len(run) // LANES) * LANES
            lengths.append(padded)
            weights.append(np.pad(weight[run], (0, padded - len(run))).astype(np.int16))
    length = np.array(lengths, dtype=np.int64)
    return Strands(
        first=first,
        register=np.array(registers, dtype=np.int64),
        column=np.array(columns, dtype=np.int64),
        begin=np.concatenate([[0], np.cumsum(length)]).astype(np.int64),
        weight=np.concatenate(weights),
        covered=np.searchsorted(covered[1], np.arange(len(first))),
        source=covered[0].astype(np.int32),
        synapses=covered[2].astype(np.int32),
    )
