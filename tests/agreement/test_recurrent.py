"""Recurrent networks: what a chip gives equals the reference interpreter of its network, bit for bit."""

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core_strategies import plain_chip
from loop_strategies import looped_networks
from neutrams.base.arrays import AnyArray
from neutrams.base.errors import CapacityError, UnsupportedError
from neutrams.evaluate import run as evaluate
from neutrams.flow import Compiled, CompileOptions, compile_model, run_compiled
from neutrams.hardware import Chip
from neutrams.network import Network
from neutrams.program.verify import violations
from neutrams.reference import finish, prepare
from neutrams.reference import run as reference
from neutrams.simulator import simulate
from neutrams.transform.stepwise import into_loops

some = settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))


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
