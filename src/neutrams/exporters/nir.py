"""Export a float network with a loop over steps as a graph of the Neuromorphic Intermediate Representation (NIR)."""

import io
from dataclasses import dataclass, field
from pathlib import Path

import nir
import numpy as np

from neutrams.base.errors import UnsupportedError
from neutrams.base.files import write_atomically
from neutrams.exporters.nir_core import as_spiking
from neutrams.exporters.nir_nodes import scale_of, write_node
from neutrams.hardware import Chip
from neutrams.network import (
    Add,
    Constant,
    Conv,
    Host,
    Input,
    Mul,
    Network,
    Node,
    Output,
    Pad,
    Spiking,
    Stack,
    State,
    Unstack,
)
from neutrams.network.nir_record import RULES, Record
from neutrams.network.ops import Update
from neutrams.neurons.dynamics.delay import steps_of
from neutrams.neurons.dynamics.steps import AT_SPIKES

Edge = tuple[str, str]


@dataclass
class _Work:
    """A graph on its way.

    Attributes:
        network: What is written.
        names: NIR's name for each node that becomes one.
        updates: What each state is at the next step, by its name.
        nodes: The NIR nodes.
        factors: NIR names of what scales the terms of sums, by sum and place.
        edges: From, to; whether it carries what was one step before.
        refused: What has no form in NIR.
    """

    network: Network
    names: dict[str, str]
    updates: dict[str, str]
    nodes: dict[str, nir.NIRNode] = field(default_factory=dict)
    factors: dict[tuple[str, int], str] = field(default_factory=dict)
    edges: dict[Edge, bool] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def refuse(self, node: Node, why: str) -> None:
        """Note that ``node`` has no form in NIR."""
        self.refused.append(f"{node.op} {node.name!r} ({why})")

    def sources(self, tensor: str) -> list[tuple[str, bool]]:
        """Return the NIR nodes whose sum is ``tensor``, and whether it is that of the step before."""
        node = self.network.by_name[tensor]
        if isinstance(node, State):
            before = self.sources(self.updates[node.name])
            if any(late for _, late in before):
                self.refuse(node, "it holds what was two steps before")
            return [(name, True) for name, _ in before]
        if isinstance(node, Unstack):
            return [(self.names[node.inputs[0]], False)]
        if isinstance(node, Add) and self.names[tensor] not in self.nodes:
            return [source for k in range(len(node.inputs)) for source in self.term(node, k)]
        return [(self.names[tensor], False)]

    def term(self, node: Add, k: int) -> list[tuple[str, bool]]:
        """Return the NIR nodes whose sum is term ``k`` of a sum."""
        factor = self.factors.get((node.name, k))
        return self.sources(node.inputs[k]) if factor is None else [(factor, False)]

    def link(self, node: Node, found: list[tuple[str, bool]], name: str) -> None:
        """Add edges from ``found`` to the NIR node ``name`` that ``node`` became."""
        for source, late in found:
            if (source, name) in self.edges:
                self.refuse(node, f"it reads {source!r} twice")
            self.edges[source, name] = late


def export_nir(network: Network, path: Path, chip: Chip | None = None) -> None:
    """Write ``network`` as a NIR file; importing it again, without a preset, gives a network that computes the same.

    A constrained spiking network (``compiled.network``) is written with its integer weights, given the chip it is for
    (see `neutrams.exporters.nir_core`).

    The file's metadata says what NIR has no place for: steps, rules of neurons, delayed edges, rest after spikes. Other
    tools do not read that.

    Raises:
        UnsupportedError: Nodes have no form in NIR; lists all of them.
        InputError: The folder does not exist or cannot be written.
    """
    graph = to_nir(network, chip)
    buffer = io.BytesIO()
    nir.write(buffer, graph)
    write_atomically(path, buffer.getvalue())


def to_nir(network: Network, chip: Chip | None = None) -> nir.NIRGraph:
    """Return ``network`` as a graph object of the nir package; see :func:`export_nir`."""
    if chip is not None:
        network = as_spiking(network, chip)
    updates = {node.state: node.inputs[0] for node in network.nodes if isinstance(node, Update)}
    work = _Work(network, _names(network), updates)
    for node in network.nodes:
        _write(work, node)
    for node in network.nodes:
        _connect(work, node)
    if work.refused:
        raise UnsupportedError(
            f"these nodes have no form in NIR: {', '.join(work.refused)}",
            where="NIR export",
            fix="take a network that runs in one loop over its inputs, of linear maps, pools and spiking neurons",
        )
    record = {"neutrams": _record(work).text()}
    return nir.NIRGraph(nodes=work.nodes, edges=list(work.edges), metadata=record, type_check=False)


def _names(network: Network) -> dict[str, str]:
    """Return a name for each node that HDF5 can hold: without slashes, not empty, not a dot."""
    found: dict[str, str] = {}
    for node in network.nodes:
        name = node.name.replace("/", "_").replace("\0", "_")
        name = name if name.strip(".") else f"node_{name}"
        while name in found.values():
            name += "'"
        found[node.name] = name
    return found


def _write(work: _Work, node: Node) -> None:
    name, network = work.names[node.name], work.network
    match node:
        case Input():
            work.nodes[name] = nir.Input(input_type={"input": np.array(node.shape[1:])})
            if not all(isinstance(reader, Unstack) for reader in network.consumers[node.name]):
                work.refuse(node, "it is not read step by step")
        case Unstack() | State() | Constant() | Update() | Stack() | Pad() | Host():
            why = _misfit(network, node)
            if why is not None:
                work.refuse(node, why)
        case Output():
            _write_output(work, node)
        case Add():
            _write_sum(work, node)
        case _:
            written = write_node(network, node)
            if written is None:
                work.refuse(node, "NIR has nothing like it")
            else:
                work.nodes[name] = written


READERS = {"Constant": (State, Mul), "Pad": (Conv,), "Stack": (Host, Output), "Update": (), "Host": (Output,)}
"""What takes in a node that becomes no NIR node."""


def _misfit(network: Network, node: Node) -> str | None:
    """Return why a node that becomes no NIR node cannot be taken in by its neighbours."""
    for reader in network.consumers[node.name] if node.op in READERS else ():
        if not isinstance(reader, READERS[node.op]):
            return f"it is read by {reader.name!r}"
    given = [network.by_name[name] for name in node.inputs]
    if isinstance(node, Unstack) and not isinstance(given[0], Input):
        return "it does not read an input"
    if isinstance(node, State) and not (isinstance(given[0], Constant) and not given[0].values.any()):
        return "it does not start at zero"
    if isinstance(node, Host) and not (node.function == "sum" and isinstance(given[0], Stack)):
        return f"NIR has no {node.function}"
    if isinstance(node, Pad) and (node.value != 0 or node.before[0] or node.after[0]):
        return "its border is not of zeros around the places of a channel"
    return None


def _write_output(work: _Work, node: Output) -> None:
    source = work.network.by_name[node.inputs[0]]
    stack = work.network.by_name[source.inputs[0]] if isinstance(source, Host) else source
    if not isinstance(stack, Stack):
        work.refuse(node, "it does not read the steps of a loop")
        return
    shape = work.network.shapes[stack.inputs[0]]
    work.nodes[work.names[node.name]] = nir.Output(output_type={"output": np.array(shape)})


def _write_sum(work: _Work, node: Add) -> None:
    """Write what scales the terms of a sum, and the sum itself where another sum reads it; else it is edges only."""
    shape = work.network.shapes[node.name]
    if node.bias.any():
        work.refuse(node, "it has a bias")
    for k in range(len(node.inputs)):
        if (node.coefficients[k] != 1).any():
            factor = f"{work.names[node.name]}.{k}"
            while factor in work.nodes or factor in work.names.values():
                factor += "'"
            work.factors[node.name, k] = factor
            work.nodes[factor] = scale_of(node, k, shape)
    if any(isinstance(reader, Add) for reader in work.network.consumers[node.name]):
        work.nodes[work.names[node.name]] = nir.Scale(scale=np.ones(shape))


def _connect(work: _Work, node: Node) -> None:
    """Add the edges to the NIR nodes of ``node``."""
    name, network = work.names[node.name], work.network
    if isinstance(node, Add):
        for k, source in enumerate(node.inputs):
            if (node.name, k) in work.factors:
                work.link(node, work.sources(source), work.factors[node.name, k])
        if name in work.nodes:
            work.link(node, [source for k in range(len(node.inputs)) for source in work.term(node, k)], name)
    elif name in work.nodes and not isinstance(node, Input):
        tensor = next(each for each in node.inputs if not isinstance(network.by_name[each], Constant))
        while isinstance(network.by_name[tensor], Host | Stack | Pad):
            tensor = network.by_name[tensor].inputs[0]
        found = work.sources(tensor)
        if isinstance(node, Spiking) and node.model == "Delay" and all(late for _, late in found):
            found = [(source, False) for source, _ in found]
            work.nodes[name].delay = (steps_of(node.parameters["delay"], node.dt) + 1) * node.dt
        work.link(node, found, name)


def _record(work: _Work) -> Record:
    network = work.network
    hosts = [isinstance(network.by_name[node.inputs[0]], Host) for node in network.outputs]
    neurons = {}
    for node in network.nodes:
        if isinstance(node, Spiking):
            rules = {key: getattr(node, key) for key in RULES}
            more = {key: node.parameters[key].reshape(-1).tolist() for key in AT_SPIKES if key in node.parameters}
            neurons[work.names[node.name]] = rules | more
    return Record(
        steps=network.inputs[0].shape[0],
        read="count" if all(hosts) else "spikes",
        delayed=tuple(edge for edge, late in work.edges.items() if late),
        neurons=neurons,
    )
