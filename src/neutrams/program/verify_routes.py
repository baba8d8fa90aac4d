"""Checks of routes: every neuron reaches every core that reads it, over links that exist."""

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.program.tables import Program
from neutrams.program.verify_links import Part, Reach, check_links, parts, reach_of
from neutrams.program.verify_parameters import neuron_tiles
from neutrams.program.violation import MOST, Found, Violation, places


def check_routes(program: Program) -> Found:
    """Links join neighbours; a flow is a tree (or paths, one after another) from its tile; every need is served once.

    Links join routers; ways are those of `Board.path`, which are free of deadlock. A flow from outside (tile -1) has
    no links: the host delivers an input at the core that reads it.
    """
    yield from _senders(program)
    yield from _sent_once(program)
    source = program.axons.source
    reader = np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.axons))
    flow = np.full(len(program.neurons) + program.channels, -1, dtype=np.int64)
    flow[program.routes.source] = _flow_of(program.routes.sources)  # channel -1 - c stands at the end
    flow = flow[source]
    order = np.argsort(flow, kind="stable")
    ranked = flow[order]
    yield from _unserved(program, reader, order[: np.searchsorted(ranked, 0)])
    for part in parts(program):
        reach = reach_of(part)
        yield from check_links(part, reach)
        begin, end = np.searchsorted(ranked, [part.first, part.first + len(part.root)])
        axons = order[begin:end]
        yield from _unserved(program, reader, axons[~_served(part, reach, reader[axons], axons, flow[axons])])


def _served(part: Part, reach: Reach, reader: AnyArray, axons: AnyArray, flow: AnyArray) -> AnyArray:
    """Whether what some axons read gets to their cores: by a tree, or each core by a path of its own."""
    inner = part.program.axons.source[axons] >= 0
    outside = part.root[flow - part.first] < 0
    core, router = part.program.tiles.core[reader], part.board.router_of(part.program.tiles.core[reader])
    wanted = part.places(router, flow - part.first)
    if not len(reach.places):
        return np.asarray(outside & ~inner)
    found = np.searchsorted(reach.places, wanted)
    if part.program.chip.board.multicast == "copy":
        found += np.where(router == part.root[flow - part.first], 0, _rank_of_core(wanted, core))
    found = np.minimum(found, len(reach.places) - 1)
    return np.asarray(np.where(inner, ~outside & (reach.places[found] == wanted), outside))


def _rank_of_core(place: AnyArray, core: AnyArray) -> AnyArray:
    """How many lower cores there are among those of the same place."""
    order = np.lexsort((core, place))
    place, core = place[order], core[order]
    begins = np.append(True, np.diff(place) != 0)[: len(place)]
    count = np.cumsum(np.append(0, np.diff(core) != 0)[: len(core)] | begins)
    rank = np.empty(len(place), dtype=np.int64)
    rank[order] = count - np.maximum.accumulate(np.where(begins, count, 0))
    return rank


def _flow_of(offsets: AnyArray) -> AnyArray:
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _sent_once(program: Program) -> Found:
    """A sender is in one flow, and in it once: in two it would be sent, paid and delivered twice."""
    routes = program.routes
    flow = _flow_of(routes.sources)
    order = np.argsort(routes.source, kind="stable")
    again = np.zeros(len(flow), dtype=np.bool_)
    again[order[1:]] = np.diff(routes.source[order]) == 0
    for i in places(again):
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


def _unserved(program: Program, reader: AnyArray, axons: AnyArray) -> Found:
    source = program.axons.source
    for i in np.sort(axons)[:MOST].tolist():
        tile, name = int(reader[i]), _name(int(source[i]))
        core = int(program.tiles.core[tile])
        message = f"tile {tile} on core {core} reads {name}, which no route brings there"
        yield Violation(
            constraint="route_missing", tile=tile, neuron=int(source[i]) if source[i] >= 0 else None, value=name,
            limit=f"a flow to core {core}", message=message,
        )  # fmt: skip


def _name(source: int) -> str:
    return f"neuron {source}" if source >= 0 else f"channel {-1 - source}"
