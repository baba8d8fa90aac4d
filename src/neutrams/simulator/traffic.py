"""Flits on the links of a board, from the routes of a program and what its sources sent."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neutrams.base.arrays import FloatArray, IntArray, distinct
from neutrams.hardware import Board, Chip
from neutrams.program import Program, RouteTable
from neutrams.simulator.result import Activity


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the network on chip carries, per sample.

    Attributes:
        link_from: int64 ``[links]``, each link in use once.
        link_to: int64 ``[links]``.
        crossing: bool ``[links]``, whether it joins two chips.
        along_y: bool ``[links]``, whether it goes along y within a chip.
        link_s: float64 ``[links]``, time to pass it, and that a flit occupies it [s].
        flits: float64 ``[links]``, flits over it.
        injected: Flits that enter the network; what stays at its router does not.
        words: Words or spikes sent to other cores, also where they pass no link; one a destination where multicast
            copies.
        path_s: Time of the longest path, free of waiting [s].
    """

    link_from: IntArray
    link_to: IntArray
    crossing: npt.NDArray[np.bool_]
    along_y: npt.NDArray[np.bool_]
    link_s: FloatArray
    flits: FloatArray
    injected: float
    words: float
    path_s: float


def traffic_of(program: Program, activity: Activity) -> Traffic:
    """Return the flits of each link: every source sends all its words or spikes over all links of its flow.

    A link of a flow counts as often as the route table lists it (once in a tree, once a destination where multicast
    copies).
    """
    routes, board = program.routes, Board.of(program.chip)
    flow = np.repeat(np.arange(len(routes.tile)), np.diff(routes.links))
    start, end = routes.link_from, routes.link_to
    words = _flow_flits(program, activity)
    links, which = np.unique(start * board.routers + end, return_inverse=True)
    link_from, link_to = np.divmod(links, board.routers)
    leaving = ~np.isin(flow * board.routers + start, flow * board.routers + end)
    copies = flow[leaving] if program.chip.board.multicast == "copy" else distinct(flow)
    sender, _ = words_between_cores(program)
    senders = sender if program.chip.board.multicast == "copy" else distinct(sender)
    inject_s = program.chip.technology.number("inject_s") if len(senders) else 0.0
    return Traffic(
        link_from=link_from,
        link_to=link_to,
        crossing=~board.same_chip(link_from, link_to),
        along_y=board.along_y(link_from, link_to) & board.same_chip(link_from, link_to),
        link_s=link_times(program.chip, link_from, link_to),
        flits=np.bincount(which, weights=words[flow], minlength=len(links)).astype(np.float64),
        injected=float(words[copies].sum()),
        words=float(activity.sent[senders].sum()) / activity.samples,
        path_s=inject_s + _longest_path(program.chip, flow, start, end),
    )


def words_between_cores(program: Program) -> tuple[IntArray, IntArray]:
    """Return the neuron and the target core of each word that leaves its core, int64, ascending by both."""
    tiles, source = program.tiles, program.axons.source
    inside = source >= 0
    cores = int(tiles.core.max(initial=0)) + 1
    reader = np.repeat(tiles.core, np.diff(tiles.axons))[inside]
    sender, target = np.divmod(distinct(source[inside] * cores + reader), cores)
    away = np.repeat(tiles.core, np.diff(tiles.neurons))[sender] != target
    return sender[away], target[away]


def routers_in_use(program: Program) -> IntArray:
    """Return the routers that serve a tile or are passed by a link, int64, ascending."""
    routes, home = program.routes, Board.of(program.chip).router_of(program.tiles.core)
    return distinct(np.concatenate([home, routes.link_from, routes.link_to]))


def passing_times(chip: Chip) -> tuple[float, float, float]:
    """Time a flit takes to pass, and occupies, a link along x, one along y, and one between chips [s].

    ``link_s``, ``link_y_s`` or ``chip_link_s``, times the flit's width over that of the link, rounded up.
    """
    noc, number = chip.noc, chip.technology.number
    near, far = (-(-noc.flit_bits // bits) if bits else 1 for bits in (noc.link_bits, noc.chip_link_bits))
    return number("link_s") * near, number("link_y_s") * near, number("chip_link_s") * far


def link_times(chip: Chip, start: IntArray, stop: IntArray) -> FloatArray:
    """Time a flit takes to pass, and occupies, the links between routers, float64 ``[links]`` [s].

    That of `passing_times`, times the link's own factor.
    """
    board, (x_s, y_s, far_s) = Board.of(chip), passing_times(chip)
    near_s = np.where(board.along_y(start, stop), y_s, x_s)
    return np.where(board.same_chip(start, stop), near_s, far_s) * board.slowness(start, stop)


def flits_per_word(chip: Chip, value_bits: int) -> int:
    """Flits one word takes: ceil((value + address) / flit_bits); the address is the core's number and the axon's.

    A spike is a word without value. So one flit does wherever ``flit_bits`` holds value and address.
    """
    cores = Board.of(chip).cores
    address_bits = (cores - 1).bit_length() + (chip.core.axons - 1).bit_length()
    return max(1, -(-(value_bits + address_bits) // chip.noc.flit_bits))


def _flow_flits(program: Program, activity: Activity) -> FloatArray:
    """Flits per sample each flow sends over each of its links, float64 ``[flows]``."""
    routes: RouteTable = program.routes
    signal = program.chip.signal
    neuron_bits = signal.output_bits if program.mode == "ann" else 0
    sent = activity.sent * flits_per_word(program.chip, neuron_bits)
    received = activity.received * _channel_flits(program)
    flits = np.concatenate([received[::-1], sent])[routes.source + len(received)]
    flow = np.repeat(np.arange(len(routes.tile)), np.diff(routes.sources))
    return np.bincount(flow, weights=flits, minlength=len(routes.tile)) / activity.samples


def _channel_flits(program: Program) -> IntArray:
    """Flits of one word of each input channel, int64 ``[channels]``."""
    signal = program.chip.signal
    flits = np.ones(program.channels, dtype=np.int64)
    for port in program.inputs:
        level_bits = signal.current_bits if port.code == "level" and port.high > 1 else 0
        bits = signal.input_bits if program.mode == "ann" else level_bits
        flits[port.first : port.first + len(port.element)] = flits_per_word(program.chip, bits)
    return flits


def _longest_path(chip: Chip, flow: IntArray, start: IntArray, end: IntArray) -> float:
    """Latest first arrival over all flows [s]: relaxation along the links of all flows, from where each begins."""
    if not len(flow):
        return 0.0
    routers = Board.of(chip).routers
    step_s = chip.technology.router_s.value + link_times(chip, start, end)
    codes = np.concatenate([flow * routers + start, flow * routers + end])
    nodes, number = np.unique(codes, return_inverse=True)
    tail, head = number[: len(flow)], number[len(flow) :]
    arrival = np.where(np.isin(np.arange(len(nodes)), head), np.inf, 0.0)
    while True:
        relaxed = arrival.copy()
        np.minimum.at(relaxed, head, arrival[tail] + step_s)
        if np.array_equal(relaxed, arrival):
            return float(arrival[np.isfinite(arrival)].max(initial=0.0))
        arrival = relaxed
