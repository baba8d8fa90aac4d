"""Pinned layers are where they must be, whatever else is searched; values stay."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core_strategies import core_inputs, core_networks, dense, plain_chip
from neutrams.base.errors import CapacityError, SpecError
from neutrams.hardware import Board, Chip
from neutrams.mapping import map_network
from neutrams.mapping.place import pinned
from neutrams.network import Network
from neutrams.program import Program
from neutrams.program.verify import violations
from tick_oracle import run_program

slow_draws = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def cores_of(program: Program, layer: str) -> list[int]:
    """Cores that hold neurons of a layer, in order of tiles."""
    tile = np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.neurons))
    mine = np.unique(tile[program.neurons.origin == program.origins.index(layer)])
    return list(dict.fromkeys(program.tiles.core[mine].tolist()))


@slow_draws
@given(data=st.data(), case=core_networks(), effort=st.integers(0, 2))
def test_a_pinned_layer_is_on_its_cores(data: st.DataObject, case: tuple[Network, Chip], effort: int) -> None:
    network, chip = case
    chip = chip.with_values(noc={"table_entries": 0, "default_route": False})
    alive = np.setdiff1d(np.arange(Board.of(chip).cores), chip.board.dead_cores)
    try:
        free = map_network(network, chip, effort=effort).program
    except CapacityError:
        assume(False)
        raise
    layer = data.draw(st.sampled_from(sorted(name for name in free.origins if name)))
    count = len(cores_of(free, layer))
    assume(count)
    cores = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1))).permutation(alive)[:count].tolist()
    try:
        program = map_network(network, chip, effort=effort, pins={layer: cores}).program
    except SpecError as refusal:  # relays of its neurons do not count
        assume("there is no such layer" not in str(refusal))
        raise
    assert violations(program) == []
    assert cores_of(program, layer) == cores
    inputs = data.draw(core_inputs(network))
    wanted, found = run_program(free, inputs), run_program(program, inputs)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)


@given(tiles=st.integers(1, 12), data=st.data())
def test_pinning_only_swaps(tiles: int, data: st.DataObject) -> None:
    cores = np.array(data.draw(st.permutations(range(tiles + 3)))[:tiles])
    places = data.draw(st.permutations(range(tiles + 3)))[:tiles]
    pins = np.where(data.draw(st.lists(st.booleans(), min_size=tiles, max_size=tiles)), places, -1)
    found = pinned(cores, pins)
    assert len(set(found.tolist())) == tiles
    np.testing.assert_array_equal(found[pins >= 0], pins[pins >= 0])
    assert set(found.tolist()) <= set(cores.tolist()) | set(pins.tolist())


@pytest.mark.parametrize("effort", [0, 1, 3])
@pytest.mark.parametrize("multicast", ["tree", "copy"])
def test_both_ends_of_a_row_are_kept_and_the_middle_lies_between(effort: int, multicast: str) -> None:
    board = {"rows": 1, "columns": 9, "chips": 1, "multicast": multicast}
    chip = plain_chip(core={"neurons": 8, "axons": 8}, board=board)
    program = map_network(dense([4, 8, 4, 2]), chip, effort=effort, pins={"fc0": [8], "fc2": (0, 1)}).program
    assert (cores_of(program, "fc0"), cores_of(program, "fc2")) == ([8], [0])
    assert effort == 0 or cores_of(program, "fc1") == [7]  # fc0 sends 8 words, fc1 4


@pytest.mark.parametrize(
    ("pins", "message"),
    [
        ({"fc9": [0]}, r"pins of layer 'fc9': there is no such layer on the chip; name one of fc0, fc1"),
        ({"fc0": [99]}, r"core 99 is dead or not on the board; name cores 0 to 5"),
        ({"fc0": [5]}, r"core 5 is dead or not on the board"),
        ({"fc0": [0], "fc1": [0]}, r"pins of layer 'fc1': core 0 is named for 'fc0' already; give each core to one"),
        ({"fc0": []}, r"it takes 1 cores, 0 are named; name 1 cores"),
    ],
)
def test_pins_that_cannot_be_are_refused(pins: dict[str, list[int]], message: str) -> None:
    chip = plain_chip(core={"neurons": 8, "axons": 8}, board={"rows": 2, "columns": 3, "chips": 1, "dead_cores": (5,)})
    with pytest.raises(SpecError, match=message):
        map_network(dense([4, 8, 4]), chip, pins=pins)
