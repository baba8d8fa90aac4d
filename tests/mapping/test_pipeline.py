"""Mapping never changes a value, and its figures hold."""

from math import prod

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core_strategies import core_inputs, core_networks, dense, plain_chip
from neutrams.base.errors import CapacityError, InputError, SpecError, UnsupportedError
from neutrams.hardware import Board, Chip
from neutrams.mapping import MappedResult, in_order, map_network
from neutrams.mapping.place import crossing_cost
from neutrams.mapping.ports import read_ports
from neutrams.network import Network, ops
from neutrams.program.store import program_parts
from neutrams.program.verify import violations
from neutrams.reference import run
from tick_oracle import run_program

slow_draws = settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))


def mapped(network: Network, chip: Chip, **options: int) -> MappedResult:
    try:
        return map_network(network, chip, **options)
    except CapacityError:
        assume(False)
        raise


@slow_draws
@given(data=st.data(), case=core_networks())
def test_mapped_program_gives_what_the_network_gives(data: st.DataObject, case: tuple[Network, Chip]) -> None:
    network, chip = case
    inputs = data.draw(core_inputs(network))
    program = mapped(network, chip).program
    read = [node for node in network.nodes if isinstance(node, ops.Decode)]
    bare = Network(
        (
            *(node for node in network.nodes if not isinstance(node, ops.Output | ops.Host)),
            *(ops.Output(name=f"out {node.name}", inputs=(node.name,)) for node in read),
        ),
        network.steps,
    )
    wanted = run(bare, inputs, chip)
    found = run_program(program, inputs)
    assert sorted(found) == sorted(node.name for node in read)
    for name, values in found.items():
        np.testing.assert_array_equal(values, wanted[f"out {name}"])


@slow_draws
@given(case=core_networks())
def test_mapped_program_is_legal_and_placed_no_worse_than_in_order(case: tuple[Network, Chip]) -> None:
    result = mapped(*case)
    assert violations(result.program) == []
    assert result.stats.weighted_hops <= result.stats.sequential_weighted_hops


@slow_draws
@given(data=st.data(), case=core_networks())
def test_program_in_order_is_legal_gives_the_same_and_has_the_hops_it_is_said_to(
    data: st.DataObject, case: tuple[Network, Chip]
) -> None:
    network, chip = case
    result, inputs = mapped(network, chip), data.draw(core_inputs(network))
    program = in_order(result.program)
    assert violations(program) == []
    alive = [core for core in range(Board.of(chip).cores) if core not in chip.board.dead_cores]
    _, first = np.unique(program.tiles.core, return_index=True)
    cores = program.tiles.core[np.sort(first)]
    np.testing.assert_array_equal(cores, alive[: result.stats.cores])
    wanted, found = run_program(result.program, inputs), run_program(program, inputs)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)
    words = network.steps * np.diff(program.routes.sources)
    crossing = ~Board.of(chip).same_chip(program.routes.link_from, program.routes.link_to)
    hops = np.repeat(words, np.diff(program.routes.links)) @ (1 + crossing_cost(chip) * crossing)
    assert hops == pytest.approx(result.stats.sequential_weighted_hops)


@slow_draws
@given(case=core_networks(), seed=st.integers(0, 3), effort=st.integers(0, 2))
def test_same_arguments_same_bytes(case: tuple[Network, Chip], seed: int, effort: int) -> None:
    (_, first), (_, second) = (program_parts(mapped(*case, seed=seed, effort=effort).program) for _ in range(2))
    assert [(k, v.dtype, v.tobytes()) for k, v in first.items()] == [
        (k, v.dtype, v.tobytes()) for k, v in second.items()
    ]


@slow_draws
@given(case=core_networks())
def test_every_tile_is_counted(case: tuple[Network, Chip]) -> None:
    network, chip = case
    result = mapped(network, chip)
    program, stats = result.program, result.stats
    assert stats.tiles == stats.cores == len(program.tiles)
    signals = sum(prod(network.shapes[node.name]) for node in network.pruned().nodes if isinstance(node, ops.Neuron))
    assert stats.neurons == signals + stats.relay_neurons + stats.copied_neurons
    relays = [i for i, name in enumerate(program.origins) if name.endswith("[relay]")]
    assert stats.relay_neurons == np.isin(program.neurons.origin, relays).sum()
    assert 0 < stats.utilization <= 1 or stats.synapses == 0
    assert len({block.tobytes() + str(block.shape).encode() for block in program.blocks}) == len(program.blocks)


def test_activity_must_fit_the_network() -> None:
    network, chip = dense([4, 3]), plain_chip()
    with pytest.raises(InputError, match="activity of 'fc0'"):
        map_network(network, chip, activity={"fc0": np.ones(2)})
    with pytest.raises(SpecError, match="effort is 4"):
        map_network(network, chip, effort=4)


def test_a_float_network_is_refused() -> None:
    nodes = (
        ops.Input(name="x", shape=(2,)),
        ops.Linear(name="fc", inputs=("x",), weights=np.ones((1, 2)), bias=np.zeros(1)),
        ops.Output(name="y", inputs=("fc",)),
    )
    with pytest.raises(UnsupportedError, match="no neurons on the chip"):
        map_network(Network(nodes), plain_chip())


@pytest.mark.parametrize(("high", "elements"), [(4, [[0, -1]]), (3, [[0], [-1]])])
def test_only_a_full_spread_carries_a_spike_every_step(high: int, elements: list[list[int]]) -> None:
    """Of 4 steps: high 4 spikes in each of them, so its extra channel carries the constant 1; high 3 does not."""
    nodes = (
        ops.Input(name="x", shape=(1,)),
        ops.Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=high, code="spread"),
        ops.Constant(name="one", values=np.ones(1, dtype=np.int64)),
        ops.Concat(name="both", inputs=("q", "one")),
        ops.Output(name="y", inputs=("both",)),
    )
    channels = read_ports(Network(nodes, 4))
    assert [port.element.tolist() for port in channels.ports] == elements
    assert channels.signals["one"].tolist() == [1]


def test_constants_become_channels_or_nothing() -> None:
    """y = 3 x + 2 * 255 + 5 * 0 + 1 * 7: 255 is what the encoder's extra channel carries, 7 takes a port of its own."""
    one = np.ones(1, dtype=np.int64)
    nodes = (
        ops.Input(name="x", shape=(1,)),
        ops.Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=255),
        ops.Constant(name="c", values=np.array([255, 0, 7])),
        ops.Concat(name="both", inputs=("q", "c")),
        ops.Linear(name="a", inputs=("both",), weights=np.array([[3, 2, 5, 1]]), bias=0 * one),
        ops.Neuron(
            name="n", inputs=("a",), model="requantize", scale=np.ones(1), zero=np.zeros(1), origin="n",
            parameters={"bias": 0 * one, "multiplier": one, "shift": 3 * one, "low": 0 * one, "high": 255 * one},
            elements=0 * one,
        ),
        ops.Decode(name="d", inputs=("n",), coefficient=one, element=0 * one, scale=np.ones(1), offset=np.zeros(1)),
        ops.Output(name="y", inputs=("d",)),
    )  # fmt: skip
    network = Network(nodes)
    program = map_network(network, plain_chip()).program
    assert violations(program) == []
    assert program.axons.source.tolist() == [-1, -2, -3]
    assert [port.element.tolist() for port in program.inputs] == [[0, -1], [-1]]
    x = np.array([[1.0], [100.0]])
    np.testing.assert_array_equal(run_program(program, {"x": x})["d"], run(network, {"x": x}, plain_chip())["y"])
    assert run_program(program, {"x": x})["d"].tolist() == [[(3 + 510 + 7 + 4) >> 3], [(300 + 510 + 7 + 4) >> 3]]
