"""A refusal says how many cores are missing; each change it names makes the network fit, one step less does not."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from core_strategies import core_networks, dense, plain_chip
from mapping_cases import image_network, on_cores, repeating_networks
from neutrams.base.errors import CapacityError, SpecError
from neutrams.hardware import Chip
from neutrams.mapping import map_network
from neutrams.mapping.draft import AUTO, Drafter, multiplex_choices
from neutrams.mapping.remedies import fitting_draft
from neutrams.mapping.units import Units, read_units
from neutrams.network import Network, ops

slow_draws = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def fits(units: Units, chip: Chip, multiplex: str = AUTO) -> bool:
    try:
        fitting_draft(units, chip, multiplex, effort=0, seed=0)
    except CapacityError:
        return False
    return True


def refused(network: Network, chip: Chip, multiplex: str = AUTO) -> CapacityError:
    with pytest.raises(CapacityError) as caught:
        map_network(network, chip, effort=0, multiplex=multiplex)
    return caught.value


def changed(chip: Chip, change: str, less: bool = False) -> Chip:
    """The chip with a change as a message names it, or with one step less of it."""
    for section, key, value in re.findall(r"(\w+)\.(\w+)=(\d+)", change):
        smaller = int(value) // 2 if " with " in change else int(value) - 1
        chip = chip.with_values(**{section: {key: smaller if less else int(value)}})
    return chip


def named(error: CapacityError) -> list[str]:
    return re.findall(r"\w+\.\w+=\d+(?: with \w+\.\w+=\d+)?", error.fix)


@slow_draws
@given(
    data=st.data(),
    case=st.one_of(core_networks(), repeating_networks()),
    multiplex=st.sampled_from(["auto", "most", "2"]),
)
def test_each_change_named_makes_it_fit_and_one_step_less_does_not(
    data: st.DataObject, case: tuple[Network, Chip], multiplex: str
) -> None:
    network, chip = case
    chip = chip.with_values(board={"virtual_tiles": data.draw(st.integers(1, 3))})
    units = read_units(network, chip)
    try:
        drafter = Drafter(units, effort=0, seed=0)
        needed = min(drafter.draft(chip, most).cores for most in multiplex_choices(multiplex, chip))
    except CapacityError:
        assume(False)
    assume(1 < needed < 300)
    chip = on_cores(chip, data.draw(st.integers(1, needed - 1)))
    error = refused(network, chip, multiplex)
    assert f" {needed} cores are needed" in str(error)
    assert f"board.chips={needed}" in named(error)
    event(" ".join(sorted(re.findall(r"\w+\.\w+=", error.fix))))
    for change in named(error):
        assert fits(units, changed(chip, change), multiplex)
        assert not fits(units, changed(chip, change, less=True), multiplex)


@slow_draws
@given(inputs=st.integers(9, 40), columns=st.integers(1, 12), cores=st.integers(1, 3))
def test_axons_for_the_neuron_with_most_inputs(inputs: int, columns: int, cores: int) -> None:
    network = dense([inputs, columns])
    chip = on_cores(plain_chip(), cores)
    error = refused(network, chip)
    assert error.fix.startswith("split the layer under a fan-in of 8 first, or set ") or columns > 8 * cores
    units = read_units(network, chip)
    for change in named(error):
        assert fits(units, changed(chip, change))
        assert not fits(units, changed(chip, change, less=True))


def test_what_does_not_help_is_not_named() -> None:
    """24 neurons in cores of 8: a higher fan-out or more tiles a core cannot help, as no two blocks are alike."""
    weights = np.arange(-96, 96).reshape(24, 8)
    network = Network(
        tuple(replace(n, weights=weights) if isinstance(n, ops.Linear) else n for n in dense([8, 24]).nodes)
    )
    error = refused(network, on_cores(plain_chip(), 2))
    assert (
        error.what == "3 cores are needed, the board of 2 x small has 2 that work: 1 short; layer 'fc0' takes most, 3"
    )
    assert error.fix == "set one of board.chips=3; core.axons=16 with core.neurons=16"


def test_a_fan_out_that_spares_relays() -> None:
    """24 readers of fc2 in 3 tiles: 4 relay tiles at a fan-out of 1; at 2, 2 copies; at 3 nothing more."""
    network = dense([8, 8, 8, 8, 24])
    errors = {cores: refused(network, on_cores(plain_chip(core={"fan_out": 1}), cores)) for cores in (6, 5)}
    assert [change for change in named(errors[6]) if "fan_out" in change] == ["core.fan_out=3"]
    assert not any("fan_out" in change for change in named(errors[5]))


def test_copies_of_copies_are_counted_without_end() -> None:
    """Each of 40 layers is copied three times as often as the next where there are no relays."""
    network = dense([8, *[24] * 40])
    chip = plain_chip(core={"axons": 24, "fan_out": 1, "weight_bits": 1}, neuron={"multiplier_bits": 1})
    error = refused(network, chip)
    assert error.what.startswith(
        "more than 4294967296 cores are needed, the board of 4096 x small has 24576 that work;"
    )
    assert "core.fan_out=3" in named(error)
    assert not any(change.startswith("board.chips") for change in named(error))


def looped_network() -> Network:
    """24 neurons that all read the input and a state, which keeps the first of them."""
    zeros = np.zeros(24, dtype=np.int64)
    parameters = {"bias": zeros, "multiplier": zeros + 1, "shift": zeros + 1, "low": zeros, "high": zeros + 255}
    return Network((
        ops.Input(name="x", shape=(2, 1)),
        ops.Unstack(name="now", inputs=("x",)),
        ops.Encode(name="q", inputs=("now",), scale=1.0, zero=0.0, low=0, high=255),
        ops.Constant(name="start", values=zeros[:1]),
        ops.State(name="h", inputs=("start",)),
        ops.Concat(name="both", inputs=("q", "h")),
        ops.Linear(name="acc", inputs=("both",), weights=np.ones((24, 2), dtype=np.int64), bias=zeros),
        ops.Neuron(
            name="n", inputs=("acc",), model="requantize", parameters=parameters, scale=np.ones(24),
            zero=np.zeros(24), origin="loop", elements=np.arange(24),
        ),
        ops.Slice(name="first", inputs=("n",), start=0, stop=1),
        ops.Update(name="keep", inputs=("first",), state="h"),
        ops.Decode(
            name="d", inputs=("n",), coefficient=zeros + 1, element=np.arange(24), scale=np.ones(24),
            offset=np.zeros(24),
        ),
        ops.Stack(name="all", inputs=("d",), steps=2),
        ops.Output(name="y", inputs=("all",)),
    ))  # fmt: skip


def test_a_state_that_too_many_cores_read() -> None:
    """12 tiles of 2 neurons read it; two relays reach them at a fan-out of 6, and cores of 8 neurons are 3 at one."""
    chip = on_cores(plain_chip(core={"neurons": 2, "fan_out": 1}), 64)
    error = refused(looped_network(), chip)
    assert str(error).startswith(
        "mapping, layer 'loop': a state is read by more cores than 1 x 2, or cannot be repeated"
    )
    assert error.fix == "set one of core.fan_out=6; core.axons=32 with core.neurons=8"
    units = read_units(looped_network(), chip)
    for change in named(error):
        assert fits(units, changed(chip, change))
        assert not fits(units, changed(chip, change, less=True))


def test_rows_of_chips_of_a_torus_are_full() -> None:
    chip = plain_chip(board={"topology": "torus", "rows": 1, "columns": 1, "chips": 4}, noc={"virtual_channels": 2})
    error = refused(dense([8, 40]), chip)
    assert "board.chips=6" in named(error), "5 chips do not fill rows of 3"
    with pytest.raises(SpecError, match="rows of 3 chips must be full"):
        chip.with_values(board={"chips": 5})


def test_a_number_of_tiles_that_is_too_low() -> None:
    chip = on_cores(plain_chip(core={"neurons": 4}, board={"virtual_tiles": 8}), 4)
    assert "multiplex to auto instead of 2; " in refused(image_network(), chip, "2").fix


def test_nothing_helps() -> None:
    """One core, 300 different blocks of which 16 x 16 times larger cores still need two, and a bus of one chip."""
    weights = np.random.default_rng(0).integers(-100, 100, (400, 8))
    network = Network(
        tuple(replace(n, weights=weights) if isinstance(n, ops.Linear) else n for n in dense([8, 400]).nodes)
    )
    error = refused(network, on_cores(plain_chip(), 1))
    assert named(error) == ["board.chips=50"]
    assert error.fix == "set board.chips=50"
