"""States to tiles: those of givers that the same tiles read stand together."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware import Chip
from neutrams.mapping.apart import Apart, take_apart
from neutrams.mapping.pack import Kind, kind_of
from neutrams.mapping.partition import Tile, scale_key
from neutrams.mapping.units import Units

MOST = 4096
"""Tiles that give states, beyond which they are not compared with each other [count]."""


def regrouped_states(tiles: Sequence[Tile], units: Units, chip: Chip) -> list[Tile] | None:
    """Return tiles in which states stand together if the same tiles read their givers; None: there is nothing to do.

    A state repeats one neuron, so what it sends and reads does not depend on the tile it is in; but the more readers
    it has in common with its neighbours there, the nearer to all of them that tile can be placed.

    Args:
        tiles: Packed tiles.
        units: The units.
        chip: The chip; where a core serves several tiles of one weight block, states stay as they are.
    """
    scales = [scale_key(unit, chip) for unit in units.units]
    kinds: dict[Kind, list[int]] = {}
    for i, tile in enumerate(tiles):
        if tile.lag and chip.board.virtual_tiles == 1:
            kinds.setdefault(kind_of(tile, units, scales), []).append(i)
    found = {i: [tile] for i, tile in enumerate(tiles)}
    for members in kinds.values():
        if len(members) == 1:
            continue
        apart = take_apart([tiles[i] for i in members])
        neurons = len(apart.signals)
        if len(apart.source) != neurons or (apart.neuron != np.arange(neurons)).any():
            continue  # something that reads more than one signal of the step before
        shared = _shared(apart, tiles, units)
        if len(shared.alike) > MOST:
            continue
        part = _chunks(shared, _room(chip))
        found |= {i: [] for i in members}
        found[members[0]] = apart.tiles(part, units, tiles[members[0]])
    regrouped = [tile for i in range(len(tiles)) for tile in found[i]]
    return None if all(len(held) == 1 for held in found.values()) else regrouped


class _Shared(NamedTuple):
    """Which tiles states repeat, and how much those are read together.

    Attributes:
        giver: int64 ``[states]``, the tile that each repeats a neuron of, among all such tiles.
        alike: int64 ``[givers, givers]``: pairs of states of two givers that a tile reads, over all tiles [count].
    """

    giver: IntArray
    alike: IntArray


def _shared(apart: Apart, tiles: Sequence[Tile], units: Units) -> _Shared:
    home, state = (np.full(units.signals, -1, dtype=np.int64) for _ in range(2))
    for i, tile in enumerate(tiles):
        home[tile.signals] = i
    giver = np.unique(home[apart.source], return_inverse=True)[1].reshape(-1)
    state[apart.signals] = np.arange(len(giver))
    readers = [tile for tile in tiles if not tile.lag]
    read = np.zeros((int(giver.max()) + 1, len(readers)), dtype=np.int64)
    for i, tile in enumerate(readers):
        found = state[np.unique(tile.sources)]
        np.add.at(read[:, i], giver[found[found >= 0]], 1)
    return _Shared(giver=giver, alike=read @ read.T)  # of integers: no BLAS, the same everywhere


def _chunks(shared: _Shared, room: int) -> IntArray:
    """Return int64 ``[states]``: even chunks of at most ``room``, grown giver by giver, always by the most alike."""
    states, givers = len(shared.giver), len(shared.alike)
    chunk = -(-states // -(-states // room))
    size = np.bincount(shared.giver)
    rank, left, held = np.empty(givers, dtype=np.int64), np.ones(givers, dtype=np.bool_), 0
    near = -shared.alike.sum(axis=1)  # begin at an end
    for turn in range(givers):
        chosen = int(np.argmax(np.where(left, near, np.iinfo(np.int64).min)))
        rank[chosen], left[chosen] = turn, False
        held += int(size[chosen])
        fresh = turn == 0 or held >= chunk
        near = shared.alike[chosen] + (0 if fresh else near)
        held -= chunk if held >= chunk else 0
    part = np.empty(states, dtype=np.int64)
    part[np.argsort(rank[shared.giver], kind="stable")] = np.arange(states) // chunk
    return part


def _room(chip: Chip) -> int:
    """How many states a core holds: each takes an axon, and a synapse, or those of all of a crossbar's rows [count]."""
    core = chip.core
    held = core.synapse_limit if core.synapses == "list" else int(core.synapse_limit**0.5)
    return max(1, min(core.neurons, core.axons, held))
