"""Cores are shared as little as the board allows, and never a value changes by it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core_strategies import core_inputs, core_networks, plain_chip
from mapping_cases import image_network, on_cores, repeating_networks
from neutrams.base.errors import CapacityError, SpecError
from neutrams.hardware import Chip
from neutrams.mapping import map_network, sharing_of
from neutrams.mapping.draft import AUTO, Drafter, multiplex_choices
from neutrams.mapping.units import read_units
from neutrams.network import Network
from neutrams.program.verify import violations
from tick_oracle import run_program

slow_draws = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


@st.composite
def scarce(draw: st.DrawFn) -> tuple[Network, Chip]:
    """A network and a board with room for it only where cores serve several tiles, or just without."""
    network, chip = draw(st.one_of(core_networks(), repeating_networks()))
    board = {"virtual_tiles": draw(st.sampled_from((2, 3, 4, 7, 16)))}
    chip = chip.with_values(board=board, core={"output_entries": 0})  # few entries have plans made again
    drafter = Drafter(read_units(network, chip), effort=0, seed=0)
    try:
        ends = sorted(drafter.draft(chip, most).cores for most in (1, chip.board.virtual_tiles))
    except CapacityError:
        assume(False)
    assume(ends[1] < 200)
    return network, on_cores(chip, draw(st.integers(*ends)))


@slow_draws
@given(data=st.data(), case=scarce())
def test_a_tile_less_a_core_does_not_fit_and_no_value_changes(data: st.DataObject, case: tuple[Network, Chip]) -> None:
    network, chip = case
    drafter = Drafter(read_units(network, chip), effort=0, seed=0)
    draft = drafter.best(chip, AUTO)
    program = map_network(network, chip, effort=0).program
    assert violations(program) == []
    sharing = sharing_of(program)
    assert sharing.tiles_per_core <= draft.most
    assert draft.cores == len(np.unique(program.tiles.core)) <= chip.board.chips
    assert draft.most == 1 or drafter.draft(chip, draft.most - 1).cores > chip.board.chips
    alone = map_network(network, on_cores(chip.with_values(board={"virtual_tiles": 1}), 1024), effort=0).program
    inputs = data.draw(core_inputs(network))
    wanted, found = run_program(alone, inputs), run_program(program, inputs)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)


@slow_draws
@given(case=scarce())
def test_the_figures_of_layers_add_up(case: tuple[Network, Chip]) -> None:
    result = map_network(*case, effort=0)
    sharing, stats = sharing_of(result.program), result.stats
    assert sum(layer.tiles for layer in sharing.layers) == stats.tiles
    assert sum(layer.cores for layer in sharing.layers) >= stats.cores
    assert max(layer.tiles_per_core for layer in sharing.layers) == sharing.tiles_per_core
    assert sharing.weight_blocks + sharing.block_replicas == stats.cores
    assert sum(layer.weight_blocks for layer in sharing.layers) >= sharing.weight_blocks
    assert (sharing.further_copies + 1) * stats.cores <= case[1].board.chips


@given(virtual=st.integers(1, 1024))
def test_auto_tries_1_its_doubles_and_what_the_chip_allows(virtual: int) -> None:
    choices = multiplex_choices(AUTO, plain_chip(board={"virtual_tiles": virtual}))
    assert choices[0] == 1
    assert choices[-1] == virtual
    assert all(below < above <= 2 * below for below, above in pairwise(choices))


@pytest.mark.parametrize(
    ("multiplex", "board", "wanted"),
    [("auto", 25, (25, 25, 1)), ("auto", 24, (28, 15, 2)), ("auto", 4, (28, 4, 7)), ("most", 25, (28, 4, 7)),
     ("4", 25, (28, 8, 4)), ("9", 25, (28, 4, 7)), ("1", 25, (25, 25, 1))],
)  # fmt: skip
def test_an_image_on_boards_of_many_and_of_few_cores(multiplex: str, board: int, wanted: tuple[int, int, int]) -> None:
    """A core each takes 25, the 7 tiles of one place packed in pairs. Unpacked, 21 alike and 7 alike share cores.

    In pairs, 11 + 4; by four, 6 + 2; by seven or eight, 3 + 1, the 21 evenly.
    """
    chip = on_cores(plain_chip(core={"neurons": 4}, board={"virtual_tiles": 8}), board)
    result = map_network(image_network(), chip, multiplex=multiplex)
    sharing = sharing_of(result.program)
    assert (result.stats.tiles, result.stats.cores, sharing.tiles_per_core) == wanted
    assert (sharing.weight_blocks, sharing.block_replicas) == (2 + (wanted[0] == 25), wanted[1] - 2 - (wanted[0] == 25))
    assert sharing.further_copies == board // wanted[1] - 1


@pytest.mark.parametrize("multiplex", ["", "0", "-1", "many", "1.5", "²", "999999999"])
def test_other_choices_are_refused(multiplex: str) -> None:
    with pytest.raises(SpecError, match=r"option multiplex: multiplex is '.*'; take auto, most or a number above 0"):
        map_network(image_network(), plain_chip(core={"neurons": 4}), multiplex=multiplex)
