"""Start ticks keep every constraint, with the smallest longest gap there is."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core_strategies import plain_chip
from neutrams.mapping import map_network
from neutrams.mapping.schedule import least_gap
from neutrams.network import Network, ops

Graph = tuple[int, list[tuple[int, int]], list[int]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Up to five nodes, edges from lower to higher, and the nodes that read an input."""
    n = draw(st.integers(1, 5))
    every = [(a, b) for b in range(n) for a in range(b)]
    edges = draw(st.lists(st.sampled_from(every), unique=True)) if every else []
    return n, edges, sorted(draw(st.sets(st.integers(0, n - 1), max_size=n)))


def gaps(starts: tuple[int, ...], edges: list[tuple[int, int]], fed: list[int]) -> list[int]:
    return [starts[b] - starts[a] for a, b in edges] + [starts[i] + 1 for i in fed]


@settings(deadline=None, max_examples=80)
@given(graph=graphs())
def test_the_longest_gap_is_the_smallest_possible(graph: Graph) -> None:
    n, edges, fed = graph
    pairs = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    starts, gap = least_gap(n, pairs, np.array(fed, dtype=np.int64))
    found = gaps(tuple(starts.tolist()), edges, fed)
    assert (starts >= 0).all()
    assert all(1 <= g <= gap for g in found)
    every = (gaps(tried, edges, fed) for tried in product(range(n), repeat=n))
    assert gap == min((max(tried, default=1) for tried in every if all(g >= 1 for g in tried)), default=1)


def skip_network(depth: int) -> Network:
    """x goes through ``depth`` neurons in a row, and is added to what comes out."""
    one = np.ones(1, dtype=np.int64)

    def neuron(name: str, source: str) -> ops.Neuron:
        parameters = {"bias": 0 * one, "multiplier": 2 * one, "shift": one, "low": 0 * one, "high": 255 * one}
        return ops.Neuron(
            name=name, inputs=(source,), model="requantize", parameters=parameters, scale=np.ones(1), zero=np.zeros(1),
            origin=name, elements=0 * one,
        )  # fmt: skip

    nodes: list[ops.Node] = [
        ops.Input(name="x", shape=(1,)),
        ops.Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=255),
    ]
    source = "q"
    for i in range(depth):
        nodes.append(ops.Linear(name=f"a{i}", inputs=(source,), weights=one[:, None], bias=0 * one))
        nodes.append(neuron(source := f"n{i}", f"a{i}"))
    nodes += [
        ops.Add(name="sum", inputs=("q", source), coefficients=np.ones((2, 1), dtype=np.int64), bias=0 * one),
        neuron("n", "sum"),
        ops.Decode(name="d", inputs=("n",), coefficient=one, element=0 * one, scale=np.ones(1), offset=np.zeros(1)),
        ops.Output(name="y", inputs=("d",)),
    ]
    return Network(tuple(nodes))


def test_a_skip_takes_a_longer_delay_or_more_ticks() -> None:
    """Three in a row end at tick 2, the sum runs at 3: four ticks after the input, so d = 4, or d = 1 with L = 4."""
    for max_delay, ticks, delays in ((4, 1, [1, 1, 1, 4, 1]), (3, 2, [1, 1, 1, 3, 1]), (1, 4, [1, 1, 1, 1, 1])):
        program = map_network(skip_network(3), plain_chip(board={"max_delay": max_delay})).program
        assert program.tiles.start.tolist() == [0, 1, 2, 3]
        assert program.ticks_per_step == ticks
        assert program.axons.delay.tolist() == delays
