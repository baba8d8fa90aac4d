"""User-defined models: copies of built-in ones give the same integers, with a program alone; mistakes are told."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_strategies import core_inputs, core_networks
from defined_models import COPIES, IF_SOFT
from neuron_cases import case, widths
from neutrams.base.errors import SpecError
from neutrams.evaluate import run as evaluate
from neutrams.hardware import Chip, chip_to_toml, load_chip
from neutrams.mapping import map_network
from neutrams.network import Network, ops
from neutrams.network.text import from_text, to_text
from neutrams.neurons import find_model, models
from neutrams.neurons.defined import define
from neutrams.neurons.defined_check import problems
from neutrams.neurons.page import EXAMPLE
from neutrams.program import Program
from neutrams.program.store import program_from_parts, program_parts
from neutrams.program.verify import violations
from neutrams.reference import run as reference
from neutrams.simulator import simulate
from simulator_programs import random_inputs, random_program

FULL = {
    "accumulator_bits": 24, "potential_bits": 24, "threshold_bits": 16, "leak_bits": 16, "decay_bits": 12,
    "exponent_bits": 0, "decay_shift_bits": 3, "synaptic_bits": 16, "refractory_bits": 4,
}  # fmt: skip


@given(name=st.sampled_from(sorted(COPIES)), widths=widths(), seed=st.integers(0, 1 << 32))
def test_a_copy_steps_as_the_built_in_model(name: str, widths: dict[str, int], seed: int) -> None:
    definition = define(COPIES[name])
    assert problems(definition, widths) == []
    model, given = definition.model, case(models()[name], widths, seed)
    state = mine = given.model.start(given.parameters, given.acc.shape[1:])
    for acc in given.acc:
        wanted, state = given.model.step(acc, state, given.parameters, widths)
        output, mine = model.step(acc, mine, given.parameters, widths)
        np.testing.assert_array_equal(output, wanted)
        np.testing.assert_array_equal(mine, state)


def copied(program: Program) -> Program:
    """The same program with the user's copy of its model, out of its file."""
    text = COPIES[program.model]
    name = define(text).model.name
    chip = program.chip.with_values(neuron={"models": (*program.chip.neuron.models, name), "definitions": (text,)})
    header, arrays = program_parts(replace(program, model=name, chip=chip))
    return program_from_parts(json.loads(json.dumps(header)), arrays)


@given(seed=st.integers(0, 1 << 32), name=st.sampled_from(sorted(COPIES)), steps=st.integers(1, 6))
def test_a_copy_simulates_as_the_built_in_model(seed: int, name: str, steps: int) -> None:
    program = random_program(seed, name, steps, 1)
    inputs = random_inputs(program, 4)
    mine, wanted = simulate(copied(program), inputs), simulate(program, inputs)
    np.testing.assert_array_equal(mine.counts["y"], wanted.counts["y"])
    np.testing.assert_array_equal(mine.outputs["y"], wanted.outputs["y"])
    np.testing.assert_array_equal(mine.activity.sent, wanted.activity.sent)


@given(data=st.data(), job=core_networks("snn", tuple(COPIES)))
def test_a_network_of_copies_maps_verifies_and_evaluates(data: st.DataObject, job: tuple[Network, Chip]) -> None:
    network, chip = job
    model = next(node.model for node in network.nodes if isinstance(node, ops.Neuron))
    text = COPIES[model]
    name = define(text).model.name
    mine = chip.with_values(neuron={"models": (*chip.neuron.models, name), "definitions": (text,)})
    renamed = network.map(lambda node: [replace(node, model=name) if isinstance(node, ops.Neuron) else node])
    assert from_text(*to_text(renamed)) == renamed
    program = map_network(renamed, mine).program
    assert violations(program) == []
    inputs = data.draw(core_inputs(network))
    wanted = reference(network, inputs, chip)
    for found in (reference(renamed, inputs, mine), evaluate(renamed, inputs, mine)):
        for key, values in wanted.items():
            np.testing.assert_allclose(found[key], values, rtol=1e-12, atol=1e-15)


def chip_file(folder: Path, model: str) -> Path:
    text = chip_to_toml(load_chip("tianji"))
    path = folder / "chip.toml"
    path.write_text(text.replace('models = ["requantize", "if_hard"]', f'models = ["requantize", "{model}"]'))
    return path


def test_a_file_beside_the_chip_file_is_taken_into_the_chip(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(IF_SOFT)
    path = chip_file(tmp_path, "./mine.toml")
    chip = load_chip(path)
    (tmp_path / "mine.toml").unlink()
    assert chip.neuron.models == ("requantize", "user:if_copy")
    assert chip.neuron.definitions == (IF_SOFT,)
    path.write_text(chip_to_toml(chip))
    assert load_chip(path) == chip


def test_a_file_named_on_the_command_line_lies_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.toml").write_text(IF_SOFT)
    monkeypatch.chdir(tmp_path)
    chip = load_chip("tianji", {"neuron.models": "requantize,mine.toml"})
    assert chip.neuron.models == ("requantize", "user:if_copy")
    assert find_model("user:if_copy", "test", chip.neuron.definitions).relay == {
        "leak": 0,
        "threshold": 1,
        "initial": 0,
    }


def test_the_example_of_the_page_adapts() -> None:
    """Constant input 10, threshold 10: without the 10 that each spike adds to it, it would fire every step."""
    definition = define(EXAMPLE)
    assert problems(definition, FULL) == []
    own = {"leak": 0, "threshold": 10, "rise": 10, "decay_shift": 7, "slow_shift": 7, "initial": 0}
    parameters = {name: np.array([value]) for name, value in own.items()}
    state, spikes = definition.model.start(parameters, (1, 1)), []
    for _ in range(12):
        output, state = definition.model.step(np.array([[10]]), state, parameters, FULL)
        spikes.append(int(output[0, 0]))
    assert spikes == [1, 0] * 6
    assert state[:, 0, 0].tolist() == [60, 60]


def changed(old: str, new: str) -> str:
    assert IF_SOFT.count(old) >= 1
    return IF_SOFT.replace(old, new, 1)


MISTAKES = [
    (
        changed("v + acc + leak", "vv + acc"),
        "'v = clamp(vv + acc, potential_bits)' reads 'vv', known there are acc, i",
    ),
    (changed('output = "spike"\n', ""), "a definition has no output"),
    (changed('output = "spike"', 'output = "fire"'), "output is 'fire', no equation sets it"),
    (changed("clamp(v + acc + leak, potential_bits)", "v + acc + leak"), "v may reach -9007"),
    (changed("spike = v >= threshold", "spike = v - threshold"), "spike may reach"),
    (changed("v = clamp(v + acc", "acc = clamp(v + acc"), "sets acc, which stays as it is"),
    (changed("spike = v >= threshold", "max = v >= threshold"), "'max' cannot be a name"),
    (changed('width = "leak_bits"', 'width = "leek_bits"'), "leak has the width 'leek_bits', there are bias_bits"),
    (changed('width = "leak_bits"', 'width = "decay_shift_bits"'), "needs 1 and above"),
    (changed('initial = "initial"', 'initial = "start"'), "state v begins as 'start', there are the parameters leak"),
    (changed('name = "if_copy"', 'name = "if copy"'), "'if copy' cannot be a name"),
    (changed('name = "if_copy"', "name = 3"), "a definition: name is '3', it must be of type str"),
    (changed("[states]", "[stats]"), "a definition has an unknown key 'stats'"),
    (changed("least = 1", "lest = 1"), "parameter threshold has an unknown key 'lest'"),
    (
        changed("least = 1", "least = 40000"),
        "threshold is at least 40000, threshold_bits holds -32768 to 32767",
    ),
    (changed("leak = 0\n", ""), "relay has no leak"),
    (changed("threshold = 1\n", "threshold = 2\n"), "with the parameters of relay it does not repeat every spike"),
    (changed("threshold = 1\n", "threshold = 40000\n"), "relay.threshold is 40000, allowed are -32768 to 32767"),
    (changed("max(v - threshold, 0)", "__import__('os')"), "there is no function __import__ of 1 values"),
    ("name = ", "Invalid value"),
    ("", "a definition has no name"),
    ("#" * 20000, "a definition has 20000 characters, allowed are 16384"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES, ids=lambda value: value[:40])
def test_each_mistake_is_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(SpecError) as error:
        load_chip(chip_file(tmp_path, "mine.toml"))
    assert message in str(error.value)


def test_a_missing_file_and_two_models_of_one_name_are_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"names 'mine.toml': cannot read this neuron model \(No such file"):
        load_chip(chip_file(tmp_path, "mine.toml"))
    with pytest.raises(SpecError, match=r"neuron.definitions holds 'user:if_copy' twice"):
        load_chip("tianji").with_values(neuron={"definitions": (IF_SOFT, IF_SOFT + "# other\n")})


@given(st.text() | st.text(alphabet='name = "[]{}\nstepoutput', max_size=80))
def test_garbage_is_refused_with_a_message(text: str) -> None:
    with pytest.raises(SpecError, match="neuron model"):
        define(text)
