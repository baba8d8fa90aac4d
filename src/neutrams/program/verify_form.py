"""Checks that the tables can be read at all: types, lengths, offsets, indices."""

from collections.abc import Iterator, Mapping

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.hardware.geometry import Board
from neutrams.neurons import models
from neutrams.program.tables import Program
from neutrams.program.violation import Found, Violation, places, span


def check_form(program: Program) -> Found:
    """Types, dimensions and lengths of every table; the model is known."""
    yield from _header(program)
    wrong_tables = list(_lookup(program))
    yield from wrong_tables
    wrong = [_form(name, array, kind, length) for name, array, kind, length in _columns(program)]
    yield from (violation for violation in wrong if violation is not None)
    if any(wrong) or wrong_tables:
        return
    for name, offsets, last in _offsets(program):
        if offsets[0] != 0 or offsets[-1] != last or (np.diff(offsets) < 0).any():
            message = f"{name} must rise from 0 to {last} without falling, it goes from {offsets[0]} to {offsets[-1]}"
            yield Violation(
                constraint="offsets", value=f"{offsets[0]} … {offsets[-1]}", limit=f"0 … {last}", message=message
            )


def _header(program: Program) -> Found:
    found_models = models(program.chip.neuron.definitions)
    if not isinstance(program.model, str) or program.model not in found_models:
        known = ", ".join(sorted(found_models))
        message = f"there is no neuron model {program.model!r}, there are {known}"
        yield Violation(constraint="model", value=str(program.model), limit=known, message=message)
    for name, value in (("steps", program.steps), ("ticks_per_step", program.ticks_per_step)):
        if not isinstance(value, int) or not 1 <= value < 1 << 31:
            message = f"{name} is {value}, it must be a whole number from 1"
            yield Violation(constraint=name, value=str(value), limit="1 or more", message=message)
    for i, block in enumerate(program.blocks):
        if not isinstance(block, np.ndarray) or block.ndim != 2 or block.dtype not in (np.int8, np.int16):
            found = _described(block)
            message = f"weight block {i} is {found}, it must be int8 or int16 with two axes"
            yield Violation(constraint="block_form", value=found, limit="int8 or int16, two axes", message=message)


def _lookup(program: Program) -> Found:
    tables = program.tables
    form = isinstance(tables, np.ndarray) and tables.ndim == 2 and tables.dtype.kind == "i"
    if not form or (len(tables) and not tables.size):
        found, limit = _described(tables), "integers with two axes, no table empty"
        message = f"the look-up tables are {found}, they must be {limit}"
        yield Violation(constraint="lookup_form", value=found, limit=limit, message=message)


Column = tuple[str, object, str, int | None]
"""Name, array, dtype kind, length (None: any)."""


def _columns(program: Program) -> Iterator[Column]:
    tiles, axons, neurons, routes = program.tiles, program.axons, program.neurons, program.routes
    n_tiles, n_neurons = _length(tiles.block), _length(neurons.scale)
    yield ("tiles.block", tiles.block, "i", None)
    yield from ((f"tiles.{k}", getattr(tiles, k), "i", n_tiles) for k in ("core", "start"))
    yield from ((f"tiles.{k}", getattr(tiles, k), "i", n_tiles + 1) for k in ("axons", "neurons"))
    yield ("axons.source", axons.source, "i", None)
    yield ("axons.delay", axons.delay, "i", _length(axons.source))
    yield ("axons.lag", axons.lag, "i", _length(axons.source) if _length(axons.lag) else 0)
    yield ("memory.neuron", program.memory.neuron, "i", None)
    yield from ((f"memory.{k}", getattr(program.memory, k), "i", len(program.memory)) for k in ("value", "channel"))
    yield ("neurons.scale", neurons.scale, "f", None)
    yield ("neurons.zero", neurons.zero, "f", n_neurons)
    yield from ((f"neurons.{k}", getattr(neurons, k), "i", n_neurons) for k in ("origin", "element"))
    yield ("neurons.table", neurons.table, "i", n_neurons if _length(neurons.table) else 0)
    given = neurons.parameters if isinstance(neurons.parameters, Mapping) else {}
    known = models(program.chip.neuron.definitions)
    wanted = known[program.model].parameters if program.model in known else ()
    yield from ((f"neurons.parameters.{p.name}", given.get(p.name), "i", n_neurons) for p in wanted)
    n_flows = _length(routes.tile)
    yield ("routes.tile", routes.tile, "i", None)
    yield from ((f"routes.{k}", getattr(routes, k), "i", n_flows + 1) for k in ("links", "sources"))
    yield ("routes.link_from", routes.link_from, "i", None)
    yield ("routes.link_to", routes.link_to, "i", _length(routes.link_from))
    yield ("routes.source", routes.source, "i", None)
    yield from _router_columns(program)
    yield from _port_columns(program)


def _router_columns(program: Program) -> Iterator[Column]:
    routers, entries = program.routers, _length(program.routers.router)
    flows = _length(program.routes.tile) if program.chip.noc.table_entries else 0
    yield ("routers.key", routers.key, "i", flows)
    yield ("routers.router", routers.router, "i", None if flows else 0)
    yield from ((f"routers.{k}", getattr(routers, k), "i", entries) for k in ("value", "mask"))
    yield ("routers.ports", routers.ports, "i", entries + 1)
    yield ("routers.port", routers.port, "i", None)


def _port_columns(program: Program) -> Iterator[Column]:
    for i, port in enumerate(program.inputs):
        yield (f"inputs[{i}].element", port.element, "i", None)
    for i, out in enumerate(program.outputs):
        yield (f"outputs[{i}].neuron", out.neuron, "i", None)
        yield from (
            (f"outputs[{i}].{k}", getattr(out, k), "i", _length(out.neuron)) for k in ("coefficient", "element")
        )
        yield (f"outputs[{i}].scale", out.scale, "f", None)
        yield (f"outputs[{i}].offset", out.offset, "f", _length(out.scale))


def _length(array: object) -> int:
    return len(array) if isinstance(array, np.ndarray) and array.ndim == 1 else 0


def _described(array: object) -> str:
    return f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__


def _form(name: str, array: object, kind: str, length: int | None) -> Violation | None:
    if isinstance(array, np.ndarray) and array.ndim == 1 and array.dtype.kind == kind:
        finite = kind != "f" or bool(np.isfinite(array).all())
        if finite and (length is None or len(array) == length):
            return None
    value = _described(array)
    limit = f"{'finite floats' if kind == 'f' else 'integers'} with one axis"
    limit += f" of length {length}" if length is not None else ""
    return Violation(
        constraint="table_form", value=value, limit=limit, message=f"table {name} is {value}, it must be {limit}"
    )


def _offsets(program: Program) -> Iterator[tuple[str, AnyArray, int]]:
    tiles, routes = program.tiles, program.routes
    yield ("tiles.axons", tiles.axons, len(program.axons.source))
    yield ("tiles.neurons", tiles.neurons, len(program.neurons.scale))
    yield ("routes.links", routes.links, len(routes.link_from))
    yield ("routes.sources", routes.sources, len(routes.source))
    yield ("routers.ports", program.routers.ports, len(program.routers.port))


def check_indices(program: Program) -> Found:
    """Every number that names a block, core, neuron, channel, tile or origin names one there is."""
    tiles, routes = program.tiles, program.routes
    neurons, board = len(program.neurons), Board.of(program.chip)
    yield from _named("block_index", "block", tiles.block, 0, len(program.blocks), tile=np.arange(len(tiles)))
    yield from _named("core_exists", "core", tiles.core, 0, board.cores, tile=np.arange(len(tiles)))
    reader = np.repeat(np.arange(len(tiles)), np.diff(tiles.axons))
    sources = program.axons.source
    memory = program.memory
    yield from _named("memory_neuron", "neuron", memory.neuron, 0, neurons)
    yield from _named("memory_channel", "channel", memory.channel, -1, program.channels)
    yield from _named("axon_source", "axon source", sources, -program.channels, neurons, tile=reader)
    yield from _named(
        "origin_index", "origin", program.neurons.origin, 0, len(program.origins), neuron=np.arange(neurons)
    )
    yield from _named(
        "lookup_index", "look-up table", program.neurons.table, -1, len(program.tables), neuron=np.arange(neurons)
    )
    yield from _named("element_index", "element", program.neurons.element, 0, 1 << 62, neuron=np.arange(neurons))
    yield from _named("route_tile", "sending tile of a flow", routes.tile, -1, len(tiles))
    yield from _named("route_source", "sender of a flow", routes.source, -program.channels, neurons)
    for side in (routes.link_from, routes.link_to):
        yield from _named("route_core", "router of a link", side, 0, board.routers)
    yield from _named("table_router", "router of a table", program.routers.router, 0, board.routers)
    yield from _named("table_port", "port of a table", program.routers.port, -board.cores, board.routers)
    for port in program.outputs:
        yield from _named("output_neuron", f"neuron of output {port.name!r}", port.neuron, 0, neurons)
        yield from _named("output_element", f"element of output {port.name!r}", port.element, 0, len(port.scale))


def _named(
    constraint: str,
    what: str,
    values: AnyArray,
    low: int,
    stop: int,
    *,
    tile: AnyArray | None = None,
    neuron: AnyArray | None = None,
) -> Found:
    for i in places((values < low) | (values >= stop)):
        where = f"tile {tile[i]}: " if tile is not None else f"neuron {neuron[i]}: " if neuron is not None else ""
        limit = span(low, stop - 1) if stop > low else "none, there are none"
        yield Violation(
            constraint=constraint,
            tile=None if tile is None else int(tile[i]),
            neuron=None if neuron is None else int(neuron[i]),
            value=int(values[i]),
            limit=limit,
            message=f"{where}{what} {int(values[i])} does not exist, there are {limit}",
        )
