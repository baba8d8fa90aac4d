"""Slow links and injection queues of limited length."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neutrams.simulator.noc import PacketTable, RouterSpec, Topology, mesh, simulate_packets
from noc_strategies import multicasts, routers, topologies, traffic
from simulator.test_noc import same


@given(data=st.data(), topology=topologies())
def test_a_link_that_takes_a_flit_a_cycle_is_not_slow(data: st.DataObject, topology: Topology) -> None:
    router = data.draw(routers(topology.class_count))
    packets = data.draw(traffic(topology))
    fast, ones = replace(topology, interval=1), replace(topology, interval=np.ones_like(topology.neighbor))
    same(simulate_packets(fast, router, packets), simulate_packets(ones, router, packets))


@given(data=st.data(), topology=topologies(), longest=st.integers(1, 9))
def test_a_slow_link_takes_at_most_one_flit_in_its_interval(
    data: st.DataObject, topology: Topology, longest: int
) -> None:
    """Seen where flits arrive: the port to a node is such a link."""
    slow = replace(topology, interval=longest)
    packets = data.draw(traffic(topology))
    result = simulate_packets(slow, data.draw(routers(topology.class_count)), packets)
    assert result.delivered == len(packets)
    assert (result.tail - result.head >= (packets.flits - 1) * longest).all()
    for node in range(topology.nodes):
        assert (np.diff(np.sort(result.tail[packets.target == node])) >= longest).all()


def test_two_flits_over_a_slow_link() -> None:
    """They win the switch in cycles 4 and 5, arrive in 12 and 13; over a link of interval 3 the second wins it in 7."""
    packets = PacketTable.of(0, [1, 1])
    row = mesh(2, 1)
    assert simulate_packets(row, RouterSpec(), packets).tail.tolist() == [12, 13]
    interval = np.ones((2, 5), dtype=np.int64)
    interval[0, 0] = 3
    assert simulate_packets(replace(row, interval=interval), RouterSpec(), packets).tail.tolist() == [12, 15]


@given(data=st.data(), topology=topologies())
def test_a_queue_that_never_fills_changes_nothing(data: st.DataObject, topology: Topology) -> None:
    router = replace(data.draw(routers(topology.class_count)), queue_packets=0)
    packets = data.draw(multicasts(topology, router))
    endless = simulate_packets(topology, router, packets)
    same(endless, simulate_packets(topology, replace(router, queue_packets=len(packets) + 1), packets))
    assert endless.stall.sum() == 0
    np.testing.assert_array_equal(endless.created, packets.created)


@given(data=st.data(), topology=topologies(), queue=st.integers(1, 3))
def test_a_full_queue_shifts_all_later_packets_of_its_node(data: st.DataObject, topology: Topology, queue: int) -> None:
    router = replace(data.draw(routers(topology.class_count)), queue_packets=queue)
    packets = data.draw(multicasts(topology, router))
    result = simulate_packets(topology, router, packets)
    shift = result.created - packets.created
    for node in range(topology.nodes):
        mine = shift[packets.source == node]
        assert (np.diff(mine, prepend=0) >= 0).all()
        assert result.stall[node] == mine.max(initial=0)


@given(data=st.data(), topology=topologies(), queue=st.integers(1, 3))
def test_the_network_sees_but_the_later_creation(data: st.DataObject, topology: Topology, queue: int) -> None:
    """Packets asked for when a full queue let them be made take the same time, and the queue holds them up no more."""
    router = replace(data.draw(routers(topology.class_count)), queue_packets=queue)
    packets = data.draw(traffic(topology))
    held = simulate_packets(topology, router, packets)
    order = np.argsort(held.created, kind="stable")
    names = ("source", "target", "flits", "path")
    later = PacketTable(created=held.created[order], **{name: getattr(packets, name)[order] for name in names})
    for spec in (router, replace(router, queue_packets=0)):
        again = simulate_packets(topology, spec, later)
        np.testing.assert_array_equal(again.tail, held.tail[order])
        assert again.stall.sum() == 0


@pytest.mark.parametrize(("asked", "made", "stall"), [([0, 0, 0], [0, 4, 8], 8), ([0, 1, 20], [0, 4, 23], 3)])
def test_three_packets_through_a_queue_of_one(asked: list[int], made: list[int], stall: int) -> None:
    """A packet of four flits, made in cycle c, is sent in c to c + 3: the next is made in c + 4 at the earliest."""
    packets = PacketTable.of(0, [1, 1, 1], flits=4, created=asked)
    result = simulate_packets(mesh(2, 1), RouterSpec(buffer_flits=16, queue_packets=1), packets)
    assert result.created.tolist() == made
    assert result.stall.tolist() == [stall, 0]
