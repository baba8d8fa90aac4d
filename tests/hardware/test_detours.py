"""Ways around dead links arrive, are trees, and are free of deadlock; what cannot be reached is refused by name."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from board_strategies import boards, damaged, on_board
from core_strategies import dense
from neutrams.base.errors import CapacityError, SpecError
from neutrams.hardware import Board
from neutrams.hardware.detours import Detours, detours_of
from neutrams.mapping import map_network
from neutrams.program.verify import violations
from neutrams.simulator import simulate

quick = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


@quick
@given(drawn=damaged(), data=st.data())
def test_ways_lead_over_working_links_without_a_circle(
    drawn: tuple[Board, tuple[int, ...]], data: st.DataObject
) -> None:
    board, dead = drawn
    alive = np.setdiff1d(np.arange(board.cores), dead)
    assume(board.dead_links and len(alive))
    homes = sorted(set(board.router_of(alive).tolist()))
    gone = {tuple(map(int, text.split("-"))) for text in board.dead_links}
    whole = replace(board, dead_links=())
    follows, parents = set(), {}
    for a in homes:
        for b in homes:
            path = board.path(a, b)
            assert len(path) - 1 == board.hops(a, b) >= (whole.hops(a, b) if board.topology != "fat_tree" else 0)
            for link in pairwise(path):
                assert tuple(sorted(link)) not in gone
                assert whole.ways.joined(*link)
                assert parents.setdefault((a, link[1]), link[0]) == link[0]
            follows |= set(pairwise(pairwise(path)))
    links = {link: i for i, link in enumerate(sorted({link for pair in follows for link in pair}))}
    if follows:
        pairs = np.array([(links[x], links[y]) for x, y in follows]).T
        graph = coo_array((np.ones(pairs.shape[1]), tuple(pairs)), shape=(len(links), len(links)))
        assert connected_components(graph, connection="strong")[0] == len(links)


@quick
@given(board=boards("mesh"))
def test_on_a_whole_mesh_of_full_rows_ways_are_as_short_as_in_dimension_order(board: Board) -> None:
    assume(board.chips == board.side * (board.height // board.rows))
    leaves = np.arange(board.routers)
    ways = detours_of(board.ways, (), len(leaves))
    np.testing.assert_array_equal(ways.hops(leaves[:, None], leaves), board.hops(leaves[:, None], leaves))


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(drawn=damaged(), multicast=st.sampled_from(["tree", "copy"]), effort=st.integers(0, 2))
def test_a_damaged_board_gives_the_same_values(
    drawn: tuple[Board, tuple[int, ...]], multicast: str, effort: int
) -> None:
    board, dead = drawn
    parts = {"core": {"fan_out": 64, "axons": 32}}
    assume(len(dead) < board.cores)
    whole, chip = on_board(replace(board, dead_links=()), multicast, **parts), on_board(board, multicast, dead, **parts)
    network = dense([20, 32, 16])
    try:
        program = map_network(network, chip, effort=effort).program
    except CapacityError:
        assume(False)
    assert violations(program) == []
    assert not set(dead) & set(program.tiles.core.tolist())
    inputs = {"x": np.random.default_rng(1).integers(0, 255, (2, 20)).astype(float)}
    wanted = simulate(map_network(network, whole).program, inputs, level="functional")
    for level in ("functional", "cycle"):
        run = simulate(program, inputs, level=level)
        for name, counts in wanted.counts.items():
            np.testing.assert_array_equal(run.counts[name], counts)


def test_a_link_that_dies_after_mapping_is_found() -> None:
    board = Board(rows=2, columns=4, chips=1, topology="mesh")
    parts = {"core": {"fan_out": 64, "axons": 32}}
    program = map_network(dense([8, 32, 32]), on_board(board, **parts)).program
    a, b = sorted([int(program.routes.link_from[0]), int(program.routes.link_to[0])])
    broken = replace(program, chip=on_board(replace(board, dead_links=(f"{a}-{b}",)), **parts))
    assert "dead_link" in {v.constraint for v in violations(broken)}


def test_the_way_around_by_hand() -> None:
    """Of a square of four routers the link from 0 to 1 is dead: from 0 over 2 and 3 to 1."""
    board = Board(rows=2, columns=2, chips=1, topology="mesh", dead_links=("0-1",))
    assert isinstance(board.ways, Detours)
    assert board.path(0, 1) == (0, 2, 3, 1)
    assert board.path(3, 0) == (3, 2, 0)


@pytest.mark.parametrize(("links", "message"), [
    (("0-3",), r"board\.dead_links: 0-3 is no link of this board"),
    (("0-1@2",), r"board\.dead_links: a dead link has a length"),
    (("0-1", "1-0"), r"board\.dead_links: link '1-0' stands twice"),
    (("0-1", "0-2"), r"cuts 1 cores off \(0\), whose links were 0-1, 0-2: name these cores in board\.dead_cores"),
])  # fmt: skip
def test_dead_links_that_make_no_board_are_refused(links: tuple[str, ...], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        on_board(Board(rows=2, columns=2, chips=1, topology="mesh")).with_values(board={"dead_links": links})


def test_a_bus_and_a_large_board_have_no_dead_links() -> None:
    with pytest.raises(SpecError, match=r"board\.dead_links names 1 links, a bus has none"):
        on_board(Board(rows=2, columns=2, chips=1, topology="bus")).with_values(board={"dead_links": ("0-1",)})
    large = Board(rows=64, columns=65, chips=1, topology="mesh")
    with pytest.raises(SpecError, match=r"a board of 4160 routers; take a board of up to 4096"):
        on_board(large).with_values(board={"dead_links": ("0-1",)})
