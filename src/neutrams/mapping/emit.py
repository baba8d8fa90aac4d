"""Write the mapped network down as a Program."""

from collections.abc import Sequence

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.hardware import Chip
from neutrams.mapping.fan_out import Wiring
from neutrams.mapping.relay import relay_parameters
from neutrams.mapping.route import Flow, Links
from neutrams.mapping.schedule import Schedule
from neutrams.mapping.units import Units
from neutrams.program.tables import AxonTable, InputPort, NeuronTable, OutputPort, Program, RouteTable, TileTable

Layout = tuple[IntArray, Sequence[Flow], Links]
"""Core of each tile, the flows, and their links."""


def emit_program(units: Units, wiring: Wiring, timing: Schedule, layout: Layout, chip: Chip) -> Program:
    """Return the program: neurons and axons are numbered tile by tile, in the order of the wiring."""
    cores, flows, links = layout
    first = offsets([len(tile.signals) for tile in wiring.tiles])
    blocks, block = _blocks(wiring)
    origins, neurons = _neurons(units, wiring, chip)
    source = np.where(wiring.feed_tile >= 0, first[wiring.feed_tile] + wiring.feed_column, -1 - wiring.feed_column)
    return Program(
        chip=chip,
        model=units.model,
        steps=units.steps,
        ticks_per_step=timing.ticks_per_step,
        blocks=blocks,
        tiles=TileTable(
            block=block,
            core=cores,
            start=timing.starts,
            axons=offsets([len(tile.sources) for tile in wiring.tiles]),
            neurons=first,
        ),
        axons=AxonTable(source=source, delay=timing.delays),
        neurons=neurons,
        origins=origins,
        inputs=_inputs(units),
        outputs=_outputs(units, first[wiring.home[:, 0]] + wiring.home[:, 1]),
        routes=_routes(flows, links, first),
    )


def offsets(lengths: Sequence[int]) -> IntArray:
    """int64 ``[n + 1]``: 0 and the running sums of ``lengths``."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _blocks(wiring: Wiring) -> tuple[tuple[AnyArray, ...], IntArray]:
    """Return the distinct weight blocks, int8 where they fit, and which one each tile holds."""
    index: dict[tuple[object, ...], int] = {}
    blocks: list[AnyArray] = []
    numbers: dict[int, int] = {}  # a copied tile is the same object, so its weights are compared once
    for tile in wiring.tiles:
        if id(tile) in numbers:
            continue
        low, high = int(tile.weights.min()), int(tile.weights.max())
        small = tile.weights.astype(np.int8 if low >= -128 and high <= 127 else np.int16)
        key = (small.dtype.str, small.shape, small.tobytes())
        if key not in index:
            index[key] = len(blocks)
            blocks.append(small)
        numbers[id(tile)] = index[key]
    return tuple(blocks), np.array([numbers[id(tile)] for tile in wiring.tiles], dtype=np.int64)


def _neurons(units: Units, wiring: Wiring, chip: Chip) -> tuple[tuple[str, ...], NeuronTable]:
    nodes = [unit.neuron for unit in units.units]
    signal = np.concatenate([tile.signals for tile in wiring.tiles])
    relay = np.repeat([t.relay for t in wiring.tiles], [len(t.signals) for t in wiring.tiles])
    row = signal - units.channels
    table = {name: np.concatenate([n.parameters[name] for n in nodes])[row] for name in nodes[0].parameters}
    relays = relay_parameters(chip, units.model, table)
    names = [f"{n.origin} [{n.part}]" if n.part else n.origin for n in nodes]
    index = {name: i for i, name in enumerate(dict.fromkeys([*names, *(f"{n.origin} [relay]" for n in nodes)]))}
    unit = units.unit_of[signal]
    plain = np.array([index[name] for name in names], dtype=np.int64)
    relayed = np.array([index[f"{n.origin} [relay]"] for n in nodes], dtype=np.int64)
    origin = np.where(relay, relayed[unit], plain[unit])
    used = np.unique(origin)
    return tuple(name for name, i in index.items() if i in set(used.tolist())), NeuronTable(
        parameters={name: np.where(relay, relays[name], table[name]) for name in table},
        scale=_joined([n.scale for n in nodes])[row],
        zero=_joined([n.zero for n in nodes])[row],
        origin=np.searchsorted(used, origin).astype(np.int64),
        element=np.concatenate([n.elements for n in nodes])[row],
    )


def _joined(parts: Sequence[FloatArray]) -> FloatArray:
    return np.concatenate(parts).astype(np.float64)


def _inputs(units: Units) -> tuple[InputPort, ...]:
    return tuple(
        InputPort(
            name=port.source.name, shape=port.source.shape, first=port.first, element=port.element,
            scale=port.encode.scale, zero=port.encode.zero, low=port.encode.low, high=port.encode.high,
            code=port.encode.code,
        )
        for port in units.ports
    )  # fmt: skip


def _outputs(units: Units, home: IntArray) -> tuple[OutputPort, ...]:
    return tuple(
        OutputPort(
            name=node.name, neuron=home[signals], coefficient=node.coefficient, element=node.element, scale=node.scale,
            offset=node.offset,
        )
        for node, signals in units.outputs
    )  # fmt: skip


def _routes(flows: Sequence[Flow], links: Links, first: IntArray) -> RouteTable:
    senders = [first[f.tile] + f.columns if f.tile >= 0 else -1 - f.columns for f in flows]
    return RouteTable(
        tile=np.array([flow.tile for flow in flows], dtype=np.int64),
        links=np.searchsorted(links.flow, np.arange(len(flows) + 1)).astype(np.int64),
        link_from=links.start,
        link_to=links.stop,
        sources=offsets([len(flow.columns) for flow in flows]),
        source=np.concatenate(senders).astype(np.int64),
    )
