"""Lengths of two elements are sums of projections, near enough, wherever they stand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_strategies import plain_chip
from neutrams.flow import inspect_network
from neutrams.network import Activation, Add, Conv, Input, Linear, Network, Output, Reshape, Slice, ops
from neutrams.reference import run
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.magnitudes import DIRECTIONS, has_magnitudes, lower_magnitudes
from neutrams.transform.options import TransformOptions
from neutrams.transform.pipeline import transform


def length_of(source: ops.Node, shape: tuple[int, ...], axis: int = 0, gain: float = 1.0) -> Network:
    """y = W sqrt(gain (a^2 + b^2)), a and b the halves of what ``source`` gives along ``axis``."""
    n = 2
    halves = [
        Slice(name=x, inputs=(source.name,), start=k * n, stop=(k + 1) * n, axis=axis) for k, x in enumerate("ab")
    ]
    squares = [Activation(name=f"{x}2", inputs=(x,), function="power", parameters={"exponent": 2.0}) for x in "ab"]
    total = Add(name="sum", inputs=("a2", "b2"), coefficients=np.full((2, n), gain), bias=np.zeros(n))
    root = Activation(name="length", inputs=("sum",), function="sqrt")
    nodes = [Input(name="x", shape=shape), source, *halves, *squares, total, root]
    size = n if axis == 0 and isinstance(source, Linear) else n * 3
    if size > n:
        nodes.append(Reshape(name="flat", inputs=("length",), shape=(size,)))
    last = Linear(name="fc", inputs=(nodes[-1].name,), weights=np.eye(size), bias=np.zeros(size))
    relu = Activation(name="r", inputs=("fc",), function="relu")
    return Network((*nodes, last, relu, Output(name="y", inputs=("r",))))


def of_vector(gain: float = 1.0) -> Network:
    weights = np.random.default_rng(0).normal(size=(4, 3))
    return length_of(
        Linear(name="both", inputs=("x",), weights=weights, bias=np.array([0.5, 0, 0, -0.5])), (3,), 0, gain
    )


def of_images() -> Network:
    weights = np.random.default_rng(0).normal(size=(4, 1, 2))
    conv = Conv(name="both", inputs=("x",), weights=weights, bias=np.zeros(4), stride=(1,), dilation=(1,))
    return length_of(conv, (1, 4))


def of_inputs() -> Network:
    return length_of(Reshape(name="both", inputs=("x",), shape=(4, 3)), (12,))


@given(seed=st.integers(0, 999), make=st.sampled_from([of_vector, of_images, of_inputs, lambda: of_vector(0.25)]))
def test_a_length_is_a_sum_of_projections(seed: int, make: object) -> None:
    network = canonicalize(make())  # type: ignore[operator]
    assert has_magnitudes(network)
    low = canonicalize(lower_magnitudes(network))
    assert not has_magnitudes(low)
    assert not any(getattr(node, "function", "") in ("sqrt", "power") for node in low.nodes)
    x = {"x": np.random.default_rng(seed).normal(size=(8, *network.inputs[0].shape))}
    wanted, found = run(network, x)["y"], run(low, x)["y"]
    assert (found >= 0.987 * wanted - 1e-12).all()
    assert (found <= 1.007 * wanted + 1e-12).all()


def test_all_projections_are_one_layer_behind_that_of_both_parts() -> None:
    low = canonicalize(lower_magnitudes(canonicalize(of_images())))
    assert [len(node.weights) for node in low.nodes if isinstance(node, Conv)] == [4]
    assert low.shapes["length directions"] == (2 * DIRECTIONS, 3)


def test_three_terms_or_a_shift_are_no_length() -> None:
    network = of_vector()
    shifted = network.map(
        lambda n: (
            Add(name="sum", inputs=n.inputs, coefficients=np.ones((2, 2)), bias=np.ones(2)) if n.name == "sum" else n
        )
    )
    assert not has_magnitudes(canonicalize(shifted))


@pytest.mark.parametrize("table_bits", [0, 8])
def test_quiet_values_keep_their_length_in_few_bits(table_bits: int) -> None:
    """Of values a fiftieth of the others less than a third is lost; the ledger has a row for the function."""
    network, rng = of_images(), np.random.default_rng(1)
    x = rng.normal(size=(512, 1, 4)) * rng.choice([0.02, 1.0], size=(512, 1, 1))
    chip = plain_chip(core={"axons": 256, "neurons": 256}, neuron={"table_bits": table_bits})
    found = transform(network, chip, {"x": x}, TransformOptions())
    assert ("length", "activation") in {(row.layer, row.constraint) for row in found.ledger}
    quiet = {"x": np.abs(x[np.abs(x).max(axis=(1, 2)) < 0.1])}
    wanted, given_ = run(network, quiet)["y"], run(found.network, quiet, chip)["y"]
    error = np.sqrt(np.mean((given_ - wanted) ** 2) / np.mean(wanted**2))
    assert error < 0.3


def test_inspect_says_that_a_length_stands_for_its_parts() -> None:
    placement = inspect_network(of_images(), plain_chip())["placement"]
    assert isinstance(placement, dict)
    parts = {
        name for name, how in placement.items() if how == "approximator: a length of two elements, from projections"
    }
    assert parts == {"a2", "b2", "sum", "length"}


def of_two(a: str, b: str) -> Network:
    """y = relu(sqrt(a^2 + b^2)), of inputs p and q, of layers alike ("one", "two") or one that differs ("other")."""
    layers = [
        Linear(name=name, inputs=("p",), weights=weights, bias=np.zeros(3))
        for name, weights in (("one", np.eye(3)), ("two", np.eye(3)), ("other", np.eye(3)[::-1]))
    ]
    squares = [
        Activation(name=f"{k}2", inputs=(name,), function="power", parameters={"exponent": 2.0})
        for k, name in enumerate((a, b))
    ]
    return Network((
        Input(name="p", shape=(3,)), Input(name="q", shape=(3,)), *layers, *squares,
        Add(name="sum", inputs=("02", "12"), coefficients=np.ones((2, 3)), bias=np.zeros(3)),
        Activation(name="length", inputs=("sum",), function="sqrt"),
        Linear(name="fc", inputs=("length",), weights=np.eye(3), bias=np.zeros(3)),
        Activation(name="r", inputs=("fc",), function="relu"), Output(name="y", inputs=("r",)),
    )).pruned()  # fmt: skip


@pytest.mark.parametrize(("a", "b"), [("p", "p"), ("one", "one"), ("one", "two")])
def test_twice_the_same_square_is_no_length(a: str, b: str) -> None:
    assert not has_magnitudes(canonicalize(of_two(a, b)))


@pytest.mark.parametrize(("a", "b"), [("p", "q"), ("one", "q"), ("one", "other")])
def test_two_inputs_of_one_shape_are_not_the_same(a: str, b: str) -> None:
    network = canonicalize(of_two(a, b))
    assert has_magnitudes(network)
    x = {name: np.random.default_rng(0).normal(size=(8, 3)) for name in "pq"}
    x = {node.name: x[node.name] for node in network.inputs}
    wanted, found = run(network, x)["y"], run(lower_magnitudes(network), x)["y"]
    np.testing.assert_allclose(found, wanted, rtol=0.013)
