"""Recurrent networks: what a chip gives equals the reference interpreter of its network, bit for bit."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core_strategies import plain_chip
from loop_strategies import looped_networks
from neutrams.base.arrays import AnyArray
from neutrams.base.errors import CapacityError, UnsupportedError
from neutrams.evaluate import run as evaluate
from neutrams.flow import Compiled, CompileOptions, compile_model, run_compiled
from neutrams.hardware import Chip
from neutrams.network import (
    Activation,
    Add,
    Constant,
    Conv,
    Input,
    Linear,
    Network,
    Node,
    Output,
    Reshape,
    Slice,
    Stack,
    State,
    Unstack,
    Update,
    as_sequence,
)
from neutrams.program.verify import violations
from neutrams.reference import finish, prepare
from neutrams.reference import run as reference
from neutrams.simulator import simulate
from neutrams.transform.stepwise import into_loops

some = settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))


@st.composite
def roomy_chips(draw: st.DrawFn) -> Chip:
    core = {"axons": draw(st.sampled_from([8, 16, 256])), "neurons": draw(st.sampled_from([8, 64]))}
    neuron = {"table_bits": draw(st.sampled_from([0, 8])), "multiplier_bits": 16}
    fan_out = draw(st.sampled_from([1, 4]))
    signed = draw(st.sampled_from(["none", "signed"]))
    return plain_chip(core={**core, "fan_out": fan_out}, neuron=neuron, signal={"partial_sums": signed})


def data(network: Network, seed: int, n: int) -> dict[str, AnyArray]:
    rng = np.random.default_rng(seed)
    return {node.name: rng.normal(size=(n, *node.shape)) for node in network.inputs}


def compiled_or_skipped(network: Network, chip: Chip) -> Compiled:
    try:
        return compile_model(network, chip, data(network, 1, 24), CompileOptions())
    except (CapacityError, UnsupportedError) as error:
        assume(not isinstance(error, CapacityError) and "another order" not in str(error))
        raise


@some
@given(network=looped_networks(), seed=st.integers(0, 99))
def test_moving_into_loops_keeps_the_function(network: Network, seed: int) -> None:
    inputs = data(network, seed, 3)
    expected, found = reference(network, inputs), reference(into_loops(network), inputs)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-12, atol=1e-12)


@some
@given(network=looped_networks(), chip=roomy_chips(), seed=st.integers(0, 99))
def test_chip_reference_and_evaluation_agree(network: Network, chip: Chip, seed: int) -> None:
    compiled = compiled_or_skipped(network, chip)
    assert violations(compiled.program) == []
    inputs = data(network, seed, 3)
    expected = reference(compiled.network, inputs, chip)
    simulated = run_compiled(compiled, inputs).outputs
    fast = evaluate(compiled.network, inputs, chip)
    for name, values in expected.items():
        np.testing.assert_array_equal(simulated[name], values)
        np.testing.assert_array_equal(fast[name], values)


@some
@given(network=looped_networks(), chip=roomy_chips())
def test_a_stream_of_pieces_gives_what_one_run_does(network: Network, chip: Chip) -> None:
    compiled = compiled_or_skipped(network, chip)
    inputs = data(network, 2, 3)
    wanted = {port.name: port.sequence for port in compiled.program.inputs}
    ports = {name: array for name, array in prepare(compiled.network, inputs).items() if name in wanted}
    whole = simulate(compiled.program, ports)
    pieces, memory = [], None
    for step in range(compiled.program.steps):
        now = {name: a[:, step : step + 1] if wanted[name] else a for name, a in ports.items()}
        run = simulate(compiled.program, now, memory=memory)
        memory = run.memory
        pieces.append(run.outputs)
    for name, values in whole.outputs.items():
        np.testing.assert_array_equal(np.concatenate([piece[name] for piece in pieces], axis=1), values)
    assert set(finish(compiled.network, whole.outputs)) == {node.name for node in network.outputs}


def running_sum(k: int, source: str, steps: int) -> list[Node]:
    return [
        Unstack(name=f"now{k}", inputs=(source,)), State(name=f"sum{k}", inputs=("zero",)),
        Add(name=f"more{k}", inputs=(f"now{k}", f"sum{k}"), coefficients=np.ones((2, 2)), bias=np.zeros(2)),
        Update(name=f"next{k}", inputs=(f"more{k}",), state=f"sum{k}"),
        Stack(name=f"all{k}", inputs=(f"more{k}",), steps=steps),
    ]  # fmt: skip


def test_a_loop_over_some_steps_of_another_does_not_join_it() -> None:
    network = Network((
        Input(name="x", shape=(5, 2)), Constant(name="zero", values=np.zeros(2)), *running_sum(0, "x", 5),
        Slice(name="some", inputs=("all0",), start=0, stop=3, axis=0), *running_sum(1, "some", 3),
        Output(name="y", inputs=("all1",)),
    ))  # fmt: skip
    x = data(network, 0, 2)
    np.testing.assert_allclose(reference(into_loops(network), x)["y"], reference(network, x)["y"], rtol=1e-12)


def voice_detector() -> Network:
    """One frame: new = tanh(W frame + V state), given on; then a convolution of one place, and a sigmoid."""
    rng = np.random.default_rng(0)
    return Network((
        Input(name="frame", shape=(4,)), Input(name="state", shape=(4,)),
        Linear(name="seen", inputs=("frame",), weights=rng.normal(size=(4, 4)), bias=np.zeros(4)),
        Linear(name="held", inputs=("state",), weights=rng.normal(size=(4, 4)) / 2, bias=np.zeros(4)),
        Add(name="sum", inputs=("seen", "held"), coefficients=np.ones((2, 4)), bias=np.zeros(4)),
        Activation(name="new", inputs=("sum",), function="tanh"),
        Reshape(name="place", inputs=("new",), shape=(4, 1)),
        Conv(name="conv", inputs=("place",), weights=rng.normal(size=(1, 4, 1)), bias=np.zeros(1), stride=(1,),
             dilation=(1,)),
        Activation(name="probability", inputs=("conv",), function="sigmoid"),
        Output(name="speech", inputs=("probability",)), Output(name="next", inputs=("new",)),
    ))  # fmt: skip


def test_what_the_host_makes_of_each_step_stands_behind_the_loop() -> None:
    network = as_sequence(voice_detector(), 6, {"next": "state"})
    chip = plain_chip(core={"axons": 256, "neurons": 64}, neuron={"multiplier_bits": 16})
    compiled = compile_model(network, chip, data(network, 1, 64), CompileOptions())
    assert len(compiled.host_ops) == 1
    inputs = data(network, 2, 8)
    expected = reference(compiled.network, inputs, chip)["speech"]
    np.testing.assert_allclose(run_compiled(compiled, inputs).outputs["speech"], expected, rtol=1e-12)
    exact = reference(network, inputs)["speech"]
    assert expected.shape == exact.shape == (8, 6, 1, 1)
    assert np.abs(expected - exact).mean() < 0.02


def test_loops_are_refused_in_snn_mode() -> None:
    network = as_sequence(voice_detector(), 3, {"next": "state"})
    chip = plain_chip(core={"axons": 64, "neurons": 64})
    with pytest.raises(UnsupportedError, match="take mode ann"):
        compile_model(network, chip, data(network, 1, 4), CompileOptions(mode="snn", steps=4))


def test_fitting_on_its_own_states_is_never_worse_on_calibration_data() -> None:
    network = as_sequence(voice_detector(), 12, {"next": "state"})
    chip = plain_chip(core={"axons": 64, "neurons": 64}, neuron={"multiplier_bits": 16}, signal={"output_bits": 5})
    inputs = data(network, 3, 64)
    errors = []
    for effort in (0, 1):  # one round, or three
        compiled = compile_model(network, chip, inputs, CompileOptions(effort=effort))
        found, exact = evaluate(compiled.network, inputs, chip)["speech"], reference(network, inputs)["speech"]
        errors.append(float(np.square(found - exact).mean()))
    assert errors[1] <= errors[0]


@pytest.mark.parametrize("table_bits", [8, 0])
def test_channels_of_different_reach_keep_their_values_in_a_state_that_is_read_channel_by_channel(
    table_bits: int,
) -> None:
    gains = np.array([1.0, 0.2, 0.05])
    network = Network(
        (
            Input(name="x", shape=(8, 3)),
            Unstack(name="now", inputs=("x",)),
            Constant(name="start", values=np.zeros(3)),
            State(name="held", inputs=("start",)),
            Add(name="sum", inputs=("now", "held"), coefficients=np.stack([gains, np.full(3, 0.5)]), bias=np.zeros(3)),
            Activation(name="new", inputs=("sum",), function="tanh"),
            Update(name="next", inputs=("new",), state="held"),
            Stack(name="steps", inputs=("new",), steps=8),
            Output(name="y", inputs=("steps",)),
        )
    )
    x = np.random.default_rng(0).normal(size=(512, 8, 3))
    chip = plain_chip(core={"axons": 256, "neurons": 64}, neuron={"multiplier_bits": 16, "table_bits": table_bits})
    core = compile_model(network, chip, {"x": x[:256]}, CompileOptions()).network
    got, want = evaluate(core, {"x": x[256:]}, chip)["y"], reference(network, {"x": x[256:]})["y"]
    error = np.sqrt(np.square(got - want).mean(axis=(0, 1)))
    assert (error < 0.02).all(), error
