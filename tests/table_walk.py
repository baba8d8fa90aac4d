"""Follow a word through the tables of routers, link by link, as a chip would: no code of the mapper or the checker."""

import numpy as np

from neutrams.hardware import Board
from neutrams.hardware.detours import Detours
from neutrams.hardware.grids import Grid
from neutrams.program import RouterTable


def rows_of(table: RouterTable) -> dict[int, list[tuple[int, int, list[int]]]]:
    """Value, mask and ports of each router's entries, in order."""
    found: dict[int, list[tuple[int, int, list[int]]]] = {}
    for i, router in enumerate(table.router.tolist()):
        ports = table.port[table.ports[i] : table.ports[i + 1]].tolist()
        found.setdefault(router, []).append((int(table.value[i]), int(table.mask[i]), ports))
    return found


def walk(
    table: RouterTable, board: Board, key: int, router: int, default: bool, most: int = 10_000
) -> tuple[list[tuple[int, int]], list[int]]:
    """All links and cores that a word with this key passes from a router on, in no order; at most so many steps."""
    rows, links, cores = rows_of(table), [], []
    waiting = [(-1, router)]
    while waiting and len(links) < most:
        came, here = waiting.pop()
        hit = [ports for value, mask, ports in rows.get(here, []) if key & mask == value]
        for port in hit[0] if hit else ahead(board, came, here) if default and came >= 0 else []:
            if port < 0:
                cores.append(-1 - port)
            else:
                links.append((here, port))
                waiting.append((here, port))
    return sorted(links), sorted(cores)


def ahead(board: Board, came: int, here: int) -> list[int]:
    """The router opposite of where a word came from; none at the edge of a mesh."""
    grid = board.ways.base if isinstance(board.ways, Detours) else board.ways
    assert isinstance(grid, Grid)
    (ax, ay), (bx, by) = grid.position(came), grid.position(here)
    on = int(grid.at(np.asarray(2 * bx - ax), np.asarray(2 * by - ay)))
    return [on] if on >= 0 else []
