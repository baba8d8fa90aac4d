"""Flows between parts carry what the cost of a partition counts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import nets_strategies
from neutrams.mapping.clusters import Nets, cost_of
from neutrams.mapping.clusters.words import part_flows
from neutrams.mapping.traffic import core_traffic


@given(nets=nets_strategies.nets(), data=st.data())
def test_flows_carry_the_weighted_connectivity(nets: Nets, data: st.DataObject) -> None:
    parts = data.draw(st.integers(1, max(1, nets.neurons)))
    part = np.sort(np.arange(nets.neurons) % parts)
    flows, amounts = part_flows(nets, part)
    np.testing.assert_allclose((amounts * np.diff(flows.readers)).sum(), cost_of(nets, part).connectivity)
    sender = np.repeat(flows.tile, np.diff(flows.readers))
    assert (sender != flows.reader).all()
    rows = (
        list(zip(flows.tile.tolist(), np.split(flows.reader, flows.readers[1:-1]), strict=True)) if len(flows) else []
    )
    assert len({(tile, tuple(readers)) for tile, readers in rows}) == len(rows)


def test_an_example_by_hand() -> None:
    """Neurons 0 and 1 (part 0) reach parts 1 and 2 alike, neuron 2 (part 1) reaches part 0; 3 reaches its own part."""
    nets = Nets(
        neurons=4,
        source=np.array([0, 1, 2, 3]),
        start=np.array([0, 2, 5, 6, 7]),
        target=np.array([2, 3, 0, 2, 3, 0, 3]),
        weight=np.array([1.0, 2.0, 4.0, 8.0]),
    )
    flows, amounts = part_flows(nets, np.array([0, 0, 1, 2]))
    assert flows.tile.tolist() == [0, 1]
    assert flows.readers.tolist() == [0, 2, 3]
    assert flows.reader.tolist() == [1, 2, 0]
    assert flows.columns.tolist() == [0, 2, 3]
    assert flows.column.tolist() == [0, 1, 2]
    assert amounts.tolist() == [3.0, 4.0]
    pairs, words = core_traffic(flows, np.arange(3), amounts)
    assert pairs.tolist() == [[0, 0, 1], [1, 2, 0]]
    assert words.tolist() == [3 * 1024, 3 * 1024, 4 * 1024]
