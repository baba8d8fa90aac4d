"""The network on chip: laws on random networks, one case worked out by hand, errors."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neutrams.base.arrays import IntArray
from neutrams.base.errors import InputError, SpecError
from neutrams.simulator.noc import (
    Noc,
    NocResult,
    PacketTable,
    RouterSpec,
    Topology,
    lower,
    mesh,
    simulate_packets,
    torus,
)
from noc_strategies import multicasts, routers, topologies, traffic

TRACES = json.loads(Path(__file__).with_name("noc_booksim_traces.json").read_text())


def hops_of(topology: Topology, packets: PacketTable, m: int) -> list[tuple[int, int]]:
    """(router, output port) on the way of one packet."""
    router, target, hops = int(topology.node_router[packets.source[m]]), int(packets.target[m]), []
    while True:
        port = int(topology.hop(packets.path[m], np.array(router), np.array(target))[0])
        hops.append((router, port))
        if router == topology.node_router[target] and port == topology.node_port[target]:
            return hops
        router = int(topology.neighbor[router, port])


def same(a: NocResult, b: NocResult, *, but: tuple[str, ...] = ()) -> None:
    """Both results are equal to the bit."""
    for field in fields(NocResult):
        if field.name not in but:
            np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name), err_msg=field.name)


def idle_arrivals(topology: Topology, router: RouterSpec, packets: PacketTable, m: int) -> list[int]:
    """Cycles after its creation in which the flits of a lone packet arrive, if they never wait for a credit."""
    there = [1 + topology.node_latency + flit for flit in range(int(packets.flits[m]))]
    for r, p in hops_of(topology, packets, m):
        link = int(topology.latency[r, p]) if topology.neighbor[r, p] >= 0 else topology.node_latency
        won = [there[0] + router.route_cycles + router.vc_cycles + router.allocation_cycles - 1]
        for cycle in there[1:]:
            front = max(cycle, won[-1] + 1)
            won.append(max(front + router.allocation_cycles - 1, won[-1] + int(topology.intervals[r, p])))
        there = [cycle + 1 + router.switch_cycles + link for cycle in won]
    return there


@given(data=st.data(), topology=topologies())
def test_every_packet_arrives_once_and_flits_are_conserved(data: st.DataObject, topology: Topology) -> None:
    router, packets = data.draw(routers(topology.class_count)), data.draw(traffic(topology))
    result = simulate_packets(topology, router, packets)
    assert result.delivered == len(packets)
    assert result.sent_flits == result.received_flits == packets.flits.sum()
    assert (result.tail - result.head >= packets.flits - 1).all()
    assert result.cycles == result.tail.max(initial=-1) + 1
    assert result.histogram().sum() == len(packets)
    assert (result.peak_flits <= topology.ports * router.vcs * router.buffer_flits).all()


@given(data=st.data(), topology=topologies())
def test_link_counts_are_those_of_the_routes(data: st.DataObject, topology: Topology) -> None:
    router, packets = data.draw(routers(topology.class_count)), data.draw(traffic(topology))
    wanted = np.zeros_like(topology.neighbor)
    for m in range(len(packets)):
        for router_port in hops_of(topology, packets, m):
            wanted[router_port] += packets.flits[m]
    np.testing.assert_array_equal(simulate_packets(topology, router, packets).link_flits, wanted)


@given(data=st.data(), topology=topologies())
def test_skipping_cycles_changes_nothing(data: st.DataObject, topology: Topology) -> None:
    router, packets = data.draw(routers(topology.class_count)), data.draw(traffic(topology))
    until = data.draw(st.sampled_from((None, 7, 60)))
    skipped = simulate_packets(topology, router, packets, until=until)
    stepped = simulate_packets(topology, router, packets, until=until, every_cycle=True)
    same(skipped, stepped)


@given(data=st.data(), topology=topologies(), until=st.sampled_from((None, 5, 40)))
def test_a_network_that_has_run_is_as_new(data: st.DataObject, topology: Topology, until: int | None) -> None:
    router = data.draw(routers(topology.class_count))
    first, second = (data.draw(st.one_of(traffic(topology), multicasts(topology, router))) for _ in range(2))
    noc = Noc(topology, router)
    noc.run(first, until=until)
    same(noc.run(second), simulate_packets(topology, router, second))


@given(data=st.data(), topology=topologies())
def test_fetching_memory_ahead_changes_nothing(data: st.DataObject, topology: Topology) -> None:
    router = data.draw(routers(topology.class_count))
    packets = data.draw(st.one_of(traffic(topology), multicasts(topology, router)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lower, "LARGE", 0)
        ahead = simulate_packets(topology, router, packets)
    same(ahead, simulate_packets(topology, router, packets))


@given(data=st.data(), topology=topologies(), cut=st.lists(st.integers(0, 120), max_size=3))
def test_waves_in_one_run_are_runs_of_their_own(data: st.DataObject, topology: Topology, cut: list[int]) -> None:
    """Arbiters, credits and wheels are as at the beginning when a wave begins."""
    router, packets = data.draw(routers(topology.class_count)), data.draw(traffic(topology))
    wave = np.searchsorted(np.unique(cut), np.arange(len(packets)), side="right")
    together = simulate_packets(topology, router, replace(packets, wave=wave))
    cycles, peaks = 0, np.zeros(topology.routers, dtype=np.int64)
    for number in np.unique(wave):
        mine = wave == number
        one = replace(
            packets, **{f.name: getattr(packets, f.name)[mine] for f in fields(packets) if f.init and f.name != "trees"}
        )
        alone = simulate_packets(topology, router, one)
        for name in ("head", "tail", "created", "latency"):
            np.testing.assert_array_equal(getattr(together, name)[mine], getattr(alone, name))
        cycles, peaks = cycles + alone.cycles, np.maximum(peaks, alone.peak_flits)
    assert together.cycles == cycles
    np.testing.assert_array_equal(together.peak_flits, peaks)


@given(data=st.data(), topology=topologies())
def test_two_threads_equal_one(data: st.DataObject, topology: Topology) -> None:
    router = data.draw(routers(topology.class_count))
    runs = [data.draw(st.one_of(traffic(topology), multicasts(topology, router))) for _ in range(2)]
    alone = [simulate_packets(topology, router, packets) for packets in runs]
    with ThreadPoolExecutor(2) as pool:
        at_once = list(pool.map(lambda packets: simulate_packets(topology, router, packets), runs))
    for one, other in zip(alone, at_once, strict=True):
        same(one, other)


@given(data=st.data(), topology=topologies().filter(lambda topology: topology.class_count == 1))
def test_packets_of_one_flow_arrive_in_order_with_one_vc(data: st.DataObject, topology: Topology) -> None:
    """Where there are two classes a node has two VCs, between which its packets may overtake each other."""
    spec = data.draw(routers())
    router = RouterSpec(vcs=1, buffer_flits=spec.buffer_flits, route_cycles=spec.route_cycles)
    packets = data.draw(traffic(topology))
    result = simulate_packets(topology, router, packets)
    flow = (packets.source * topology.nodes + packets.target) * topology.paths + packets.path
    for name in np.unique(flow):
        mine = flow == name
        assert (result.head[mine][1:] > result.tail[mine][:-1]).all()


@given(data=st.data(), topology=topologies())
def test_a_lone_packet_takes_the_closed_form(data: st.DataObject, topology: Topology) -> None:
    spec = data.draw(routers(topology.class_count))
    router = replace(spec, buffer_flits=4)
    packets = data.draw(traffic(topology))
    if len(packets) == 0:
        return
    m = data.draw(st.integers(0, len(packets) - 1))
    end = {"source": packets.source[m], "target": packets.target[m], "path": packets.path[m]}
    lone = PacketTable.of(**end, created=packets.created[m])
    assert simulate_packets(topology, router, lone).latency[0] == idle_arrivals(topology, router, lone, 0)[-1]
    long, deep = PacketTable.of(**end, flits=9), replace(router, buffer_flits=32)
    result = simulate_packets(topology, deep, long)
    arrivals = idle_arrivals(topology, deep, long, 0)
    assert [result.head[0], result.tail[0]] == [arrivals[0], arrivals[-1]]


@pytest.mark.parametrize("run", TRACES["runs"], ids=lambda run: f"{run['shape']} {run['traffic']}")
def test_each_packet_takes_as_long_as_in_booksim(run: dict[str, Any]) -> None:
    """Near saturation, so that every arbiter counts; BookSim2's packets and latencies, from its log.

    Its routers have round-robin separable allocators, input first, and its default pipeline; its torus has links of two
    cycles. See benchmarks/opponent_booksim.py.
    """
    side, columns = run["side"], ("source", "target", "created", "path")
    topology = mesh(side, side) if run["shape"] == "mesh" else torus(side, side, link_cycles=2)
    source, target, created, path = (np.array(run[name]) for name in columns)
    packets = PacketTable.of(source, target, flits=run["flits"], created=created, path=path)
    result = simulate_packets(topology, RouterSpec(vcs=run["vcs"], buffer_flits=run["buffer"]), packets)
    np.testing.assert_array_equal(result.latency, run["latency"])


def test_arrivals_share_the_last_link() -> None:
    """No node receives two flits in one cycle; a hot spot is served at the pace of its link."""
    topology, rng = mesh(4, 4), np.random.default_rng(0)
    packets = PacketTable.of(rng.integers(0, 16, 400), 5, created=rng.integers(0, 100, 400))
    tail = np.sort(simulate_packets(topology, RouterSpec(vcs=4, buffer_flits=8), packets).tail)
    assert (np.diff(tail) >= 1).all()
    assert tail[-1] - tail[0] <= 420


def test_no_deadlock_in_a_hundred_thousand_cycles_beyond_saturation() -> None:
    topology, rng = torus(4, 4), np.random.default_rng(1)
    created, source = np.nonzero(rng.random((18_000, 16)) < 0.5)
    target, path = rng.integers(0, 16, (2, len(source)))
    packets = PacketTable.of(source, target, flits=5, created=created, path=path % 4)
    result = simulate_packets(topology, RouterSpec(vcs=2, buffer_flits=2), packets)
    assert result.delivered == len(packets)
    assert result.cycles > 100_000


def test_two_packets_that_meet() -> None:
    """In a row of three with one VC, nodes 0 and 1 send to 2.

    Node 1 sends head and tail in cycles 0 and 1. They are in router 1 in 2 and 3; the head is routed in 2, gets the VC
    in 3, the switch in 4, is across in 5, on the link in 6, in router 2 in 7, and at its node 5 later, in 12; the tail
    comes in 13. The second packet is in router 1 from 4 on, behind the tail, which wins the switch in 5: it is routed
    in 6, gets the VC in 7, the switch in 8, is in router 2 in 11, at its node in 16. Node 0's packet is in router 1 in
    7, asks for the VC in 8, when the other still holds it, gets it in 9, the switch in 10, is in router 2 in 13, behind
    the other, which wins the switch in that cycle; routed in 14, VC 15, switch 16, and at the node in 19.
    """
    packets = PacketTable.of([0, 1, 1], [2, 2, 2], flits=[1, 2, 1], created=[0, 0, 0])
    result = simulate_packets(mesh(3, 1), RouterSpec(vcs=1, buffer_flits=4), packets)
    assert result.head.tolist() == [19, 12, 16]
    assert result.tail.tolist() == [19, 13, 16]
    assert result.link_flits[:, 0].tolist() == [1, 4, 0]
    assert result.link_flits[2, 4] == 4


@pytest.mark.parametrize(
    ("packets", "message"),
    [
        (PacketTable.of(0, 9), "a packet has target 9, topology 'mesh 3x3' has 0 to 8"),
        (PacketTable.of(12, 0), "a packet has source 12"),
        (PacketTable.of(0, 1, path=1), "a packet has path 1"),
    ],
)
def test_packets_to_nowhere_are_refused(packets: PacketTable, message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate_packets(mesh(3, 3), RouterSpec(), packets)


@pytest.mark.parametrize(
    ("field", "value"), [("vcs", 0), ("vcs", 61), ("buffer_flits", 0), ("vc_cycles", 0), ("route_cycles", -1)]
)
def test_routers_that_cannot_be_are_refused(field: str, value: int) -> None:
    with pytest.raises(SpecError, match=f"{field} is {value}, allowed are"):
        RouterSpec(**{field: value})


def test_an_odd_number_of_vcs_does_not_do_for_a_torus() -> None:
    with pytest.raises(SpecError, match="3 VCs do not divide into the 2 classes of 'torus 4x4'"):
        simulate_packets(torus(4, 4), RouterSpec(vcs=3), PacketTable.of(0, 1))


def test_packets_out_of_order_or_without_flits_are_refused() -> None:
    one: IntArray = np.array([0, 0])
    with pytest.raises(InputError, match="not in the order of creation"):
        PacketTable(source=one, target=one, flits=one + 1, created=np.array([3, 2]), path=one)
    with pytest.raises(InputError, match="fewer than 1 flit"):
        PacketTable.of(0, 1, flits=0)
    with pytest.raises(InputError, match=r"flits is float64\[1\], wanted are 1 integers"):
        PacketTable.of(0, 1, flits=1.5)


@settings(max_examples=20)
@given(data=st.data())
def test_a_run_that_stops_early_knows_what_arrived(data: st.DataObject) -> None:
    topology = mesh(3, 2)
    packets = data.draw(traffic(topology))
    whole = simulate_packets(topology, RouterSpec(), packets)
    part = simulate_packets(topology, RouterSpec(), packets, until=30)
    assert part.delivered == (part.tail >= 0).sum()
    arrived = part.tail >= 0
    np.testing.assert_array_equal(part.tail[arrived], whole.tail[arrived])
    assert (whole.tail[~arrived] >= 30).all()
