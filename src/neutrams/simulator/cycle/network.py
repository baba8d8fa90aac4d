"""The network of a board below the tick: the words of a tick in, the cycle in which each has arrived out."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from neutrams.base.arrays import IntArray
from neutrams.hardware import Board, Chip
from neutrams.program import Program
from neutrams.simulator.cycle.work import Words, clock_s, cycles_of
from neutrams.simulator.noc import PacketTable, RouterSpec, Topology, route_table, simulate_packets

FEWEST_ROUTER_CYCLES = 3
"""A router allocates a channel, allocates the switch, and passes it: it cannot take less."""

STEPS = ((1, 0), (-1, 0), (0, 1), (0, -1))
"""Where ports 0 to 3 of a router lead, (x, y); port 4 is its core."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delivery:
    """What became of the words of a tick.

    Attributes:
        arrived: int64 ``[words]``, cycle of the tick in which the last flit of each had arrived.
        peak: int64 ``[routers]``, the most flits in a router's buffers, of the cores in ``routers``.
        routers: int64 ``[routers]``, their cores; none on a bus.
    """

    arrived: IntArray
    peak: IntArray
    routers: IntArray


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
    `FEWEST_ROUTER_CYCLES`; a link its time, also one between chips, which lets a flit in every cycle all the same.
    """

    def __init__(self, program: Program) -> None:
        chip, board = program.chip, Board.of(program.chip)
        self._cores = _box(board, program.tiles.core)
        period, technology = clock_s(chip), chip.technology
        near, far = (max(1, cycles_of(float(f.value), period)) for f in (technology.link_s, technology.chip_link_s))
        neighbor = self._neighbors(board)
        far_away = ~board.same_chip(self._cores[:, None], self._cores[np.maximum(neighbor, 0)])
        self._topology = Topology(
            name=f"board of {chip.name}",
            neighbor=neighbor,
            entry=np.tile([1, 0, 3, 2, 0], (len(self._cores), 1)),
            latency=np.where(far_away, far, near),
            node_router=np.arange(len(self._cores)),
            node_port=np.full(len(self._cores), 4),
            routes=route_table(self._next_ports(board)),
            class_count=1,
            ring=np.full((len(self._cores), 5), -1),
        )
        cycles = max(FEWEST_ROUTER_CYCLES, cycles_of(float(technology.router_s.value), period))
        self._router = RouterSpec(
            vcs=chip.noc.virtual_channels,
            buffer_flits=chip.noc.buffer_flits,
            route_cycles=cycles - FEWEST_ROUTER_CYCLES,
        )

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
        packets = PacketTable.of(source, target, flits=words.flits, created=words.created)
        result = simulate_packets(self._topology, self._router, packets)
        assert result.delivered == len(words), "dimension order leaves no packet behind"
        return Delivery(arrived=result.tail, peak=result.peak_flits, routers=self._cores)


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

    def deliver(self, words: Words) -> Delivery:
        """Return when each word of a tick arrives; nothing is left over from the tick before."""
        near = self._board.same_chip(words.source, words.target)
        lane = np.where(near, self._board.chip_of(words.source), -1)
        taken = words.flits * np.where(near, self.near, self.far)
        arrived = np.zeros(len(words), dtype=np.int64)
        for bus in np.unique(lane):
            own = np.flatnonzero(lane == bus)
            busy = np.cumsum(taken[own])
            waited = np.maximum.accumulate(words.created[own] - (busy - taken[own]))
            arrived[own] = busy + waited + self.router
        none = np.zeros(0, dtype=np.int64)
        return Delivery(arrived=arrived, peak=none, routers=none)
