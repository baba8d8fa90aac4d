"""Checks of tables: those of routers send flows along their links and to their readers; how long tables are."""

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.hardware.detours import Detours
from neutrams.hardware.geometry import Board
from neutrams.hardware.grids import Grid
from neutrams.program.tables import Program
from neutrams.program.verify_parameters import neuron_tiles
from neutrams.program.violation import MOST, Found, Violation, places, span

CHUNK = 1 << 22
"""Keys times entries compared together [count]."""


def check_tables(program: Program) -> Found:
    """Cores hold an entry for each axon that their neurons drive; routers know what to do with each flow they get."""
    yield from _core_entries(program)
    if not program.chip.noc.table_entries:
        return
    wrong = [*_router_entries(program), *_keys(program)]
    yield from wrong
    if not any(violation.constraint == "table_order" for violation in wrong):
        yield from _ways(program)


def _core_entries(program: Program) -> Found:
    limit, source, core = program.chip.core.output_entries, program.axons.source, program.tiles.core
    if not limit:
        return
    sender = neuron_tiles(program)[source[source >= 0]]
    cores, place = np.unique(core, return_inverse=True)
    used = np.bincount(place[sender], minlength=len(cores))
    for i in places(used > limit):
        message = f"the neurons of core {int(cores[i])} drive {int(used[i])} axons, a core has {limit} output entries"
        tile = int(np.flatnonzero(core == cores[i])[0])
        yield Violation(constraint="output_entries", tile=tile, value=int(used[i]), limit=limit, message=message)


def _router_entries(program: Program) -> Found:
    routers, limit = program.routers.router, program.chip.noc.table_entries
    for i in places(np.diff(routers) < 0):
        value = f"{int(routers[i])}, {int(routers[i + 1])}"
        message = f"entries {i} and {i + 1} belong to routers {value}, those of one must stand together, in order"
        yield Violation(constraint="table_order", value=value, limit="ascending routers", message=message)
    named, count = np.unique(routers, return_counts=True)
    for i in places(count > limit):
        message = f"router {int(named[i])} has {int(count[i])} entries, a table holds {limit}"
        yield Violation(constraint="table_entries", value=int(count[i]), limit=limit, message=message)


def _keys(program: Program) -> Found:
    """A key is given once, and fits beside the place of a neuron in its flow."""
    key, routes, width = program.routers.key, program.routes, program.chip.noc.key_bits
    senders = np.diff(routes.sources)
    given = key >= 0
    for i in places(given & (routes.tile < 0)):
        message = f"flow {i} of input channels has key {int(key[i])}, the host delivers without keys"
        yield Violation(constraint="table_key", value=int(key[i]), limit="no key", message=message)
    room = width - int(senders[given].max(initial=1) - 1).bit_length()
    for i in places(given & (key >> max(room, 0) > 0)):
        limit = span(0, (1 << max(room, 0)) - 1)
        message = f"flow {i} has key {int(key[i])}, beside the places of neurons {width} bits hold {limit}"
        yield Violation(
            constraint="table_key", tile=int(routes.tile[i]), value=int(key[i]), limit=limit, message=message
        )
    order = np.argsort(key, kind="stable")
    for i in places((np.diff(key[order]) == 0) & (key[order][1:] >= 0)):
        one, other = (int(n) for n in order[i : i + 2])
        message = f"flows {one} and {other} have the same key {int(key[one])}, a key belongs to one flow"
        yield Violation(constraint="table_key", value=int(key[one]), limit="one flow a key", message=message)


def _ways(program: Program) -> Found:
    """At every router that a flow must pass, the first entry that matches its key says what its links and readers say.

    So from its core on it goes through these routers and no others.
    """
    board, key = Board.of(program.chip), program.routers.key
    flow, router, port = _wanted(program, board)
    place = np.unique(np.stack([flow, router]), axis=1)
    entry = _first_match(program, place[1], key[place[0]])
    hit = np.flatnonzero(entry >= 0)
    count = np.diff(program.routers.ports)[entry[hit]]
    begin = np.append(0, np.cumsum(count))
    rows = np.repeat(program.routers.ports[:-1][entry[hit]] - begin[:-1], count) + np.arange(begin[-1])
    found = [place[0, hit].repeat(count), place[1, hit].repeat(count), program.routers.port[rows]]
    if program.chip.noc.default_route:
        more = _straight_on(program, board, place[:, entry < 0])
        found = [np.concatenate(pair) for pair in zip(found, more, strict=True)]
    both = np.concatenate([np.stack(found), np.stack([flow, router, port])], axis=1)
    side = np.repeat([0, 1], [len(found[0]), len(flow)])
    named, group = np.unique(both, axis=1, return_inverse=True)
    times = np.bincount(2 * group.reshape(-1) + side, minlength=2 * named.shape[1]).reshape(-1, 2)
    wrong = named[:2, (times != 1).any(axis=1)]
    for f, r in np.unique(wrong, axis=1)[:, :MOST].T.tolist():
        yield _misled(program, f, r, *(np.stack(side) for side in (found, (flow, router, port))))


def _misled(program: Program, flow: int, router: int, found: AnyArray, wanted: AnyArray) -> Violation:
    value, limit = (
        ", ".join(
            f"router {p}" if p >= 0 else f"core {-1 - p}"
            for p in sorted(side[2, (side[0] == flow) & (side[1] == router)].tolist())
        )
        or "nowhere"
        for side in (found, wanted)
    )
    tile = int(program.routes.tile[flow])
    message = f"flow {flow} of tile {tile}: the table of router {router} sends it to {value}, it must go to {limit}"
    return Violation(constraint="table_route", tile=tile, value=value, limit=limit, message=message)


def _wanted(program: Program, board: Board) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Return flow, router and port of all that flows must do: take their links, and leave at cores but their own."""
    routes, core = program.routes, program.tiles.core
    linked = np.repeat(np.arange(len(routes.tile)), np.diff(routes.links))
    of_source = np.full(len(program.neurons) + program.channels, -1, dtype=np.int64)
    of_source[routes.source] = np.repeat(np.arange(len(routes.tile)), np.diff(routes.sources))
    reader = core[np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.axons))]
    flow = of_source[program.axons.source]
    inner = np.flatnonzero((flow >= 0) & (routes.tile[flow] >= 0))
    inner = inner[reader[inner] != core[routes.tile[flow[inner]]]]
    read = np.unique(np.stack([flow[inner], reader[inner]]), axis=1)
    return (
        np.concatenate([linked, read[0]]),
        np.concatenate([routes.link_from, board.router_of(read[1])]),
        np.concatenate([routes.link_to, -1 - read[1]]),
    )


def _first_match(program: Program, router: AnyArray, key: AnyArray) -> AnyArray:
    """Return, for each router and key, the first entry there that matches it; -1: none does, or there is no key."""
    table, found = program.routers, np.full(len(key), -1, dtype=np.int64)
    order = np.argsort(router, kind="stable")
    for r in np.unique(router).tolist():
        begin, end = np.searchsorted(table.router, [r, r + 1]).tolist()
        mine = order[slice(*np.searchsorted(router[order], [r, r + 1]).tolist())]
        mine = mine[key[mine] >= 0]
        step = max(1, CHUNK // max(1, end - begin))
        for some in (mine[i : i + step] for i in range(0, len(mine) if end > begin else 0, step)):
            hits = key[some, None] & table.mask[begin:end] == table.value[begin:end]
            found[some] = np.where(hits.any(axis=1), begin + hits.argmax(axis=1), -1)
    return found


def _straight_on(program: Program, board: Board, place: AnyArray) -> list[AnyArray]:
    """Return flow, router and port of flows that no entry matches: on from where they came along the same line."""
    grid = board.ways.base if isinstance(board.ways, Detours) else board.ways
    routes = program.routes
    assert isinstance(grid, Grid), "a chip with a default route is a mesh"
    linked = np.repeat(np.arange(len(routes.tile)), np.diff(routes.links))
    order = np.lexsort((routes.link_to, linked))
    entered = (linked * board.routers + routes.link_to)[order]
    wanted = place[0] * board.routers + place[1]
    at = np.searchsorted(entered, wanted)
    known = np.flatnonzero(np.append(entered, -1)[at] == wanted)
    came, here = routes.link_from[order][at[known]], place[1, known]
    (ax, ay), (bx, by) = grid.position(came), grid.position(here)
    on = grid.at(2 * bx - ax, 2 * by - ay)
    there = on >= 0
    return [place[0, known][there], here[there], on[there]]
