"""Every partition is legal and no smaller than the bound; counts kept along the way are those counted anew."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import same_bytes
from nets_strategies import nets, problems
from neutrams.base.arrays import IntArray
from neutrams.base.errors import CapacityError, InputError, SpecError
from neutrams.mapping.clusters import Limits, Nets, cost_of, fewest_parts, partition, violations
from neutrams.mapping.clusters.divide import improve_readers, partition_readers
from neutrams.mapping.clusters.levels import graph_of
from neutrams.mapping.clusters.search import Search, Worth, caps_of
from neutrams.mapping.workloads import conv, sheet, uniform

quick = settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))


@quick
@given(problem=problems(), effort=st.integers(0, 2), seed=st.integers(0, 3))
def test_every_partition_is_legal_and_the_same_again(problem: tuple[Nets, Limits], effort: int, seed: int) -> None:
    found, limits = problem
    part = partition(found, limits, effort=effort, seed=seed)
    assert violations(found, limits, part) == []
    assert cost_of(found, part).parts >= fewest_parts(found, limits).parts
    assert part.tobytes() == partition(found, limits, effort=effort, seed=seed).tobytes()


@quick
@given(problem=problems(), effort=st.integers(0, 1))
def test_the_order_of_the_neurons_is_never_better(problem: tuple[Nets, Limits], effort: int) -> None:
    found, limits = alike(problem[0]), problem[1]
    part = cost_of(found, partition(found, limits, effort=effort))
    order = cost_of(found, ordered(found, limits))
    assert order.parts > part.parts or order.connectivity >= part.connectivity
    assert not limits.axons or order.parts >= part.parts


def alike(found: Nets) -> Nets:
    """The same nets, each with one spike a tick: others are rounded by the search."""
    return replace(found, weight=np.ones(len(found.source)))


def ordered(found: Nets, limits: Limits) -> IntArray:
    """A new part wherever the next neuron would break a limit, by trying."""
    part = np.full(found.neurons, found.neurons, dtype=np.int64)
    now = 0
    for i in range(found.neurons):
        part[i] = now
        if violations_of(found, limits, part, now):
            now += 1
            part[i] = now
    return part


def violations_of(found: Nets, limits: Limits, part: IntArray, now: int) -> bool:
    cost = cost_of(found, part, own_axons=limits.own_axons)
    held = (("neurons", cost.neurons), ("axons", cost.axons), ("synapses", cost.synapses))
    return any(getattr(limits, name) and values[now] > getattr(limits, name) for name, values in held)


@pytest.mark.parametrize("effort", [0, 1])
def test_a_small_sheet_is_cut_no_worse_than_in_order(effort: int) -> None:
    """Growth is worse here: 32 x 32 neurons in four strips of eight rows are hard to beat."""
    found = sheet(32)
    cost = cost_of(found, partition(found, Limits(neurons=256), effort=effort))
    assert cost.parts == 4
    assert cost.connectivity <= cost_of(found, np.arange(1024) // 256).connectivity


@quick
@given(problem=problems(), effort=st.integers(0, 1), data=st.data())
def test_parts_of_readers_are_improved_or_stay(problem: tuple[Nets, Limits], effort: int, data: st.DataObject) -> None:
    found, limits = alike(problem[0]), problem[1]
    reading = np.zeros(found.neurons, dtype=np.bool_)
    reading[found.target] = True
    begin = np.where(reading, np.cumsum(reading) - 1, -1)
    if data.draw(st.booleans()):  # what a search found, else one part each
        begin = partition_readers(found, limits, effort=0)
    part = improve_readers(found, limits, begin, effort=effort)
    assert ((part >= 0) == reading).all()
    assert part.max() <= begin.max()
    assert part.max() < begin.max() or read(found, part) <= read(found, begin)
    for q in range(int(part.max()) + 1):
        held = set(np.flatnonzero(part == q).tolist())
        synapses = [(e, t) for e, t in pairs(found) if t in held]
        assert 1 <= len(held) <= limits.neurons
        assert not limits.axons or len({e for e, _ in synapses}) <= limits.axons
        assert not limits.synapses or len(synapses) <= limits.synapses


def pairs(found: Nets) -> set[tuple[int, int]]:
    """Net and target of every synapse."""
    net = np.repeat(np.arange(len(found.source)), np.diff(found.start))
    return set(zip(net.tolist(), found.target.tolist(), strict=True))


def read(found: Nets, part: IntArray) -> float:
    """Spikes times the parts that read them."""
    return float(sum(found.weight[e] for e, _ in {(e, int(part[t])) for e, t in pairs(found)}))


@pytest.mark.parametrize("threads", ["1", "2"])
def test_same_bytes_on_any_number_of_threads(threads: str) -> None:
    done = subprocess.run(
        [sys.executable, same_bytes.__file__], check=True, capture_output=True, text=True,
        env={**os.environ, "NUMBA_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
    )  # fmt: skip
    assert done.stdout.split() == [same_bytes.digest()] * 2


@quick
@given(found=nets(), own=st.booleans(), data=st.data())
def test_counts_kept_along_the_way_are_those_counted_anew(found: Nets, own: bool, data: st.DataObject) -> None:
    parts = data.draw(st.integers(1, 5))
    part = np.array(data.draw(st.lists(st.integers(0, parts - 1), min_size=found.neurons, max_size=found.neurons)))
    limits = Limits(neurons=4, axons=5, own_axons=own)
    graph = graph_of(found, np.arange(found.neurons, dtype=np.int32), np.arange(len(found.source)), sources=True)
    search = Search(graph, part, caps_of(limits), room=found.neurons)
    for turn in range(3):
        search.heat(Worth(near=1.0, read=0.5), 2.0, (0.1, 0.1), turn, turn)
        assert_counted(search, found, own)
    search.settle(Worth(near=1.0, read=0.5))
    assert_counted(search, found, own)


def assert_counted(search: Search, found: Nets, own: bool) -> None:
    cost, held = cost_of(found, search.parts.part.astype(np.int64), own_axons=own), search.parts
    assert held.size[: cost.parts].tolist() == cost.neurons.tolist()
    assert held.axons[: cost.parts].tolist() == cost.axons.tolist()
    assert held.load[: cost.parts].tolist() == cost.synapses.tolist()
    touched = np.maximum(held.used, 1) - 1
    assert int(touched.sum()) == cost.km1
    assert not search.scratch.near.any()
    assert not search.scratch.read.any()


@quick
@given(found=nets(most=12), data=st.data())
def test_costs_are_those_of_the_definition(found: Nets, data: st.DataObject) -> None:
    part = np.array(data.draw(st.lists(st.integers(0, 3), min_size=found.neurons, max_size=found.neurons)))
    own = data.draw(st.booleans())
    km1, connectivity, axons = 0, 0.0, [set() for _ in range(4)]
    for net, source in enumerate(found.source.tolist()):
        reached = {int(part[t]) for t in found.target[found.start[net] : found.start[net + 1]]}
        away = len(reached | {int(part[source])}) - 1
        km1, connectivity = km1 + away, connectivity + away * found.weight[net]
        for q in reached if own else reached - {int(part[source])}:
            axons[q].add(source)
    cost = cost_of(found, part, own_axons=own)
    assert cost.km1 == km1
    assert cost.connectivity == pytest.approx(connectivity)
    assert cost.axons.tolist() == [len(a) for a in axons[: cost.parts]]


def test_two_groups_that_do_not_meet_are_two_parts() -> None:
    target = np.array([1, 3, 3, 5, 5, 1, 2, 4, 4, 0, 0, 2])  # even neurons reach odd ones, odd ones even ones
    found = Nets(neurons=6, source=np.arange(6), start=np.arange(7) * 2, target=target, weight=np.ones(6))
    part = partition(found, Limits(neurons=3, axons=3))
    assert part.tolist() == [0, 1, 0, 1, 0, 1]


def test_a_strip_of_convolutions_takes_the_fewest_cores() -> None:
    nets = conv(8, channels=1, layers=2, kernel=3, group=1)
    part = partition(nets, Limits(neurons=64, axons=25), effort=2)
    assert cost_of(nets, part).parts == 4  # four corners of 4 x 4, each of which reads 5 x 5


def test_parts_without_a_limit_of_axons_are_as_few_as_neurons_need() -> None:
    nets = sheet(30, fan_out=12, sigma=2.0)
    cost = cost_of(nets, partition(nets, Limits(neurons=100), effort=2))
    assert cost.parts == 9
    assert cost.km1 < 0.6 * cost_of(nets, np.arange(900) // 100).km1


def test_workloads_are_what_they_say() -> None:
    assert conv().synapses == 3_613_056
    one = sheet(20, fan_out=9, sigma=3.0)
    targets = np.sort(one.target.reshape(-1, 9))
    assert (np.diff(targets) > 0).all()
    assert not (targets == one.source[:, None]).any()
    assert uniform(50, fan_out=3).target.tobytes() == uniform(50, fan_out=3).target.tobytes()


def test_a_neuron_that_no_core_can_hold_is_named() -> None:
    found = Nets(
        neurons=4, source=np.arange(3), start=np.arange(4), target=np.array([3, 3, 3]), weight=np.ones(3)
    )  # fmt: skip
    with pytest.raises(CapacityError, match="neuron 3 takes 3 axons, a core has 2; split its fan-in to 2 or less"):
        partition(found, Limits(neurons=4, axons=2))


def test_bad_input_is_refused() -> None:
    good = {"neurons": 2, "source": np.array([0]), "start": np.array([0, 1]), "target": np.array([1])}
    with pytest.raises(InputError, match="2 is no neuron of 2"):
        Nets(**(good | {"target": np.array([2])}), weight=np.ones(1))
    with pytest.raises(InputError, match="negative or not finite"):
        Nets(**good, weight=np.array([np.nan]))
    with pytest.raises(InputError, match="do not rise from 0"):
        Nets(**(good | {"start": np.array([0, 2])}), weight=np.ones(1))
    with pytest.raises(InputError, match="source of several nets"):
        Nets(
            neurons=2, source=np.array([0, 0]), start=np.array([0, 1, 1]), target=np.array([1]), weight=np.ones(2)
        )  # fmt: skip
    with pytest.raises(SpecError, match="neurons is 0, allowed is 1 or more"):
        Limits(neurons=0)
    with pytest.raises(SpecError, match="effort is 4"):
        partition(Nets(**good, weight=np.ones(1)), Limits(neurons=1), effort=4)
