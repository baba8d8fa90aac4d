"""The tables of routers: keys for flows, and for each router entries (key, mask, ports), compressed."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from neutrams.base.arrays import BoolArray, IntArray
from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.hardware.geometry import Board
from neutrams.kernels.ternary import cover
from neutrams.mapping.flows import Flows
from neutrams.mapping.keys import Sendings, key_choices, sendings_of
from neutrams.mapping.passages import Passages, passages_of
from neutrams.mapping.route import Links
from neutrams.program.tables import RouterTable

TRIED = 16
"""Routers on which numberings are compared [count]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compressed:
    """The tables of all routers for one placement and its routes.

    Attributes:
        table: As the program holds them.
        router: int64 ``[T]``, the routers that flows pass, ascending.
        flows: int64 ``[T]``, how many pass each: its entries, were they not compressed.
        entries: int64 ``[T]``, its entries.
        passing: int64 ``[2, p]``, every router and flow that passes it.
    """

    table: RouterTable
    router: IntArray
    flows: IntArray
    entries: IntArray
    passing: IntArray

    @property
    def most(self) -> int:
        """Entries of the fullest table [count]."""
        return int(self.entries.max(initial=0))

    @property
    def size(self) -> tuple[int, int]:
        """Entries of the fullest table, and of all: what is to be small."""
        return self.most, int(self.entries.sum())


def compress_tables(flows: Flows, bundle: IntArray, cores: IntArray, links: Links, chip: Chip) -> Compressed:
    """Return tables that send each flow along its links, with few entries.

    A table must be right for the flows that pass its router; what it would do with others does not count. At each
    router flows with the same ports are one class. Classes are covered one after another, the smallest first, by
    entries that match none of a later class: lists of which the first match counts are shorter than those of any match,
    and the largest class is often a single entry. With ``noc.default_route``, flows that go straight on come last and
    get no entry, or are a class like any other, whichever is shorter at the router. Of the numberings of
    `keys.key_choices` that is taken which leaves the routers that most flows pass the fewest entries.

    Args:
        flows: The flows.
        bundle: int64 ``[tiles]``, which tiles share a core.
        cores: int64 ``[bundles]``, the core of each.
        links: Their links, trees.
        chip: The chip.

    Raises:
        CapacityError: There are more flows than keys.

    References:
        Mundy, Heathcote, Garside (2016), On-chip order-exploiting routing table minimization for a multicast
        supercomputer network, IEEE HPSR, for tables whose order counts and for default routes.
        Rivest (1987), Learning decision lists, doi 10.1007/BF00058680.
    """
    sendings = sendings_of(flows, bundle, cores)
    passages = passages_of(sendings, links, chip)
    places = int(np.diff(flows.columns)[sendings.flow].max(initial=1))
    room = chip.noc.key_bits - (places - 1).bit_length()
    _check_keys(len(sendings), places, chip)
    choices = list(key_choices(sendings, Board.of(chip), room))
    tried = _fullest(passages)
    sizes = [_compressed(tried, sendings, key, bits, len(flows)).size for key, bits in choices]
    key, bits = choices[min(range(len(choices)), key=lambda i: sizes[i])]
    return _compressed(passages, sendings, key, bits, len(flows))


def _fullest(passages: Passages) -> Passages:
    """Return the passages of the `TRIED` routers that most flows pass."""
    router, count = np.unique(passages.router, return_counts=True)
    rows = np.flatnonzero(np.isin(passages.router, router[np.argsort(-count, kind="stable")[:TRIED]]))
    ports = np.diff(passages.begin)[rows]
    begin = np.append(0, np.cumsum(ports))
    take = np.repeat(passages.begin[rows] - begin[:-1], ports) + np.arange(begin[-1])
    return Passages(
        router=passages.router[rows], flow=passages.flow[rows], begin=begin, port=passages.port[take],
        kind=passages.kind[rows], straight=passages.straight[rows],
    )  # fmt: skip


def _check_keys(flows: int, places: int, chip: Chip) -> None:
    needed = max(flows - 1, 0).bit_length() + (places - 1).bit_length()
    if needed > chip.noc.key_bits:
        raise CapacityError(
            f"{flows} flows of up to {places} neurons take keys of {needed} bits, {chip.name} has {chip.noc.key_bits}",
            where="mapping, keys of routers",
            fix=f"set noc.key_bits to {needed}",
        )


def _compressed(passages: Passages, sendings: Sendings, key: IntArray, bits: int, flows: int) -> Compressed:
    """Return the tables for one numbering."""
    router, first, count = np.unique(passages.router, return_index=True, return_counts=True)
    lists = [_covered(passages, key, bits, passages.straight)]
    if passages.straight.any():
        lists.append(_covered(passages, key, bits, np.zeros_like(passages.straight)))
    used = np.stack([one.used for one in lists])
    which, entries = np.argmin(used, axis=0), used.min(axis=0)
    begin = np.append(0, np.cumsum(entries))
    rows = first.repeat(entries) + np.arange(begin[-1]) - begin[:-1].repeat(entries)
    side = which.repeat(entries)
    owner, free = (np.stack([getattr(one, name) for one in lists])[side, rows] for name in ("owner", "free"))
    mask = ((1 << bits) - 1) & ~free
    ports = np.diff(passages.begin)[owner]
    starts = np.append(0, np.cumsum(ports))
    take = np.repeat(passages.begin[:-1][owner] - starts[:-1], ports) + np.arange(starts[-1])
    of_flow = np.full(flows, -1, dtype=np.int64)
    of_flow[sendings.flow] = key
    table = RouterTable(
        key=of_flow, router=router.repeat(entries), value=key[passages.flow[owner]] & mask, mask=mask, ports=starts,
        port=passages.port[take],
    )  # fmt: skip
    passing = np.stack([passages.router, sendings.flow[passages.flow]])
    return Compressed(table=table, router=router, flows=count, entries=entries, passing=passing)


class _List(NamedTuple):
    """Entries of all routers, those of each from where its passages begin.

    Attributes:
        owner: int64 ``[p]``, a passage that has its ports.
        free: int64 ``[p]``, the bits it does not compare.
        used: int64 ``[T]``, entries of each router.
    """

    owner: IntArray
    free: IntArray
    used: IntArray


def _covered(passages: Passages, key: IntArray, bits: int, spared: BoolArray) -> _List:
    """Cover the passages that are not ``spared`` (bool ``[p]``) with entries, router by router."""
    named = key[passages.flow]
    group = np.stack([passages.router, spared, passages.kind])
    _, place, size = np.unique(group, axis=1, return_inverse=True, return_counts=True)
    place = place.reshape(-1)
    order = np.lexsort((named, passages.kind, size[place], spared, passages.router))
    ranked = place[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)) + 1, len(ranked))
    end = ends.repeat(np.diff(ends, prepend=0))
    _, first = np.unique(passages.router, return_index=True)
    first = np.append(first, len(order))
    kept = np.add.reduceat((~spared).astype(np.int64), first[:-1]) if len(order) else first[:-1]
    free, owner, used = np.zeros_like(order), np.zeros_like(order), np.zeros(len(first) - 1, dtype=np.int64)
    cover(first, first[:-1] + kept, named[order], end, bits, np.zeros(len(order), np.uint8), free, owner, used)
    return _List(owner=order[owner], free=free, used=used)
