"""Spiking networks on chips: the chip gives what the reference gives bit for bit, and the original where it can."""

from itertools import pairwise

import nir
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from neutrams.base.errors import CapacityError
from neutrams.evaluate import run as evaluate
from neutrams.flow import Compiled, CompileOptions, compile_model, run_compiled
from neutrams.hardware import Chip, load_chip
from neutrams.importers.nir import from_nir
from neutrams.network import Network
from neutrams.program.verify import violations
from neutrams.reference import finish, prepare
from neutrams.reference import run as reference
from neutrams.simulator import simulate
from spiking_strategies import chip_for, event_networks, spikes, spiking_networks

some = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))


def compiled_or_skipped(network: Network, chip: Chip) -> Compiled:
    try:
        return compile_model(network, chip, spikes(network, 1, 8), CompileOptions(mode="snn"))
    except CapacityError:
        assume(False)
        raise


@some
@given(
    case=spiking_networks(),
    axons=st.sampled_from([8, 16, 256]),
    fan_out=st.sampled_from([1, 4]),
    exponent=st.sampled_from([0, 3]),
    seed=st.integers(0, 99),
)
def test_chip_reference_and_evaluation_agree(
    case: tuple[Network, str], axons: int, fan_out: int, exponent: int, seed: int
) -> None:
    network, model = case
    chip = chip_for(model, axons, fan_out, exponent_bits=exponent)
    compiled = compiled_or_skipped(network, chip)
    assert violations(compiled.program) == []
    inputs = spikes(network, seed, 3)
    expected = reference(compiled.network, inputs, chip)["y"]
    np.testing.assert_array_equal(run_compiled(compiled, inputs).outputs["y"], expected)
    np.testing.assert_array_equal(evaluate(compiled.network, inputs, chip)["y"], expected)


@some
@given(case=spiking_networks(("if_soft", "if_hard", "lif_hard"), whole=True), seed=st.integers(0, 99))
def test_whole_weights_lose_nothing_where_nothing_decays(case: tuple[Network, str], seed: int) -> None:
    """Small whole weights and thresholds fit every register; potentials are then exact, and so is every spike."""
    network, model = case
    assume(model.startswith("if"))
    compiled = compiled_or_skipped(network, chip_for(model))
    inputs = spikes(network, seed, 4)
    np.testing.assert_array_equal(run_compiled(compiled, inputs).outputs["y"], evaluate(network, inputs)["y"])


@some
@given(
    case=event_networks(), axons=st.sampled_from([32, 256]), fan_out=st.sampled_from([1, 4]), seed=st.integers(0, 99)
)
def test_event_networks_agree_on_chip_reference_and_evaluation(
    case: tuple[Network, str], axons: int, fan_out: int, seed: int
) -> None:
    network, model = case
    chip = chip_for(model, axons, fan_out)
    compiled = compiled_or_skipped(network, chip)
    assert violations(compiled.program) == []
    inputs = spikes(network, seed, 3)
    expected = reference(compiled.network, inputs, chip)["y"]
    np.testing.assert_array_equal(run_compiled(compiled, inputs).outputs["y"], expected)
    np.testing.assert_array_equal(evaluate(compiled.network, inputs, chip)["y"], expected)


@some
@given(case=event_networks(("if_soft", "if_hard"), whole=True), seed=st.integers(0, 99))
def test_whole_weights_of_event_networks_lose_nothing(case: tuple[Network, str], seed: int) -> None:
    """Pools, flattening and layers after layers are one map with whole weights, where these fit: wide ones here."""
    network, model = case
    chip = chip_for(model, 1024).with_values(
        core={"weight_bits": 15, "accumulator_bits": 32},
        neuron={"threshold_bits": 24, "leak_bits": 24, "potential_bits": 32},
    )
    compiled = compiled_or_skipped(network, chip)
    inputs = spikes(network, seed, 4)
    np.testing.assert_array_equal(run_compiled(compiled, inputs).outputs["y"], evaluate(network, inputs)["y"])


@some
@given(case=spiking_networks(), seed=st.integers(0, 99), cut=st.integers(1, 8))
def test_a_stream_in_pieces_is_one_run(case: tuple[Network, str], seed: int, cut: int) -> None:
    network, model = case
    compiled = compiled_or_skipped(network, chip_for(model))
    ports = prepare(compiled.network, spikes(network, seed, 2))
    wanted = {port.name for port in compiled.program.inputs}
    given_ports = {name: values for name, values in ports.items() if name in wanted}
    (name,) = given_ports
    x = given_ports[name]
    assume(cut < x.shape[1])
    whole = simulate(compiled.program, {name: x})
    first = simulate(compiled.program, {name: x[:, :cut]})
    second = simulate(compiled.program, {name: x[:, cut:]}, memory=first.memory)
    (output,) = whole.outputs
    both = np.concatenate([first.outputs[output], second.outputs[output]], axis=1)
    np.testing.assert_array_equal(both, whole.outputs[output])
    assert (
        finish(compiled.network, whole.outputs)["y"].shape
        == x.shape[:2] + finish(compiled.network, whole.outputs)["y"].shape[2:]
    )


def event_camera(*shape: int, reset: str) -> Network:
    """A NIR graph for an event camera: convolution, neurons, pool, flatten, layer, neurons."""
    rng = np.random.default_rng(0)
    two = np.array([2, 2])
    channels, height, width = shape
    conv = nir.Conv2d(
        input_shape=(height, width), weight=rng.normal(size=(4, channels, 3, 3)), stride=1, padding=1, dilation=1,
        groups=1, bias=np.zeros(4),
    )  # fmt: skip
    pooled = (4, height // 2, width // 2)
    n, m = (nir.IF(r=np.full(size, 1e4), v_threshold=np.ones(size)) for size in ((4, height, width), (3,)))
    nodes = {
        "input": nir.Input(input_type={"input": np.array(shape)}),
        "conv": conv,
        "n": n,
        "pool": nir.SumPool2d(kernel_size=two, stride=two, padding=0 * two),
        "flat": nir.Flatten(input_type={"input": np.array(pooled)}, start_dim=0, end_dim=-1),
        "fc": nir.Linear(weight=rng.normal(size=(3, int(np.prod(pooled))))),
        "m": m,
        "output": nir.Output(output_type={"output": np.array([3])}),
    }
    graph = nir.NIRGraph(nodes=nodes, edges=list(pairwise(nodes)), type_check=False)
    return from_nir(graph, steps=20, reset=reset)


@pytest.mark.parametrize(("model", "reset"), [("if_soft", "subtract"), ("if_hard", "zero")])
def test_a_network_for_an_event_camera_on_tianji(model: str, reset: str) -> None:
    network = event_camera(2, 8, 8, reset=reset)
    chip = load_chip("tianji", {"neuron.models": f"requantize,{model}"})
    compiled = compile_model(network, chip, spikes(network, 0, 16, rate=0.3), CompileOptions(mode="snn"))
    run = run_compiled(compiled, spikes(network, 1, 16, rate=0.3))
    assert run.spikes is not None
    assert run.spikes.equal > 0.96
    assert evaluate(network, spikes(network, 1, 16, rate=0.3))["output"].mean() > 0.05


@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
@given(case=spiking_networks(("cuba_lif_hard", "cuba_lif_soft", "if_hard", "if_soft")), seed=st.integers(0, 99))
def test_loihi_runs_current_based_networks_at_every_level(case: tuple[Network, str], seed: int) -> None:
    network, model = case
    compiled = compiled_or_skipped(network, load_chip("loihi"))
    assert compiled.program.model == model
    assert violations(compiled.program) == []
    inputs = spikes(network, seed, 3)
    expected = reference(compiled.network, inputs, compiled.program.chip)["y"]
    for level in ("functional", "tick", "cycle"):
        result = run_compiled(compiled, inputs, level=level)
        np.testing.assert_array_equal(result.outputs["y"], expected)
    assert result.run.cost is not None
    assert result.run.cost.energy_breakdown_j["neuron"][1] > 0
