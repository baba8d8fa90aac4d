"""States in 16 bits: products by digits round nothing, and what a gate keeps open stays to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core_strategies import plain_chip
from neutrams.base.arrays import FloatArray
from neutrams.base.errors import SpecError
from neutrams.evaluate import run as evaluate
from neutrams.flow import CompileOptions, compile_model
from neutrams.hardware import load_chip
from neutrams.network import (
    Activation,
    Add,
    Constant,
    Input,
    Linear,
    Mul,
    Network,
    Node,
    Output,
    Stack,
    State,
    Unstack,
    Update,
    ops,
)
from neutrams.reference import finish, prepare, run
from neutrams.simulator import simulate
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.options import TransformOptions
from neutrams.transform.pipeline import transform
from neutrams.transform.products import gated_states, products_of_states

TIANJI = load_chip("tianji")


def gated(steps: int, form: str, seed: int = 0, hidden: int = 3) -> Network:
    """c' = f c + i g, or h' = n + z (h - n); all gates read the input only."""
    rng = np.random.default_rng(seed)
    one = np.ones(hidden)
    nodes: list[Node] = [
        Input(name="x", shape=(steps, 2)), Unstack(name="now", inputs=("x",)),
        Constant(name="start", values=np.zeros(hidden)), State(name="c", inputs=("start",)),
    ]  # fmt: skip
    for name, function in (("f", "sigmoid"), ("i", "sigmoid"), ("g", "tanh")):
        weights = rng.normal(0, 2, (hidden, 2))
        nodes.append(Linear(name=f"{name} sum", inputs=("now",), weights=weights, bias=rng.normal(size=hidden)))
        nodes.append(Activation(name=name, inputs=(f"{name} sum",), function=function))
    if form == "lstm":
        nodes += [Mul(name="old", inputs=("c", "f")), Mul(name="fresh", inputs=("i", "g"))]
        nodes.append(Add(name="new", inputs=("old", "fresh"), coefficients=np.stack([one, one]), bias=0 * one))
    else:
        nodes.append(Add(name="apart", inputs=("c", "g"), coefficients=np.stack([one, -one]), bias=0 * one))
        nodes.append(Mul(name="kept", inputs=("f", "apart")))
        nodes.append(Add(name="new", inputs=("g", "kept"), coefficients=np.stack([one, one]), bias=0 * one))
    nodes += [
        Update(name="next", inputs=("new",), state="c"), Stack(name="all", inputs=("new",), steps=steps),
        Output(name="y", inputs=("all",)),
    ]  # fmt: skip
    return Network(tuple(nodes))


def sequences(steps: int, seed: int, n: int = 48) -> FloatArray:
    found: FloatArray = np.random.default_rng(seed).normal(0, 1, (n, steps, 2))
    return found


@settings(max_examples=10)
@given(form=st.sampled_from(["lstm", "gru"]), seed=st.integers(0, 99), tables=st.sampled_from([0, 8]))
def test_the_chip_gives_what_the_reference_does_in_one_run_and_in_two(form: str, seed: int, tables: int) -> None:
    chip, x = TIANJI.with_values(neuron={"table_bits": tables}), {"x": sequences(6, seed)}
    compiled = compile_model(gated(6, form, seed), chip, x, CompileOptions(state_bits=16, effort=0))
    assert sum(isinstance(node, ops.State) for node in compiled.network.nodes) == 2
    expected = evaluate(compiled.network, x, chip)
    ports = {port.name for port in compiled.program.inputs}
    whole = {name: a for name, a in prepare(compiled.network, x).items() if name in ports}
    first = simulate(compiled.program, {name: a[:, :4] for name, a in whole.items()})
    second = simulate(compiled.program, {name: a[:, 4:] for name, a in whole.items()}, memory=first.memory)
    pieces = {name: np.concatenate([first.outputs[name], second.outputs[name]], axis=1) for name in first.outputs}
    for outputs in (simulate(compiled.program, whole).outputs, pieces):
        np.testing.assert_array_equal(finish(compiled.network, outputs)["y"], expected["y"])
    np.testing.assert_array_equal(run(compiled.network, x, chip)["y"], expected["y"])


@pytest.mark.parametrize("form", ["lstm", "gru"])
def test_sixteen_bits_remember_better_than_eight(form: str) -> None:
    """Not a gated unit's state, most of which is its 8-bit candidate: that must be no worse than a fifth."""
    network, x = gated(40, form), {"x": sequences(40, 1, 64)}
    wanted = run(network, x)["y"]
    chip = TIANJI.with_values(neuron={"table_bits": 8})
    errors = []
    for bits in (8, 16):
        core = transform(network, chip, x, TransformOptions(state_bits=bits)).network
        errors.append(float(np.square(evaluate(core, x, chip)["y"] - wanted).mean() / np.square(wanted).mean()) ** 0.5)
    assert errors[1] < 0.02
    assert errors[1] < (1.0 if form == "lstm" else 1.2) * errors[0]


def test_an_open_gate_keeps_every_bit() -> None:
    """The first step writes; then f = 1 and i = 0, and the state stays as it is for 50 steps."""
    steps, one = 51, np.ones(2)
    nodes: list[Node] = [
        Input(name="x", shape=(steps, 2)), Unstack(name="now", inputs=("x",)),
        Constant(name="start", values=0 * one), State(name="c", inputs=("start",)),
    ]  # fmt: skip
    for name, function, column, bias in (("f", "sigmoid", 1, 20.0), ("i", "sigmoid", 1, -10.0), ("g", "tanh", 0, 0.0)):
        weights = np.zeros((2, 2))
        weights[:, column] = {"f": -10.0, "i": 20.0, "g": 1.0}[name]
        nodes.append(Linear(name=f"{name} sum", inputs=("now",), weights=weights, bias=np.full(2, bias)))
        nodes.append(Activation(name=name, inputs=(f"{name} sum",), function=function))
    nodes += [
        Mul(name="old", inputs=("f", "c")), Mul(name="fresh", inputs=("i", "g")),
        Add(name="new", inputs=("old", "fresh"), coefficients=np.ones((2, 2)), bias=0 * one),
        Update(name="next", inputs=("new",), state="c"), Stack(name="all", inputs=("new",), steps=steps),
        Output(name="y", inputs=("all",)),
    ]  # fmt: skip
    x = np.zeros((32, steps, 2))
    x[:, 0, 0], x[:, 0, 1] = np.linspace(-1.5, 1.5, 32), 1.0
    chip = TIANJI.with_values(neuron={"table_bits": 8})
    core = transform(Network(tuple(nodes)), chip, {"x": x}, TransformOptions(state_bits=16)).network
    y = evaluate(core, {"x": x}, chip)["y"]
    np.testing.assert_array_equal(y[:, 1:], np.repeat(y[:, 1:2], steps - 1, axis=1))
    assert np.unique(y[:, -1, 0]).size > 20


def test_a_gated_difference_becomes_two_products_of_the_same_function() -> None:
    network = canonicalize(gated(5, "gru"))
    spread = gated_states(network)
    assert products_of_states(spread) == {"kept 1", "kept 2"}
    x = {"x": sequences(5, 3)}
    np.testing.assert_allclose(run(spread, x)["y"], run(network, x)["y"], rtol=1e-9, atol=1e-12)


def test_a_chip_without_room_for_digits_is_refused() -> None:
    chip = plain_chip(core={"axons": 32}, signal={"input_bits": 4, "output_bits": 4})
    with pytest.raises(SpecError, match="cannot hold states in 16 bits"):
        transform(gated(4, "lstm"), chip, {"x": sequences(4, 0)}, TransformOptions(state_bits=16))
    with pytest.raises(SpecError, match="state_bits is 12"):
        TransformOptions(state_bits=12)
