"""The network of a board below the tick: the words of a tick in, the cycle in which each has arrived out."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from neutrams.base.arrays import BoolArray, IntArray
from neutrams.base.errors import SpecError
from neutrams.hardware import Board, Chip
from neutrams.hardware.clock import clock_s, cycles_of
from neutrams.program import Program
from neutrams.simulator.cycle.routes import FEWEST_ROUTER_CYCLES, plant, router_cycles, wires_of
from neutrams.simulator.cycle.work import Words
from neutrams.simulator.noc import Noc, PacketTable, RouterSpec, check_trees_deadlock_free
from neutrams.simulator.traffic import passing_times, words_between_cores

END_CYCLES = 3
"""From a core into its router, and from the last router into a core."""

MOST_ROUTER_CYCLES, MOST_LINK_CYCLES = 67, 1 << 12
"""What a router and a link may take [cycle]."""

NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delivery:
    """What became of the words of some ticks; peaks and links are those of all of these ticks together.

    Attributes:
        arrived: int64 ``[words]``, cycle of its tick in which the last flit of each had arrived.
        routers: int64 ``[routers]``, numbers of the routers in use; none on a bus.
        peak: int64 ``[routers]``, the most flits in the buffers of each.
        links: int64 ``[links, 2]``, routers that each link in use leaves and enters; one may stand here more than
            once.
        flits: int64 ``[links]``, flits over each.
        stall: int64 ``[words]``, cycles for which a full output queue had held up its core when each was made; none
            where queues hold any number.
    """

    arrived: IntArray
    routers: IntArray = field(default_factory=lambda: NONE)
    peak: IntArray = field(default_factory=lambda: NONE)
    links: IntArray = field(default_factory=lambda: NONE.reshape(0, 2))
    flits: IntArray = field(default_factory=lambda: NONE)
    stall: IntArray = field(default_factory=lambda: NONE)


class Network(Protocol):
    """What takes words from core to core."""

    def deliver(self, words: Words) -> Delivery:
        """Return when each word arrives; every tick begins with an empty network."""
        ...


def network_of(program: Program) -> Network:
    """Return the network of the program's board: routers, or buses."""
    return Bus(program.chip) if program.chip.board.topology == "bus" else Routers(program)


class Routers:
    """Wormhole routers with virtual channels on any topology; words take the links of the program's route tables.

    A neuron's word is one packet to all cores that read it, which routers replicate (``board.multicast = tree``), or
    one a core, to one after another. Each core is a node of its router. A router takes ``router_s``, at least
    `FEWEST_ROUTER_CYCLES`, which links then take less; a link its time (`neutrams.simulator.traffic.link_times`), and
    then lets the next flit in. ``inject_s`` holds the way in and out and one router.

    Raises:
        SpecError: Routes do not lead where words must go, or could wait for each other in a circle.
    """

    def __init__(self, program: Program) -> None:
        chip, noc = program.chip, program.chip.noc
        self._wires = wires_of(program)
        self._trees, flow, serves, self._tree = plant(program, self._wires)
        if self._trees is not None:
            check_trees_deadlock_free(self._trees)
        board = Board.of(chip)
        self._chip = chip
        self._links = np.stack(np.divmod(self._wires.link, board.routers), axis=1)
        self._leaving = np.searchsorted(self._wires.routers, self._links[:, 0])
        cycles = router_cycles(chip)
        slowest = int(self._wires.topology.latency.max(initial=0))
        for key, taken, most in (("router_s", cycles, MOST_ROUTER_CYCLES), ("link_s", slowest, MOST_LINK_CYCLES)):
            if taken > most:
                raise _too_slow(chip, key, taken, most)
        self._inject = max(0, cycles_of(chip.technology.number("inject_s"), clock_s(chip)) - END_CYCLES - cycles)
        self._router = RouterSpec(
            vcs=noc.virtual_channels,
            buffer_flits=noc.buffer_flits,
            route_cycles=cycles - FEWEST_ROUTER_CYCLES,
            queue_packets=noc.output_queue,
        )
        self._noc = Noc(self._wires.topology, self._router) if self._trees is not None else None
        sender, target = words_between_cores(program)
        self._place = np.searchsorted(serves, flow[sender] * board.cores + target)

    def deliver(self, words: Words) -> Delivery:
        """Return when each word arrives; every tick begins with an empty network."""
        wires, trees, tree = self._wires, self._trees, self._tree
        if trees is None or self._noc is None or not len(words):
            return self._delivery(NONE)
        self._check_fits(int(words.flits.max()), bool(trees.splits.any()))
        target = self._place[words.pair]
        of_word = tree[target]
        begins = _changes(words.tick, words.sender, of_word)
        first, packet = np.flatnonzero(begins), np.cumsum(begins) - 1
        created, flits = words.created[first] + self._inject, words.flits[first]
        packets = PacketTable.along(trees, of_word[first], flits=flits, created=created, wave=words.tick[first])
        result = self._noc.run(packets)
        assert result.delivered == len(packets), "ways without deadlock leave no packet behind"
        arrived = result.arrived[packets.first_arrival[packet] + target - trees.begin[of_word]]
        flits = result.link_flits[self._leaving, wires.port]
        stall = (result.created - created)[packet] if self._router.queue_packets else NONE
        return self._delivery(arrived, peak=result.peak_flits, flits=flits, stall=stall)

    def _check_fits(self, flits: int, splits: bool) -> None:
        room = self._router.buffer_flits
        if splits and flits > room:
            raise SpecError(
                f"a word takes {flits} flits, noc.buffer_flits is {room}: routers replicate what fits a buffer",
                where="simulate, level cycle",
                fix=f"set noc.buffer_flits to {flits} and above, a wider noc.flit_bits, or board.multicast=copy",
            )

    def _delivery(self, arrived: IntArray, **counted: IntArray) -> Delivery:
        nothing = {"peak": self._wires.routers, "flits": self._wires.link}
        return Delivery(
            arrived=arrived,
            routers=self._wires.routers,
            links=self._links,
            **({name: np.zeros_like(like) for name, like in nothing.items()} | counted),
        )


class Bus:
    """One bus a chip, and one between chips: first come, first served, a flit in the time of a link.

    Cores of one router need none. Where the chip replicates words in its network, one transfer serves all cores of a
    router.
    """

    def __init__(self, chip: Chip) -> None:
        self._board, self._multicast = Board.of(chip), chip.board.multicast == "tree"
        period = clock_s(chip)
        near_s, _, far_s = passing_times(chip)
        self.near, self.far = cycles_of(near_s, period), cycles_of(far_s, period)
        self.router = cycles_of(float(chip.technology.router_s.value), period)
        self.inject = cycles_of(chip.technology.number("inject_s"), period)

    def deliver(self, words: Words) -> Delivery:
        """Return when each word arrives; every tick begins with idle buses."""
        source, target = self._board.router_of(words.source), self._board.router_of(words.target)
        alone = _changes(words.tick, words.sender, target)
        transfer = np.cumsum(alone | (not self._multicast)) - 1
        first = np.searchsorted(transfer, np.arange(int(transfer[-1]) + 1 if len(words) else 0))
        source, target, created = source[first], target[first], words.created[first]
        near = self._board.same_chip(source, target)
        lane = np.where(near, self._board.ways.chip(source), -1) + words.tick[first] * (self._board.chips + 1)
        taken = words.flits[first] * np.where(near, self.near, self.far)
        arrived = created + self.inject + self.router
        for bus in np.unique(lane):
            own = np.flatnonzero((lane == bus) & (source != target))
            busy = np.cumsum(taken[own])
            waited = np.maximum.accumulate(created[own] + self.inject - (busy - taken[own]))
            arrived[own] = busy + waited + self.router
        links, sent = np.stack([source, target], axis=1), source != target
        return Delivery(arrived=arrived[transfer], links=links[sent], flits=words.flits[first][sent])


def _changes(*columns: IntArray) -> BoolArray:
    """Return in which rows any column holds another value than the row before, bool; the first one is such a row."""
    changed = np.ones(len(columns[0]), dtype=np.bool_)
    changed[1:] = np.any([np.diff(column) != 0 for column in columns], axis=0)
    return changed


def _too_slow(chip: Chip, key: str, cycles: int, most: int) -> SpecError:
    return SpecError(
        f"technology.{key} takes {cycles} cycles of {clock_s(chip):.3g} s, allowed are {most}"
        + (
            " (of the slowest link: link_y_s, chip_link_s, noc.link_bits and board.links count too)" * (key == "link_s")
        ),
        where=f"chip {chip.name!r}, level cycle",
        fix="set a longer tick.cycle_s, or a shorter time",
    )
