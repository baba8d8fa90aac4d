"""The input ports of a core network: encoders, the tensor elements they carry, and channels for constants."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import UnsupportedError
from neutrams.network import Network, ops


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Port:
    """One encoder.

    Attributes:
        encode: Its node.
        source: The input tensor it reads.
        first: Its first channel.
        element: int64 ``[channels]``, element of the input tensor (C order); -1 at the end for a constant channel.
    """

    encode: ops.Encode
    source: ops.Input
    first: int
    element: IntArray


def moved(node: ops.Node, given: Sequence[IntArray]) -> IntArray:
    """Apply a data movement to arrays that name elements instead of holding values."""
    if isinstance(node, ops.Reshape):
        return given[0].reshape(node.shape)
    if isinstance(node, ops.Slice):
        return given[0][..., node.start : node.stop : node.step]
    assert isinstance(node, ops.Concat), node
    return np.concatenate(given, axis=-1)


def read_ports(network: Network) -> tuple[tuple[Port, ...], dict[str, IntArray]]:
    """Return the ports, and the channels each encoder and integer constant stands for by node name (-1: a zero).

    Raises:
        UnsupportedError: An encoder reads something else than one input tensor, or a constant is negative.
    """
    encoders = [node for node in network.nodes if isinstance(node, ops.Encode)]
    constants = [n for n in network.nodes if isinstance(n, ops.Constant) and n.values.dtype.kind == "i"]
    constants = [node for node in constants if network.consumers[node.name]]
    elements = _elements(network)
    drafts = [(encode, *_one_tensor(encode, elements)) for encode in encoders]
    channels: dict[str, IntArray] = {}
    extra: dict[str, int] = {}  # encoder -> the constant its extra channel carries
    for node in constants:
        for value in sorted(set(node.values[node.values != 0].tolist()) - set(extra.values())):
            carrier = _carrier(encoders, value, network.steps) or _own_port(network.inputs[0], node.name, value)
            extra[carrier.name] = value
            if carrier not in encoders:
                drafts.append((carrier, network.inputs[0], np.zeros(0, dtype=np.int64)))
    ports: list[Port] = []
    of_value: dict[int, int] = {0: -1}
    first = 0
    for encode, source, element in drafts:
        channels[encode.name] = first + np.arange(len(element), dtype=np.int64)
        if encode.name in extra:
            of_value[extra[encode.name]] = first + len(element)
            element = np.append(element, -1)  # noqa: PLW2901
        ports.append(Port(encode=encode, source=source, first=first, element=element))
        first += len(element)
    for node in constants:
        channels[node.name] = np.vectorize(of_value.__getitem__, otypes=[np.int64])(node.values)
    return tuple(ports), channels


def _carrier(encoders: Sequence[ops.Encode], value: int, steps: int) -> ops.Encode | None:
    """The first encoder whose extra channel would carry ``value`` at every step (a spread one only if high is T)."""
    always = ((e, e.high if e.code == "level" else int(e.high == steps)) for e in encoders)
    return next((e for e, carried in always if carried == value), None)


def _own_port(source: ops.Input, name: str, value: int) -> ops.Encode:
    """An encoder for nothing but one constant."""
    if value < 0:
        raise UnsupportedError(
            f"it holds {value}, a channel carries nothing below 0",
            where=f"mapping, node {name!r}",
            fix="give a bias row the largest integer of an encoder, and the sign to its weights",
        )
    return ops.Encode(name=f"{name} = {value}", inputs=(source.name,), scale=1.0, zero=0.0, low=0, high=value)


def _elements(network: Network) -> dict[str, tuple[ops.Input, IntArray]]:
    """For every node that only moves one input tensor: that input, and which element stands where."""
    found: dict[str, tuple[ops.Input, IntArray]] = {}
    for node in network.nodes:
        if isinstance(node, ops.Input):
            size = int(np.prod(node.shape))
            found[node.name] = (node, np.arange(size, dtype=np.int64).reshape(node.shape))
        elif isinstance(node, ops.Reshape | ops.Slice | ops.Concat) and all(name in found for name in node.inputs):
            sources = {found[name][0].name for name in node.inputs}
            if len(sources) == 1:
                found[node.name] = (found[node.inputs[0]][0], moved(node, [found[name][1] for name in node.inputs]))
    return found


def _one_tensor(encode: ops.Encode, elements: dict[str, tuple[ops.Input, IntArray]]) -> tuple[ops.Input, IntArray]:
    if encode.inputs[0] not in elements:
        raise UnsupportedError(
            f"it reads {encode.inputs[0]!r}, which is not one input tensor in another order",
            where=f"mapping, node {encode.name!r}",
            fix="keep float operators out of the way between an input and its encoder, or run them on the host",
        )
    return elements[encode.inputs[0]]
