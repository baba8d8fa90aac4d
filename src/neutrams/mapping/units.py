"""The units of a core network: each accumulator with its neurons, and where every row of its matrix comes from.

A *signal* is what one axon may read: first all input channels, numbered through the ports, then all neurons, numbered
through the units (of a unit in C order, channels first). Data movement only permutes signals, so it costs nothing on a
chip.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import UnsupportedError
from neutrams.hardware import Chip
from neutrams.mapping.ports import Port, moved, read_ports
from neutrams.mapping.states import Held, memories, state_unit
from neutrams.mapping.unit import Unit, unit_of_add, unit_of_conv, unit_of_linear
from neutrams.network import Network, ops
from neutrams.network.border import MOVEMENT
from neutrams.network.shapes import Shape


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Units:
    """A core network as a mapper sees it.

    Attributes:
        model: The neuron model all neurons follow.
        steps: T.
        ports: Input ports; their channels are signals 0 … channels-1.
        units: The units, sources before readers.
        outputs: Each `Decode` with the int64 ``[n]`` signals it reads.
        channels: Input channels of all ports.
        signals: Channels and neurons together.
        memory: int64 ``[3, n]``, what a signal holds before the first step where that is not 0: signal, value, channel
            that gives it instead (-1: none).
        sequences: Outputs that each step gives anew, by the name of their `Decode`.
        potentials: Outputs that read potentials, likewise.
    """

    model: str
    steps: int
    ports: tuple[Port, ...]
    units: tuple[Unit, ...]
    outputs: tuple[tuple[ops.Decode, IntArray], ...]
    channels: int
    signals: int
    memory: IntArray
    sequences: frozenset[str]
    potentials: frozenset[str]

    @property
    def constant(self) -> IntArray:
        """int64 ``[signals]``: 1 for a channel that always carries the same value, else 0."""
        flags = np.zeros(self.signals, dtype=np.int64)
        for port in self.ports:
            flags[port.first : port.first + len(port.element)] = port.element < 0
        return flags

    @property
    def unit_of(self) -> IntArray:
        """int64 ``[signals]``: which unit a signal belongs to; -1 for channels."""
        index = np.full(self.signals, -1, dtype=np.int64)
        for i, unit in enumerate(self.units):
            index[unit.first : unit.first + len(unit)] = i
        return index


def read_units(network: Network, chip: Chip) -> Units:
    """Return the units of a transformed network; what does not reach an output is left out.

    Raises:
        UnsupportedError: The network is not in core operators, or its values do not fit the chip's tables.
    """
    network = network.pruned()
    entering = read_ports(network)
    signals = dict(entering.signals)
    channels = sum(len(port.element) for port in entering.ports)
    count = channels
    units: list[Unit] = []
    states: dict[str, int] = {}
    held: list[Held] = []
    outputs: list[tuple[ops.Decode, IntArray]] = []
    for node in network.nodes:
        known = all(name in signals for name in node.inputs)
        if isinstance(node, ops.State):
            states[node.name] = count
            signals[node.name] = _numbered(count, network.shapes[node.name])
            count += signals[node.name].size
        elif isinstance(node, ops.Update) and known:
            signals[node.name] = signals[node.inputs[0]]
            held.append(_held(network, node.state, states[node.state], signals, signals[node.name]))
        elif isinstance(node, ops.Neuron):
            units.append(_unit(node, network.by_name[node.inputs[0]], signals, count))
            signals[node.name] = _numbered(count, network.shapes[node.name])
            count += signals[node.name].size
        elif isinstance(node, ops.Decode) and known:
            outputs.append((node, _decoded(node, signals[node.inputs[0]], channels)))
        elif known and isinstance(node, (*MOVEMENT, ops.Pad)):
            signals[node.name] = moved(node, [signals[name] for name in node.inputs], entering.of_value)
    _check_whole(units, outputs, chip)
    units += [state_unit(state, tuple(units), chip) for state in held]
    return Units(
        model=units[0].neuron.model, steps=_steps(network), ports=entering.ports,
        units=tuple(sorted(units, key=lambda unit: unit.first)), outputs=tuple(outputs), channels=channels,
        signals=count, memory=memories(held),
        sequences=frozenset(node.name for node, _ in outputs if node.name in network.loop_steps),
        potentials=_potentials(units, outputs),
    )  # fmt: skip


def _numbered(first: int, shape: Shape) -> IntArray:
    return np.arange(first, first + prod(shape), dtype=np.int64).reshape(shape)


def _held(network: Network, name: str, first: int, signals: Mapping[str, IntArray], source: IntArray) -> Held:
    node = network.by_name[name]
    assert isinstance(node, ops.State), node
    begin = network.by_name[node.inputs[0]]
    return Held(node=node, first=first, source=source, begin=begin, channels=signals.get(begin.name))


def _steps(network: Network) -> int:
    """Return the steps of a sample; where there are loops, all that is on the chip must be in those of one length."""
    inside = network.loop_steps
    on_chip = [node.name for node in network.nodes if isinstance(node, ops.Encode | ops.Neuron | ops.Decode)]
    begins = {node.inputs[0] for node in network.nodes if isinstance(node, ops.State)}
    steps = {inside[name] for name in on_chip if name in inside}
    if not steps:
        return network.steps
    apart = [name for name in on_chip if name not in inside and name not in begins]
    if len(steps) > 1 or apart:
        what = f"loops of {sorted(steps)} steps" if len(steps) > 1 else f"loops, and {apart[0]!r} outside of them,"
        raise _refusal(f"{what} are on the chip together", "network", "keep all of the chip in loops of one length")
    return steps.pop()


def _unit(neuron: ops.Neuron, node: ops.Node, signals: Mapping[str, IntArray], first: int) -> Unit:
    if not isinstance(node, ops.Linear | ops.Conv | ops.Add) or not all(name in signals for name in node.inputs):
        raise _refusal(
            f"it reads the {node.op} {node.name!r}", neuron.name, "lower the network to core operators first"
        )
    weights = node.coefficients if isinstance(node, ops.Add) else node.weights
    if weights.dtype.kind != "i" or node.bias.any():
        raise _refusal("its weights are floats or it has a bias", node.name, "quantise the network first")
    given = [signals[name] for name in node.inputs]
    if isinstance(node, ops.Add):
        return unit_of_add(node, neuron, first, given)
    if isinstance(node, ops.Conv):
        return unit_of_conv(node, neuron, first, given[0])
    if given[0].ndim > 1:
        raise _refusal(f"it reads a tensor of shape {given[0].shape}", node.name, "reshape it to a vector first")
    return unit_of_linear(node, neuron, first, given[0])


def _decoded(node: ops.Decode, signals: IntArray, channels: int) -> IntArray:
    if (signals < channels).any():
        raise _refusal("it reads an input channel; only neurons can be read out", node.name, "put a layer between")
    return signals


def _potentials(units: Sequence[Unit], outputs: Sequence[tuple[ops.Decode, IntArray]]) -> frozenset[str]:
    """Return the outputs that read potentials; only they may read neurons that are to be read so."""
    read = [np.arange(unit.first, unit.first + len(unit)) for unit in units if unit.neuron.readout == "potential"]
    hidden = np.concatenate([np.zeros(0, dtype=np.int64), *read])
    for unit in units:
        if np.isin(unit.table, hidden).any():
            raise _refusal("it reads neurons that are read as potentials", unit.name, "read their outputs")
    found = {node.name: np.isin(signals, hidden) for node, signals in outputs}
    mixed = next((name for name, those in found.items() if those.any() and not those.all()), None)
    if mixed is not None:
        raise _refusal("it reads outputs and potentials", mixed, "decode them apart")
    return frozenset(name for name, those in found.items() if those.any())


def _check_whole(units: Sequence[Unit], outputs: Sequence[object], chip: Chip) -> None:
    if not units or not outputs:
        raise _refusal("it has no neurons on the chip that reach an output", "network", "transform it for this chip")
    models = sorted({unit.neuron.model for unit in units})
    if len(models) > 1 or models[0] not in chip.neuron.models:
        raise _refusal(
            f"its neurons follow {', '.join(models)}; a program has one model, {chip.name} runs {chip.neuron.models}",
            "network",
            "transform it for one model of this chip",
        )
    low, high = chip.core.weight_range
    for unit in units:
        if unit.weights.size and (unit.weights.min() < low or unit.weights.max() > high):
            found = f"{unit.weights.min()} … {unit.weights.max()}"
            raise _refusal(f"its weights {found} leave the range {low} … {high}", unit.name, "quantise for this chip")


def _refusal(what: str, name: str, fix: str) -> UnsupportedError:
    return UnsupportedError(what, where=f"mapping, node {name!r}", fix=fix)
