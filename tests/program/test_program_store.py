"""A program comes back from its parts and from its text; damaged parts are refused."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core_strategies import core_networks, dense, plain_chip
from neutrams.base.errors import CapacityError, FormatError
from neutrams.hardware import Chip
from neutrams.mapping import map_network
from neutrams.network import Network, ops
from neutrams.program import Program
from neutrams.program.store import program_from_parts, program_parts
from neutrams.program.text import from_text, to_text

few = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))


def looking_up() -> Program:
    """A program whose neurons share one table."""
    chip = plain_chip(neuron={"table_bits": 2})
    parameters = {"low": np.full(4, -1), "high": np.full(4, 2)}
    network = dense([4, 4]).map(
        lambda n: replace(n, parameters={**n.parameters, **parameters}, table=np.array([0, 9, 4, 1]))
        if isinstance(n, ops.Neuron) else n
    )  # fmt: skip
    return map_network(network, chip).program


def test_tables_are_stored_once_and_only_where_there_are_any() -> None:
    program = looking_up()
    assert (program.tables.tolist(), program.neurons.table.tolist()) == ([[0, 9, 4, 1]], [0] * 4)
    header, arrays = program_parts(program)
    assert_same(program, program_from_parts(header, arrays))
    plain = map_network(dense([4, 4]), plain_chip()).program
    assert not {"tables", "neurons.table"} & program_parts(plain)[1].keys()
    with pytest.raises(FormatError, match="'tables' is float64"):
        program_from_parts(header, {**arrays, "tables": 1.0 * program.tables})


def mapped(case: tuple[Network, Chip]) -> Program:
    try:
        return map_network(*case, effort=0).program
    except CapacityError:
        assume(False)
        raise


def assert_same(a: Program, b: Program) -> None:
    (header_a, arrays_a), (header_b, arrays_b) = program_parts(a), program_parts(b)
    assert json.dumps(header_a) == json.dumps(header_b)
    assert a.chip == b.chip
    assert list(arrays_a) == list(arrays_b)
    for name, array in arrays_a.items():
        assert array.dtype == arrays_b[name].dtype
        np.testing.assert_array_equal(array, arrays_b[name])


@few
@given(case=core_networks())
def test_round_trip_through_parts_and_text(case: tuple[Network, Chip]) -> None:
    program = mapped(case)
    header, arrays = program_parts(program)
    assert_same(program, program_from_parts(json.loads(json.dumps(header)), arrays))
    text = to_text(program)
    assert_same(program, from_text(text, arrays))
    assert text.count("\n# tile ") == len(program.tiles)
    assert text == to_text(from_text(text, arrays))


@few
@given(case=core_networks(), data=st.data())
def test_damaged_parts_are_refused(case: tuple[Network, Chip], data: st.DataObject) -> None:
    program = mapped(case)
    header, arrays = program_parts(program)
    header = copy.deepcopy(header)
    if data.draw(st.booleans()):
        key = data.draw(st.sampled_from(sorted(set(header) - {"outputs", "inputs", "origins", "parameters"})))
        header[key] = data.draw(st.sampled_from([None, [], "?", {"a": 1}, 0.5, 10**400 if key == "chip" else True]))
        if key == "model":
            header[key] = 3
    else:
        name = data.draw(st.sampled_from(sorted(arrays)))
        damaged = data.draw(st.sampled_from([None, arrays[name].astype(np.float32), arrays[name][None, None]]))
        arrays = {k: v for k, v in arrays.items() if k != name} | ({} if damaged is None else {name: damaged})
    with pytest.raises(FormatError):
        program_from_parts(header, arrays)


@pytest.mark.parametrize("line", ["model", "model {", "weights 3", 'model "a"\nmodel "b"'])
def test_a_damaged_line_is_named(line: str) -> None:
    with pytest.raises(FormatError, match="program text, line"):
        from_text(f"# text\n{line}\n", {})
