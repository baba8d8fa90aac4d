"""The searches keep exact accounts: what they say a placement gained is what measuring it anew gives."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from board_strategies import boards, on_board
from neutrams.hardware import Board
from neutrams.hardware.grids import Grid
from neutrams.kernels.placement import anneal, distance
from neutrams.mapping.annealing import CHANCES, MOST_EFFORT, plan, tenants
from neutrams.mapping.flows import Flows
from neutrams.mapping.metric import Metric, weighted_hops
from neutrams.mapping.orders import square_cores
from neutrams.mapping.place import place_tiles
from neutrams.mapping.route import weigh
from neutrams.mapping.spectral import part_of, spectral_axes
from neutrams.mapping.starts import MANY, assigned, bisected, starts
from neutrams.mapping.traffic import SCALE, core_traffic, neighbours, tree_traffic
from neutrams.mapping.tree_search import TreeSearch

quick = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


@st.composite
def carried(draw: st.DrawFn, tiles: int) -> tuple[Flows, np.ndarray]:
    """Flows between so many tiles, one a bundle, some from outside, and what each carries."""
    senders = sorted(draw(st.lists(st.integers(-1, tiles - 1), min_size=1, max_size=12)))
    readers = [sorted(draw(st.sets(st.integers(0, tiles - 1), min_size=1, max_size=6))) for _ in senders]
    n = len(senders)
    amounts = draw(st.lists(st.sampled_from([0.0, 1.0, 2.5, 300.0]), min_size=n, max_size=n))
    flows = Flows(
        tile=np.array(senders), columns=np.arange(n + 1), column=np.zeros(n, dtype=np.int64),
        readers=np.append(0, np.cumsum([len(r) for r in readers])), reader=np.concatenate(readers),
    )  # fmt: skip
    return flows, np.array(amounts)


def measured(board: Board, flows: Flows, amounts: np.ndarray, cores: np.ndarray, crossing: int) -> int:
    """Traffic times links, as routes weigh them; `SCALE` times as large, as the search counts."""
    whole = np.maximum(1, np.rint(amounts * SCALE))
    return int(weigh(flows, np.arange(len(cores)), cores, on_board(board), whole, crossing).weighted_hops)


@quick
@given(board=boards("mesh"), crossing=st.integers(0, 3), effort=st.integers(1, 2), data=st.data())
def test_a_search_by_trees_gains_what_the_routes_say(
    board: Board, crossing: int, effort: int, data: st.DataObject
) -> None:
    tiles = data.draw(st.integers(1, board.cores))
    flows, amounts = data.draw(carried(tiles))
    trees = tree_traffic(flows, np.arange(tiles), amounts)
    assert isinstance(board.ways, Grid)
    every = np.arange(board.cores)
    search = TreeSearch.of(board.ways, board.router_of(every), trees, tiles, crossing)
    slot = np.array(data.draw(st.permutations(range(board.cores))))[:tiles]
    before = search.measure(slot)[0]
    assert before == measured(board, flows, amounts, slot, crossing)
    fixed = (np.arange(tiles) < data.draw(st.integers(0, tiles))).astype(np.int64)
    after, change = search.improved(slot, fixed, effort, 4)
    np.testing.assert_array_equal(after[fixed > 0], slot[fixed > 0])
    assert before + change == search.measure(after)[0] == measured(board, flows, amounts, after, crossing)
    assert len(set(after.tolist())) == tiles


@quick
@given(board=boards("mesh", "torus", "ring", "tree", "graph"), crossing=st.integers(0, 3), data=st.data())
def test_a_search_by_pairs_gains_what_distances_say(board: Board, crossing: int, data: st.DataObject) -> None:
    tiles = data.draw(st.integers(1, board.cores))
    flows, amounts = data.draw(carried(tiles))
    pairs, weights = core_traffic(flows, np.arange(tiles), amounts)
    place, around, near, _ = Metric.of(board, np.arange(board.cores), crossing)
    slot = np.array(data.draw(st.permutations(range(board.cores))))[:tiles]
    graph, tenant, after = neighbours(tiles, pairs, weights), tenants(slot, board.cores), slot.copy()
    heat, turns = plan(1, tiles, 64, weights)
    here, fixed = np.zeros((2, tiles), dtype=np.int64), np.zeros(tiles, dtype=np.int64)
    fixed[: data.draw(st.integers(0, tiles))] = 1
    change = anneal(after, tenant, here, place, around, near, fixed, *graph, crossing, heat, turns, CHANCES, 5)
    sums = [
        sum(w * distance(at[a], at[b], place, around, crossing) for a, b, w in zip(*pairs, weights, strict=True))
        for at in (slot, after)
    ]
    assert sums[1] - sums[0] == change
    np.testing.assert_array_equal(tenant, tenants(after, board.cores))
    np.testing.assert_array_equal(after[fixed > 0], slot[fixed > 0])


@quick
@given(board=boards("mesh", "torus"), effort=st.integers(1, 3), data=st.data())
def test_starts_use_each_slot_once_and_are_the_same_again(board: Board, effort: int, data: st.DataObject) -> None:
    tiles = data.draw(st.integers(1, board.cores))
    flows, amounts = data.draw(carried(tiles))
    graph = neighbours(tiles, *core_traffic(flows, np.arange(tiles), amounts))
    square = square_cores(board, np.arange(board.cores), tiles)
    position = np.stack(board.position(square), axis=1).astype(np.float64)
    found, again = (list(starts(position, graph, effort, 3)) for _ in range(2))
    for slot, same in zip(found, again, strict=True):
        assert sorted(slot.tolist()) == list(range(tiles))
        np.testing.assert_array_equal(slot, same)


def sheet(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Traffic between neighbours on a square of tiles."""
    number = np.arange(side * side).reshape(side, side)
    pairs = np.concatenate([
        np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()]), np.stack([number[:-1].ravel(), number[1:].ravel()])
    ], axis=1)  # fmt: skip
    return pairs, np.ones(pairs.shape[1], dtype=np.int64)


@pytest.mark.parametrize("effort", [1, 2, 3])
def test_a_shuffled_sheet_is_smoothed_out_again(effort: int) -> None:
    """12 x 12 tiles that talk to their neighbours: 1 hop at best, 8 in a random order."""
    board = Board(rows=12, columns=12, chips=1, topology="mesh")
    shuffled = np.random.default_rng(7).permutation(144)
    pairs, weights = sheet(12)
    traffic = (shuffled[pairs], weights)
    best = place_tiles(on_board(board), 144, traffic, effort=effort).candidates[0]
    assert weighted_hops(board, best, traffic, 0) <= 1.5 * len(weights)


def test_spectral_axes_of_a_path_run_along_it() -> None:
    """The slowest mode of a walk on a path is a half wave from one end to the other."""
    path = np.stack([np.arange(29), np.arange(1, 30)])
    axis = spectral_axes(neighbours(30, path, np.ones(29, dtype=np.int64)), 1, 0, MANY)[:, 0]
    wave = np.cos(np.pi * np.arange(30) / 29)
    assert abs(abs(np.corrcoef(axis, wave)[0, 1]) - 1) < 1e-6
    line = np.arange(30, dtype=np.float64)[:, None]
    graph = neighbours(30, path, np.ones(29, dtype=np.int64))
    for slot in (assigned(line, spectral_axes(graph, 1, 0, MANY)), bisected(line, graph, 0)):
        assert np.abs(np.diff(slot)).mean() <= 1.5


def test_the_graph_of_some_tiles_keeps_the_traffic_among_them() -> None:
    graph = neighbours(4, np.array([[0, 1, 2, 3], [1, 2, 3, 0]]), np.array([1, 2, 3, 4]))
    start, other, weight = part_of(graph, np.array([3, 0, 1]))
    assert [a.tolist() for a in (start, other, weight)] == [[0, 1, 3, 4], [1, 0, 2, 1], [4, 4, 1, 1]]


def test_chances_are_those_of_metropolis() -> None:
    """A change of c at temperature T is taken with the chance exp(-c / T)."""
    assert CHANCES[0] == 7808  # 1024 ln 2048
    assert CHANCES[1023] == 1
    assert abs(np.mean(CHANCES > 1024) - np.exp(-1)) < 2e-3
    assert MOST_EFFORT == 3
