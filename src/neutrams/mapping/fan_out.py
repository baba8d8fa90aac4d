"""Keep every neuron within its fan-out: copies of the tiles that compute it, or relays, whichever takes fewer cores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware import Chip
from neutrams.mapping.capacity import too_wide_state
from neutrams.mapping.partition import Tile
from neutrams.mapping.relay import relay_exact, relay_tiles
from neutrams.mapping.repeating import relay_weight
from neutrams.mapping.units import Units
from neutrams.neurons import find_model

MOST = 1 << 32
"""Readers of a signal are counted up to here: copies of copies grow as powers."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wiring:
    """The tiles of the program and what each of their axons reads.

    Attributes:
        tiles: In order; a copy is the same object again.
        reader: int64 ``[rows]``, the tile of each axon; the axons of all tiles one after another.
        signal: int64 ``[rows]``, the signal it carries.
        feed_tile: int64 ``[rows]``, the tile it reads; -1: an input channel.
        feed_column: int64 ``[rows]``, which neuron of that tile, or the number of the channel.
        home: int64 ``[signals, 2]``, (tile, column) of the first neuron that gives a signal.
    """

    tiles: tuple[Tile, ...]
    reader: IntArray
    signal: IntArray
    feed_tile: IntArray
    feed_column: IntArray
    home: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Copies:
    """What a network takes so that every neuron keeps to its fan-out.

    Attributes:
        tiles: The tiles that compute.
        counts: int64 ``[tiles]``, how often each is there.
        relays: Tiles that repeat signals.
        capped: Whether some counts stand for more, having reached `MOST` readers.
    """

    tiles: tuple[Tile, ...]
    counts: IntArray
    relays: tuple[Tile, ...]
    capped: bool = False


def plan_copies(tiles: Sequence[Tile], units: Units, chip: Chip) -> Copies:
    """Return how often each tile is needed, and the relays, within the chip's fan-out; the board is not asked.

    Input channels come from the host and may reach any number of axons.

    Raises:
        CapacityError: A state has too many readers.
    """
    return _Planner(tiles, units, chip).plan()


def wire(copies: Copies, units: Units) -> Wiring:
    """Return the tiles with their copies and relays, connected."""
    counts = copies.counts.tolist()
    keyed = [(tile.level, False, i, tile) for i, tile in enumerate(copies.tiles) for _ in range(counts[i])]
    keyed += [(tile.level, True, i, tile) for i, tile in enumerate(copies.relays)]
    return connect(tuple(tile for *_, tile in sorted(keyed, key=lambda k: k[:3])), units)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Group:
    """Tiles of one level and the same units, which do not read each other; their signals and sources joined.

    Those of states (with a lag) are planned last, but read by one axon each whatever happens: they are never copied.
    """

    members: IntArray
    signals: IntArray
    first: IntArray
    sources: IntArray
    rows: IntArray
    lag: int

    def needed(self, demand: IntArray, fan_out: int) -> IntArray:
        """How often each tile is needed where ``demand`` axons read each signal."""
        peaks = np.maximum.reduceat(demand[self.signals], self.first)
        return np.asarray(np.maximum(1, -(-peaks // fan_out)))

    def add_readers(self, demand: IntArray, copies: IntArray) -> None:
        """Count the axons of ``copies`` of each tile; more than `MOST` are `MOST`. States were counted first."""
        if self.lag:
            return
        np.add.at(demand, self.sources, np.repeat(copies, self.rows))
        demand[self.sources] = np.minimum(demand[self.sources], MOST)


def _group(tiles: Sequence[Tile], members: Sequence[int]) -> _Group:
    chosen = [tiles[i] for i in members]
    return _Group(
        members=np.array(members, dtype=np.int64),
        signals=np.concatenate([tile.signals for tile in chosen]),
        first=np.cumsum([0, *(len(tile.signals) for tile in chosen[:-1])]),
        sources=np.concatenate([tile.sources for tile in chosen]),
        rows=np.array([len(tile.sources) for tile in chosen], dtype=np.int64),
        lag=chosen[0].lag,
    )


class _Planner:
    """Works from the outputs back: when a group of tiles is planned, all its readers are known.

    Attributes:
        demand: int64 ``[signals]``, how many planned axons read each signal.
    """

    def __init__(self, tiles: Sequence[Tile], units: Units, chip: Chip) -> None:
        self.tiles, self.units, self.chip = tiles, units, chip
        self.demand = np.zeros(units.signals, dtype=np.int64)
        for tile in tiles:
            if tile.lag:
                np.add.at(self.demand, tile.sources, 1)
        self.copies = np.ones(len(tiles), dtype=np.int64)
        self.relays: list[Tile] = []
        self.exact = relay_exact(units, chip)
        self.capped = False

    def plan(self) -> Copies:
        """Return how many times each tile is needed, and the relay tiles."""
        found: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        for i, tile in enumerate(self.tiles):
            found.setdefault((-tile.level if not tile.lag else 1, tile.units), []).append(i)
        groups = [_group(self.tiles, found[key]) for key in sorted(found)]
        for done, group in enumerate(groups):
            self._plan_group(group, groups[done:])
        return Copies(tiles=tuple(self.tiles), counts=self.copies, relays=tuple(self.relays), capped=self.capped)

    def _plan_group(self, group: _Group, rest: Sequence[_Group]) -> None:
        self.capped |= bool(self.demand[group.signals].max() >= MOST)
        if self.demand[group.signals].max() > self.chip.core.fan_out:
            relays = self._relays(group.signals, self.tiles[group.members[0]])
            if group.lag and relays is None:
                raise too_wide_state(self.tiles[group.members[0]], self.units, self.chip)
            if relays is not None and (group.lag or self._worth(relays, rest)):
                self.demand = self._with(relays)
                self.relays.extend(relays)
        needed = group.needed(self.demand, self.chip.core.fan_out)
        self.copies[group.members] = needed
        group.add_readers(self.demand, needed)

    def _relays(self, signals: IntArray, like: Tile) -> list[Tile] | None:
        """Relay what has too many readers; where delays cannot make up for the tick lost, everything read."""
        if not self.exact:
            return None
        fan_out = self.chip.core.fan_out
        demand = self.demand[signals]
        chosen = demand > (fan_out if self.chip.board.max_delay > 1 else 0)
        model = find_model(self.units.model, "mapping, model", self.chip.neuron.definitions)
        weight = relay_weight(self.chip, model.mode)
        assert weight is not None
        return relay_tiles(signals[chosen], -(-demand[chosen] // fan_out), like, weight, self.chip)

    def _with(self, relays: Sequence[Tile]) -> IntArray:
        """Demand after ``relays`` took over all readers of what they repeat."""
        demand = self.demand.copy()
        for tile in relays:
            demand[tile.sources] = 1
        return demand

    def _worth(self, relays: Sequence[Tile], groups: Sequence[_Group]) -> bool:
        """Whether relays save more than they take, if ``groups`` (readers before sources) are copied."""
        fan_out, saved = self.chip.core.fan_out, 0
        copied, relayed = self.demand.copy(), self._with(relays)
        for group in groups:
            more, fewer = group.needed(copied, fan_out), group.needed(relayed, fan_out)
            saved += int((more - fewer).sum())
            if saved > len(relays):
                return True
            group.add_readers(copied, more)
            group.add_readers(relayed, fewer)
            copied[group.signals] = relayed[group.signals] = 0  # they are done with
            if np.array_equal(copied, relayed):
                break
        return False


def connect(tiles: tuple[Tile, ...], units: Units) -> Wiring:
    """Give each axon a source: readers of a signal, in order, share its copies (or relays) evenly and in turn."""
    rows = np.array([len(t.sources) for t in tiles], dtype=np.int64)
    reader = np.repeat(np.arange(len(tiles), dtype=np.int64), rows)
    signal = np.concatenate([t.sources for t in tiles])
    is_relay = np.array([t.relay for t in tiles])
    givers = np.repeat(np.arange(len(tiles), dtype=np.int64), [len(t.signals) for t in tiles])
    given = np.concatenate([t.signals for t in tiles])
    column = np.concatenate([np.arange(len(t.signals), dtype=np.int64) for t in tiles])
    relayed = np.zeros(units.signals, dtype=np.bool_)
    relayed[given[is_relay[givers]]] = True
    give_key = 2 * given + is_relay[givers]
    read_key = 2 * signal + (relayed[signal] & ~is_relay[reader])
    by_key = np.argsort(give_key, kind="stable")
    feed = by_key[_turn(give_key[by_key], read_key)]
    channel = signal < units.channels
    home = np.zeros((units.signals, 2), dtype=np.int64)
    first = by_key[np.searchsorted(give_key[by_key], 2 * np.arange(units.channels, units.signals))]
    home[units.channels :] = np.stack([givers[first], column[first]], axis=1)
    return Wiring(
        tiles=tiles,
        reader=reader,
        signal=signal,
        feed_tile=np.where(channel, -1, givers[feed]),
        feed_column=np.where(channel, signal, column[feed]),
        home=home,
    )


def _turn(give: IntArray, read: IntArray) -> IntArray:
    """For each reader, the index of its giver: rank * givers // readers within its key. ``give`` is sorted."""
    order = np.argsort(read, kind="stable")
    ranked = read[order]
    first = np.searchsorted(ranked, ranked)
    readers = np.searchsorted(ranked, ranked, side="right") - first
    start = np.searchsorted(give, ranked)
    givers = np.searchsorted(give, ranked, side="right") - start
    index = np.empty(len(read), dtype=np.int64)
    index[order] = np.minimum(start + (np.arange(len(read)) - first) * givers // readers, len(give) - 1)
    return index
