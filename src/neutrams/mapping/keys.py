"""Keys of flows: numbers by which routers tell them apart, given so that flows that go the same way are alike."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware.geometry import Board
from neutrams.mapping.flows import Flows

Field = tuple[IntArray, int]
"""A part of all keys: int64 ``[n]``, and its width [bit]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sendings:
    """The flows that leave their cores.

    Attributes:
        flow: int64 ``[n]``, their numbers among all flows, ascending.
        source: int64 ``[n]``, the core each comes from.
        first: int64 ``[n + 1]``, the cores it reaches are rows ``first[i]:first[i+1]`` of ``target``.
        target: int64, each core once, the own one not among them; ascending.
    """

    flow: IntArray
    source: IntArray
    first: IntArray
    target: IntArray

    def __len__(self) -> int:
        return len(self.flow)

    @property
    def sender(self) -> IntArray:
        """int64, which of the n flows each row of ``target`` belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.first))


def sendings_of(flows: Flows, bundle: IntArray, cores: IntArray) -> Sendings:
    """Return the flows that leave their cores; arguments as of `route.find_links`."""
    flow, target = np.repeat(np.arange(len(flows)), np.diff(flows.readers)), cores[flows.reader]
    home = np.where(flows.tile >= 0, cores[bundle[np.maximum(flows.tile, 0)]], -1)
    away = np.flatnonzero((home[flow] >= 0) & (home[flow] != target))
    away = away[np.lexsort((target[away], flow[away]))]
    named, first = np.unique(flow[away], return_index=True)
    return Sendings(flow=named, source=home[named], first=np.append(first, len(away)), target=target[away])


def key_choices(sendings: Sendings, board: Board, most: int) -> Iterator[tuple[IntArray, int]]:
    """Yield ways to number flows: int64 ``[n]``, distinct, and their width, which is at most ``most`` [bit].

    1. The sender's place, then a bit for each core, or each few, that it reaches by any flow: what goes alike at a
       router has a 0 for each core that lies another way, and what else its bits are need not be compared.
    2. The place of the first target, then a number: ways in dimension order depend on little else.
    3. The sender's place, then a number among its flows in the order of their targets.
    4. A number, by sender and targets; nothing is narrower, so it comes even where it is too wide.
    """
    index = _target_ranks(sendings, board)
    order = np.lexsort((index, sendings.sender))
    named = [tuple(some.tolist()) for some in np.split(index[order], sendings.first[1:-1])]
    by_sender = _numbers(list(zip(sendings.source.tolist(), named[: len(sendings)], strict=True)))
    head = sendings.target[order][sendings.first[:-1]]
    by_target = _numbers(list(zip(head.tolist(), named[: len(sendings)], by_sender.tolist(), strict=True)))
    low = int(min(sendings.source.min(initial=1 << 62), sendings.target.min(initial=1 << 62)))
    own = _place(board, sendings.source, low)
    for fields in (
        [*own, *_marks(sendings, index, by_sender, most - _width(own))],
        [*_place(board, head, low), _field(_within(head, by_target))],
        [*own, _field(_within(sendings.source, by_sender))],
    ):
        if _width(fields) <= most:
            yield _joined(fields)
    yield _joined([_field(by_sender)])


def _marks(sendings: Sendings, index: IntArray, number: IntArray, most: int) -> list[Field]:
    """Return a bit for each target of the sender, and what tells apart flows for which these are the same.

    Of senders with more targets than there are bits, neighbours share one: as few as leave room for that number.
    """
    source = sendings.source[sendings.sender]
    count = np.zeros(int(sendings.source.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(count, source, index + 1)
    for width in range(min(int(count.max(initial=0)), most), 0, -1):
        bit = np.where(count[source] > width, index * width // count[source], index)
        marks = np.zeros(len(sendings), dtype=np.int64)
        np.bitwise_or.at(marks, sendings.sender, np.int64(1) << bit)
        _, group = np.unique(np.stack([sendings.source, marks]), axis=1, return_inverse=True)
        again = _field(_within(group.reshape(-1), number))
        if width + again[1] <= most:
            return [(marks, width), again]
    return [_field(_within(sendings.source, number))]


def _target_ranks(sendings: Sendings, board: Board) -> IntArray:
    """Return, of each row of targets, its number among all targets of its core, in the order of the ways there.

    Targets whose ways have their first links in common follow each other.
    """
    source = sendings.source[sendings.sender]
    pairs, place = np.unique(np.stack([source, sendings.target]), axis=1, return_inverse=True)
    a, b = board.router_of(pairs[0]), board.router_of(pairs[1])
    ways = [b]
    while (ways[-1] != a).any():
        ways.append(np.where(ways[-1] == a, a, board.before(a, ways[-1])))
    length = (np.stack(ways) != a).sum(axis=0)
    steps = np.take_along_axis(np.stack(ways), np.maximum(length - np.arange(len(ways))[:, None], 0), axis=0)
    order = np.lexsort((pairs[1], *steps[::-1], pairs[0]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    rank -= np.searchsorted(pairs[0], pairs[0])
    return rank[place.reshape(-1)]


def _numbers(names: list[tuple[object, ...]]) -> IntArray:
    """int64 ``[n]``: the place of each in their order, of equal ones the first first."""
    found = np.empty(len(names), dtype=np.int64)
    found[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return found


def _within(group: IntArray, number: IntArray) -> IntArray:
    """int64 ``[n]``: how many of the same group have a lower number."""
    order = np.lexsort((number, group))
    ranked = group[order]
    found = np.empty(len(group), dtype=np.int64)
    found[order] = np.arange(len(group)) - np.searchsorted(ranked, ranked)
    return found


def _place(board: Board, core: IntArray, low: int) -> list[Field]:
    """Row and column of a core on a grid; else its number, counted from ``low``."""
    if board.topology not in ("mesh", "torus"):
        return [_field(core - low)]
    x, y = board.position(core)
    return [_field(y), _field(x)]


def _field(value: IntArray) -> Field:
    least = int(value.min()) if len(value) else 0
    return value - least, int(value.max(initial=least) - least).bit_length()


def _width(fields: list[Field]) -> int:
    return sum(width for _, width in fields)


def _joined(fields: list[Field]) -> tuple[IntArray, int]:
    key, bits = np.zeros_like(fields[0][0]), 0
    for value, width in fields:
        key, bits = (key << width) | value, bits + width
    return key, bits
