"""Routes that choose their turns reach what they must, are no longer than plain ones, and are free of deadlock."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from board_strategies import boards, on_board
from core_strategies import dense
from neutrams.hardware import Board
from neutrams.mapping import map_network
from neutrams.mapping.flows import Flows
from neutrams.mapping.route import Links, load_of, weigh
from neutrams.mapping.spread import spread_links
from neutrams.program.verify import violations
from neutrams.simulator import simulate

quick = settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))


def flows_of(draw: st.DrawFn, tiles: int) -> Flows:
    senders = sorted(draw(st.lists(st.integers(0, tiles - 1), min_size=1, max_size=8)))
    readers = [sorted(draw(st.sets(st.integers(0, tiles - 1), min_size=1, max_size=9))) for _ in senders]
    n = len(senders)
    return Flows(
        tile=np.array(senders), columns=np.arange(n + 1), column=np.zeros(n, dtype=np.int64),
        readers=np.append(0, np.cumsum([len(r) for r in readers])), reader=np.concatenate(readers),
    )  # fmt: skip


def channels_in_a_row(board: Board, links: Links, tree: bool) -> set[tuple[tuple[int, int], tuple[int, int]]]:
    """Links that follow each other in a flow."""
    found = set()
    for begin, end in zip(links.first[:-1], links.first[1:], strict=True):
        own = list(zip(links.start[begin:end].tolist(), links.stop[begin:end].tolist(), strict=True))
        if tree:
            found |= {(x, y) for x in own for y in own if x[1] == y[0]}
        else:
            found |= {(x, y) for x, y in pairwise(own) if x[1] == y[0]}
    return found


@quick
@given(board=boards("mesh"), tree=st.booleans(), crossing=st.integers(0, 3), data=st.data())
def test_spread_routes_reach_all_and_are_never_longer(
    board: Board, tree: bool, crossing: int, data: st.DataObject
) -> None:
    tiles = data.draw(st.integers(1, board.cores))
    flows = flows_of(data.draw, tiles)
    cores = np.array(data.draw(st.permutations(range(board.cores))))[:tiles]
    chip, sent = on_board(board, "tree" if tree else "copy"), np.ones(len(flows))
    links = spread_links(flows, np.arange(tiles), cores, chip, sent, crossing)
    plain = weigh(flows, np.arange(tiles), cores, chip, sent, crossing)
    assert load_of(links, chip, sent, crossing).weighted_hops <= plain.weighted_hops
    assert board.ways.joined(links.start, links.stop).all()
    at = board.router_of(cores)
    for i, (begin, end) in enumerate(zip(links.first[:-1], links.first[1:], strict=True)):
        home, ends = int(at[flows.tile[i]]), at[flows.reader[flows.readers[i] : flows.readers[i + 1]]].tolist()
        own = list(zip(links.start[begin:end].tolist(), links.stop[begin:end].tolist(), strict=True))
        if tree:
            reached = [home, *(stop for _, stop in own)]
            assert len(set(reached)) == len(reached)
            assert {start for start, _ in own} <= set(reached)
            assert set(ends) <= set(reached)
        else:
            assert len(own) == sum(board.hops(home, e) for e in ends)
            lasts = [
                own[k][1]
                for k in range(len(own))
                if k + 1 == len(own) or own[k + 1][0] != own[k][1] or own[k + 1][0] == home
            ]
            assert set(ends) - {home} <= set(lasts)


@quick
@given(board=boards("mesh"), tree=st.booleans(), data=st.data())
def test_links_of_spread_routes_never_wait_in_a_circle(board: Board, tree: bool, data: st.DataObject) -> None:
    flows = flows_of(data.draw, board.cores)
    chip = on_board(board, "tree" if tree else "copy")
    cores = np.array(data.draw(st.permutations(range(board.cores))))
    links = spread_links(flows, np.arange(board.cores), cores, chip, np.ones(len(flows)), 1)
    pairs = channels_in_a_row(board, links, tree)
    number = {link: i for i, link in enumerate(sorted({link for pair in pairs for link in pair}))}
    if pairs:
        before, after = np.array([(number[x], number[y]) for x, y in pairs]).T
        graph = coo_array((np.ones(len(before)), (before, after)), shape=(len(number), len(number)))
        assert connected_components(graph, connection="strong")[0] == len(number)


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(board=boards("mesh"), tree=st.booleans(), seed=st.integers(0, 99))
def test_programs_with_spread_routes_are_legal_and_run_the_same(board: Board, tree: bool, seed: int) -> None:
    board = replace(board, chips=max(board.chips, 8))
    chip = on_board(board, "tree" if tree else "copy", core={"fan_out": 64, "axons": 32})
    plain, program = (map_network(dense([20, 32, 32]), chip, effort=e, seed=seed).program for e in (0, 1))
    assert violations(program) == []
    inputs = {"x": np.random.default_rng(seed).integers(0, 255, (2, 20)).astype(float)}
    wanted = simulate(plain, inputs, level="functional")
    run = simulate(program, inputs, level="cycle")
    for name, counts in wanted.counts.items():
        np.testing.assert_array_equal(run.counts[name], counts)


def test_a_tree_down_the_board_goes_down_once_by_hand() -> None:
    """From the top of a column to the row at the bottom: one trunk down, then a link to each side."""
    board = Board(rows=3, columns=3, chips=1, topology="mesh")
    flows = Flows(
        tile=np.array([0]), columns=np.arange(2), column=np.array([0]), readers=np.array([0, 3]), reader=np.arange(1, 4)
    )
    cores = np.array([7, 0, 1, 2])  # the middle of the top row to the bottom row
    chip, one = on_board(board), np.ones(1)
    links = spread_links(flows, np.arange(4), cores, chip, one, 0)
    assert sorted(zip(links.start.tolist(), links.stop.tolist(), strict=True)) == [(1, 0), (1, 2), (4, 1), (7, 4)]
    assert weigh(flows, np.arange(4), cores, chip, one, 0).weighted_hops == 8
    up = np.array([1, 6, 7, 8])  # upwards, x comes first
    assert load_of(spread_links(flows, np.arange(4), up, chip, one, 0), chip, one, 0).weighted_hops == 8


def test_turns_on_a_mesh_by_hand() -> None:
    """Routers 0 and 1 below 2 and 3: up and then right is no way, down and then right is, back is none."""
    board = Board(rows=2, columns=2, chips=1, topology="mesh")
    steps = {(-1, 0, 2): True, (0, 2, 3): False, (2, 0, 1): True, (0, 1, 3): True, (0, 1, 0): False, (-1, 0, 3): False}
    for (above, start, stop), allowed in steps.items():
        root = start if above < 0 else above
        assert (
            bool(board.follows(np.array([root]), np.array([above]), np.array([start]), np.array([stop]))[0]) is allowed
        )
