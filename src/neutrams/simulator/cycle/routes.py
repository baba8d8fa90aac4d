"""From the route tables of a program to routers, links and trees of the network below the tick."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import SpecError
from neutrams.hardware import Board, Chip
from neutrams.hardware.clock import clock_s, cycles_of
from neutrams.program import Program
from neutrams.simulator.noc import Topology, TreeLinks, Trees
from neutrams.simulator.schedule import schedule
from neutrams.simulator.traffic import link_times

FEWEST_ROUTER_CYCLES = 3
"""A router allocates a channel, allocates the switch, and passes it: it cannot take less."""


def router_cycles(chip: Chip) -> int:
    """Return how many cycles a router takes: ``router_s``, but `FEWEST_ROUTER_CYCLES` at least."""
    return max(FEWEST_ROUTER_CYCLES, cycles_of(chip.technology.number("router_s"), clock_s(chip)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wires:
    """The routers and links that a program uses, as a network without routes.

    Attributes:
        topology: Routers in the order of their numbers; nodes are the cores that hold a tile, in order.
        routers: int64 ``[R]``, number of each on the board.
        cores: int64 ``[N]``, core of each node.
        link: int64 ``[links]``, start * routers of the board + stop of each link, ascending.
        port: int64 ``[links]``, output port of each.
    """

    topology: Topology
    routers: IntArray
    cores: IntArray
    link: IntArray
    port: IntArray


def wires_of(program: Program) -> Wires:
    """Return the network of the links that a program's routes name: ports of a router in the order of where they lead.

    A flit needs its time to pass a link, and the next one may enter it only then (`link_times`); what a router takes
    more than ``router_s`` is taken off the way.
    """
    board, routes, cores = Board.of(program.chip), program.routes, np.unique(program.tiles.core)
    link = np.unique(routes.link_from * board.routers + routes.link_to)
    start, stop = np.divmod(link, board.routers)
    at = board.router_of(cores)
    routers = np.unique(np.concatenate([start, stop, at]))
    a, b, home = (np.searchsorted(routers, side) for side in (start, stop, at))
    out, into = _ranks(a), _ranks(b)
    base = 1 + int(max(out.max(initial=-1), into.max(initial=-1)))
    node_port = base + _ranks(home)
    neighbor = np.full((len(routers), 1 + int(node_port.max())), -1, dtype=np.int64)
    entry, cycles = np.zeros_like(neighbor), np.ones_like(neighbor)
    neighbor[a, out], entry[a, out] = b, into
    period = clock_s(program.chip)
    cycles[a, out] = [max(1, cycles_of(t, period)) for t in link_times(program.chip, start, stop).tolist()]
    more = router_cycles(program.chip) - cycles_of(program.chip.technology.number("router_s"), period)
    topology = Topology(
        name=f"board of {program.chip.name}",
        neighbor=neighbor,
        entry=entry,
        latency=np.maximum(1, cycles - more),
        interval=cycles if (cycles > 1).any() else 1,
        node_router=home,
        node_port=node_port,
        routes=(),
        class_count=board.ways.class_count,
        ring=np.full_like(neighbor, -1),
    )
    return Wires(topology=topology, routers=routers, cores=cores, link=link, port=out)


def _ranks(group: IntArray) -> IntArray:
    """int64, how many entries of the same group stand before each one."""
    order = np.argsort(group, kind="stable")
    begins = np.searchsorted(group[order], group[order])
    rank = np.empty(len(group), dtype=np.int64)
    rank[order] = np.arange(len(group)) - begins
    return rank


class Planted(NamedTuple):
    """The trees that words take.

    Attributes:
        trees: A tree for each flow, or each flow and core where multicast copies; None where nothing is sent.
        flow: int64 ``[neurons]``, flow each neuron sends by; -1 for none.
        serves: int64 ``[targets]``, flow * cores + core of each target of all trees, ascending.
        tree: int64 ``[targets]``, its tree.
    """

    trees: Trees | None
    flow: IntArray
    serves: IntArray
    tree: IntArray


def plant(program: Program, wires: Wires) -> Planted:
    """Return the trees of a program's flows, with targets for all cores that read them.

    Raises:
        SpecError: The routes do not lead where words must go.
    """
    board, routes, cores = Board.of(program.chip), program.routes, program.tiles.core
    flow = np.full(len(program.neurons), -1, dtype=np.int64)
    of_source = np.repeat(np.arange(len(routes.tile)), np.diff(routes.sources))
    flow[routes.source[routes.source >= 0]] = of_source[routes.source >= 0]
    inside = program.axons.source >= 0
    source, core = program.axons.source[inside], cores[schedule(program).tile[inside]]
    home = cores[np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.neurons))]
    away = core != home[source]
    if (flow[source[away]] < 0).any():
        raise _unrouted(f"no flow sends neuron {int(source[away][flow[source[away]] < 0][0])}")
    serves = np.unique(flow[source[away]] * board.cores + core[away])
    if not len(serves):
        return Planted(None, flow, serves, serves)
    ends = _Served(*np.divmod(serves, board.cores), root=cores[np.maximum(routes.tile, 0)])
    tree, links = (_multicast if program.chip.board.multicast == "tree" else _copies)(program, board, ends)
    trees = _trees(program, wires, ends, tree, links)
    return Planted(trees, flow, serves, tree)


class _Served(NamedTuple):
    """Flows and the cores they serve: one entry each; and the core each flow begins at."""

    flow: IntArray
    core: IntArray
    root: IntArray


def _multicast(program: Program, board: Board, ends: _Served) -> tuple[IntArray, IntArray]:
    """Return (the tree of each entry, the tree of each link or -1): one a flow."""
    used, tree = np.unique(ends.flow, return_inverse=True)
    number = np.full(len(program.routes.tile), -1, dtype=np.int64)
    number[used] = np.arange(len(used))
    return tree, np.repeat(number, np.diff(program.routes.links))


def _copies(program: Program, board: Board, ends: _Served) -> tuple[IntArray, IntArray]:
    """Return (the tree of each entry, the tree of each link or -1): one an entry, along the flow's path to its router.

    Where several cores of a router are served, they take the paths there in order.
    """
    routes = program.routes
    flow = np.repeat(np.arange(len(routes.tile)), np.diff(routes.links))
    last = np.append((routes.link_to[:-1] != routes.link_from[1:]) | (np.diff(flow) != 0), True)[: len(flow)]
    path = np.cumsum(last) - last
    stop = flow[last] * board.routers + routes.link_to[last]
    router = board.router_of(ends.core)
    wanted = ends.flow * board.routers + router
    far = np.flatnonzero(router != board.router_of(ends.root)[ends.flow])
    by_stop, by_wish = np.argsort(stop, kind="stable"), far[np.argsort(wanted[far], kind="stable")]
    if not np.array_equal(stop[by_stop], wanted[by_wish]):
        raise _unrouted("flows have more or fewer paths than cores they serve")
    number = np.full(len(by_stop), -1, dtype=np.int64)
    number[by_stop] = by_wish
    return np.arange(len(ends.flow)), number[path]


def _trees(program: Program, wires: Wires, ends: _Served, tree: IntArray, of_link: IntArray) -> Trees:
    board, routes = Board.of(program.chip), program.routes
    begin = np.searchsorted(tree, np.arange(int(tree.max()) + 2))
    root = ends.root[ends.flow[begin[:-1]]]
    kept = np.flatnonzero(of_link >= 0)
    start, stop = routes.link_from[kept], routes.link_to[kept]
    place = np.searchsorted(wires.link, start * board.routers + stop)
    return Trees(
        topology=wires.topology,
        source=np.searchsorted(wires.cores, root),
        begin=begin,
        target=np.searchsorted(wires.cores, ends.core),
        path=np.zeros(len(root), dtype=np.int64),
        links=TreeLinks(
            tree=of_link[kept],
            router=np.searchsorted(wires.routers, start),
            port=wires.port[place],
            kind=board.ways.channel(board.router_of(root)[of_link[kept]], start, stop),
        ),
    )


def _unrouted(what: str) -> SpecError:
    return SpecError(what, where="simulate, level cycle", fix="see what neutrams verify says of this program's routes")
