"""Choose how a unit is cut: rectangles of places x columns x groups, so that the fewest cores hold it.

Neighbouring places read overlapping windows, and a source that several neurons of a tile read is one axon. So a tile of
h x w places of a 3 x 3 convolution needs (h + 2) (w + 2) axons a channel, and every tile of the same form holds the
same weights. All rectangles are tried, the most promising first; which one wins is decided by counting real axons,
border included.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import isqrt, prod

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware import Chip
from neutrams.mapping.unit import Unit

CHUNK = 1 << 22
"""Table entries looked at together [count]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """What is cut in one way: some columns of some groups, the same columns of each.

    Attributes:
        unit: Their unit.
        identity: int64 ``[entries]`` of the unit's table: which axon an entry is, -1: none (see `axon_identity`).
        groups: int64, numbers of the groups.
        columns: int64, numbers of the columns.
        taps: int64, numbers of the rows with a weight other than zero.
    """

    unit: Unit
    identity: IntArray
    groups: IntArray
    columns: IntArray
    taps: IntArray

    @property
    def merged(self) -> bool:
        """Whether some entries of the table are one axon."""
        if self.identity is self.unit.table:
            return True
        there = np.flatnonzero(self.identity >= 0)
        return not np.array_equal(self.identity[there], there)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Most places along each axis, columns and groups of one tile."""

    patch: tuple[int, ...]
    columns: int
    groups: int


def axon_identity(unit: Unit) -> IntArray:
    """int64 ``[entries]``: entries of the table with the same number may share an axon; -1: they need none.

    A signal that stands in the table several times is one axon of a tile, unless a neuron reads it more than once: then
    its weights cannot be merged, and each entry stands for itself. But a row that reads one signal everywhere, as those
    of a large bias do, is one axon for all places.
    """
    table = unit.table
    there = np.flatnonzero(table >= 0)
    if len(np.unique(table[there])) < len(there) and not _read_twice(unit):
        return table
    identity = np.full(len(table), -1, dtype=np.int64)
    identity[there] = there
    for entries in _constant_rows(unit):
        identity[entries] = entries[0]
    return identity


def _constant_rows(unit: Unit) -> Iterator[IntArray]:
    """Yield the table entries of each row with weights that reads one signal everywhere and shares none of them."""
    used = np.flatnonzero(unit.weights.any(axis=(0, 1)))
    first = (unit.group[:, None] + inside(unit.size) @ np.array(unit.pitch)).reshape(-1)
    readers = np.zeros(len(unit.table), dtype=np.int64)
    constant: list[IntArray] = []
    for tap in unit.tap[used]:
        entries = np.unique(first + tap)
        readers[entries] += 1
        signal = unit.table[entries]
        if signal[0] >= 0 and (signal == signal[0]).all():
            constant.append(entries)
    yield from (entries for entries in constant if (readers[entries] == 1).all())


def _read_twice(unit: Unit) -> bool:
    step = max(1, CHUNK // (len(unit.group) * len(unit.tap)))
    for start in range(0, unit.places, step):
        at = np.arange(start, min(start + step, unit.places))
        sources = np.sort(unit.sources(np.arange(len(unit.group)), at), axis=-1)
        if ((np.diff(sources, axis=-1) == 0) & (sources[..., 1:] >= 0)).any():
            return True
    return False


def best_cut(part: Part, chip: Chip, one_place: bool = False) -> Cut | None:
    """Return the cut with the fewest cores, of those the one with the fewest axons; None where not one neuron fits.

    Args:
        part: What to cut.
        chip: The chip.
        one_place: Leave every place a tile of its own, as a mapper without patches does.
    """
    size = part.unit.size
    most = [1 if one_place else min(n, chip.core.neurons) for n in size]
    lengths = [sorted({-(-n // -(-n // k)) for k in range(1, top + 1)}) for n, top in zip(size, most, strict=True)]
    drafts: list[tuple[int, tuple[int, ...]]] = []
    for patch in product(*lengths):
        if prod(patch) <= chip.core.neurons:
            cut = _fitted(part, patch, _middle_axons(part, patch), chip)
            if cut is not None:
                drafts.append((count_tiles(part, cut), patch))
    best: tuple[tuple[float, int], Cut] | None = None
    for bound, patch in sorted(drafts):
        if best is not None and best[0][0] < bound / chip.board.virtual_tiles:
            break
        peak, total = _axons(part, patch)
        cut = _fitted(part, patch, peak, chip)
        if cut is not None:
            columns = -(-len(part.columns) // cut.columns)
            found = (_cores(part, cut, chip), total * columns)
            if best is None or found < best[0]:
                best = found, cut
    return None if best is None else best[1]


def _fitted(part: Part, patch: tuple[int, ...], axons: int, chip: Chip) -> Cut | None:
    """As many columns and groups as a tile of such patches takes if each group takes ``axons``."""
    places, columns, core = prod(patch), len(part.columns), chip.core
    most = core.synapse_limit // (places * max(1, _synapses(part, axons, chip)))
    if axons > core.axons or places > core.neurons or not most:
        return None
    groups = min(core.axons // max(axons, 1), core.neurons // (places * columns), len(part.groups))
    groups = min(groups, most // columns if core.synapses == "list" else isqrt(most // columns))
    if groups > 1:
        return Cut(patch=patch, columns=columns, groups=groups)
    return Cut(patch=patch, columns=min(columns, core.neurons // places, most), groups=1)


def _synapses(part: Part, axons: int, chip: Chip) -> int:
    """Most synapses of a neuron of one group: the ``axons`` of its tile, or, where a core lists them, its weights."""
    if chip.core.synapses == "crossbar":
        return axons
    return int(np.count_nonzero(part.unit.weights[np.ix_(part.groups, part.columns)], axis=2).max(initial=0))


def count_tiles(part: Part, cut: Cut) -> int:
    """Tiles a cut gives [count]."""
    patches = prod(-(-n // length) for n, length in zip(part.unit.size, cut.patch, strict=True))
    return patches * -(-len(part.columns) // cut.columns) * -(-len(part.groups) // cut.groups)


def _cores(part: Part, cut: Cut, chip: Chip) -> float:
    """Cores that the tiles take; where a core serves several tiles of one weight block, the blocks count."""
    virtual = chip.board.virtual_tiles
    if virtual == 1:
        return float(count_tiles(part, cut))
    cores = 0
    for starts, lengths in patches(part.unit, cut.patch):
        first = part.unit.group[part.groups[0]] + starts @ np.array(part.unit.pitch)
        seen = part.identity[first[:, None] + window(part, lengths)] >= 0
        _, alike = np.unique(np.packbits(seen, axis=1), axis=0, return_counts=True)
        cores += int((-(-alike // virtual)).sum())
    return float(cores * -(-len(part.columns) // cut.columns) * -(-len(part.groups) // cut.groups))


def patches(unit: Unit, patch: tuple[int, ...]) -> Iterator[tuple[IntArray, tuple[int, ...]]]:
    """Yield the patches of one form: int64 ``[patches, axes]`` first places, and the lengths along each axis.

    Patches at the end of an axis may be shorter than ``patch``.
    """
    axes = []
    for n, length in zip(unit.size, patch, strict=True):
        starts = np.arange(0, n, length, dtype=np.int64)
        whole = starts[starts + length <= n]
        axes.append([(s, k) for s, k in ((whole, length), (starts[len(whole) :], n % length)) if len(s)])
    for forms in product(*axes):
        grid = np.meshgrid(*(starts for starts, _ in forms), indexing="ij")
        yield np.stack([axis.reshape(-1) for axis in grid], axis=1), tuple(length for _, length in forms)


def inside(lengths: tuple[int, ...]) -> IntArray:
    """int64 ``[places, axes]``: the places of a patch from its first, in C order."""
    return np.indices(lengths).reshape(len(lengths), -1).T


def window(part: Part, lengths: tuple[int, ...]) -> IntArray:
    """int64, ascending: table offsets of all that one group reads at a patch, from its first place."""
    tap = part.unit.tap[part.taps]
    reach = inside(lengths) @ np.array(part.unit.pitch)
    mark = np.zeros(int(reach[-1] + tap.max(initial=0)) + 1, dtype=np.bool_)
    mark[reach[:, None] + tap] = True
    return np.flatnonzero(mark)


def _count(identity: IntArray, merged: bool) -> IntArray:
    """Distinct axons in each row of table entries."""
    if not merged:
        return np.asarray(np.count_nonzero(identity >= 0, axis=-1))
    ordered = np.sort(identity, axis=-1)
    first = ordered >= 0
    first[..., 1:] &= np.diff(ordered, axis=-1) != 0
    return np.asarray(np.count_nonzero(first, axis=-1))


def _middle_axons(part: Part, patch: tuple[int, ...]) -> int:
    """Axons of one group at a patch in the middle: no more than the largest has."""
    unit = part.unit
    at = sum((-(-n // k) - 1) // 2 * k * pitch for n, k, pitch in zip(unit.size, patch, unit.pitch, strict=True))
    offsets = window(part, patch)
    entries = unit.group[part.groups[len(part.groups) // 2]] + at + offsets
    return int(_count(part.identity[entries][None], part.merged)[0])


def _axons(part: Part, patch: tuple[int, ...]) -> tuple[int, int]:
    """Axons of the largest tile of one group, and of all tiles of all groups."""
    unit, peak, total = part.unit, 0, 0
    group = unit.group[part.groups]
    for starts, lengths in patches(unit, patch):
        offsets = window(part, lengths)
        first = (group[:, None] + starts @ np.array(unit.pitch)).reshape(-1)
        step = max(1, CHUNK // max(len(offsets), 1))
        for i in range(0, len(first), step):
            entries = part.identity[first[i : i + step, None] + offsets]
            count = _count(entries, part.merged)
            peak, total = max(peak, int(count.max())), total + int(count.sum())
    return peak, total
