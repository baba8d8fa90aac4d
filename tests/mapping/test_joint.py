"""Units that are clustered together keep every value, every limit, and never take more than units cut one by one."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core_strategies import core_inputs, core_loops, core_networks, plain_chip
from mapping_cases import on_cores
from neutrams.base.arrays import AnyArray, FloatArray
from neutrams.base.errors import CapacityError, UnsupportedError
from neutrams.hardware import Chip
from neutrams.mapping import joint, map_network
from neutrams.mapping.apart import take_apart
from neutrams.mapping.joint import joint_tiles
from neutrams.mapping.pack import pack_tiles
from neutrams.mapping.partition import Tile, cut_units
from neutrams.mapping.schedule import unit_levels
from neutrams.mapping.states_near import regrouped_states
from neutrams.mapping.units import Units, read_units
from neutrams.network import Network, ops
from neutrams.program.verify import violations
from neutrams.reference import prepare, run
from tick_oracle import run_program
from whole_tiles import assert_whole

slow_draws = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def siblings(weights: list[AnyArray], taken: AnyArray, shift: int = 1) -> Network:
    """Layers that read the same inputs, int64 ``[n, rows]`` each; row r reads ``taken[r]``: y = (acc + 1) >> 1.

    The second half of them, if ``shift`` says so, (acc + 2^(s-1)) >> s.
    """
    nodes: list[ops.Node] = [
        ops.Input(name="x", shape=(int(taken.max()) + 1,)),
        ops.Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=255),
        ops.Gather(name="rows", inputs=("q",), indices=taken, axis=-1),
    ]
    for i, matrix in enumerate(weights):
        zeros = np.zeros(len(matrix), dtype=np.int64)
        values = {"bias": 0, "multiplier": 1, "shift": shift if 2 * i >= len(weights) else 1, "low": 0, "high": 255}
        nodes += [
            ops.Linear(name=f"sum{i}", inputs=("rows",), weights=matrix, bias=zeros),
            ops.Neuron(
                name=f"n{i}", inputs=(f"sum{i}",), model="requantize", scale=zeros + 1.0, zero=zeros + 0.0,
                parameters={key: zeros + value for key, value in values.items()}, origin=f"n{i}",
                elements=np.arange(len(matrix)),
            ),
        ]  # fmt: skip
    n = sum(len(matrix) for matrix in weights)
    names = tuple(f"n{i}" for i in range(len(weights)))
    nodes += [
        ops.Concat(name="all", inputs=names),
        ops.Decode(
            name="d", inputs=("all",), coefficient=np.ones(n, dtype=np.int64), element=np.arange(n), scale=np.ones(n),
            offset=np.zeros(n),
        ),
        ops.Output(name="y", inputs=("d",)),
    ]  # fmt: skip
    return Network(tuple(nodes))


@st.composite
def sparse_siblings(draw: st.DrawFn) -> tuple[Network, Chip]:
    """Sparse layers side by side, some rows of one signal, on cores that their widest neuron only just fits."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.integers(2, 12))
    taken = rng.integers(0, draw(st.integers(1, rows)), rows)
    share = draw(st.sampled_from([0.1, 0.3, 0.6]))
    sizes = draw(st.lists(st.integers(1, 12), min_size=1, max_size=3))
    weights = [rng.integers(-3, 4, (n, rows)) * (rng.random((n, rows)) < share) for n in sizes]
    widest = max(1, *(int((matrix != 0).sum(axis=1).max()) for matrix in weights))
    core = {"axons": widest + draw(st.integers(0, 2)), "neurons": draw(st.integers(1, 6))}
    core["synapse_memory_bits"] = 8 * draw(st.sampled_from([0, widest, widest * core["neurons"]]))
    core["synapses"] = draw(st.sampled_from(["list", "crossbar"]))
    scale = draw(st.sampled_from(["core", "neuron"]))
    return siblings(weights, taken), plain_chip(
        core=core, board={"virtual_tiles": draw(st.sampled_from([1, 1, 2]))}, neuron={"scale": scale}
    )


every_network = st.one_of(sparse_siblings(), sparse_siblings(), core_networks(), core_loops())


def both(network: Network, chip: Chip, effort: int) -> tuple[list[Tile], list[Tile], Units, FloatArray]:
    try:
        units = read_units(network, chip)
    except UnsupportedError:
        assume(False)
        raise
    sent = np.random.default_rng(0).random(units.signals)
    cut = cut_units(units, unit_levels(units), chip, effort=effort)
    return pack_tiles(cut, units, chip), joint_tiles(cut, units, chip, sent, effort=effort), units, sent


@slow_draws
@given(case=every_network, effort=st.integers(1, 2))
def test_tiles_are_whole_and_take_no_more_than_those_of_units_alone(case: tuple[Network, Chip], effort: int) -> None:
    network, chip = case
    packed, found, units, sent = both(network, chip, effort)
    assert_whole(found, units, chip)
    before, after = (joint._figures(tiles, units, chip, sent) for tiles in (packed, found))
    if before is not None:
        assert after is not None
        assert after.ticks <= before.ticks
        assert after.cores < before.cores or (after.cores == before.cores and after.sent <= before.sent * (1 + 1e-9))


@slow_draws
@given(case=st.one_of(sparse_siblings(), core_loops()))
def test_a_board_with_the_cores_that_a_network_takes_has_room_for_it(case: tuple[Network, Chip]) -> None:
    network, chip = case
    chip = chip.with_values(board={"virtual_tiles": 1}, core={"output_entries": 0})
    try:
        cores = map_network(network, on_cores(chip, 1024)).stats.cores
    except (CapacityError, UnsupportedError):
        assume(False)
        raise
    assert map_network(network, on_cores(chip, cores)).stats.cores == cores
    if cores > 1:
        with pytest.raises(CapacityError, match=f"{cores} cores are needed.*board.chips={cores}"):
            map_network(network, on_cores(chip, cores - 1))


@slow_draws
@given(case=every_network, data=st.data())
def test_values_stay_whatever_neurons_share_a_core(case: tuple[Network, Chip], data: st.DataObject) -> None:
    """Every clustering is taken here, better or not."""
    network, chip = case
    inputs = data.draw(core_inputs(network))
    try:
        with patch.object(joint, "_better", lambda found, *_: found is not None):
            program = map_network(network, chip, effort=1).program
    except (CapacityError, UnsupportedError):
        assume(False)
        raise
    assume(not network.loop_steps or any(port.sequence for port in program.inputs))
    assert violations(program) == []
    wanted = {port.name for port in program.inputs}
    entering = {name: array for name, array in prepare(network, inputs).items() if name in wanted}
    found = run_program(program, entering)
    if network.loop_steps:
        (values,) = found.values()
        np.testing.assert_array_equal(values, run(network, inputs, chip)["y"])
        return
    kept = tuple(node for node in network.nodes if not isinstance(node, ops.Output | ops.Host))
    read = tuple(node.name for node in network.nodes if isinstance(node, ops.Decode))
    ends = tuple(ops.Output(name=f"out {name}", inputs=(name,)) for name in read)
    expected = run(Network((*kept, *ends), network.steps), inputs, chip)
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[f"out {name}"])


@slow_draws
@given(case=every_network)
def test_tiles_taken_apart_and_put_together_are_the_same_neurons(case: tuple[Network, Chip]) -> None:
    packed, _, units, _ = both(*case, 1)
    for tile in packed:
        apart = take_apart([tile])
        assert apart.signals.tolist() == sorted(tile.signals.tolist())
        assert len(apart.weight) == np.count_nonzero(tile.weights)
        (again,) = apart.tiles(np.zeros(len(apart.signals), dtype=np.int64), units, tile)
        assert len(again.sources) <= len(tile.sources)


@slow_draws
@given(case=core_loops())
def test_states_regrouped_are_whole(case: tuple[Network, Chip]) -> None:
    packed, _, units, _ = both(*case, 1)
    found = regrouped_states(packed, units, case[1])
    assume(found is not None)
    assert found is not None
    assert_whole(found, units, case[1])
    assert len(found) <= len(packed)


def ring(n: int) -> AnyArray:
    """Neuron i reads inputs i and i + 1: int64 ``[n, n]``."""
    one = np.eye(n, dtype=np.int64)
    return one + np.roll(one, 1, axis=1)


def test_two_rings_that_read_the_same_take_five_cores_instead_of_six() -> None:
    """4 axons hold three neurons in a row of a ring of 9, so that it takes three cores, each with room for one more.

    Together, neurons i and i + 1 of both rings fill a core: 18 neurons take five cores of four.
    """
    chip = plain_chip(core={"axons": 4, "neurons": 4})
    packed, found, units, _ = both(siblings([ring(9), ring(9)], np.arange(9)), chip, 1)
    assert (len(packed), len(found)) == (6, 5)
    assert any(len(tile.units) == 2 for tile in found)
    assert_whole(found, units, chip)


def test_what_two_kinds_of_neurons_save_adds_up_before_a_board_is_called_too_small() -> None:
    """Cores have one scale: rings of two scales are two problems, 6 cores to 5 each; neither alone comes to 10."""
    network = siblings([ring(9)] * 4, np.arange(9), shift=2)
    chip = plain_chip(core={"axons": 4, "neurons": 4}, neuron={"scale": "core"})
    assert map_network(network, on_cores(chip, 1024), effort=0).stats.cores == 12
    assert map_network(network, on_cores(chip, 10)).stats.cores == 10
    with pytest.raises(CapacityError, match=r"10 cores are needed.*1 short.*board\.chips=10"):
        map_network(network, on_cores(chip, 9))
    shared = on_cores(chip, 10).with_values(board={"virtual_tiles": 2})
    assert map_network(network, shared).stats.tiles == 10


@pytest.mark.parametrize("effort", [0, 1])
def test_dense_layers_stay_blocks(effort: int) -> None:
    network = siblings([np.ones((9, 8), dtype=np.int64)] * 2, np.arange(8))
    packed, found, _, _ = both(network, plain_chip(core={"axons": 8, "neurons": 8}), effort)
    assert [tile.signals.tolist() for tile in found] == [tile.signals.tolist() for tile in packed]
