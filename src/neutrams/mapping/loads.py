"""The tiles of a cut, many at once: tiles that read alike share one weight block."""

from collections.abc import Iterator

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.mapping.tiling import Cut, Part, inside, patches

Load = tuple[IntArray, AnyArray, IntArray]
"""Sources int64 ``[rows]``, weights ``[rows, columns]`` and signals int64 ``[columns]`` of a tile."""


def tile_loads(part: Part, cut: Cut) -> list[Load]:
    """Return the tiles of a part, from the first place to the last; those of one patch stand beside each other."""
    unit = part.unit
    number = np.array([np.prod(unit.size[axis + 1 :], dtype=np.int64) for axis in range(len(unit.size))])
    split = np.array_split(part.columns, -(-len(part.columns) // cut.columns))
    found: list[tuple[tuple[int, int, int], Load]] = []
    for g, groups in enumerate(np.array_split(part.groups, -(-len(part.groups) // cut.groups))):
        for starts, lengths in patches(unit, cut.patch):
            first = starts @ number
            place = inside(lengths) @ number
            for member, sources, row in _alike(part, groups, starts, lengths):
                for c, columns in enumerate(split):
                    weights, used = _block(unit.weights[np.ix_(groups, columns, part.taps)], row, sources.shape[1])
                    channel = groups[:, None] * unit.weights.shape[1] + columns
                    signals = unit.first + (channel.reshape(-1, 1) * unit.places + place).reshape(-1)
                    read = sources[:, used]
                    found += [
                        ((int(first[i]), g, c), (read[k], weights, signals + first[i])) for k, i in enumerate(member)
                    ]
    return [load for _, load in sorted(found, key=lambda entry: entry[0])]


def _alike(
    part: Part, groups: IntArray, starts: IntArray, lengths: tuple[int, ...]
) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """Yield patches whose neurons read their axons alike.

    Yields:
        Numbers of the patches int64 ``[k]``, the signals of their axons int64 ``[k, rows]``, and the row each tap of a
        neuron reads int64 ``[groups, places, taps]`` (-1: none).
    """
    unit, pitch = part.unit, np.array(part.unit.pitch)
    reach = (unit.group[groups] - unit.group[groups[0]])[:, None] + inside(lengths) @ pitch
    offsets, which = np.unique(reach[:, :, None] + unit.tap[part.taps], return_inverse=True)
    which = which.reshape(*reach.shape, len(part.taps))
    entries = unit.group[groups[0]] + (starts @ pitch)[:, None] + offsets
    ranks = _ranks(part.identity[entries], part.merged)
    names: dict[bytes, list[int]] = {}
    for i, rank in enumerate(ranks):
        names.setdefault(rank.tobytes(), []).append(i)
    for name, same in names.items():
        rank = np.frombuffer(name, dtype=np.int32)
        there, first = np.unique(rank, return_index=True)
        member = np.array(same, dtype=np.int64)
        sources = unit.table[entries[np.ix_(member, first[there >= 0])]]
        if not sources.shape[1]:  # a crossbar has a row, if only of zeros
            sources = np.full((len(member), 1), unit.table.max(initial=0))
        yield member, sources, rank[which]


def _ranks(identity: IntArray, merged: bool) -> AnyArray:
    """int32 ``[patches, entries]``: the row of each entry among those of its patch, -1: none."""
    if not merged:
        there = identity >= 0
        return np.where(there, np.cumsum(there, axis=1) - 1, -1).astype(np.int32)
    order = np.argsort(identity, axis=1, kind="stable")
    ordered = np.take_along_axis(identity, order, axis=1)
    new = ordered >= 0
    new[:, 1:] &= np.diff(ordered, axis=1) != 0
    ranks = np.empty(identity.shape, dtype=np.int32)
    np.put_along_axis(ranks, order, (np.cumsum(new, axis=1) - 1).astype(np.int32), axis=1)
    return ranks


def _block(weights: IntArray, row: IntArray, rows: int) -> tuple[AnyArray, AnyArray]:
    """Return the weight block of a tile, int8 where it fits, else int16, and which of its rows are in use.

    A row that no neuron uses is left out, but for one: neurons that only have a bias still sit in a crossbar.

    Args:
        weights: int64 ``[groups, columns, taps]``.
        row: int64 ``[groups, places, taps]``, the row each tap of a neuron reads, -1: none.
        rows: How many there are.
    """
    groups, columns, _ = weights.shape
    block = np.zeros((rows + 1, groups, columns, row.shape[1]), dtype=narrow(weights))
    group, column, place = np.ogrid[:groups, :columns, : row.shape[1]]
    at = (group[..., None], column[..., None], place[..., None])
    block[(row[:, None], *at)] = weights[:, :, None, :]  # what reads nothing goes to the row after the last
    block = block[:rows].reshape(rows, -1)
    used = np.asarray(block.any(axis=1))
    used[:1] |= not used.any()
    return np.ascontiguousarray(block[used]), used


def narrow(weights: AnyArray) -> type[np.signedinteger]:
    """int8 where the weights fit it, else int16."""
    fits = weights.min(initial=0) >= -128 and weights.max(initial=0) <= 127
    return np.int8 if fits else np.int16
