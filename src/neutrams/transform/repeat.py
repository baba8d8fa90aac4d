"""Carry channels by several neurons where their reader's fan-in leaves room: few bits then add up to more.

Copies of a neuron round at staggered points, and each has a weight of its own: k of them give a signal about k times as
many levels, and its weight too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import CLIPPING, tail_of, units_are_simple
from neutrams.transform.room import axons_to_fill, inputs_of_a_core

MOST_FREE = 4
"""Most neurons a channel where they take no tile more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """A layer whose channels only one other layer reads, and what stands between them, reader's side first."""

    giver: ops.Linear | ops.Conv
    between: tuple[ops.Node, ...]
    reader: ops.Linear | ops.Conv


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A network some channels of which stand in it several times.

    Attributes:
        network: The network.
        channels: int64 ``[C]`` by tensor, which channel of the original each one is; only tensors with copies.
    """

    network: Network
    channels: Mapping[str, IntArray]


def repeat_channels(network: Network, chip: Chip, most: int) -> Repeated:
    """Return the network with channels of hidden layers repeated, as far as the next layer's fan-in allows.

    The copies share the channel's weights in the next layer, so the function stays the same. Dense layers are widened
    as far as they and the next one stay in the tiles they take anyway. For ``most`` > 1 all layers are: what a dense
    layer reads as far as that, whether it has to be divided or not; what a convolution reads as far as its fan-in
    allows, for its partial sums would be many. Where not all channels can have one more copy, those do whose product of
    weights before and after is largest.

    Args:
        network: A canonical network.
        chip: Gives axons and neurons of a core.
        most: Most neurons a channel where that takes more tiles.

    References:
        Ji et al. (2016), data re-encoding. doi 10.1109/MICRO.2016.7783724
    """
    tail, channels = tail_of(network), dict[str, IntArray]()
    for name in [node.name for node in network.nodes if node.name not in tail]:
        route = _route(network, network.by_name[name])
        if route is not None:
            copies = _copies(route, chip, most)
            if (copies > 1).any():
                taken = np.concatenate([np.flatnonzero(copies > k) for k in range(int(copies.max()))])
                network = _widened(network, route, taken)
                channels |= {node.name: taken for node in (route.giver, *route.between)}
    return Repeated(network=network, channels=channels)


def _route(network: Network, reader: ops.Node) -> _Route | None:
    """Return the way from a layer with ReLU to ``reader``, if nothing else reads it and its channels stay apart."""
    if not isinstance(reader, ops.Linear | ops.Conv) or _groups(reader) > 1:
        return None
    between: list[ops.Node] = []
    node = network.by_name[reader.inputs[0]]
    while not isinstance(node, ops.Linear | ops.Conv):
        if not _channelwise(network, node) or len(network.consumers[node.name]) > 1:
            return None
        between.append(node)
        node = network.by_name[node.inputs[0]]
    active = any(isinstance(each, ops.Activation) for each in between)
    if not active or len(network.consumers[node.name]) > 1 or _groups(node) > 1:
        return None
    return _Route(giver=node, between=tuple(between), reader=reader)


def _groups(node: ops.Linear | ops.Conv) -> int:
    return node.groups if isinstance(node, ops.Conv) else 1


def _channelwise(network: Network, node: ops.Node) -> bool:
    """Whether ``node`` does with each channel the same, or lays the channels out one after the other."""
    if isinstance(node, ops.Activation):
        return node.function in CLIPPING
    if isinstance(node, ops.Pad):
        return node.before[0] == node.after[0] == 0
    return isinstance(node, ops.Pool) or (isinstance(node, ops.Reshape) and len(network.shapes[node.name]) == 1)


def _copies(route: _Route, chip: Chip, most: int) -> IntArray:
    """Return how many neurons carry each channel of the giver, int64 ``[C]``."""
    giver, reader, core = route.giver, route.reader, chip.core
    channels = len(giver.weights)
    room = axons_to_fill(chip) // (prod(reader.weights.shape[1:]) // channels)
    copies = _shared_out(route, most * channels if isinstance(reader, ops.Linear) else room, most)
    dense = isinstance(giver, ops.Linear) and isinstance(reader, ops.Linear)
    widest = max(channels, len(reader.weights))
    whole = prod(giver.weights.shape[1:]) <= inputs_of_a_core(chip)
    if dense and whole and widest <= core.neurons:
        copies = np.maximum(copies, _shared_out(route, min(room, core.neurons), MOST_FREE))
    return copies


def _shared_out(route: _Route, room: int, most: int) -> IntArray:
    """Return up to ``most`` copies of each channel, as many in all as there is ``room``; no fewer than one of each."""
    channels = len(route.giver.weights)
    copies = np.full(channels, min(most, max(1, room // channels)), dtype=np.int64)
    if copies[0] < most and room > channels:
        copies[np.argsort(-_weight(route), kind="stable")[: room % channels]] += 1
    return copies


def _weight(route: _Route) -> FloatArray:
    """Return about how much each channel moves the reader: the product of the weights before and after it ``[C]``."""
    before = route.giver.weights.reshape(len(route.giver.weights), -1)
    after = _by_channel(route)
    found: FloatArray = np.square(before).sum(axis=1) * np.square(after).sum(axis=(0, 2))
    return found


def _by_channel(route: _Route) -> FloatArray:
    """Return the reader's weights as ``[out, C, taps]``."""
    weights: FloatArray = route.reader.weights.reshape(len(route.reader.weights), len(route.giver.weights), -1)
    return weights


@network_pass(requires=(units_are_simple,), ensures=(units_are_simple,))
def _widened(network: Network, route: _Route, taken: IntArray) -> Network:
    """Return the network with the channels ``taken`` of a route."""
    giver, reader = route.giver, route.reader
    copies = np.bincount(taken)
    shared = (_by_channel(route) / copies[:, None])[:, taken]
    form = (len(shared), len(taken), *reader.weights.shape[2:]) if isinstance(reader, ops.Conv) else (len(shared), -1)
    new: dict[str, ops.Node] = {
        giver.name: replace(giver, weights=giver.weights[taken], bias=giver.bias[taken]),
        reader.name: replace(reader, weights=np.ascontiguousarray(shared.reshape(form))),
    }
    for node in route.between:
        if isinstance(node, ops.Reshape):
            elements = network.shapes[node.name][0] // len(copies) * len(taken)
            new[node.name] = replace(node, shape=(elements,))
    return network.map(lambda node: [new.get(node.name, node)])
