"""Keep every neuron within its fan-out: copies of the tiles that compute it, or relays, whichever takes fewer cores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware import Chip
from neutrams.mapping.capacity import alive_cores, too_many_tiles
from neutrams.mapping.partition import Tile
from neutrams.mapping.relay import relay_exact, relay_tiles, relay_weight
from neutrams.mapping.units import Units
from neutrams.neurons import find_model


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


def wire(tiles: Sequence[Tile], units: Units, chip: Chip) -> Wiring:
    """Return the tiles, with the copies and relays they need, connected within the chip's fan-out.

    Input channels come from the host and may reach any number of axons.

    Raises:
        CapacityError: More tiles than the board has cores.
    """
    copies, relays = _Planner(tiles, units, chip).plan()
    keyed = [(tile.level, False, i, tile) for i, tile in enumerate(tiles) for _ in range(copies[i])]
    keyed += [(tile.level, True, i, tile) for i, tile in enumerate(relays)]
    ordered = tuple(tile for *_, tile in sorted(keyed, key=lambda k: k[:3]))
    return _connect(ordered, units)


class _Planner:
    """Works from the outputs back: when a group of tiles is planned, all its readers are known.

    Attributes:
        demand: int64 ``[signals]``, how many planned axons read each signal.
    """

    def __init__(self, tiles: Sequence[Tile], units: Units, chip: Chip) -> None:
        self.tiles, self.units, self.chip = tiles, units, chip
        self.demand = np.zeros(units.signals, dtype=np.int64)
        self.copies = [1] * len(tiles)
        self.relays: list[Tile] = []
        self.exact = relay_exact(units, chip)
        self.limit = alive_cores(chip)

    def plan(self) -> tuple[list[int], list[Tile]]:
        """Return how many times each tile is needed, and the relay tiles."""
        groups: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        for i, tile in enumerate(self.tiles):
            groups.setdefault((-tile.level, tile.units), []).append(i)
        order = sorted(groups)
        for done, key in enumerate(order):
            later = [i for k in order[done + 1 :] for i in groups[k]]
            self._plan_group(groups[key], later)
            if sum(self.copies) + len(self.relays) > self.limit:
                raise too_many_tiles(self._counted(), self.units, self.chip)
        return self.copies, self.relays

    def _plan_group(self, members: list[int], later: list[int]) -> None:
        signals = np.concatenate([self.tiles[i].signals for i in members])
        if self.demand[signals].max() > self.chip.core.fan_out:
            relays = self._relays(signals, self.tiles[members[0]])
            if relays is not None:
                relayed = self._with(relays)
                saved = self._cost(self.demand, members + later) - self._cost(relayed, members + later)
                if saved > len(relays):
                    self.demand = relayed
                    self.relays.extend(relays)
        for i in members:
            self.copies[i] = self._needed(i, self.demand)
            np.add.at(self.demand, self.tiles[i].sources, self.copies[i])

    def _relays(self, signals: IntArray, like: Tile) -> list[Tile] | None:
        """Relay what has too many readers; where delays cannot make up for the tick lost, everything read."""
        if not self.exact:
            return None
        fan_out = self.chip.core.fan_out
        demand = self.demand[signals]
        chosen = demand > (fan_out if self.chip.board.max_delay > 1 else 0)
        weight = relay_weight(self.chip, find_model(self.units.model, "mapping, model").mode)
        assert weight is not None
        return relay_tiles(signals[chosen], -(-demand[chosen] // fan_out), like, weight, self.chip)

    def _with(self, relays: Sequence[Tile]) -> IntArray:
        """Demand after ``relays`` took over all readers of what they repeat."""
        demand = self.demand.copy()
        for tile in relays:
            demand[tile.sources] = 1
        return demand

    def _needed(self, i: int, demand: IntArray) -> int:
        return max(1, -(-int(demand[self.tiles[i].signals].max()) // self.chip.core.fan_out))

    def _cost(self, demand: IntArray, members: Sequence[int]) -> int:
        """Cores that ``members`` (readers before sources) take if everything is copied."""
        demand = demand.copy()
        total = 0
        for i in members:
            needed = self._needed(i, demand)
            np.add.at(demand, self.tiles[i].sources, needed)
            total += needed
        return total

    def _counted(self) -> list[tuple[Tile, int]]:
        return [*zip(self.tiles, self.copies, strict=True), *((tile, 1) for tile in self.relays)]


def _connect(tiles: tuple[Tile, ...], units: Units) -> Wiring:
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
