"""The units of a core network: each accumulator with its neurons, and where every row of its matrix comes from.

A *signal* is what one axon may read: first all input channels, numbered through the ports, then all neurons, numbered
through the units. Data movement (`Slice`, `Concat`, `Reshape`) only permutes signals, so it costs nothing on a chip.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import UnsupportedError
from neutrams.hardware import Chip
from neutrams.mapping.ports import Port, moved, read_ports
from neutrams.network import Network, ops

NOTHING = -1
"""In a vector of signals: a constant zero, which needs no axon."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unit:
    """One accumulator and the neurons that read it.

    Attributes:
        name: Name of the accumulator's node.
        neuron: The neurons.
        first: Signal of neuron 0; the others follow.
        sources: int64 ``[rows]`` signals of a `Linear`, ``[K, n]`` of an `Add` (K diagonal blocks).
        weights: int64 ``[n, rows]`` of a `Linear`, ``[K, n]`` of an `Add`.
    """

    name: str
    neuron: ops.Neuron
    first: int
    sources: IntArray
    weights: IntArray

    @property
    def diagonal(self) -> bool:
        """Whether this is an elementwise sum."""
        return self.sources.ndim == 2

    def __len__(self) -> int:
        return len(self.neuron.scale)


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
    """

    model: str
    steps: int
    ports: tuple[Port, ...]
    units: tuple[Unit, ...]
    outputs: tuple[tuple[ops.Decode, IntArray], ...]
    channels: int
    signals: int

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
    ports, signals = read_ports(network)
    channels = sum(len(port.element) for port in ports)
    count = channels
    units: list[Unit] = []
    outputs: list[tuple[ops.Decode, IntArray]] = []
    for node in network.nodes:
        known = all(name in signals for name in node.inputs)
        if isinstance(node, ops.Neuron):
            units.append(_unit(node, network.by_name[node.inputs[0]], signals, count))
            signals[node.name] = count + np.arange(len(node.scale), dtype=np.int64)
            count += len(node.scale)
        elif isinstance(node, ops.Decode) and known:
            outputs.append((node, _decoded(node, signals[node.inputs[0]], channels)))
        elif known and isinstance(node, ops.Reshape | ops.Slice | ops.Concat):
            signals[node.name] = moved(node, [signals[name] for name in node.inputs])
    _check_whole(units, outputs, chip)
    return Units(
        model=units[0].neuron.model, steps=network.steps, ports=ports, units=tuple(units), outputs=tuple(outputs),
        channels=channels, signals=count,
    )  # fmt: skip


def _unit(neuron: ops.Neuron, node: ops.Node, signals: Mapping[str, IntArray], first: int) -> Unit:
    if not isinstance(node, ops.Linear | ops.Add) or not all(name in signals for name in node.inputs):
        raise _refusal(
            f"it reads the {node.op} {node.name!r}", neuron.name, "lower the network to core operators first"
        )
    if isinstance(node, ops.Linear):
        sources, weights = signals[node.inputs[0]], node.weights
    else:
        sources, weights = np.stack([signals[name] for name in node.inputs]), node.coefficients
    if weights.dtype.kind != "i" or node.bias.any():
        raise _refusal("its weights are floats or it has a bias", node.name, "quantise the network first")
    silent = sources == NOTHING
    weights = np.where(silent, 0, weights)  # broadcasts over the neurons of a Linear
    return Unit(name=node.name, neuron=neuron, first=first, sources=np.where(silent, 0, sources), weights=weights)


def _decoded(node: ops.Decode, signals: IntArray, channels: int) -> IntArray:
    if (signals < channels).any():
        raise _refusal("it reads an input channel; only neurons can be read out", node.name, "put a layer between")
    return signals


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
