"""Geometry: numbers and positions are one to one, paths are neighbouring steps as many as the hops."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from board_strategies import boards
from neutrams.hardware import Board, load_chip

quick = settings(deadline=None, max_examples=50)


@quick
@given(board=boards())
def test_number_and_position_are_one_to_one(board: Board) -> None:
    cores = np.arange(board.cores)
    x, y = board.position(cores)
    assert (board.core_at(x, y) == cores).all()
    assert ((x >= 0) & (x < board.width) & (y >= 0) & (y < board.height)).all()
    everywhere = board.core_at(*np.meshgrid(np.arange(-1, board.width + 1), np.arange(-1, board.height + 1)))
    assert (np.sort(everywhere[everywhere >= 0]) == cores).all()


def withcores(board: Board) -> int:
    """How many routers have cores."""
    return board.cores // board.cores_per_router


@quick
@given(board=boards(), data=st.data())
def test_paths_go_along_links_as_many_as_hops(board: Board, data: st.DataObject) -> None:
    a, b = (data.draw(st.integers(0, withcores(board) - 1)) for _ in range(2))
    path = np.array(board.path(a, b))
    assert (path[0], path[-1]) == (a, b)
    assert len(path) - 1 == board.hops(a, b) == board.hops(b, a)
    assert ((path >= 0) & (path < board.routers)).all()
    assert len(set(path.tolist())) == len(path)
    assert board.ways.joined(path[:-1], path[1:]).all()
    assert board.ways.joined(path[1:], path[:-1]).all()
    assert board.ways.borders(a, b) == (~board.same_chip(path[:-1], path[1:])).sum()


@quick
@given(board=boards(), data=st.data())
def test_paths_from_one_router_form_a_tree(board: Board, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, withcores(board) - 1))
    parent: dict[int, int] = {}
    for stop in range(withcores(board)):
        path = board.path(start, stop)
        for before, after in pairwise(path):
            assert parent.setdefault(after, before) == before


@quick
@given(board=boards(), data=st.data())
def test_the_router_before_is_the_last_but_one_of_the_path(board: Board, data: st.DataObject) -> None:
    router = st.integers(0, withcores(board) - 1)
    a, b = np.array(data.draw(st.lists(st.tuples(router, router), min_size=1, max_size=20)), dtype=np.int64).T
    paths = [board.path(*pair) for pair in zip(a.tolist(), b.tolist(), strict=True)]
    assert board.before(a, b).tolist() == [path[-2] if len(path) > 1 else -1 for path in paths]


@quick
@given(board=boards("mesh", "torus", "ring", "tree", "fat_tree", "graph"))
def test_channels_never_wait_for_each_other_in_a_circle(board: Board) -> None:
    after: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    for a in range(withcores(board)):
        for b in range(withcores(board)):
            path = np.array(board.path(a, b), dtype=np.int64)
            classes = board.ways.channel(np.full(len(path) - 1, a), path[:-1], path[1:])
            assert ((classes >= 1) & (classes <= board.ways.class_count)).all()
            channels = list(zip(path[:-1].tolist(), path[1:].tolist(), classes.tolist(), strict=True))
            for channel in channels:
                after.setdefault(channel, set())
            for one, two in pairwise(channels):
                after[one].add(two)
    while after:  # take away those that wait for none, as long as there are such
        free = {channel for channel, others in after.items() if not others}
        assert free
        after = {channel: others - free for channel, others in after.items() if channel not in free}


@quick
@given(board=boards("mesh"))
def test_no_path_turns_from_growing_y_into_x(board: Board) -> None:
    for a in range(0, withcores(board), 3):
        for b in range(0, withcores(board), 2):
            x, y = board.position(np.array(board.path(a, b)) * board.cores_per_router)
            grows = np.diff(y) > 0
            assert not (grows[:-1] & (np.diff(x)[1:] != 0)).any()


@quick
@given(board=boards("torus", "ring"), data=st.data())
def test_ways_around_are_the_shorter_ones(board: Board, data: st.DataObject) -> None:
    a, b = (data.draw(st.integers(0, withcores(board) - 1)) for _ in range(2))
    if board.topology == "ring":
        apart, around = [abs(a - b)], [withcores(board)]
    else:
        places = [board.position(router * board.cores_per_router) for router in (a, b)]
        apart = [abs(int(p) - int(q)) for p, q in zip(*places, strict=True)]
        apart[0] //= board.cores_per_router
        around = [board.width // board.cores_per_router, board.height]
    assert board.hops(a, b) == sum(min(d, n - d) for d, n in zip(apart, around, strict=True))


@quick
@given(board=boards("graph"), data=st.data())
def test_ways_of_a_graph_have_the_fewest_links_it_has(board: Board, data: st.DataObject) -> None:
    pairs = [tuple(map(int, link.split("@")[0].split("-"))) for link in board.links]
    start = data.draw(st.integers(0, withcores(board) - 1))
    found, frontier, links = {start: 0}, {start}, 0
    while frontier:
        links += 1
        near = {b for pair in pairs for a, b in (pair, pair[::-1]) if a in frontier}
        frontier = near - set(found)
        found |= dict.fromkeys(frontier, links)
    assert board.hops(start, np.arange(withcores(board))).tolist() == [found[r] for r in range(withcores(board))]
    assert all(board.slowness(a, b) == (3 if (a + b) % 3 == 0 else 1) for a, b in pairs)


@quick
@given(board=boards("fat_tree"))
def test_a_link_up_of_a_fat_tree_carries_no_more_leaves_than_a_router_has_children(board: Board) -> None:
    using: dict[tuple[int, int], set[int]] = {}
    for a in range(withcores(board)):
        for b in range(withcores(board)):
            path = board.path(a, b)
            for link in list(pairwise(path))[: len(path) // 2]:
                using.setdefault(link, set()).add(a)
    assert all(len(leaves) <= board.arity for leaves in using.values())


@quick
@given(board=boards("bus"), data=st.data())
def test_a_bus_joins_every_two_routers(board: Board, data: st.DataObject) -> None:
    a, b = (data.draw(st.integers(0, withcores(board) - 1)) for _ in range(2))
    assert board.path(a, b) == ((a, b) if a != b else (a,))
    assert board.hops(a, b) == int(a != b)


def test_a_tree_by_hand() -> None:
    """Six cores on two chips: 0 1 2 under 6, 3 4 5 under 7, both under 8; and four in pairs under a fat tree."""
    tree = Board(rows=1, columns=3, chips=2, topology="tree", arity=3)
    assert (tree.routers, tree.path(0, 2), tree.path(1, 5)) == (9, (0, 6, 2), (1, 6, 8, 7, 5))
    assert tree.ways.chip(np.arange(9)).tolist() == [0, 0, 0, 1, 1, 1, 0, 1, 0]
    fat = Board(rows=1, columns=4, chips=1, topology="fat_tree", arity=2)
    assert (fat.routers, fat.path(0, 1)) == (8, (0, 4, 1))
    assert [fat.path(a, 3) for a in (0, 1)] == [(0, 4, 6, 5, 3), (1, 4, 7, 5, 3)]  # each by a root of its own


def test_a_graph_by_hand() -> None:
    """A ring of five: the shorter way, and a turn from down to up past router 3 needs class 2."""
    ring = Board(rows=1, columns=5, chips=1, topology="graph", links=("0-1", "1-2", "2-3", "3-4", "4-0@2"))
    assert (ring.path(0, 2), ring.path(2, 4), ring.path(1, 4)) == ((0, 1, 2), (2, 3, 4), (1, 0, 4))
    assert ring.ways.class_count == 2
    # down is away from router 0: 2-3 goes down (as far, higher number), 3-4 down or up by distance
    assert ring.ways.channel(np.array([2, 2]), np.array([2, 3]), np.array([3, 4])).tolist() == [1, 2]


def test_of_two_ways_through_a_graph_the_lower_numbers_win() -> None:
    square = Board(rows=1, columns=4, chips=1, topology="graph", links=("0-1", "1-2", "2-3", "3-0"))
    assert (square.path(0, 2), square.path(2, 0), square.path(1, 3)) == ((0, 1, 2), (2, 1, 0), (1, 0, 3))


def test_cores_of_a_router_by_hand() -> None:
    """Two rows of four cores, two a router: routers 0 1 above, 2 3 below."""
    board = Board(rows=2, columns=4, chips=1, topology="mesh", cores_per_router=2)
    assert board.router_of(np.arange(8)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert (board.routers, board.path(0, 3), board.hops(0, 0)) == (4, (0, 1, 3), 0)


def test_tianji_by_hand() -> None:
    board = Board.of(load_chip("tianji"))
    assert (board.side, board.cores_per_chip, board.chips_needed(7)) == (64, 6, 2)
    assert [int(v) for v in board.position(10)] == [4, 1]  # chip 1, row 1, column 1
    assert board.path(0, 10) == (0, 1, 2, 6, 7, 10)
    assert not board.same_chip(5, 6)
    assert board.same_chip(0, 5)


def test_a_missing_chip_is_walked_around() -> None:
    board = Board(rows=1, columns=1, chips=3, topology="mesh")
    assert board.path(2, 1) == (2, 0, 1)
    assert board.path(1, 2) == (1, 0, 2)
    assert board.core_at(1, 1) == -1


@pytest.mark.parametrize(("chips", "side"), [(1, 1), (2, 2), (4, 2), (5, 3), (9, 3), (10, 4)])
def test_side_is_the_rounded_up_root(chips: int, side: int) -> None:
    assert Board(rows=1, columns=1, chips=chips, topology="mesh").side == side
