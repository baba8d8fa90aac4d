"""Potentials that the host reads: simulator, reference and evaluation agree; stopping early reads them sooner."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core_strategies import SPIKING, core_inputs, core_networks, plain_chip
from neutrams.base.errors import CapacityError, SpecError, UnsupportedError
from neutrams.evaluate import run as evaluate
from neutrams.flow import CompileOptions, compile_model, run_compiled
from neutrams.hardware import Chip
from neutrams.mapping import map_network
from neutrams.network import Activation, Decode, Input, Linear, Network, Neuron, Output
from neutrams.neurons import find_model
from neutrams.program import Program
from neutrams.program.verify import violations
from neutrams.reference import finish, prepare
from neutrams.reference import run as reference
from neutrams.simulator import simulate
from neutrams.transform.early import stopped_early

many = settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))


def read_as_potentials(network: Network) -> Network:
    """The network with the first decoder's neurons read as potentials; skips where something else reads them too."""
    decode = next(node for node in network.nodes if isinstance(node, Decode))
    source = network.by_name[decode.inputs[0]]
    while not isinstance(source, Neuron):
        assume(len(source.inputs) == 1 and len(network.consumers[source.name]) == 1)
        source = network.by_name[source.inputs[0]]
    assume(len(network.consumers[source.name]) == 1)
    assume(find_model(source.model, "test").states[:1] != ())
    return network.map(lambda node: [replace(node, readout="potential")] if node.name == source.name else [node])


def readable(chip: Chip) -> Chip:
    return chip.with_values(signal={"read_potential": True})


@many
@given(data=st.data(), case=core_networks("snn", tuple(m for m in SPIKING if m != "threshold")))
def test_simulator_reference_and_evaluation_agree(data: st.DataObject, case: tuple[Network, Chip]) -> None:
    network, chip = read_as_potentials(case[0]), readable(case[1])
    try:
        program = map_network(network, chip).program
    except (CapacityError, UnsupportedError):
        assume(False)
        raise
    assert any(port.potential for port in program.outputs)
    assert violations(program) == []
    inputs = data.draw(core_inputs(network))
    expected = reference(network, inputs, chip)
    wanted = {port.name for port in program.inputs}
    ports = {name: array for name, array in prepare(network, inputs).items() if name in wanted}
    found = finish(network, simulate(program, ports).outputs)
    fast = evaluate(network, inputs, chip)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
        np.testing.assert_allclose(fast[name], values, rtol=1e-12)  # a softmax may follow


def two_layers(seed: int) -> Network:
    rng = np.random.default_rng(seed)
    return Network((
        Input(name="x", shape=(6,)),
        Linear(name="a", inputs=("x",), weights=rng.normal(size=(5, 6)), bias=rng.normal(size=5)),
        Activation(name="r", inputs=("a",), function="relu"),
        Linear(name="b", inputs=("r",), weights=rng.normal(size=(3, 5)), bias=rng.normal(size=3)),
        Output(name="y", inputs=("b",)),
    ))  # fmt: skip


def compiled_pair(seed: int, steps: int, axons: int = 256) -> tuple[Program, Network, Chip, dict[str, np.ndarray]]:
    network = two_layers(seed)
    chip = readable(plain_chip(core={"axons": axons}, neuron={"models": ("requantize", "if_soft")}))
    x = np.random.default_rng(seed).random((40, 6))
    made = compile_model(network, chip, {"x": x}, CompileOptions(mode="snn", steps=steps))
    return made.program, made.network, chip, {"x": x}


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 99), axons=st.sampled_from([4, 256]))
def test_compiled_networks_read_potentials_and_come_near(seed: int, axons: int) -> None:
    program, network, chip, inputs = compiled_pair(seed, 32, axons)
    assert all(port.potential for port in program.outputs)
    np.testing.assert_array_equal(evaluate(network, inputs, chip)["y"], reference(network, inputs, chip)["y"])
    wanted = evaluate(two_layers(seed), inputs)["y"]
    error = evaluate(network, inputs, chip)["y"] - wanted
    assert np.sqrt((error**2).mean()) < (0.25 if axons == 4 else 0.1) * np.sqrt((wanted**2).mean())


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 99), steps=st.integers(2, 12))
def test_stopping_after_all_steps_changes_nothing_and_earlier_is_a_run_of_fewer(seed: int, steps: int) -> None:
    _, network, chip, inputs = compiled_pair(seed, steps)
    whole = reference(network, inputs, chip)["y"]
    np.testing.assert_allclose(reference(stopped_early(network, steps), inputs, chip)["y"], whole, rtol=1e-12)
    early = reference(stopped_early(network, steps - 1), inputs, chip)["y"]
    assert early.shape == whole.shape
    assert np.abs(early - whole).mean() < 2 * np.abs(whole).mean() + 1


def test_stopping_later_than_the_end_is_refused() -> None:
    _, network, _, _ = compiled_pair(0, 4)
    with pytest.raises(SpecError, match="steps is 5, it runs for 4"):
        stopped_early(network, 5)


def test_a_chip_that_hides_potentials_is_told() -> None:
    program, _, chip, _ = compiled_pair(0, 4)
    hidden = replace(program, chip=chip.with_values(signal={"read_potential": False}))
    assert {v.constraint for v in violations(hidden)} == {"potential_readout"}


def test_a_network_reads_counts_where_potentials_are_hidden() -> None:
    chip = plain_chip(neuron={"models": ("requantize", "if_soft")})
    x = np.random.default_rng(0).random((40, 6))
    made = compile_model(two_layers(0), chip, {"x": x}, CompileOptions(mode="snn", steps=8))
    assert not any(port.potential for port in made.program.outputs)
    assert run_compiled(made, {"x": x}).outputs["y"].shape == (40, 3)
