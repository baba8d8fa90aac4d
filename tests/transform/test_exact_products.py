"""States in 16 bits: products by digits round nothing, and what a gate keeps open stays to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.base.errors import NeutramsError, SpecError
from neutrams.evaluate import run as evaluate
from neutrams.flow import CompileOptions, compile_model
from neutrams.hardware import load_chip
from neutrams.network import (
    Activation,
    Add,
    Concat,
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
from neutrams.transform.shorthand import weighted_sum
from neutrams.transform.tuning.exact_products import TOP

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
    assert products_of_states(spread) == {"new gated 2.1", "new gated 2.2"}
    x = {"x": sequences(5, 3)}
    np.testing.assert_allclose(run(spread, x)["y"], run(network, x)["y"], rtol=1e-9, atol=1e-12)


def updated(gates: dict[str, float], products: dict[str, str], terms: dict[str, float], read: str = "new") -> Network:
    """A loop of 30 steps: gates with biases, a candidate g, products "a b", and the sum of terms c becomes.

    A second sum, d, has the same fresh product, and an old one of its own, or the same and half of itself. The input
    is seen through a matrix too.
    """
    rng, n = np.random.default_rng(3), 3
    nodes: list[Node] = [Input(name="x", shape=(30, n)), Unstack(name="now", inputs=("x",))]
    for state in "cd" if read == "other" else "c":
        nodes.append(Constant(name=f"start {state}", values=np.zeros(n)))
        nodes.append(State(name=state, inputs=(f"start {state}",)))
    for name, bias in (gates | {"g": 0.0}).items():
        weights = rng.normal(0, 1, (n, n)) if abs(bias) < 5 else np.zeros((n, n))
        nodes.append(Linear(name=f"{name} sum", inputs=("now",), weights=weights, bias=np.full(n, bias)))
        nodes.append(Activation(name=name, inputs=(f"{name} sum",), function="tanh" if name == "g" else "sigmoid"))
    nodes.append(weighted_sum("lead", {"now": 1.0, "c": -1.0}, n))
    nodes += [Mul(name=name, inputs=tuple(factors.split())) for name, factors in products.items()]
    nodes.append(Linear(name="seen", inputs=("now",), weights=rng.normal(0, 1, (n, n)), bias=np.zeros(n)))
    nodes.append(weighted_sum("new", dict(terms), n))
    nodes.append(Update(name="next", inputs=("new",), state="c"))
    if read == "other":
        own = {"aside": 1.0} if "aside" in products else {"old": 1.0, "d": 0.5}
        nodes.append(weighted_sum("other", own | {"fresh": 1.0}, n))
        nodes.append(Update(name="next other", inputs=("other",), state="d"))
    nodes += [Stack(name="all", inputs=(read,), steps=30), Output(name="y", inputs=("all",))]
    return Network(tuple(nodes)).pruned()


OLD = {"old": "f c"}
LSTM = OLD | {"fresh": "i g"}
FORMS = {
    "small gates": updated({"f": 0.0, "i": -6.0}, LSTM, {"old": 1, "fresh": 1}),
    "a signal of the host": updated({"f": 2.0}, OLD, {"old": 1, "now": 1}),
    "a small share of it": updated({"f": 4.0}, OLD, {"old": 1, "now": 0.02}),
    "a factor of the host": updated({"f": 2.0, "i": 0.0}, OLD | {"fresh": "i now"}, {"old": 1, "fresh": 1}),
    "towards the input": updated({"f": -2.0}, {"step": "f lead"}, {"c": 1, "step": 1}),
    "a gate squared": updated({"f": 2.0, "i": 0.0}, OLD | {"fresh": "i i"}, {"old": 1, "fresh": 1}),
    "gains": updated({"f": 4.0, "i": 0.0}, LSTM, {"old": 0.9, "fresh": -0.3}),
    "small terms that cancel": updated({"f": 2.0, "i": 0.0}, LSTM, {"old": 0.1, "fresh": 0.01}),
    "a product that two states add": updated(
        {"f": -2.0, "i": 0.0, "e": 5.0}, LSTM | {"aside": "e d"}, {"old": 1, "fresh": 1}, "other"
    ),
    "both products that two states add": updated({"f": 0.0, "i": 0.0}, LSTM, {"old": 1, "fresh": 1}, "other"),
}  # fmt: skip
SEEN = updated({"f": 2.0}, OLD, {"old": 1, "seen": 0.5})
"""A matrix of the input is a term; with inputs of 16 bits an accumulator of 24 leaves its weights fewer than 8."""


@pytest.mark.parametrize(
    ("network", "bits"),
    [*(pytest.param(FORMS[form], bits, id=f"{form}-{bits}") for form in FORMS for bits in (8, 12, 16)),
     *(pytest.param(SEEN, bits, id=f"a matrix of the input-{bits}") for bits in (8, 12))],
)  # fmt: skip
def test_sixteen_bits_lose_no_more_than_eight_whatever_updates_the_state(network: Network, bits: int) -> None:
    """Gates and candidates have 8 bits either way: most of what is lost."""
    x = {"x": np.random.default_rng(1).normal(size=(48, 30, 3))}
    plain, wanted = TIANJI.with_values(neuron={"table_bits": 8}), run(network, x)["y"]
    eight = transform(network, plain, x, TransformOptions(effort=0)).network
    most = np.square(evaluate(eight, x, plain)["y"] - wanted).mean() ** 0.5
    chip = plain.with_values(signal={"input_bits": bits})
    core = compile_model(network, chip, x, CompileOptions(state_bits=16, effort=0)).network
    got = evaluate(core, x, chip)["y"]
    assert np.square(got - wanted).mean() ** 0.5 <= 1.2 * most
    np.testing.assert_array_equal(run(core, x, chip)["y"], got)


@pytest.mark.parametrize("what", ["nothing seen", "nothing remembered"])
def test_a_state_that_calibration_leaves_at_zero_has_a_range(what: str) -> None:
    network, zeros = gated(6, "lstm"), np.zeros((16, 6, 2))
    if what == "nothing remembered":
        network = updated({"f": 0.0, "i": -20.0}, LSTM, {"old": 1, "fresh": 1e-9})
        zeros = np.zeros((16, 30, 3))
    chip = TIANJI.with_values(neuron={"table_bits": 8})
    compiled = compile_model(network, chip, {"x": zeros}, CompileOptions(state_bits=16, effort=0))
    got = evaluate(compiled.network, {"x": zeros}, chip)["y"]
    assert np.abs(got - run(network, {"x": zeros})["y"]).max() < 0.02


def test_two_signals_hold_every_sum_of_16_bits() -> None:
    """The first gives (s - 127) 32896 / 2^23, the second what is left, if it is of 8 bits."""
    total = np.arange(TOP * (TOP + 1))
    high = requantized(total - TOP // 2, (1 << 23) // TOP, 23)
    np.testing.assert_array_equal(TOP * high + np.clip(total - TOP * high, 0, TOP), total)


def requantized(total: IntArray, multiplier: int, shift: int) -> IntArray:
    """Half is rounded up, as the neuron model requantize has it."""
    found: IntArray = (total * multiplier + (1 << (shift - 1))) >> shift
    return found


@pytest.mark.parametrize(("sections", "named"), [
    ({"signal": {"input_bits": 4}}, "signal.input_bits"), ({"signal": {"output_bits": 4}}, "signal.output_bits"),
    ({"core": {"weight_bits": 4}}, "core.weight_bits"), ({"core": {"bias": "row"}}, "core.bias"),
    ({"neuron": {"multiplier_bits": 8}}, "neuron.multiplier_bits"), ({"neuron": {"shift_bits": 4}}, "shift_bits"),
    ({"core": {"axons": 16}}, "core.axons is 16"), ({"core": {"accumulator_bits": 16}}, "accumulator_bits 16"),
])  # fmt: skip
def test_a_chip_without_room_for_digits_is_refused_by_name(sections: dict[str, dict[str, object]], named: str) -> None:
    chip = TIANJI.with_values(neuron={"table_bits": 8}).with_values(**sections)
    with pytest.raises(NeutramsError, match=named):
        transform(gated(4, "lstm"), chip, {"x": sequences(4, 0)}, TransformOptions(state_bits=16))


@pytest.mark.parametrize("what", ["no loop", "no gate", "spiking"])
def test_sixteen_bits_are_refused_where_there_is_nothing_to_hold(what: str) -> None:
    weights, zeros = np.eye(2), np.zeros(2)
    nodes: tuple[Node, ...] = (
        Input(name="x", shape=(2,)), Linear(name="l", inputs=("x",), weights=weights, bias=zeros),
        Activation(name="a", inputs=("l",), function="relu"), Output(name="y", inputs=("a",)),
    )  # fmt: skip
    x, options = {"x": np.ones((8, 2))}, TransformOptions(state_bits=16)
    if what == "no gate":
        nodes = (
            Input(name="x", shape=(4, 2)), Unstack(name="now", inputs=("x",)), Constant(name="start", values=zeros),
            State(name="h", inputs=("start",)), Concat(name="both", inputs=("now", "h"), axis=0),
            Linear(name="l", inputs=("both",), weights=np.ones((2, 4)), bias=zeros),
            Activation(name="a", inputs=("l",), function="tanh"), Update(name="next", inputs=("a",), state="h"),
            Stack(name="all", inputs=("a",), steps=4), Output(name="y", inputs=("all",)),
        )  # fmt: skip
        x = {"x": np.ones((8, 4, 2))}
    if what == "spiking":
        options = TransformOptions(state_bits=16, mode="snn", steps=4)
    with pytest.raises(NeutramsError, match="state_bits"):
        transform(Network(nodes), TIANJI, x, options)


def test_only_8_or_16_bits_are_known() -> None:
    with pytest.raises(SpecError, match="state_bits is 12"):
        TransformOptions(state_bits=12)


def test_inputs_of_more_bits_than_signals_lose_nothing_where_one_matrix_reads_both() -> None:
    rng, n = np.random.default_rng(3), 3
    nodes = (
        Input(name="x", shape=(12, n)), Unstack(name="now", inputs=("x",)),
        Constant(name="start", values=np.zeros(n)), State(name="h", inputs=("start",)),
        Concat(name="both", inputs=("now", "h")),
        Linear(name="sum", inputs=("both",), weights=rng.normal(0, 1, (n, 2 * n)), bias=np.zeros(n)),
        Activation(name="new", inputs=("sum",), function="tanh"), Update(name="next", inputs=("new",), state="h"),
        Stack(name="all", inputs=("new",), steps=12), Output(name="y", inputs=("all",)),
    )  # fmt: skip
    network, x = Network(nodes), {"x": rng.normal(size=(48, 12, n))}
    errors = []
    for bits in (8, 16):
        chip = TIANJI.with_values(neuron={"table_bits": 8}, signal={"input_bits": bits})
        core = transform(network, chip, x, TransformOptions(effort=0)).network
        errors.append(np.abs(evaluate(core, x, chip)["y"] - run(network, x)["y"]).mean())
    assert errors[1] <= 1.1 * errors[0]
