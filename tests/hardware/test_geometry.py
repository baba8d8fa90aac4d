"""Geometry: numbers and positions are one to one, paths are neighbouring steps as many as the hops."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neutrams.hardware import Board, load_chip


def boards(topology: str = "mesh") -> st.SearchStrategy[Board]:
    counts = st.integers(1, 3)
    return st.builds(Board, rows=counts, columns=counts, chips=st.integers(1, 12), topology=st.just(topology))


@settings(deadline=None, max_examples=50)
@given(board=boards())
def test_number_and_position_are_one_to_one(board: Board) -> None:
    cores = np.arange(board.cores)
    x, y = board.position(cores)
    assert (board.core_at(x, y) == cores).all()
    assert ((x >= 0) & (x < board.width) & (y >= 0) & (y < board.height)).all()
    everywhere = board.core_at(*np.meshgrid(np.arange(-1, board.width + 1), np.arange(-1, board.height + 1)))
    assert (np.sort(everywhere[everywhere >= 0]) == cores).all()


@settings(deadline=None, max_examples=50)
@given(board=boards(), data=st.data())
def test_paths_are_neighbouring_steps_as_many_as_hops(board: Board, data: st.DataObject) -> None:
    a, b = (data.draw(st.integers(0, board.cores - 1)) for _ in range(2))
    path = np.array(board.path(a, b))
    assert (path[0], path[-1]) == (a, b)
    assert len(path) - 1 == board.hops(a, b)
    assert ((path >= 0) & (path < board.cores)).all()
    assert (board.hops(path[:-1], path[1:]) == 1).all()


@settings(deadline=None, max_examples=50)
@given(board=boards(), data=st.data())
def test_paths_from_one_core_form_a_tree(board: Board, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, board.cores - 1))
    parent: dict[int, int] = {}
    for stop in range(board.cores):
        path = board.path(start, stop)
        for before, after in pairwise(path):
            assert parent.setdefault(after, before) == before


@settings(deadline=None, max_examples=50)
@given(board=boards())
def test_no_path_turns_from_growing_y_into_x(board: Board) -> None:
    for a in range(0, board.cores, 3):
        for b in range(0, board.cores, 2):
            x, y = board.position(np.array(board.path(a, b)))
            grows = np.diff(y) > 0
            assert not (grows[:-1] & (np.diff(x)[1:] != 0)).any()


@settings(deadline=None, max_examples=50)
@given(board=boards("bus"), data=st.data())
def test_a_bus_joins_every_two_cores(board: Board, data: st.DataObject) -> None:
    a, b = (data.draw(st.integers(0, board.cores - 1)) for _ in range(2))
    assert board.path(a, b) == ((a, b) if a != b else (a,))
    assert board.hops(a, b) == int(a != b)


@settings(deadline=None, max_examples=50)
@given(board=st.one_of(boards(), boards("bus")), data=st.data())
def test_the_core_before_is_the_last_but_one_of_the_path(board: Board, data: st.DataObject) -> None:
    core = st.integers(0, board.cores - 1)
    a, b = np.array(data.draw(st.lists(st.tuples(core, core), min_size=1, max_size=20)), dtype=np.int64).T
    paths = [board.path(*pair) for pair in zip(a.tolist(), b.tolist(), strict=True)]
    assert board.before(a, b).tolist() == [path[-2] if len(path) > 1 else -1 for path in paths]


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
