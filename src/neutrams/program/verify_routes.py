"""Checks of routes: every neuron reaches every core that reads it, over links that exist."""

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.hardware.geometry import Board
from neutrams.program.tables import Program
from neutrams.program.verify_parameters import neuron_tiles
from neutrams.program.violation import Found, Violation, places


def check_routes(program: Program) -> Found:
    """Links join neighbours; a flow is a tree (or paths, one after another) from its tile; every need is served once.

    Ways are those of `Board.path`, which is free of deadlock. A flow from outside (tile -1) has no links: the host
    delivers an input at the core that reads it.
    """
    yield from _adjacent(program)
    yield from _ways(program)
    yield from _senders(program)
    yield from _sent_once(program)
    served = [np.zeros(0, dtype=np.int64)]
    cores = np.unique(program.tiles.core)
    for flow in range(len(program.routes.tile)):
        reached, broken = _reached(program, flow)
        if broken is not None:
            yield broken
        senders = program.routes.source[program.routes.sources[flow] : program.routes.sources[flow + 1]]
        if program.routes.tile[flow] < 0:
            served.append(-1 - senders[senders < 0])
        else:
            ends = np.flatnonzero(np.isin(cores, np.array(sorted(reached), dtype=np.int64)))
            inner = senders[senders >= 0]
            served.append((program.channels + inner[:, None] * len(cores) + ends[None, :]).reshape(-1))
    yield from _unserved(program, np.unique(np.concatenate(served)), cores)


def _flow_of(offsets: AnyArray) -> AnyArray:
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _adjacent(program: Program) -> Found:
    routes, board = program.routes, Board.of(program.chip)
    flow = _flow_of(routes.links)
    for i in places(board.hops(routes.link_from, routes.link_to) != 1):
        value = f"{int(routes.link_from[i])} to {int(routes.link_to[i])}"
        tile = int(routes.tile[flow[i]])
        message = f"flow {int(flow[i])} of tile {tile}: link {value} does not join neighbouring cores"
        yield Violation(constraint="route_link", tile=tile, value=value, limit="neighbouring cores", message=message)


def _ways(program: Program) -> Found:
    """Every link is the last of the board's path from the core of its flow's tile; from outside there is none."""
    routes, board = program.routes, Board.of(program.chip)
    flow = _flow_of(routes.links)
    tile = routes.tile[flow]
    root = program.tiles.core[tile] if len(program.tiles) else np.zeros_like(tile)
    wanted = board.before(root, routes.link_to)
    for i in places((tile < 0) | (routes.link_from != wanted)):
        value = f"{int(routes.link_from[i])} to {int(routes.link_to[i])}"
        if tile[i] < 0:
            limit = "no links"
            message = f"flow {int(flow[i])} of input channels has a link {value}, the host delivers where they are read"
            yield Violation(constraint="route_input", value=value, limit=limit, message=message)
            continue
        limit = f"{int(wanted[i])} to {int(routes.link_to[i])}" if wanted[i] >= 0 else "no link back"
        way = f"the way from core {int(root[i])} to core {int(routes.link_to[i])}"
        message = f"flow {int(flow[i])} of tile {int(tile[i])}: link {value} is not on {way}, allowed is {limit}"
        yield Violation(constraint="route_order", tile=int(tile[i]), value=value, limit=limit, message=message)


def _sent_once(program: Program) -> Found:
    """A sender is in one flow, and in it once: in two it would be sent, paid and delivered twice."""
    routes = program.routes
    flow = _flow_of(routes.sources)
    order = np.argsort(routes.source, kind="stable")
    again = order[1:][np.diff(routes.source[order]) == 0]
    for i in places(np.isin(np.arange(len(flow)), again)):
        source = int(routes.source[i])
        message = f"{_name(source)} is sent a second time by flow {int(flow[i])}, a sender is in one flow, once"
        yield Violation(
            constraint="route_double", tile=int(routes.tile[flow[i]]), neuron=source if source >= 0 else None,
            value=source, limit="one flow, once", message=message,
        )  # fmt: skip


def _senders(program: Program) -> Found:
    """A flow's senders are neurons of its tile, or input channels where it comes from outside."""
    routes = program.routes
    flow = _flow_of(routes.sources)
    tile_of = neuron_tiles(program)
    inner = routes.source >= 0
    belongs = np.full(len(routes.source), -1, dtype=np.int64)
    belongs[inner] = tile_of[routes.source[inner]]
    for i in places(belongs != routes.tile[flow]):
        tile, source = int(routes.tile[flow[i]]), int(routes.source[i])
        message = f"flow {int(flow[i])} of tile {tile} sends for {_name(source)}, which is not on that tile"
        yield Violation(
            constraint="route_sender", tile=tile, neuron=source if source >= 0 else None, value=source,
            limit=f"neurons of tile {tile}", message=message,
        )  # fmt: skip


def _reached(program: Program, flow: int) -> tuple[set[int], Violation | None]:
    """Return the cores a flow delivers to, and what is wrong with its shape."""
    routes = program.routes
    tile = int(routes.tile[flow])
    part = slice(int(routes.links[flow]), int(routes.links[flow + 1]))
    links = list(zip(routes.link_from[part].tolist(), routes.link_to[part].tolist(), strict=True))
    if tile < 0:
        return set(), None
    root = int(program.tiles.core[tile])
    tree = program.chip.board.multicast == "tree"
    reached, stray = _tree(root, links) if tree else _paths(root, links)
    if stray is None:
        return reached, None
    value = f"link {stray[0]} to {stray[1]}"
    shape = "a tree that enters each core once" if tree else "paths, one after another,"
    message = f"flow {flow} of tile {tile}: {value} breaks {shape} from core {root}"
    return reached, Violation(
        constraint="route_shape", tile=tile, value=value, limit=f"{shape} from core {root}", message=message
    )


Links = list[tuple[int, int]]


def _tree(root: int, links: Links) -> tuple[set[int], tuple[int, int] | None]:
    parents: dict[int, int] = {}
    for start, stop in links:
        if stop in parents or stop == root:
            return set(parents) | {root}, (start, stop)
        parents[stop] = start
    hanging: dict[int, bool] = {root: True}
    for _, stop in links:  # follow parents up; a loop or a loose end never meets the root
        way: list[int] = []
        core = stop
        while core in parents and core not in hanging and core not in way and len(way) <= len(links):
            way.append(core)
            core = parents[core]
        hanging.update(dict.fromkeys(way, hanging.get(core, False)))
    loose = next((link for link in links if not hanging.get(link[1], False)), None)
    return {core for core, joined in hanging.items() if joined}, loose


def _paths(root: int, links: Links) -> tuple[set[int], tuple[int, int] | None]:
    ends, at = {root}, root
    last = (root, root)
    for start, stop in links:
        if start != at:
            if start != root:
                return ends, (start, stop)
            if at in ends:
                return ends, last
            ends.add(at)
        at, last = stop, (start, stop)
    return ends | {at}, last if links and at in ends else None


def _unserved(program: Program, served: AnyArray, cores: AnyArray) -> Found:
    source = program.axons.source
    reader = np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.axons))
    core = program.tiles.core[reader]
    place = np.searchsorted(cores, core)
    needed = np.where(source < 0, -1 - source, program.channels + source * len(cores) + place)
    for i in places(~np.isin(needed, served)):
        tile, name = int(reader[i]), _name(int(source[i]))
        message = f"tile {tile} on core {int(core[i])} reads {name}, which no route brings there"
        yield Violation(
            constraint="route_missing", tile=tile, neuron=int(source[i]) if source[i] >= 0 else None, value=name,
            limit=f"a flow to core {int(core[i])}", message=message,
        )  # fmt: skip


def _name(source: int) -> str:
    return f"neuron {source}" if source >= 0 else f"channel {-1 - source}"
