"""Small boards of every topology, with one or several cores a router, and random connected graphs."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from core_strategies import plain_chip
from neutrams.hardware import Board, Chip
from neutrams.hardware.detours import Detours

TOPOLOGIES = ("mesh", "torus", "ring", "tree", "fat_tree", "graph", "bus")


def random_links(routers: int, seed: int) -> tuple[str, ...]:
    """A connected graph: a random tree, and as many links again; some take longer."""
    rng = np.random.default_rng(seed)
    pairs = {(int(rng.integers(i)), i) for i in range(1, routers)}
    for a, b in rng.integers(0, routers, (routers, 2)).tolist():
        pairs |= {(min(a, b), max(a, b))} if a != b else set()
    return tuple(f"{a}-{b}" + ("@3" if (a + b) % 3 == 0 else "") for a, b in sorted(pairs))


@st.composite
def boards(draw: st.DrawFn, *topologies: str) -> Board:
    """A board of one of these topologies, by default of any."""
    topology = draw(st.sampled_from(topologies or TOPOLOGIES))
    chips = draw(st.integers(1, 12).filter(lambda n: topology != "torus" or n in (1, 2, 4, 6, 9, 12)))
    share, rows, width = draw(st.sampled_from([1, 1, 2, 3])), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    links: tuple[str, ...] = ()
    if topology == "graph":
        chips = min(chips, 4)
        links = random_links(rows * width * chips + draw(st.integers(0, 4)), draw(st.integers(0, 999)))
    return Board(
        rows=rows,
        columns=width * share,
        chips=chips,
        topology=topology,
        cores_per_router=share,
        arity=draw(st.integers(2, 4)),
        links=links,
    )


@st.composite
def damaged(draw: st.DrawFn, *topologies: str) -> tuple[Board, tuple[int, ...]]:
    """A board of which about a twentieth of the links are dead, and a tenth of the cores; and those cores."""
    board = draw(boards(*(topologies or ("mesh", "torus", "ring", "tree", "fat_tree", "graph"))))
    every = np.arange(board.routers)
    a, b = np.nonzero(board.ways.joined(every[:, None], every[None]))
    links = sorted(zip(a[a < b].tolist(), b[a < b].tolist(), strict=True))
    count = draw(st.sampled_from([0, 1, -(-len(links) // 20), len(links) // 4]))
    some = draw(st.permutations(links))[:count]
    broken = replace(board, dead_links=tuple(f"{a}-{b}" for a, b in some))
    cores = np.arange(board.cores)
    dead = set(draw(st.permutations(range(board.cores)))[: board.cores // 10])
    if isinstance(broken.ways, Detours):
        dead |= set(cores[~broken.ways.reached[board.router_of(cores)]].tolist())
    return broken, tuple(sorted(dead))


def on_board(board: Board, multicast: str = "tree", dead: tuple[int, ...] = (), **sections: dict[str, object]) -> Chip:
    """`plain_chip` with this board, and as many virtual channels as its ways need."""
    names = ("rows", "columns", "chips", "topology", "cores_per_router", "arity", "links", "dead_links")
    keys = {name: getattr(board, name) for name in names} | {"multicast": multicast, "dead_cores": dead}
    noc = {"virtual_channels": board.ways.class_count} | sections.pop("noc", {})
    return plain_chip(board=keys, noc=noc, **sections)
