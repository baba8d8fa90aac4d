"""Spiking networks on the way to a chip: delays, idle axons, partial sums, neurons in numbers, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neutrams.base.errors import CapacityError, UnsupportedError
from neutrams.evaluate import run as evaluate
from neutrams.flow import CompileOptions, compile_model, run_compiled
from neutrams.network import Input, Linear, Network, Output, Spiking, Stack, Unstack
from neutrams.neurons import models
from neutrams.reference import run as reference
from neutrams.transform.tuning.spiking.delays import delays_as_states
from neutrams.transform.tuning.spiking.integers import Reach, integers
from neutrams.transform.tuning.spiking.models import KINDS
from neutrams.transform.tuning.spiking.partial_sums import carrier
from neutrams.transform.tuning.spiking.spare_axons import MOST_AXONS, shared_axons
from neutrams.transform.tuning.spiking.stepped import reached, stepped
from spiking_strategies import chip_for, spikes, spiking_networks


@given(case=spiking_networks(("lif_soft", "cuba_lif_soft", "cuba_lif_hard")), seed=st.integers(0, 99))
def test_delays_as_states_keep_the_function(case: tuple[Network, str], seed: int) -> None:
    network, _ = case
    inputs = spikes(network, seed, 3)
    changed = delays_as_states(network, early=True)
    assert not any(isinstance(n, Spiking) and (n.model == "Delay" or n.current == "last") for n in cubas(changed))
    np.testing.assert_array_equal(reference(changed, inputs)["y"], reference(network, inputs)["y"])


def cubas(network: Network) -> list[Spiking]:
    return [n for n in network.nodes if isinstance(n, Spiking) and n.model in ("CubaLIF", "Delay")]


@given(seed=st.integers(0, 999), n=st.integers(1, 9), idle=st.integers(0, 40))
def test_idle_axons_make_steps_finer_and_never_more_than_there_are(seed: int, n: int, idle: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(3, n))
    counts = shared_axons(rows, n + idle)
    assert counts.min() >= 1
    assert counts.max() <= MOST_AXONS
    assert counts.sum() <= n + idle
    steps, before = (np.abs(rows) / counts).max(axis=1), np.abs(rows).max(axis=1)
    assert (steps <= before).all()
    if idle >= n * (MOST_AXONS - 1):
        np.testing.assert_allclose(steps, before / MOST_AXONS)


def test_idle_axons_go_to_the_largest_weight_by_hand() -> None:
    """9 on 3 axons is 3, so is 6 on 2; then both would have to go on."""
    assert shared_axons(np.array([[9.0, 6.0, 1.0]]), 6).tolist() == [3, 2, 1]


@given(seed=st.integers(0, 999), copies=st.integers(1, 9), steps=st.integers(1, 20))
def test_copies_under_soft_reset_give_every_charge_in_the_end(seed: int, copies: int, steps: int) -> None:
    """At every step, what has been given so far is what came in, but for a neuron's threshold at most."""
    total = torch.from_numpy(np.random.default_rng(seed).normal(size=(steps, 2, 3)))
    real, high, low = carrier(total, copies, "if_soft", "part")
    given_so_far = fired(total, real, copies) * ((high - low) / copies) + low
    error = np.cumsum(given_so_far - total.numpy(), axis=0)
    assert (np.abs(error) <= (high - low) * 1.01).all()


def fired(total: torch.Tensor, real: object, copies: int) -> np.ndarray:
    """How many of the copies fire, ``[T, N, C]``, by their real equation."""
    x = total.repeat(1, 1, copies).numpy()
    v = np.broadcast_to(real.initial, x.shape[1:]).copy()  # type: ignore[attr-defined]
    out = []
    for now in x:
        v = real.keep * v + now + real.leak  # type: ignore[attr-defined]
        spikes_now = v >= real.threshold  # type: ignore[attr-defined]
        v = v - spikes_now * real.threshold  # type: ignore[attr-defined]
        out.append(spikes_now.reshape(len(v), copies, -1).sum(1))
    return np.stack(out)


def test_copies_under_hard_reset_are_levels_by_hand() -> None:
    """0 to 4 in four copies: they fire from 0.5, 1.5, 2.5 and 3.5 on, and forget."""
    total = torch.tensor([0.0, 1.0, 2.2, 4.0, 1.4]).reshape(-1, 1, 1)
    real, high, low = carrier(total, 4, "lif_hard", "part")
    assert (high, low) == (4.0, 0.0)
    assert real.threshold.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert not real.keep.any()


def test_a_part_cannot_be_carried_where_charge_is_lost() -> None:
    with pytest.raises(CapacityError, match=r"fc0 \[1/2\].*reset to 0 loses.*more axons"):
        carrier(torch.zeros(1, 1, 1), 4, "if_hard", "fc0 [1/2]")


def test_a_neuron_in_numbers_by_hand() -> None:
    """tau of 2 steps halves potentials and takes half of the drive: 4, 0, -8 give 2, 1 and -3.5; it fires at 2."""
    node = one_layer(np.ones((1, 1)), "LIF", tau=2.0, v_threshold=2.0).by_name["n"]
    assert isinstance(node, Spiking)
    real = stepped(node)
    assert (real.keep.tolist(), real.gain.tolist(), real.soft) == ([0.5], [0.5], True)
    x = torch.tensor([4.0, 0.0, -8.0]).reshape(-1, 1, 1)
    assert [float(most[0]) for most in reached(x, replace(real, strict=True))] == [3.5, 0.0]
    assert [float(most[0]) for most in reached(x, replace(real, strict=False))] == [4.0, 0.0]  # 2 taken off at once


def test_every_model_of_the_table_exists() -> None:
    assert set(KINDS) <= set(models())


def test_weights_threshold_and_leak_by_hand() -> None:
    """Weights 1 and -2, threshold 3 on 8 bits: the factor is 63, the largest whole one."""
    network = one_layer(np.array([[1.0, -2.0]]), "IF", v_threshold=3.0)
    node = network.by_name["n"]
    assert isinstance(node, Spiking)
    real = stepped(node)
    reach = Reach(potential=np.array([4.0]), current=np.array([0.0]))
    fit = integers(np.array([[1.0, -2.0]]), np.array([0.5]), real, models()["if_soft"], chip_for("if_soft"), reach)
    assert fit.rows.tolist() == [[63, -126]]
    assert fit.parameters["threshold"].tolist() == [189]
    assert fit.parameters["leak"].tolist() == [32]  # 31.5, half to even
    assert fit.parameters["initial"].tolist() == [-1]  # it fires above the threshold only


def one_layer(weights: np.ndarray, kind: str, **parameters: float) -> Network:
    """Input of 4 steps, a matrix, neurons of a kind with dt 1; parameters not given are 1, v_reset and v_leak 0."""
    n, fan_in = weights.shape
    names = {"IF": ("r", "v_threshold", "v_reset"), "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset")}
    names |= {"CubaLIF": ("tau_mem", "tau_syn", "r", "w_in", "v_leak", "v_threshold", "v_reset")}
    names |= {"LI": ("tau", "r", "v_leak"), "Threshold": ("threshold",)}
    given = {
        name: np.full(n, parameters.get(name, float(not name.endswith(("reset", "leak"))))) for name in names[kind]
    }
    given |= {name: np.full(n, value) for name, value in parameters.items()}
    nodes = (
        Input(name="x", shape=(4, fan_in)),
        Unstack(name="now", inputs=("x",)),
        Linear(name="fc", inputs=("now",), weights=weights, bias=np.zeros(n)),
        Spiking(name="n", inputs=("fc",), model=kind, parameters=given, dt=1.0, reset="subtract"),
        Stack(name="all", inputs=("n",), steps=4),
        Output(name="y", inputs=("all",)),
    )
    return Network(nodes)


def test_a_threshold_layer_by_hand() -> None:
    network = one_layer(np.array([[1.0, 1.0]]), "Threshold", threshold=1.0)
    x = np.array([[[0, 0], [1, 0], [1, 1], [0, 1]]], dtype=np.float64)
    compiled = compile_model(network, chip_for("threshold"), {"x": x}, CompileOptions(mode="snn"))
    assert run_compiled(compiled, {"x": x}).outputs["y"].reshape(-1).tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("kind", "model", "parameters", "told"),
    [
        ("LIF", "if_soft", {"tau": 10.0}, "if_soft: the potential decays in 'n'"),
        ("LIF", "lif_hard", {"tau": 10.0}, "lif_hard: a spike takes the threshold off in 'n'"),
        ("LI", "lif_soft", {"tau": 10.0}, "give potentials or delays, not spikes of a threshold: 'n' \\(LI\\)"),
        ("IF", "if_soft", {"v_threshold": -1.0}, "if_soft: a threshold is not positive in 'n'"),
        ("IF", "threshold", {}, "threshold: the potential is remembered in 'n'"),
    ],
)
def test_what_a_chip_cannot_run_is_named(kind: str, model: str, parameters: dict[str, float], told: str) -> None:
    network = one_layer(np.ones((1, 2)), kind, **parameters)
    with pytest.raises(UnsupportedError, match=told):
        compile_model(network, chip_for(model), spikes(network, 0, 2), CompileOptions(mode="snn"))


def test_a_rest_longer_than_its_register_is_refused() -> None:
    """3 bits hold 7 steps."""
    assert compiled_with("LIF", tau=4.0, refractory=7.0).by_name["n"].parameters["refractory"].tolist() == [7]
    with pytest.raises(UnsupportedError, match=r"neurons rest 8 steps after a spike \(refractory_bits is 3\) in 'n'"):
        compiled_with("LIF", tau=4.0, refractory=8.0)


def compiled_with(kind: str, **parameters: float) -> Network:
    network = one_layer(np.ones((1, 2)), kind, **parameters)
    model = "cuba_lif_soft" if kind == "CubaLIF" else "lif_soft"
    return compile_model(network, chip_for(model), spikes(network, 0, 2), CompileOptions(mode="snn")).network


def test_steps_longer_than_a_time_constant_are_refused() -> None:
    """Forward Euler with dt = 1 and tau = 0.25 leaves 1 - 1 / 0.25 times what was there."""
    told = (
        r"a step of dt = 1 s leaves -3 times what was there in 'n', channel 0, where {} is 0.25 s.*method=exponential"
    )
    with pytest.raises(UnsupportedError, match=told.format("tau")):
        compiled_with("LIF", tau=0.25)
    with pytest.raises(UnsupportedError, match=told.format("tau_syn")):
        compiled_with("CubaLIF", tau_syn=0.25, tau_mem=2.0)
    assert compiled_with("LIF", tau=1.0).by_name["n"].parameters["decay"].tolist() == [4095]  # nothing is left


def test_potentials_after_resets_fit_their_register_too() -> None:
    """A reset to -50 thresholds: weights and threshold shrink until 8 bits hold it."""
    network = one_layer(np.array([[1.0, -2.0]]), "LIF", tau=2.0, v_reset=-50.0)
    node = replace(network.by_name["n"], reset="zero")
    assert isinstance(node, Spiking)
    reach = Reach(potential=np.array([4.0]), current=np.array([0.0]))
    chip = chip_for("lif_hard").with_values(neuron={"potential_bits": 8})
    fit = integers(np.array([[1.0, -2.0]]), np.zeros(1), stepped(node), models()["lif_hard"], chip, reach)
    assert fit.parameters["reset"].tolist() == [-100]
    assert fit.parameters["threshold"].tolist() == [3]  # 2, the whole part of 127 / 50, and above it only


def test_several_spikes_in_a_step_are_refused_where_there_are_some() -> None:
    """Two inputs of weight 1 on a threshold of 1 give up to 2 spikes in a step; on one of 2, at most 1."""
    for threshold in (1.0, 2.0):
        network = one_layer(np.ones((1, 2)), "IF", v_threshold=threshold)
        network = network.map(lambda n: replace(n, many=True, strict=False) if isinstance(n, Spiking) else n)
        x = {"x": np.ones((1, 4, 2))}
        if threshold == 1.0:
            with pytest.raises(UnsupportedError, match=r"several spikes in a step.*: 'n' \(2\).*--nir many=false"):
                compile_model(network, chip_for("if_soft"), x, CompileOptions(mode="snn"))
        else:
            compiled = compile_model(network, chip_for("if_soft"), x, CompileOptions(mode="snn"))
            assert run_compiled(compiled, x).outputs["y"].reshape(-1).tolist() == [1, 1, 1, 1]


def delayed_input(model: str, steps: int) -> Network:
    """Inputs delayed by some steps before neurons that give them again."""
    one = {"r": np.ones(3), "v_threshold": np.ones(3), "v_reset": np.zeros(3)}
    reset = "subtract" if model.endswith("soft") else "zero"
    late = Spiking(name="d", inputs=("now",), model="Delay", parameters={"delay": np.full(3, float(steps))}, dt=1.0)
    nodes = (
        Input(name="x", shape=(6, 3)),
        Unstack(name="now", inputs=("x",)),
        late,
        Linear(name="fc", inputs=("d",), weights=np.eye(3), bias=np.zeros(3)),
        Spiking(name="n", inputs=("fc",), model="IF", parameters=one, dt=1.0, reset=reset, strict=False),
        Stack(name="all", inputs=("n",), steps=6),
        Output(name="y", inputs=("all",)),
    )
    return Network(nodes)


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
@pytest.mark.parametrize("model", ["if_soft", "if_hard"])
def test_inputs_come_some_steps_late(model: str, steps: int) -> None:
    network = delayed_input(model, steps)
    x = spikes(network, 0, 5)
    given_ = run_compiled(compile_model(network, chip_for(model), x, CompileOptions(mode="snn")), x).outputs["y"]
    np.testing.assert_array_equal(given_[:, steps:], x["x"][:, : 6 - steps])
    assert not given_[:, :steps].any()


def test_what_a_layer_gives_comes_late_too() -> None:
    """The spikes are delayed, and weighed then."""
    network = delayed_input("if_soft", 2)
    first = Linear(name="sums", inputs=("now",), weights=np.ones((3, 3)), bias=np.zeros(3))
    nodes = [replace(n, inputs=("sums",)) if n.name == "d" else n for n in network.nodes]
    network = Network((*nodes[:2], first, *nodes[2:]))
    x = spikes(network, 0, 5, rate=0.2)
    given_ = run_compiled(compile_model(network, chip_for("if_soft"), x, CompileOptions(mode="snn")), x).outputs["y"]
    np.testing.assert_array_equal(given_, reference(network, x)["y"])


def test_counts_cannot_come_late() -> None:
    network = delayed_input("if_soft", 1)
    x = {"x": np.full((1, 6, 3), 2.0)}
    with pytest.raises(UnsupportedError, match=r"state 'd': it remembers values from 0 to 2.*delay inputs of 0 and 1"):
        compile_model(network, chip_for("if_soft"), x, CompileOptions(mode="snn"))


def test_currents_on_a_chip_of_spikes_are_refused() -> None:
    network = one_layer(np.ones((1, 2)), "IF")
    chip = chip_for("if_soft").with_values(signal={"current_bits": 1})
    with pytest.raises(UnsupportedError, match=r"input 'now' has values from 0.5 to 0.5.*current_bits"):
        compile_model(network, chip, {"x": np.full((1, 4, 2), 0.5)}, CompileOptions(mode="snn"))


def test_currents_and_negative_inputs_are_carried_in_steps() -> None:
    """Inputs of -1 to 1 in 255 steps of 2 / 255."""
    network = one_layer(np.array([[1.0, -1.0]]), "IF", v_threshold=0.5)
    x = np.random.default_rng(0).uniform(-1, 1, (40, 4, 2))
    chip = chip_for("if_soft").with_values(signal={"current_bits": 8})
    compiled = compile_model(network, chip, {"x": x}, CompileOptions(mode="snn"))
    run = run_compiled(compiled, {"x": x})
    assert run.spikes is not None
    assert run.spikes.equal > 0.95
    assert evaluate(network, {"x": x})["y"].mean() > 0.1


def test_labels_stay_with_the_samples_that_are_taken() -> None:
    """Whole weights lose nothing, so every accuracy of the ledger is that of the labels, which are the answers."""
    network = one_layer(np.array([[1.0, -1.0], [-1.0, 1.0]]), "IF", v_threshold=1.0)
    x = spikes(network, 0, 300)
    labels = evaluate(network, x)["y"].sum(axis=1).argmax(axis=1)
    assert 0.2 < labels.mean() < 0.8
    compiled = compile_model(network, chip_for("if_soft"), x, CompileOptions(mode="snn", labels=labels))
    assert {row.accuracy for row in compiled.ledger} == {1.0}
