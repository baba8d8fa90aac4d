"""Sequences on a chip: simulator, reference and fast evaluation agree bit for bit; a stream gives what one run does."""

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core_strategies import core_inputs, core_loops
from neutrams.base.arrays import AnyArray
from neutrams.base.errors import CapacityError, UnsupportedError
from neutrams.evaluate import run as evaluate
from neutrams.hardware import Chip
from neutrams.mapping import map_network
from neutrams.network import Network
from neutrams.program import Program
from neutrams.program.store import program_from_parts, program_parts
from neutrams.program.verify import violations
from neutrams.reference import finish, prepare
from neutrams.reference import run as reference
from neutrams.simulator import simulate
from tick_oracle import run_program

many = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


def mapped(case: tuple[Network, Chip]) -> Program:
    try:
        program = map_network(*case).program
    except (CapacityError, UnsupportedError):
        assume(False)
        raise
    assume(any(port.sequence for port in program.inputs))
    return program


def ports(program: Program, network: Network, inputs: dict[str, AnyArray]) -> dict[str, AnyArray]:
    wanted = {port.name for port in program.inputs}
    return {name: array for name, array in prepare(network, inputs).items() if name in wanted}


@many
@given(data=st.data(), case=core_loops())
def test_simulator_oracle_reference_and_evaluation_agree(data: st.DataObject, case: tuple[Network, Chip]) -> None:
    network, chip = case
    program = mapped(case)
    inputs = data.draw(core_inputs(network))
    expected = reference(network, inputs, chip)["y"]
    given_ports = ports(program, network, inputs)
    simulated = simulate(program, given_ports)
    np.testing.assert_array_equal(finish(network, simulated.outputs)["y"], expected)
    np.testing.assert_array_equal(evaluate(network, inputs, chip)["y"], expected)
    (literal,) = run_program(program, given_ports).values()
    np.testing.assert_array_equal(literal, expected)


@many
@given(case=core_loops())
def test_program_is_legal_and_survives_its_file(case: tuple[Network, Chip]) -> None:
    program = mapped(case)
    assert violations(program) == []
    header, arrays = program_parts(program)
    again = program_from_parts(header, arrays)
    assert program_parts(again)[0] == header
    assert all(np.array_equal(array, arrays[name]) for name, array in program_parts(again)[1].items())


@many
@given(data=st.data(), case=core_loops())
def test_a_stream_gives_what_one_run_does(data: st.DataObject, case: tuple[Network, Chip]) -> None:
    network, _ = case
    program = mapped(case)
    given_ports = ports(program, network, data.draw(core_inputs(network)))
    whole = simulate(program, given_ports)
    steps = program.steps
    cut = data.draw(st.integers(1, steps))
    sequences = {port.name for port in program.inputs if port.sequence}
    outputs, memory = [], None
    for part in (slice(0, cut), slice(cut, steps)):
        if part.start == part.stop:
            continue
        piece = {name: array[:, part] if name in sequences else array for name, array in given_ports.items()}
        run = simulate(program, piece, memory=memory)
        memory = run.memory
        outputs.append(next(iter(run.outputs.values())))
    np.testing.assert_array_equal(np.concatenate(outputs, axis=1), next(iter(whole.outputs.values())))
