"""The checker catches each broken constraint by name, and survives garbage."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core_strategies import core_networks, plain_chip
from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.mapping import map_network
from neutrams.network import Network, ops
from neutrams.program import Program
from neutrams.program.store import program_from_parts, program_parts
from neutrams.program.verify import violations


def network(mode: str, chip: Chip) -> Network:
    """Inputs 4 -> 6 neurons -> 4 neurons, read out."""

    def layer(name: str, source: str, n: int, fan_in: int) -> list[ops.Node]:
        values = {"bias": 1, "multiplier": 3, "shift": 2, "low": 0, "high": 255}
        if mode == "snn":
            values = {"leak": 1, "threshold": 5, "initial": 2}
        zeros = np.zeros(n, dtype=np.int64)
        if chip.core.bias == "row":
            values["bias"] = 0
        return [
            ops.Linear(
                name=f"{name}.acc",
                inputs=(source,),
                weights=(np.arange(n * fan_in, dtype=np.int64) % 9 - 4).reshape(n, fan_in),
                bias=zeros,
            ),
            ops.Neuron(
                name=name,
                inputs=(f"{name}.acc",),
                model="requantize" if mode == "ann" else "if_soft",
                parameters={key: zeros + value for key, value in values.items()},
                scale=np.ones(n),
                zero=np.zeros(n),
                origin=name,
                elements=np.arange(n),
            ),
        ]

    nodes = [
        ops.Input(name="x", shape=(4,)),
        ops.Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=7),
        *layer("fc1", "q", 6, 4),
        *layer("fc2", "fc1", 4, 6),
        ops.Decode(
            name="d", inputs=("fc2",), coefficient=np.ones(4, dtype=np.int64), element=np.arange(4), scale=np.ones(4),
            offset=np.zeros(4),
        ),
        ops.Output(name="y", inputs=("d",)),
    ]  # fmt: skip
    return Network(tuple(nodes), 1 if mode == "ann" else 4)


def legal(mode: str = "ann", **sections: dict[str, object]) -> Program:
    """Four tiles: 3 + 3 neurons, which each drive both of 2 + 2 neurons."""
    chip = plain_chip(**{"core": {"neurons": 3, "weight_bits": 4}, **sections})
    program = map_network(network(mode, chip), chip).program
    assert violations(program) == []
    return program


def put(program: Program, table: str, column: str, index: int, value: int) -> Program:
    """The program with one entry of one table changed."""
    old = getattr(program, table)
    changed = getattr(old, column).copy()
    changed[index] = value
    return replace(program, **{table: replace(old, **{column: changed})})


def parameter(program: Program, name: str, index: int, value: int) -> Program:
    values = program.neurons.parameters[name].copy()
    values[index] = value
    return replace(program, neurons=replace(program.neurons, parameters={**program.neurons.parameters, name: values}))


def block(program: Program, index: int, value: np.ndarray) -> Program:
    blocks = list(program.blocks)
    blocks[index] = value
    return replace(program, blocks=tuple(blocks))


def on(program: Program, **sections: dict[str, object]) -> Program:
    """The same tables on another chip."""
    return replace(program, chip=program.chip.with_values(**sections))


def graded() -> Program:
    """The snn program with leaky integrators, on a chip whose axons take 8 bits of their potential."""
    spiking = S()
    zeros = np.zeros(len(spiking.neurons), dtype=np.int64)
    neurons = replace(spiking.neurons, parameters=dict.fromkeys(("leak", "initial", "decay", "exponent"), zeros))
    program = replace(spiking, model="li", neurons=neurons)
    return on(program, neuron={"models": ("li",), "decay_bits": 4}, signal={"graded_bits": 8})


def port(program: Program, **changes: object) -> Program:
    return replace(program, inputs=(replace(program.inputs[0], **changes),))


def heavy(program: Program) -> Program:
    weights = program.blocks[1].copy()
    weights[2, 1] = 8
    return block(program, 1, weights)


def without_flow_links(program: Program) -> Program:
    routes = program.routes
    empty = np.zeros(0, dtype=np.int64)
    return replace(program, routes=replace(routes, links=np.zeros_like(routes.links), link_from=empty, link_to=empty))


def routed(program: Program, links: list[tuple[int, int]], flow: int = -1) -> Program:
    """The program with the links of one flow replaced; by default the last, which starts at tile 1."""
    routes = program.routes
    flow %= len(routes.tile)
    first, last = (int(routes.links[flow + i]) for i in (0, 1))
    start, stop = np.array(links, dtype=np.int64).reshape(-1, 2).T
    return replace(program, routes=replace(
        routes,
        links=np.where(np.arange(len(routes.links)) > flow, routes.links + len(links) - (last - first), routes.links),
        link_from=np.concatenate([routes.link_from[:first], start, routes.link_from[last:]]),
        link_to=np.concatenate([routes.link_to[:first], stop, routes.link_to[last:]]),
    ))  # fmt: skip


def square(multicast: str = "tree") -> Program:
    """Tiles 0 to 3 on cores 0, 1, 3 and 4, the corners of a square; the flow of tile 1 goes 1 -> 0 -> 3 and 1 -> 4."""
    program = legal("ann", board={"multicast": multicast})
    program = replace(program, tiles=replace(program.tiles, core=np.array([0, 1, 3, 4])))
    assert program.routes.tile[-2:].tolist() == [0, 1]
    program = routed(program, [(0, 3), (0, 1), (1, 4)], -2)
    return routed(program, [(1, 0), (0, 3), (1, 4)])


def without_inputs(program: Program) -> Program:
    """No port is left, and nothing names a channel."""
    axons, routes = program.axons, program.routes
    axons = replace(axons, source=np.maximum(axons.source, 0))
    return replace(program, inputs=(), axons=axons, routes=replace(routes, source=np.maximum(routes.source, 0)))


def named(program: Program, names: list[str]) -> Program:
    return replace(program, outputs=tuple(replace(program.outputs[0], name=name) for name in names))


def looking_up(**neuron: object) -> Program:
    """Every second neuron has an index from -2 to 5 and a table of 8 outputs, the others have none."""
    program = legal(neuron={"table_bits": 3, **neuron})
    odd = np.arange(len(program.neurons)) % 2
    limits = {"low": np.where(odd, -2, 0), "high": np.where(odd, 5, 255)}
    neurons = replace(program.neurons, parameters={**program.neurons.parameters, **limits}, table=odd - 1)
    return replace(program, neurons=neurons, tables=np.array([[0, 255, 3, 4, 5, 6, 7, 8]]))


def holding(program: Program, *values: int) -> Program:
    return replace(program, tables=np.array([values]))


Break = Callable[[], Program]
A, S = (lambda: legal("ann")), (lambda: legal("snn"))

TILE_BREAKS: list[tuple[str, Break, int | None, int | None, object, object]] = [
    # constraint, broken program, tile, neuron, value, limit
    ("core_axons", lambda: on(A(), core={"axons": 5}), 2, None, 6, "1 to 5"),
    ("core_neurons", lambda: on(A(), core={"neurons": 2}), 0, None, 3, "1 to 2"),
    ("synapse_memory", lambda: on(A(), core={"synapse_memory_bits": 47}), 0, None, 4 * 3 * 4, 47),
    ("synapse_memory", lambda: on(A(), core={"synapse_memory_bits": 43, "synapses": "list"}), 0, None, 44, 43),
    ("synapse_memory", lambda: on(A(), core={"synapse_memory_bits": 95, "sign_scheme": "pair"}), 0, None, 96, 95),
    ("block_shape", lambda: put(A(), "tiles", "block", 0, 2), 0, None, "6 x 2", "4 x 3"),
    ("block_index", lambda: put(A(), "tiles", "block", 1, 9), 1, None, 9, "0 to 3"),
    ("weight_range", lambda: heavy(A()), 1, 4, 8, "-8 to 7"),
    ("core_exists", lambda: put(A(), "tiles", "core", 2, 1 << 40), 2, None, 1 << 40, "0 to 24575"),
    ("core_exists", lambda: put(A(), "tiles", "core", 2, -1), 2, None, -1, "0 to 24575"),
    ("axon_source", lambda: put(A(), "axons", "source", 8, 99), 2, None, 99, "-4 to 9"),
    ("axon_source", lambda: put(A(), "axons", "source", 0, -9), 0, None, -9, "-4 to 9"),
    ("axon_delay", lambda: put(A(), "axons", "delay", 8, 0), 2, 0, 0, "1 to 1"),
    ("axon_delay", lambda: put(A(), "axons", "delay", 0, 2), 0, None, 2, "1 to 1"),
    ("start_tick", lambda: put(A(), "tiles", "start", 0, -1), 0, None, -1, "0 or more"),
    ("timing", lambda: put(A(), "tiles", "start", 2, 2), 2, 0, 1, "0 to 0"),
    ("timing", lambda: put(S(), "tiles", "start", 0, 1), 0, None, 0, "-1 to -1"),
    ("fan_out", lambda: on(A(), core={"fan_out": 1}), 0, 0, 2, 1),
    ("parameter_bias", lambda: parameter(A(), "bias", 4, 1 << 15), 1, 4, 1 << 15, "-32768 to 32767"),
    ("parameter_bias", lambda: on(A(), core={"bias": "row"}), 0, 0, 1, "0 to 0"),
    ("parameter_multiplier", lambda: parameter(A(), "multiplier", 4, 256), 1, 4, 256, "0 to 255"),
    ("parameter_shift", lambda: parameter(A(), "shift", 4, 0), 1, 4, 0, "1 to 31"),
    ("parameter_shift", lambda: parameter(A(), "shift", 4, 32), 1, 4, 32, "1 to 31"),
    ("parameter_high", lambda: parameter(A(), "high", 4, 256), 1, 4, 256, "0 to 255"),
    ("parameter_low", lambda: parameter(A(), "low", 4, -1), 1, 4, -1, "0 to 255"),
    ("output_order", lambda: parameter(parameter(A(), "high", 4, 3), "low", 4, 5), 1, 4, 5, 3),
    ("parameter_threshold", lambda: parameter(S(), "threshold", 4, 0), 1, 4, 0, "1 to 32767"),
    ("parameter_threshold", lambda: parameter(S(), "threshold", 4, 1 << 15), 1, 4, 1 << 15, "1 to 32767"),
    ("parameter_leak", lambda: parameter(S(), "leak", 4, -(1 << 15) - 1), 1, 4, -(1 << 15) - 1, "-32768 to 32767"),
    ("parameter_initial", lambda: parameter(S(), "initial", 4, 1 << 23), 1, 4, 1 << 23, "-8388608 to 8388607"),
    ("core_scale", lambda: parameter(on(A(), neuron={"scale": "core"}), "shift", 4, 3), 1, 4, 3, 2),
    ("origin_index", lambda: put(A(), "neurons", "origin", 4, 7), None, 4, 7, "0 to 1"),
    ("axon_values", lambda: on(A(), signal={"input_bits": 7}), 2, 0, "0 to 255", "0 to 127"),
    ("axon_values", lambda: parameter(A(), "low", 0, -5), 2, 0, "-5 to 255", "0 to 127"),
    ("lookup_index", lambda: put(looking_up(), "neurons", "table", 4, 1), None, 4, 1, "-1 to 0"),
    ("lookup_reach", lambda: parameter(looking_up(), "high", 5, 6), 1, 5, 9, 8),
    ("parameter_low", lambda: parameter(looking_up(), "low", 5, -9), 1, 5, -9, "-8 to 7"),
    ("parameter_high", lambda: parameter(looking_up(), "high", 4, 256), 1, 4, 256, "0 to 255"),
    ("output_order", lambda: parameter(looking_up(), "low", 5, 6), 1, 5, 6, 5),
    ("axon_values", graded, 2, 0, "-8388608 to 8388607", "-128 to 127"),
    ("parameter_decay", lambda: parameter(graded(), "decay", 4, 16), 1, 4, 16, "0 to 15"),
    ("axon_values", lambda: on(looking_up(), signal={"input_bits": 7}), 2, 0, "0 to 255", "0 to 127"),
    ("axon_values", lambda: holding(looking_up(), 0, 0, 0, -1, 0, 0, 0, 0), 2, 1, "-1 to 0", "0 to 127"),
    ("route_missing", lambda: without_flow_links(A()), 2, 0, "neuron 0", None),
    ("route_sender", lambda: put(A(), "routes", "tile", 1, 1), 1, 0, 0, "neurons of tile 1"),
]


@pytest.mark.parametrize("case", TILE_BREAKS, ids=lambda case: case[0])
def test_a_broken_program_is_caught_by_name(case: tuple[str, Break, int | None, int | None, object, object]) -> None:
    constraint, broken, tile, neuron, value, limit = case
    found = [v for v in violations(broken()) if v.constraint == constraint]
    assert found, [v.constraint for v in violations(broken())]
    first = found[0]
    assert (first.tile, first.neuron, first.value) == (tile, neuron, value)
    assert limit is None or first.limit == limit
    assert str(value) in first.message or constraint == "route_sender"


def doubled(program: Program) -> Program:
    return put(program, "tiles", "core", 1, int(program.tiles.core[0]))


WHOLE_BREAKS: list[tuple[str, Break]] = [
    ("dead_core", lambda: on(A(), board={"dead_cores": (int(A().tiles.core[1]),)})),
    ("virtual_tiles", lambda: doubled(A())),
    ("shared_core", lambda: doubled(legal(board={"virtual_tiles": 2}))),
    ("model", lambda: on(A(), neuron={"models": ("if_hard",)})),
    ("model", lambda: replace(A(), model="izhikevich")),
    ("steps", lambda: replace(A(), steps=0)),
    ("steps", lambda: replace(A(), steps=2)),
    ("ticks_per_step", lambda: replace(A(), ticks_per_step=0)),
    ("input_range", lambda: port(A(), high=256)),
    ("input_range", lambda: port(A(), low=-1)),
    ("input_range", lambda: on(S(), signal={"current_bits": 2})),
    ("input_range", lambda: port(S(), code="spread", high=5)),
    ("input_code", lambda: port(A(), code="spread", high=1)),
    ("input_scale", lambda: port(A(), scale=0.0)),
    ("input_channels", lambda: port(A(), first=3)),
    ("input_element", lambda: port(A(), element=np.array([0, 1, 2, 4]))),
    ("output_neuron", lambda: replace(A(), outputs=(replace(A().outputs[0], neuron=np.array([0, 1, 2, 99])),))),
    ("output_element", lambda: replace(A(), outputs=(replace(A().outputs[0], element=np.array([0, 1, 2, 4])),))),
    ("table_form", lambda: replace(A(), axons=replace(A().axons, delay=A().axons.delay[1:]))),
    ("table_form", lambda: replace(A(), tiles=replace(A().tiles, core=A().tiles.core * 1.0))),
    ("table_form", lambda: replace(A(), neurons=replace(A().neurons, parameters={}))),
    ("table_form", lambda: replace(A(), neurons=replace(A().neurons, scale=A().neurons.scale * np.nan))),
    ("offsets", lambda: put(A(), "tiles", "axons", 1, 9)),
    ("offsets", lambda: put(A(), "routes", "links", -1, 1)),
    ("block_form", lambda: block(A(), 0, A().blocks[0].astype(np.int64))),
    ("route_core", lambda: put(A(), "routes", "link_to", 0, -1)),
    ("route_link", lambda: put(A(), "routes", "link_to", 0, 20000)),
    ("route_shape", lambda: put(A(), "routes", "link_from", 0, 20000)),
    ("route_tile", lambda: put(A(), "routes", "tile", 0, 44)),
    ("route_source", lambda: put(A(), "routes", "source", 0, 44)),
    ("route_input", lambda: routed(A(), [(0, 1)], 0)),
    ("route_order", lambda: routed(square(), [(1, 0), (0, 3), (3, 4)])),  # a way round, of legal links
    ("route_order", lambda: routed(square("copy"), [(1, 0), (0, 3), (1, 0), (0, 3), (3, 4)])),
    ("route_shape", lambda: routed(square(), [(1, 0), (0, 3), (1, 4), (1, 4)])),  # core 4 entered twice
    ("route_shape", lambda: routed(square(), [(0, 3), (3, 0), (1, 4)])),  # a loop beside the root
    ("route_shape", lambda: routed(square("copy"), [(1, 0), (0, 3), (1, 4), (1, 4)])),  # delivered twice
    ("route_shape", lambda: routed(square("copy"), [(1, 4), (1, 0), (0, 3), (1, 4), (1, 2)])),
    ("route_shape", lambda: routed(square("copy"), [(1, 4), (0, 3)])),  # begins beside the root
    ("route_double", lambda: put(A(), "routes", "source", -1, int(A().routes.source[-2]))),
    ("lookup_entries", lambda: on(looking_up(), neuron={"table_bits": 4})),
    ("lookup_entries", lambda: on(looking_up(), neuron={"table_bits": 0})),
    ("lookup_entries", lambda: on(looking_up(), neuron={"table_bits": 0, "functions": ("sigmoid",)})),
    ("lookup_values", lambda: holding(looking_up(), 0, 0, 256, 0, 0, 0, 0, 0)),
    ("lookup_values", lambda: holding(looking_up(), 0, 0, -1, 0, 0, 0, 0, 0)),
    ("lookup_model", lambda: replace(S(), tables=np.zeros((1, 8), dtype=np.int64))),
    ("lookup_form", lambda: replace(looking_up(), tables=np.zeros((1, 0), dtype=np.int64))),
    ("lookup_form", lambda: replace(looking_up(), tables=np.zeros((1, 8)))),
    ("table_form", lambda: replace(looking_up(), neurons=replace(looking_up().neurons, table=np.zeros(3, int)))),
    ("input_names", lambda: without_inputs(A())),
    ("output_names", lambda: replace(A(), outputs=())),
    ("output_names", lambda: named(A(), ["y", "y"])),
    ("element_index", lambda: put(A(), "neurons", "element", 4, -1)),
    ("input_range", lambda: port(S(), code="spread", high=3)),
    ("input_range", lambda: port(S(), code="spread", low=1, high=4)),
]


@pytest.mark.parametrize("case", WHOLE_BREAKS, ids=lambda case: case[0])
def test_a_break_that_is_not_of_one_tile_is_caught(case: tuple[str, Break]) -> None:
    constraint, broken = case
    found = violations(broken())
    assert constraint in {v.constraint for v in found}, found
    assert all(v.message and v.limit != "" for v in found)


LEGAL: list[Break] = [
    square,
    lambda: square("copy"),
    lambda: port(S(), code="spread", low=0, high=4),
    looking_up,
    lambda: named(A(), ["y", "z"]),
]


@pytest.mark.parametrize("program", LEGAL)
def test_what_the_breaks_start_from_is_legal(program: Break) -> None:
    assert violations(program()) == []


def test_signed_outputs_need_a_chip_that_carries_them() -> None:
    program = parameter(parameter(legal(signal={"partial_sums": "signed"}), "low", 0, -128), "high", 0, 127)
    assert violations(program) == []
    found = violations(on(program, signal={"partial_sums": "none"}))
    assert {v.constraint for v in found} == {"parameter_low", "axon_values"}


def test_copied_routes_are_paths_one_after_another() -> None:
    program = legal(board={"multicast": "copy"})
    shuffled = replace(
        program, routes=replace(program.routes, link_from=program.routes.link_to, link_to=program.routes.link_from)
    )
    assert {"route_shape", "route_missing"} & {v.constraint for v in violations(shuffled)}


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(case=core_networks(), data=st.data())
def test_garbage_gives_violations_not_exceptions(case: tuple[Network, Chip], data: st.DataObject) -> None:
    try:
        program = map_network(*case, effort=0).program
    except CapacityError:
        assume(False)
    header, arrays = program_parts(program)
    for _ in range(data.draw(st.integers(1, 4))):
        name = data.draw(st.sampled_from(sorted(arrays)))
        old = arrays[name].copy()
        if data.draw(st.booleans()) or old.size == 0:
            arrays[name] = data.draw(st.sampled_from([old[:0], old[: len(old) // 2], np.concatenate([old, old])]))
        else:
            spots = data.draw(st.lists(st.integers(0, old.size - 1), max_size=3))
            limits = np.iinfo(old.dtype) if old.dtype.kind == "i" else np.iinfo(np.int16)
            old.reshape(-1)[spots] = data.draw(st.sampled_from([-2, -1, 0, 1, 5, 100, limits.min, limits.max]))
            arrays[name] = old
    assert all(v.message for v in violations(program_from_parts(header, arrays)))
