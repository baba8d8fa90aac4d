"""Routes for programs built by hand, one flow a neuron, straight from `Board.path`."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from neutrams.hardware import Board
from neutrams.program import Program, RouteTable


def routed(program: Program) -> Program:
    """The program with a flow for every neuron and channel that is read, along the board's ways."""
    board, cores = Board.of(program.chip), program.tiles.core.tolist()
    tile_of = np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.neurons)).tolist()
    reader = np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.axons)).tolist()
    readers: dict[int, set[int]] = {}
    for source, tile in zip(program.axons.source.tolist(), reader, strict=True):
        readers.setdefault(source, set()).add(cores[tile])
    tiles, lengths, links = [], [0], []
    for source, targets in sorted(readers.items()):
        tiles.append(tile_of[source] if source >= 0 else -1)
        home = cores[tile_of[source]] if source >= 0 else 0
        away = sorted(targets - {home}) if source >= 0 else []
        paths = [board.path(home // board.cores_per_router, core // board.cores_per_router) for core in away]
        own = [link for path in paths for link in pairwise(path)]
        links += list(dict.fromkeys(own)) if program.chip.board.multicast == "tree" else own
        lengths.append(len(links))
    start, stop = np.array(links, dtype=np.int64).reshape(-1, 2).T
    routes = RouteTable(
        tile=np.array(tiles, dtype=np.int64),
        links=np.array(lengths),
        link_from=start,
        link_to=stop,
        sources=np.arange(len(tiles) + 1),
        source=np.array(sorted(readers), dtype=np.int64),
    )
    return replace(program, routes=routes)
