"""Passes that change the structure of a network keep its function."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lowering import lowered_exactly
from neutrams.network import Activation, Input, Linear, Network, Output, ops
from neutrams.reference import run
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.facts import tail_of
from neutrams.transform.lower import unsupported
from neutrams.transform.names import origin_of, part_name
from neutrams.transform.split import SplitPlan, split_fan_in
from strategies import float_inputs, float_networks


def same_function(before: Network, after: Network, inputs: dict[str, np.ndarray]) -> None:
    was, now = run(before, inputs), run(after, inputs)
    assert was.keys() == now.keys()
    for name in was:
        size = max(float(np.abs(was[name]).max(initial=0.0)), 1.0)
        np.testing.assert_allclose(now[name], was[name], rtol=1e-7, atol=1e-9 * size)


@given(data=st.data(), network=float_networks())
def test_canonical_network_has_the_same_function(data: st.DataObject, network: Network) -> None:
    same_function(network, canonicalize(network), data.draw(float_inputs(network)))


@given(network=float_networks())
def test_canonicalizing_twice_changes_nothing(network: Network) -> None:
    once = canonicalize(network)
    assert canonicalize(once) == once


@given(data=st.data(), network=float_networks(), limit=st.integers(4, 9), pairs=st.booleans())
def test_split_obeys_the_limit_and_keeps_the_function(
    data: st.DataObject, network: Network, limit: int, pairs: bool
) -> None:
    if unsupported(canonicalize(network)):
        return
    plan = SplitPlan(fan_in=limit, terms=limit // 2 if pairs else limit, pairs=pairs, spread_bias=pairs)
    split = split_fan_in(lowered_exactly(network), plan)
    same_function(network, split, data.draw(float_inputs(network)))
    tail = tail_of(split)
    for node in split.nodes:
        decoded = all(r.name in tail for r in split.consumers[node.name])
        if isinstance(node, ops.Linear):
            assert node.weights.shape[1] <= limit
        if isinstance(node, ops.Add) and not decoded:
            assert len(node.inputs) <= limit


def test_a_hand_made_split_interleaves() -> None:
    weights = np.arange(10.0).reshape(1, 10)
    network = Network(
        (
            Input(name="x", shape=(10,)),
            Linear(name="fc", inputs=("x",), weights=weights, bias=np.array([5.0])),
            Activation(name="relu", inputs=("fc",), function="relu"),
            Output(name="y", inputs=("relu",)),
        )
    )
    split = split_fan_in(lowered_exactly(network), SplitPlan(fan_in=4, terms=4))
    first = split.by_name["fc [1/3]"]
    assert isinstance(first, ops.Linear)
    np.testing.assert_array_equal(first.weights, [[0.0, 3.0, 6.0, 9.0]])
    total = split.by_name["fc"]
    assert isinstance(total, ops.Add)
    assert total.inputs == ("fc [1/3]", "fc [2/3]", "fc [3/3]")
    np.testing.assert_array_equal(total.bias, [5.0])


def test_part_names_come_apart_again() -> None:
    assert origin_of(part_name(part_name("a [b] c", "2/4"), "+")) == ("a [b] c", "2/4 +")
    assert origin_of("fc1") == ("fc1", "")
