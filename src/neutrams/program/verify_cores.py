"""Checks of cores and crossbars: capacity, weights, dead cores, cores that serve several tiles."""

import numpy as np

from neutrams.program.tables import Program
from neutrams.program.violation import Found, Violation, places, span


def check_cores(program: Program) -> Found:
    """Each tile fits its core, holds legal weights, and sits on a working core; those of one core are alike."""
    yield from _capacity(program)
    yield from _weights(program)
    yield from _positions(program)


def _capacity(program: Program) -> Found:
    core, tiles = program.chip.core, program.tiles
    counts = (("axons", np.diff(tiles.axons), core.axons), ("neurons", np.diff(tiles.neurons), core.neurons))
    for name, used, limit in counts:
        for tile in places((used > limit) | (used < 1)):
            message = f"tile {tile} has {int(used[tile])} {name}, a core takes 1 to {limit}"
            yield Violation(
                constraint=f"core_{name}", tile=tile, value=int(used[tile]), limit=span(1, limit), message=message
            )
    yield from _memory(program)
    shapes = np.array([block.shape for block in program.blocks], dtype=np.int64).reshape(-1, 2)[tiles.block]
    wanted = np.stack([counts[0][1], counts[1][1]], axis=1)
    for tile in places((shapes != wanted).any(axis=1)):
        held, has = (f"{int(s[0])} x {int(s[1])}" for s in (shapes[tile], wanted[tile]))
        message = f"tile {tile} holds a weight block of {held}, it has {has} axons and neurons"
        yield Violation(constraint="block_shape", tile=tile, value=held, limit=has, message=message)


def _memory(program: Program) -> Found:
    core = program.chip.core
    if not core.synapse_memory_bits:
        return
    each = core.weight_bits * (2 if core.sign_scheme == "pair" else 1)
    held = [np.count_nonzero(b) if core.synapses == "list" else b.size for b in program.blocks]
    bits = np.array(held, dtype=np.int64)[program.tiles.block] * each
    for tile in places(bits > core.synapse_memory_bits):
        message = f"tile {tile} holds {int(bits[tile])} bits of weights, a core holds {core.synapse_memory_bits}"
        yield Violation(
            constraint="synapse_memory",
            tile=tile,
            value=int(bits[tile]),
            limit=core.synapse_memory_bits,
            message=message,
        )


def _weights(program: Program) -> Found:
    low, high = program.chip.core.weight_range
    wrong = np.array([bool(b.size) and (b.min() < low or b.max() > high) for b in program.blocks], dtype=np.bool_)
    for tile in places(wrong[program.tiles.block]):
        block = program.blocks[int(program.tiles.block[tile])]
        row, column = (int(i) for i in np.argwhere((block < low) | (block > high))[0])
        value, first = int(block[row, column]), int(program.tiles.neurons[tile])
        message = f"tile {tile}, row {row}, neuron {first + column}: weight {value}, a synapse holds {span(low, high)}"
        yield Violation(
            constraint="weight_range",
            tile=tile,
            neuron=first + column,
            value=value,
            limit=span(low, high),
            message=message,
        )


def _positions(program: Program) -> Found:
    board, core = program.chip.board, program.tiles.core
    for tile in places(np.isin(core, np.array(board.dead_cores, dtype=np.int64))):
        message = f"tile {tile} sits on core {int(core[tile])}, which is dead"
        yield Violation(
            constraint="dead_core", tile=tile, value=int(core[tile]), limit="a working core", message=message
        )
    order = np.argsort(core, kind="stable")
    ranked = core[order]
    rank = np.arange(len(core)) - np.searchsorted(ranked, ranked)
    for i in places(rank >= board.virtual_tiles):
        tile = int(order[i])
        message = (
            f"tile {tile} is number {int(rank[i]) + 1} on core {int(core[tile])}, a core serves {board.virtual_tiles}"
        )
        yield Violation(
            constraint="virtual_tiles", tile=tile, value=int(rank[i]) + 1, limit=board.virtual_tiles, message=message
        )
    leader = order[np.searchsorted(ranked, core)]
    tiles = program.tiles
    for name, column in (("weight block", tiles.block), ("start tick", tiles.start)):
        for tile in places(column != column[leader]):
            value, limit = int(column[tile]), int(column[leader[tile]])
            message = f"tile {tile} on core {int(core[tile])} has {name} {value}, the first tile there has {limit}"
            yield Violation(constraint="shared_core", tile=tile, value=value, limit=limit, message=message)
