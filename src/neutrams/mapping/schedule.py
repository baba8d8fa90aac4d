"""Start ticks, ticks per step and axon delays: every reader sees the step it works on.

With the inputs of step k standing after tick kL - 1, an input is like a source that starts in tick -1. A reader with
start s_r and delay d reads, in tick s_r + kL, the register after tick s_r + kL - d; a source with start s_s holds step
k after the ticks s_s + kL … s_s + (k + 1)L - 1. So s_s <= s_r - d <= s_s + L - 1 for one d in 1 … max_delay, which
exists exactly when 1 <= s_r - s_s <= L - 1 + max_delay. A channel that always carries the same value has no step. A
state reads step k - 1 in its step k: there 1 - L <= s_r - s_s <= max_delay - 1.
"""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.mapping.fan_out import Wiring
from neutrams.mapping.units import Units


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Schedule:
    """When tiles run.

    Attributes:
        starts: int64 ``[tiles]``, start ticks.
        delays: int64 ``[rows]``, axon delays, in the order of the wiring's rows.
        ticks_per_step: L.
    """

    starts: IntArray
    delays: IntArray
    ticks_per_step: int


def schedule(wiring: Wiring, units: Units, max_delay: int) -> Schedule:
    """Return the start ticks with the smallest L, and the shortest delays that go with them.

    Tiles of the same units start together, so that an axon they share is one axon.
    """
    groups: dict[tuple[tuple[int, ...], bool], int] = {}
    lagging = np.array([tile.lag > 0 for tile in wiring.tiles])[wiring.reader]
    group = np.array([groups.setdefault((t.units, t.relay), len(groups)) for t in wiring.tiles], dtype=np.int64)
    reader = wiring.reader
    from_tile = wiring.feed_tile >= 0
    from_input = ~from_tile & (units.constant[wiring.signal] == 0)
    edges, back = (
        np.stack([group[wiring.feed_tile[rows]], group[reader[rows]]])
        for rows in (from_tile & ~lagging, from_tile & lagging)
    )
    starts, ticks = least_period(len(groups), (edges, back), np.unique(group[reader[from_input]]), max_delay)
    starts = starts[group]
    source = np.where(from_tile, starts[wiring.feed_tile], -1)
    gaps = starts[reader] - source
    delays = np.where(from_tile | from_input, np.maximum(1, gaps - np.where(lagging, 0, ticks) + 1), 1)
    return Schedule(starts=starts, delays=delays, ticks_per_step=ticks)


def unit_levels(units: Units) -> IntArray:
    """int64 ``[units]``: start ticks if nothing had to be cut, copied or relayed."""
    unit_of, constant = units.unit_of, units.constant
    edges: list[tuple[int, int]] = []
    fed: list[int] = []
    for i, unit in enumerate(units.units):
        if unit.lag:
            continue
        sources = np.unique(unit.table[unit.table >= 0])
        before = np.unique(unit_of[sources])
        edges.extend((int(source), i) for source in before if source >= 0)
        if (before[:1] < 0).any() and (constant[sources[unit_of[sources] < 0]] == 0).any():
            fed.append(i)
    pairs = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    return least_gap(len(units.units), pairs, np.array(fed, dtype=np.int64))[0]


def least_period(nodes: int, edges: tuple[IntArray, IntArray], fed: IntArray, max_delay: int) -> tuple[IntArray, int]:
    """Return start ticks and the smallest L with which every reader sees the step it works on.

    Args:
        nodes: How many there are.
        edges: int64 ``[2, n]`` each, (source, reader) within a step, acyclic, and of readers one step behind.
        fed: int64, the nodes that read an input, which stands at tick -1.
        max_delay: Longest delay of an axon [tick].
    """
    within, back = edges
    starts, gap = least_gap(nodes, within, fed)
    low = max(1, gap + 1 - max_delay)
    if not back.size:
        return starts, low
    best, high = None, low
    while best is None:
        best = _within(nodes, within, fed, high - 1 + max_delay, (back, high, max_delay))
        high *= 2
        assert best is not None or high <= 4 * (nodes + 1), "a state's reader starts no later than its source"
    high //= 2
    while low < high:
        middle = (low + high) // 2
        found = _within(nodes, within, fed, middle - 1 + max_delay, (back, middle, max_delay))
        if found is None:
            low = middle + 1
        else:
            best, high = found, middle
    return best, high


def least_gap(nodes: int, edges: IntArray, fed: IntArray) -> tuple[IntArray, int]:
    """Return start ticks >= 0 whose longest gap from source to reader is as short as possible, and that gap.

    Args:
        nodes: How many there are.
        edges: int64 ``[2, edges]``, (source, reader); acyclic.
        fed: int64, the nodes that read an input, which stands at tick -1.

    Returns:
        int64 ``[nodes]`` and the gap, at least 1. Difference constraints, solved by relaxation; a binary search over
        the gap, in which feasibility is monotone.
    """
    edges = np.stack(np.divmod(np.unique(edges[0] * nodes + edges[1]), max(nodes, 1)))
    best = _within(nodes, edges, fed, nodes + 1)
    assert best is not None, "the network has a loop"
    low, high = 1, _longest(best, edges, fed)
    while low < high:
        middle = (low + high) // 2
        starts = _within(nodes, edges, fed, middle)
        if starts is None:
            low = middle + 1
        else:
            best, high = starts, middle
    return best, high


def _longest(starts: IntArray, edges: IntArray, fed: IntArray) -> int:
    inner = (starts[edges[1]] - starts[edges[0]]).max(initial=1)
    return int(max(inner, (starts[fed] + 1).max(initial=1)))


Lagging = tuple[IntArray, int, int]
"""Edges (source, reader) of readers one step behind, L, and the longest delay."""


def _within(nodes: int, edges: IntArray, fed: IntArray, gap: int, lagging: Lagging | None = None) -> IntArray | None:
    """Return the earliest starts with 1 <= reader - source <= gap on every edge, or None where there are none.

    On lagging edges 1 - L <= reader - source <= max_delay - 1.
    """
    starts = np.zeros(nodes, dtype=np.int64)
    source, reader = edges
    (late, late_reader), period, most = lagging or (np.zeros((2, 0), dtype=np.int64), 1, 1)
    while True:
        before: AnyArray = starts.copy()
        np.maximum.at(starts, reader, starts[source] + 1)
        np.maximum.at(starts, source, starts[reader] - gap)
        np.maximum.at(starts, late_reader, starts[late] + 1 - period)
        np.maximum.at(starts, late, starts[late_reader] + 1 - most)
        if (starts == before).all():
            return starts
        if (starts[fed] >= gap).any() or (starts > nodes).any():
            return None
