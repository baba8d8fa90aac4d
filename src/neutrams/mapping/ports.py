"""The input ports of a core network: encoders, the tensor elements they carry, and channels for constants."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import UnsupportedError
from neutrams.network import Network, ops
from neutrams.network.border import MOVEMENT, port_tensors
from neutrams.network.loops import Loop

NOTHING = -1
"""Among signals: a constant zero, which needs no axon."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Port:
    """One encoder.

    Attributes:
        encode: Its node.
        name: The port tensor it reads: an input, or what the host computes before the chip.
        shape: Per-sample shape of that tensor.
        first: Its first channel.
        element: int64 ``[channels]``, element of the port tensor (C order), of a sequence that of each step; -1 at the
            end for a constant channel.
        sequence: Whether each step presents its own part of the tensor, along the first axis.
    """

    encode: ops.Encode
    name: str
    shape: tuple[int, ...]
    first: int
    element: IntArray
    sequence: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Channels:
    """What enters the chip.

    Attributes:
        ports: The ports; their channels are numbered through.
        signals: int64 channels of each `Encode` and integer `Constant` by name, in the shape of its tensor.
        of_value: The channel that always carries an integer; `NOTHING` for 0.
    """

    ports: tuple[Port, ...]
    signals: Mapping[str, IntArray]
    of_value: Mapping[int, int]


def moved(node: ops.Node, given: Sequence[IntArray], of_value: Mapping[int, int]) -> IntArray:
    """Apply a data movement to arrays that name elements instead of holding values.

    Args:
        node: A movement or a `Pad`.
        given: int64, one array an input.
        of_value: What stands for the value of a `Pad`.
    """
    match node:
        case ops.Reshape():
            return given[0].reshape(node.shape)
        case ops.Transpose():
            return given[0].transpose(node.axes)
        case ops.Slice():
            return given[0].take(range(node.start, node.stop, node.step), axis=node.axis)
        case ops.Gather():
            return given[0].take(node.indices, axis=node.axis)
        case ops.Pad():
            border = tuple(zip(node.before, node.after, strict=True))
            return np.pad(given[0], border, constant_values=of_value[int(node.value)])
    assert isinstance(node, ops.Concat), node
    return np.concatenate(given, axis=node.axis)


def read_ports(network: Network) -> Channels:
    """Return the ports of a core network.

    Raises:
        UnsupportedError: A constant is negative, or a border is no integer.
    """
    encoders = [node for node in network.nodes if isinstance(node, ops.Encode)]
    drafts = _drafts(network, encoders)
    inside = {node.name for item in network.order if isinstance(item, Loop) for node in item.nodes}
    extra: dict[str, int] = {}  # encoder -> the constant its extra channel carries
    for name, value in _constants(network):
        if value in extra.values() or value == 0:
            continue
        carrier = _carrier(encoders, value, network.steps) or _own_port(encoders, network, name, value)
        extra[carrier.name] = value
        if carrier not in encoders:
            source = next(iter(drafts.values()))[1] if drafts else network.inputs[0].name
            drafts[carrier.name] = (carrier, source, np.zeros(0, dtype=np.int64))
    ports: list[Port] = []
    signals: dict[str, IntArray] = {}
    of_value = {0: NOTHING}
    first = 0
    for name, (encode, source, element) in drafts.items():
        signals[name] = first + np.arange(element.size, dtype=np.int64).reshape(element.shape)
        flat = element.reshape(-1)
        if name in extra:
            of_value[extra[name]] = first + len(flat)
            flat = np.append(flat, -1)
        ports.append(
            Port(
                encode=encode,
                name=source,
                shape=network.shapes[source],
                first=first,
                element=flat,
                sequence=name in inside,
            )
        )
        first += len(flat)
    for node in network.nodes:
        if _is_constant(node, network):
            assert isinstance(node, ops.Constant)
            values, place = np.unique(node.values, return_inverse=True)
            numbers = np.array([of_value[int(value)] for value in values], dtype=np.int64)
            signals[node.name] = numbers[place].reshape(node.values.shape)
    return Channels(ports=tuple(ports), signals=signals, of_value=of_value)


def _is_constant(node: ops.Node, network: Network) -> bool:
    """Whether a node is an integer constant that axons read; what states begin with needs none."""
    readers = network.consumers[node.name]
    integer = isinstance(node, ops.Constant) and node.values.dtype.kind == "i"
    return integer and not all(isinstance(reader, ops.State) for reader in readers)


def _constants(network: Network) -> Iterator[tuple[str, int]]:
    """Yield (node, value) of every integer that constants and borders on the chip hold, ascending within a node."""
    inside: set[str] = set()
    for node in network.nodes:
        if _is_constant(node, network):
            assert isinstance(node, ops.Constant)
            yield from ((node.name, int(value)) for value in np.unique(node.values))
        elif not isinstance(node, ops.Encode) and (isinstance(node, ops.Decode) or inside.isdisjoint(node.inputs)):
            continue
        elif isinstance(node, ops.Pad):
            if node.value != int(node.value):
                raise UnsupportedError(
                    f"its border is {node.value}, signals are integers",
                    where=f"mapping, node {node.name!r}",
                    fix="give the integer that stands for the value",
                )
            yield node.name, int(node.value)
        inside.add(node.name)


def _carrier(encoders: Sequence[ops.Encode], value: int, steps: int) -> ops.Encode | None:
    """The first encoder whose extra channel would carry ``value`` at every step (a spread one only if high is T)."""
    always = ((e, e.high if e.code == "level" else int(e.high == steps)) for e in encoders)
    return next((e for e, carried in always if carried == value), None)


def _own_port(encoders: Sequence[ops.Encode], network: Network, name: str, value: int) -> ops.Encode:
    """An encoder for nothing but one constant."""
    if value < 0:
        raise UnsupportedError(
            f"it holds {value}, a channel carries nothing below 0",
            where=f"mapping, node {name!r}",
            fix="give a bias row the largest integer of an encoder, and the sign to its weights",
        )
    source = encoders[0].inputs[0] if encoders else network.inputs[0].name
    return ops.Encode(name=f"{name} = {value}", inputs=(source,), scale=1.0, zero=0.0, low=0, high=value)


def _drafts(network: Network, encoders: Sequence[ops.Encode]) -> dict[str, tuple[ops.Encode, str, IntArray]]:
    """For every encoder: its port tensor, and which element of it stands where, int64 in the encoder's shape."""
    tensors = port_tensors(network)
    found: dict[str, IntArray] = {}
    for node in network.nodes:
        if node.name in tensors.values() or (isinstance(node, ops.Unstack) and node.inputs[0] in found):
            shape = network.shapes[node.name]
            found[node.name] = np.arange(prod(shape), dtype=np.int64).reshape(shape)
        elif isinstance(node, MOVEMENT) and all(name in found for name in node.inputs):
            found[node.name] = moved(node, [found[name] for name in node.inputs], {})
    return {encode.name: (encode, tensors[encode.name], found[encode.inputs[0]]) for encode in encoders}
