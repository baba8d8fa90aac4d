"""A program as it would be without a search for places: the order that a placement is compared with."""

from dataclasses import replace

import numpy as np

from neutrams.base.arrays import IntArray, distinct
from neutrams.hardware import Board
from neutrams.mapping.flows import Flows
from neutrams.mapping.orders import sequential_cores
from neutrams.mapping.route import find_links
from neutrams.mapping.router_tables import compress_tables
from neutrams.program import Program, RouterTable


def in_order(program: Program) -> Program:
    """Return the program with its tiles in order on the cores of its board in order, routes in dimension order.

    Tiles that share a core still do. It computes the same values. Tables of routers may be longer than the chip's.
    """
    chip = program.chip
    _, first, place = np.unique(program.tiles.core, return_index=True, return_inverse=True)
    bundle = np.argsort(np.argsort(first))[place].astype(np.int64)
    cores = sequential_cores(Board.of(chip), chip.board.dead_cores, len(first))
    flows = _flows(program, bundle)
    links = find_links(flows, bundle, cores, chip)
    tables = compress_tables(flows, bundle, cores, links, chip).table if chip.noc.table_entries else RouterTable()
    return replace(
        program,
        tiles=replace(program.tiles, core=cores[bundle]),
        routes=replace(program.routes, links=links.first, link_from=links.start, link_to=links.stop),
        routers=tables,
    )


def _flows(program: Program, bundle: IntArray) -> Flows:
    """Return the flows of the route table, with the bundles that each one reaches."""
    routes, axons = program.routes, program.axons
    channels = int(max(-axons.source.min(initial=0), -routes.source.min(initial=0)))
    flow_of = np.full(channels + len(program.neurons), -1, dtype=np.int64)
    flow_of[channels + routes.source] = np.repeat(np.arange(len(routes.tile)), np.diff(routes.sources))
    reader = bundle[np.repeat(np.arange(len(bundle)), np.diff(program.tiles.axons))]
    n = int(bundle.max()) + 1
    flow, reader = np.divmod(distinct(flow_of[channels + axons.source] * n + reader), n)
    return Flows(
        tile=routes.tile,
        columns=routes.sources,
        column=routes.source,
        readers=np.searchsorted(flow, np.arange(len(routes.tile) + 1)),
        reader=reader,
    )
