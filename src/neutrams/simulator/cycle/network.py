"""The network of a board below the tick: the words of a tick in, the cycle in which each has arrived out."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from neutrams.base.arrays import IntArray
from neutrams.hardware import Board, Chip
from neutrams.hardware.clock import clock_s, cycles_of
from neutrams.program import Program
from neutrams.simulator.cycle.work import Words
from neutrams.simulator.noc import PacketTable, RouterSpec, Topology, route_table, simulate_packets
from neutrams.simulator.traffic import link_times

FEWEST_ROUTER_CYCLES = 3
"""A router allocates a channel, allocates the switch, and passes it: it cannot take less."""

END_CYCLES = 3
"""From a core into its router, and from the last router into a core."""

STEPS = ((1, 0), (-1, 0), (0, 1), (0, -1))
"""Where ports 0 to 3 of a router lead, (x, y); port 4 is its core."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delivery:
    """What became of the words of a tick.

    Attributes:
        arrived: int64 ``[words]``, cycle of the tick in which the last flit of each had arrived.
        peak: int64 ``[routers]``, the most flits in a router's buffers, of the cores in ``routers``.
        routers: int64 ``[routers]``, their cores; none on a bus.
        links: int64 ``[links, 2]``, cores that links lead from and to; one may stand here more than once.
        flits: int64 ``[links]``, flits that went over each.
    """

    arrived: IntArray
    peak: IntArray
    routers: IntArray
    links: IntArray
    flits: IntArray


class Network(Protocol):
    """What takes words from core to core."""

    def deliver(self, words: Words) -> Delivery:
        """Return when each word of a tick arrives; nothing is left over from the tick before."""
        ...


def network_of(program: Program) -> Network:
    """Return the network of the program's board: a mesh of routers, or buses."""
    return Bus(program.chip) if program.chip.board.topology == "bus" else Mesh(program)


class Mesh:
    """Wormhole routers with virtual channels, dimension order (`neutrams.hardware.Board.path`).

    Routers are those of the smallest box around all tiles, which paths do not leave. A word to several cores goes as
    one packet each, also where the chip's network replicates flits. A router takes ``router_s``, at least
    `FEWEST_ROUTER_CYCLES`, which links then take less; a link its time, also one between chips, which lets a flit in
    every cycle all the same. ``inject_s`` holds the way in and out and one router.
    """

    def __init__(self, program: Program) -> None:
        chip, board = program.chip, Board.of(program.chip)
        self._cores = _box(board, program.tiles.core)
        period, neighbor = clock_s(chip), self._neighbors(board)
        router = cycles_of(chip.technology.number("router_s"), period)
        cycles = max(FEWEST_ROUTER_CYCLES, router)
        self._inject = max(0, cycles_of(chip.technology.number("inject_s"), period) - END_CYCLES - cycles)
        self._topology = Topology(
            name=f"board of {chip.name}",
            neighbor=neighbor,
            entry=np.tile([1, 0, 3, 2, 0], (len(self._cores), 1)),
            latency=np.maximum(1, self._link_cycles(chip, neighbor) - (cycles - router)),
            node_router=np.arange(len(self._cores)),
            node_port=np.full(len(self._cores), 4),
            routes=route_table(self._next_ports(board)),
            class_count=1,
            ring=np.full((len(self._cores), 5), -1),
        )
        self._router = RouterSpec(
            vcs=chip.noc.virtual_channels,
            buffer_flits=chip.noc.buffer_flits,
            route_cycles=cycles - FEWEST_ROUTER_CYCLES,
        )
        self._joined = neighbor >= 0
        start, port = np.nonzero(self._joined)
        self._links = np.stack([self._cores[start], self._cores[neighbor[start, port]]], axis=1)

    def _link_cycles(self, chip: Chip, neighbor: IntArray) -> IntArray:
        """Return what the link behind each port takes, int64 ``[R, 5]``; anything where there is none."""
        start, end = np.broadcast_arrays(self._cores[:, None], self._cores[np.maximum(neighbor, 0)])
        taken = link_times(chip, start.ravel(), end.ravel()) / clock_s(chip)
        return np.ceil(taken - 1e-6).astype(np.int64).reshape(neighbor.shape)

    def _neighbors(self, board: Board) -> IntArray:
        """Return the router behind each port, int64 ``[R, 5]``; -1 where there is none."""
        x, y = board.position(self._cores)
        found = np.full((len(self._cores), 5), -1, dtype=np.int64)
        for port, (dx, dy) in enumerate(STEPS):
            there = board.core_at(x + dx, y + dy)
            place = np.minimum(np.searchsorted(self._cores, there), len(self._cores) - 1)
            found[:, port] = np.where(self._cores[place] == there, place, -1)
        return found

    def _next_ports(self, board: Board) -> npt.NDArray[np.int16]:
        """Return the port for a packet at a router to a node, int16 ``[R, N]``, as `Board.path` goes."""
        x, y = board.position(self._cores)
        full = board.chips // board.side * board.rows
        dx, dy = np.sign(x[None] - x[:, None]), np.sign(y[None] - y[:, None])
        y_first = (y[None] < full) & (y[:, None] >= full)
        along_x, along_y = np.where(dx > 0, 0, 1), np.where(dy > 0, 2, 3)
        ports = np.where((dx != 0) & ~(y_first & (dy != 0)), along_x, np.where(dy != 0, along_y, 4))
        return ports.astype(np.int16)

    def deliver(self, words: Words) -> Delivery:
        """Return when each word of a tick arrives; nothing is left over from the tick before."""
        source, target = (np.searchsorted(self._cores, core) for core in (words.source, words.target))
        packets = PacketTable.of(source, target, flits=words.flits, created=words.created + self._inject)
        result = simulate_packets(self._topology, self._router, packets)
        assert result.delivered == len(words), "dimension order leaves no packet behind"
        return Delivery(
            arrived=result.tail,
            peak=result.peak_flits,
            routers=self._cores,
            links=self._links,
            flits=result.link_flits[self._joined],
        )


def _box(board: Board, cores: IntArray) -> IntArray:
    """Return the cores of the smallest box that holds ``cores``, ascending."""
    x, y = board.position(cores)
    across, along = np.meshgrid(np.arange(x.min(), x.max() + 1), np.arange(y.min(), y.max() + 1))
    found = np.unique(board.core_at(across, along))
    return found[found >= 0]


class Bus:
    """One bus a chip, and one between chips: first come, first served, a flit in the time of a link."""

    def __init__(self, chip: Chip) -> None:
        self._board, technology = Board.of(chip), chip.technology
        period = clock_s(chip)
        figures = (technology.link_s, technology.chip_link_s, technology.router_s)
        self.near, self.far, self.router = (cycles_of(float(figure.value), period) for figure in figures)
        self.inject = cycles_of(technology.number("inject_s"), period)

    def deliver(self, words: Words) -> Delivery:
        """Return when each word of a tick arrives; nothing is left over from the tick before."""
        near = self._board.same_chip(words.source, words.target)
        lane = np.where(near, self._board.chip_of(words.source), -1)
        taken = words.flits * np.where(near, self.near, self.far)
        arrived = np.zeros(len(words), dtype=np.int64)
        for bus in np.unique(lane):
            own = np.flatnonzero(lane == bus)
            busy = np.cumsum(taken[own])
            waited = np.maximum.accumulate(words.created[own] + self.inject - (busy - taken[own]))
            arrived[own] = busy + waited + self.router
        none = np.zeros(0, dtype=np.int64)
        links = np.stack([words.source, words.target], axis=1)
        return Delivery(arrived=arrived, peak=none, routers=none, links=links, flits=words.flits)
