"""Write the mapped network down as a Program."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.hardware import Chip
from neutrams.mapping.fan_out import Wiring
from neutrams.mapping.flows import Flows
from neutrams.mapping.repeating import relay_parameters
from neutrams.mapping.route import Links
from neutrams.mapping.schedule import Schedule
from neutrams.mapping.units import Units
from neutrams.network import ops
from neutrams.program.tables import (
    AxonTable,
    InputPort,
    MemoryTable,
    NeuronTable,
    OutputPort,
    Program,
    RouterTable,
    RouteTable,
    TileTable,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Where everything lies.

    Attributes:
        blocks: The distinct weight blocks.
        block: int64 ``[tiles]``, which one each tile holds.
        cores: int64 ``[tiles]``, the core of each.
        flows: The flows.
        links: Their links.
        routers: The tables of routers.
    """

    blocks: tuple[AnyArray, ...]
    block: IntArray
    cores: IntArray
    flows: Flows
    links: Links
    routers: RouterTable


def emit_program(units: Units, wiring: Wiring, timing: Schedule, layout: Layout, chip: Chip) -> Program:
    """Return the program: neurons and axons are numbered tile by tile, in the order of the wiring."""
    first = offsets([len(tile.signals) for tile in wiring.tiles])
    table, tables = _tables([unit.neuron for unit in units.units])
    origins, neurons = _neurons(units, wiring, chip, table)
    lag = np.array([tile.lag for tile in wiring.tiles], dtype=np.int64)[wiring.reader]
    source = np.where(wiring.feed_tile >= 0, first[wiring.feed_tile] + wiring.feed_column, -1 - wiring.feed_column)
    return Program(
        chip=chip,
        model=units.model,
        steps=units.steps,
        ticks_per_step=timing.ticks_per_step,
        blocks=layout.blocks,
        tiles=TileTable(
            block=layout.block,
            core=layout.cores,
            start=timing.starts,
            axons=offsets([len(tile.sources) for tile in wiring.tiles]),
            neurons=first,
        ),
        axons=AxonTable(source=source, delay=timing.delays, lag=lag if lag.any() else lag[:0]),
        neurons=neurons,
        origins=origins,
        inputs=_inputs(units),
        outputs=_outputs(units, first[wiring.home[:, 0]] + wiring.home[:, 1]),
        routes=_routes(layout.flows, layout.links, first),
        tables=tables,
        memory=_memory(units, source, wiring.signal, lag),
        routers=layout.routers,
    )


def _memory(units: Units, source: IntArray, signal: IntArray, lag: IntArray) -> MemoryTable:
    """Return what neurons that states read hold before the first step."""
    begins = {held: (value, channel) for held, value, channel in units.memory.T.tolist()}
    pairs = dict(zip(source[lag > 0].tolist(), signal[lag > 0].tolist(), strict=True))
    rows = [(neuron, *begins[held]) for neuron, held in sorted(pairs.items()) if held in begins]
    neuron, value, channel = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return MemoryTable(neuron=neuron, value=value, channel=channel)


def offsets(lengths: Sequence[int]) -> IntArray:
    """int64 ``[n + 1]``: 0 and the running sums of ``lengths``."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _tables(nodes: Sequence[ops.Neuron]) -> tuple[IntArray, IntArray]:
    """Return (int64 ``[units]``, which look-up table each has or -1; int64 ``[K, entries]``, the different ones)."""
    having = [i for i, node in enumerate(nodes) if node.table.size]
    index = np.full(len(nodes), -1, dtype=np.int64)
    if not having:
        return index, np.zeros((0, 0), dtype=np.int64)
    tables, which = np.unique(np.stack([nodes[i].table for i in having]), axis=0, return_inverse=True)
    index[having] = which.reshape(-1)
    return index, tables


def _neurons(units: Units, wiring: Wiring, chip: Chip, tables: IntArray) -> tuple[tuple[str, ...], NeuronTable]:
    """Return the names of origins, and the neurons; ``tables`` is int64 ``[units]``. A relay looks nothing up."""
    nodes = [unit.neuron for unit in units.units]
    signal = np.concatenate([tile.signals for tile in wiring.tiles])
    relay = np.repeat([t.relay for t in wiring.tiles], [len(t.signals) for t in wiring.tiles])
    unit = units.unit_of[signal]
    places = np.array([u.places for u in units.units], dtype=np.int64)[unit]
    channel, place = np.divmod(signal - np.array([u.first for u in units.units], dtype=np.int64)[unit], places)
    row = offsets([u.channels for u in units.units])[unit] + channel
    table = {name: np.concatenate([n.parameters[name] for n in nodes])[row] for name in nodes[0].parameters}
    limits = {}
    if (tables >= 0).any():  # a relay repeats what was looked up, not the index
        ends = np.array([n.output_limits for n in nodes], dtype=np.int64)[unit]
        limits = {key: np.where(tables[unit] < 0, table[key], ends[:, k]) for k, key in enumerate(("low", "high"))}
    relays = relay_parameters(chip, units.model, {**table, **limits})
    names, origin = _origins(nodes, unit, relay)
    return names, NeuronTable(
        parameters={name: np.where(relay, relays[name], table[name]) for name in table},
        scale=np.concatenate([n.scale for n in nodes])[row],
        zero=np.concatenate([n.zero for n in nodes])[row],
        origin=origin,
        element=np.concatenate([n.elements for n in nodes])[row] * places + place,
        table=np.where(relay, -1, tables[unit]) if (tables >= 0).any() else tables[:0],
    )


def _origins(nodes: Sequence[ops.Neuron], unit: IntArray, relay: AnyArray) -> tuple[tuple[str, ...], IntArray]:
    """Return the names of what neurons stand for, and which of them each neuron does."""
    plain = [f"{n.origin} [{n.part}]" if n.part else n.origin for n in nodes]
    relayed = [f"{n.origin} [relay]" for n in nodes]
    index = {name: i for i, name in enumerate(dict.fromkeys([*plain, *relayed]))}
    number = np.array([[index[name] for name in names] for names in (plain, relayed)], dtype=np.int64)
    used, origin = np.unique(number[relay.astype(np.int64), unit], return_inverse=True)
    names = list(index)
    return tuple(names[i] for i in used), origin.astype(np.int64)


def _inputs(units: Units) -> tuple[InputPort, ...]:
    return tuple(
        InputPort(
            name=port.name, shape=port.shape, first=port.first, element=port.element,
            scale=port.encode.scale, zero=port.encode.zero, low=port.encode.low, high=port.encode.high,
            code=port.encode.code, sequence=port.sequence,
        )
        for port in units.ports
    )  # fmt: skip


def _outputs(units: Units, home: IntArray) -> tuple[OutputPort, ...]:
    return tuple(
        OutputPort(
            name=node.name, neuron=home[signals], coefficient=node.coefficient, element=node.element, scale=node.scale,
            offset=node.offset, sequence=node.name in units.sequences,
            potential=node.name in units.potentials,
        )
        for node, signals in units.outputs
    )  # fmt: skip


def _routes(flows: Flows, links: Links, first: IntArray) -> RouteTable:
    tile = np.repeat(flows.tile, np.diff(flows.columns))
    return RouteTable(
        tile=flows.tile,
        links=links.first,
        link_from=links.start,
        link_to=links.stop,
        sources=flows.columns,
        source=np.where(tile >= 0, first[tile] + flows.column, -1 - flows.column),
    )
