"""Tiles sit on working cores of their own; links follow the board's paths."""

from itertools import pairwise

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from board_strategies import boards, on_board
from core_strategies import dense, plain_chip
from neutrams.hardware.geometry import Board
from neutrams.kernels.placement import distance
from neutrams.mapping import map_network
from neutrams.mapping.flows import Flows
from neutrams.mapping.metric import Metric, weighted_hops
from neutrams.mapping.orders import compact_cores, hilbert_order, sequential_cores
from neutrams.mapping.place import crossing_cost, place_tiles
from neutrams.mapping.route import find_links, weigh

quick = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


@quick
@given(board=st.one_of(boards("mesh"), boards()), tree=st.booleans(), data=st.data())
def test_links_are_those_of_the_boards_paths(board: Board, tree: bool, data: st.DataObject) -> None:
    core = st.integers(0, board.cores - 1)
    pairs = np.array(data.draw(st.lists(st.tuples(core, core), min_size=1, max_size=20)), dtype=np.int64)
    n = len(pairs)
    flows = Flows(  # one from bundle 2 i to bundle 2 i + 1 each
        tile=2 * np.arange(n), columns=np.arange(n + 1), column=np.zeros(n, dtype=np.int64), readers=np.arange(n + 1),
        reader=2 * np.arange(n) + 1,
    )  # fmt: skip
    chip = on_board(board, "tree" if tree else "copy")
    links = find_links(flows, np.arange(2 * n), pairs.reshape(-1), chip)
    load = weigh(flows, np.arange(2 * n), pairs.reshape(-1), chip, np.ones(n), 3)
    assert load.weighted_hops == weighted(board, pairs.T, np.ones(n, dtype=np.int64))
    for i, (a, b) in enumerate(pairs.tolist()):
        path = board.path(*board.router_of(np.array([a, b])).tolist())
        own = slice(links.first[i], links.first[i + 1])
        found = list(zip(links.start[own].tolist(), links.stop[own].tolist(), strict=True))
        assert (set(found) if tree else found) == (set(pairwise(path)) if tree else list(pairwise(path)))
        assert len(found) == len(path) - 1


@quick
@given(board=boards(), tree=st.booleans(), data=st.data())
def test_a_flow_to_many_cores_takes_each_link_once_or_once_a_core(
    board: Board, tree: bool, data: st.DataObject
) -> None:
    cores = np.array(
        data.draw(st.lists(st.integers(0, board.cores - 1), min_size=min(2, board.cores), max_size=9, unique=True))
    )
    n, chip = len(cores), on_board(board, "tree" if tree else "copy")
    flows = Flows(
        tile=np.array([0]), columns=np.arange(2), column=np.array([0]), readers=np.array([0, n - 1]),
        reader=np.arange(1, n),
    )  # fmt: skip
    links, load = find_links(flows, np.arange(n), cores, chip), weigh(flows, np.arange(n), cores, chip, np.ones(1), 3)
    home, *ends = board.router_of(cores).tolist()
    wanted = [link for end in ends for link in pairwise(board.path(home, end))]
    wanted = sorted(set(wanted)) if tree else wanted
    found = list(zip(links.start.tolist(), links.stop.tolist(), strict=True))
    assert (sorted(found) if tree else found) == wanted
    assert load.weighted_hops == sum(1 if board.same_chip(*link) else 4 for link in wanted)
    assert load.link_peak == max((wanted.count(link) for link in wanted), default=0)


@quick
@given(board=boards(), data=st.data())
def test_orders_name_working_cores_once(board: Board, data: st.DataObject) -> None:
    dead = tuple(data.draw(st.sets(st.integers(0, board.cores - 1), max_size=board.cores - 1)))
    tiles = data.draw(st.integers(1, board.cores - len(dead)))
    region = compact_cores(board, dead, tiles)
    for cores in (sequential_cores(board, dead, tiles), hilbert_order(board, region)):
        assert len(set(cores.tolist())) == len(cores) >= tiles
        assert not set(cores.tolist()) & set(dead)
        assert ((cores >= 0) & (cores < board.cores)).all()


def test_a_hop_between_chips_costs_its_router_and_link() -> None:
    assert crossing_cost(plain_chip()) == 3
    free = {"router_j": 0, "link_j": 0}
    assert crossing_cost(plain_chip(technology=free)) == 1000
    assert crossing_cost(plain_chip(technology={"link_j": 0, "router_j": 7})) == 1


def test_a_hilbert_order_steps_to_neighbours_on_a_square() -> None:
    board = Board(rows=8, columns=8, chips=1, topology="mesh")
    order = hilbert_order(board, np.arange(64, dtype=np.int64))
    assert (board.hops(order[:-1], order[1:]) == 1).all()


def weighted(board: Board, ends: np.ndarray, weights: np.ndarray) -> int:
    """Hops by `Board.path`, one between chips counted as 4: (1 + 7) / (1 + 1) J for router and link in `plain_chip`."""
    total = 0
    for (a, b), weight in zip(board.router_of(ends).T.tolist(), weights.tolist(), strict=True):
        total += weight * sum(1 if board.same_chip(*link) else 4 for link in pairwise(board.path(a, b)))
    return total


@quick
@given(board=boards("mesh", "torus", "ring", "tree", "fat_tree"), effort=st.integers(0, 2), data=st.data())
def test_search_keeps_one_tile_a_core_and_makes_no_way_longer(board: Board, effort: int, data: st.DataObject) -> None:
    dead = tuple(data.draw(st.sets(st.integers(0, board.cores - 1), max_size=board.cores // 3)))
    tiles = data.draw(st.integers(1, board.cores - len(dead)))
    chip = on_board(board, dead=dead)
    tile = st.integers(0, tiles - 1)
    drawn = data.draw(st.sets(st.tuples(tile, tile).filter(lambda p: p[0] != p[1]), max_size=40 * (tiles > 1)))
    pairs = np.array(sorted(drawn), dtype=np.int64).reshape(-1, 2).T
    traffic = (pairs, np.arange(1, pairs.shape[1] + 1, dtype=np.int64))
    best, sequential = place_tiles(chip, tiles, traffic, effort=effort, seed=3).candidates
    again = place_tiles(chip, tiles, traffic, effort=effort, seed=3).candidates
    np.testing.assert_array_equal(best, again[0])
    assert len(set(best.tolist())) == tiles
    assert not set(best.tolist()) & set(dead)
    before, after = (weighted(board, cores[pairs], traffic[1]) for cores in (sequential, best))
    assert after <= before
    assert weighted_hops(board, best, traffic, 3) == after


@quick
@given(board=boards("mesh", "torus", "ring", "tree", "fat_tree", "graph"), crossing=st.integers(0, 3))
def test_the_search_measures_what_paths_measure(board: Board, crossing: int) -> None:
    slots = np.arange(min(board.cores, 40))
    place, around, near, _ = Metric.of(board, slots, crossing)
    assert len(slots) == 1 or not (near == slots[:, None]).any()
    for a in slots.tolist():
        for b in range(a):
            ways = [board.path(*board.router_of(np.array(pair)).tolist()) for pair in ((a, b), (b, a))]
            costs = [sum(1 if board.same_chip(*x) else 1 + crossing for x in pairwise(way)) for way in ways]
            assert distance(a, b, place, around, crossing) == distance(b, a, place, around, crossing) == max(costs)


def test_search_shortens_a_layered_network() -> None:
    chip = plain_chip(core={"fan_out": 16}, board={"rows": 8, "columns": 8, "chips": 1})
    assert map_network(dense([8, 64]), chip).stats.weighted_hops == 0  # a layer that reads inputs only sends nothing
    chip = plain_chip(core={"fan_out": 16, "axons": 32}, board={"rows": 8, "columns": 8, "chips": 1})
    stats = map_network(dense([8, 32, 32, 32]), chip).stats
    assert stats.weighted_hops < 0.9 * stats.sequential_weighted_hops
