"""Where the tiles of a program stand, how full their cores are, and what travels between them."""

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.hardware import Board
from neutrams.program import Program
from neutrams.report.data import FloorCore, FloorLink, FloorRouter
from neutrams.simulator.result import Activity, Cost

MOST_CORES = 4096
MOST_NAMES = 3


def floor_of(program: Program, activity: Activity) -> tuple[FloorCore, ...]:
    """Return every core of the chips that hold a tile or pass its traffic on.

    Where these have more than `MOST_CORES` cores, only those with a tile.
    """
    board = Board.of(program.chip)
    used = np.unique(program.tiles.core)
    passed = np.concatenate([program.routes.link_from, program.routes.link_to])
    chips = np.union1d(board.chip_of(used), board.ways.chip(passed))
    cores = used
    if len(chips) * board.cores_per_chip <= MOST_CORES:
        cores = (chips[:, None] * board.cores_per_chip + np.arange(board.cores_per_chip)).ravel()
    use, sent, labels = _use(program), _sent(program, activity), _labels(program)
    xs, ys = board.position(cores)
    owners = board.chip_of(cores)
    return tuple(
        FloorCore(
            core=core,
            x=x,
            y=y,
            chip=owner,
            use=use.get(core, 0.0),
            sent=sent.get(core, 0.0),
            label=labels.get(core, ""),
        )
        for core, x, y, owner in zip(cores.tolist(), xs.tolist(), ys.tolist(), owners.tolist(), strict=True)
    )


def links_of(program: Program, cost: Cost) -> tuple[FloorLink, ...]:
    """Return the loaded links by position, in order of their ends."""
    pairs = sorted((pair, flits) for pair, flits in cost.link_flits.items() if flits > 0)
    (x0, y0), (x1, y1) = (_middle(program, np.array([pair[i] for pair, _ in pairs], dtype=np.int64)) for i in (0, 1))
    ends = zip(x0.tolist(), y0.tolist(), x1.tolist(), y1.tolist(), strict=True)
    return tuple(
        FloorLink(x0=a, y0=b, x1=c, y1=d, flits=float(flits))
        for (a, b, c, d), (_, flits) in zip(ends, pairs, strict=True)
    )


def routers_of(program: Program) -> tuple[FloorRouter, ...]:
    """Return the routers without a core that routes pass."""
    routers = _bare(program)
    x, y = _middle(program, routers)
    return tuple(
        FloorRouter(router=router, x=a, y=b)
        for router, a, b in zip(routers.tolist(), x.tolist(), y.tolist(), strict=True)
    )


def _bare(program: Program) -> IntArray:
    """Routers without a core that routes pass, ascending."""
    passed = np.unique(np.concatenate([program.routes.link_from, program.routes.link_to]))
    board = Board.of(program.chip)
    return passed[passed >= board.cores // board.cores_per_router]


def _middle(program: Program, routers: IntArray) -> tuple[FloatArray, FloatArray]:
    """Where routers stand on the plan: amid their cores, or in rows below the chips in use."""
    board, bare = Board.of(program.chip), _bare(program)
    x, y = board.position(np.minimum(routers * board.cores_per_router, board.cores - 1))
    chips = np.unique(board.chip_of(program.tiles.core))
    left = int(board.position(chips * board.cores_per_chip)[0].min())
    right, bottom = (int(axis.max()) + 1 for axis in board.position((chips + 1) * board.cores_per_chip - 1))
    row, column = np.divmod(np.searchsorted(bare, routers), right - left)
    below = np.isin(routers, bare)
    middle = x + (board.cores_per_router - 1) / 2
    return np.where(below, left + column, middle), np.where(below, bottom + row, y).astype(np.float64)


def neuron_tiles(program: Program) -> IntArray:
    """Return int64 ``[neurons]``: the tile each neuron is in."""
    return np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.neurons))


def _use(program: Program) -> dict[int, float]:
    core = program.chip.core
    filled = np.array([np.count_nonzero(block) for block in program.blocks], dtype=np.int64)
    return _by_core(program.tiles.core, filled[program.tiles.block] / (core.axons * core.neurons))


def _sent(program: Program, activity: Activity) -> dict[int, float]:
    return _by_core(program.tiles.core[neuron_tiles(program)], activity.sent / max(activity.samples, 1))


def _by_core(cores: IntArray, values: FloatArray) -> dict[int, float]:
    found, place = np.unique(cores, return_inverse=True)
    sums = np.bincount(place, weights=values, minlength=len(found))
    return dict(zip(found.tolist(), sums.tolist(), strict=True))


def _labels(program: Program) -> dict[int, str]:
    """What sits on each core: parts of layers with their neurons, the largest first."""
    cores = program.tiles.core[neuron_tiles(program)]
    pairs, counts = np.unique(cores * len(program.origins) + program.neurons.origin, return_counts=True)
    parts: dict[int, list[tuple[int, str]]] = {}
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        core, origin = divmod(pair, len(program.origins))
        parts.setdefault(core, []).append((-count, program.origins[origin]))
    labels = {}
    for core, found in parts.items():
        names = [f"{name}: {-size} neurons" for size, name in sorted(found)]
        more = f", and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        labels[core] = ", ".join(names[:MOST_NAMES]) + more
    return labels
