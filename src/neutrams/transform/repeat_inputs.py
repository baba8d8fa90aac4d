"""Read inputs on several axons where a layer leaves some free: weights of few bits then add up to more."""

from collections.abc import Mapping
from dataclasses import replace
from math import prod

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.network.shapes import Shape
from neutrams.transform.contract import network_pass
from neutrams.transform.cuts import tiles
from neutrams.transform.facts import units_are_simple
from neutrams.transform.room import axons_to_fill, inputs_of_a_core
from neutrams.transform.scope import Scope

MOST_AXONS = 4
"""Most axons of a neuron that carry one input [count]."""


@network_pass(requires=(units_are_simple,), ensures=(units_are_simple,))
def repeat_inputs(network: Network, chip: Chip, data: Mapping[str, AnyArray]) -> Network:
    """Return the network with first layers that read inputs several times where that takes no tile more; same function.

    A dense layer of more inputs than a core has axons is divided into parts: the axons these would leave free carry
    the most telling inputs again. A convolution reads its image as often as its tiles have axons to spare. No neuron is
    added: the host sends an input to one more axon.

    Args:
        network: A canonical network.
        chip: Gives axons and neurons of a core.
        data: Calibration samples ``[N, *shape]`` by input.
    """
    scope = Scope(network)

    def repeated(node: ops.Node) -> list[ops.Node]:
        source = _input_of(network, node)
        if source is None or not isinstance(node, ops.Linear | ops.Conv):
            return [node]
        if isinstance(node, ops.Conv):
            size = network.shapes[node.name][1:], network.shapes[source][1:]
            taken = np.tile(np.arange(node.weights.shape[1]), _free_copies(node, size, chip))
        else:
            variance = data[source].reshape(len(data[source]), -1).var(axis=0, dtype=np.float64)
            taken = _taken(np.square(node.weights).sum(axis=0) * variance, chip)
        if len(taken) == node.weights.shape[1]:
            return [node]
        share = node.weights / np.bincount(taken).reshape(-1, *(1,) * (node.weights.ndim - 2))
        lines = ops.Gather(name=scope.fresh(f"{node.name} axons"), inputs=node.inputs, indices=taken, axis=0)
        return [lines, replace(node, inputs=(lines.name,), weights=np.ascontiguousarray(share[:, taken]))]

    return network.map(repeated)


def _input_of(network: Network, node: ops.Node) -> str | None:
    """Return the network's input that a layer reads, all of it and in its order; None where it reads anything else."""
    if not isinstance(node, ops.Linear | ops.Conv) or (isinstance(node, ops.Conv) and node.groups > 1):
        return None
    passed: type[ops.Node] = ops.Pad if isinstance(node, ops.Conv) else ops.Reshape
    source = network.by_name[node.inputs[0]]
    while isinstance(source, passed) and not (isinstance(source, ops.Pad) and (source.before[0] or source.after[0])):
        source = network.by_name[source.inputs[0]]
    return source.name if isinstance(source, ops.Input) else None


def _free_copies(node: ops.Conv, size: tuple[Shape, Shape], chip: Chip) -> int:
    """Return how often a convolution can read its image without one tile more, by estimate.

    Args:
        node: The convolution.
        size: Output places along each axis, and inputs along each axis without padding.
        chip: Gives axons and neurons of a core.
    """
    copies, core = 1, (axons_to_fill(chip), chip.core.neurons)
    while copies < MOST_AXONS:
        wide = replace(node, weights=np.tile(node.weights, (1, copies + 1, *(1,) * len(size[0]))))
        full = prod(wide.weights.shape[1:]) > core[0]
        if full or tiles(wide, size, 1, (*core, 1)) > tiles(node, size, 1, (*core, 1)):
            break
        copies += 1
    return copies


def _taken(power: FloatArray, chip: Chip) -> IntArray:
    """Return which input each axon carries: all of them once in order, then the most powerful again.

    The parts of a layer are interleaved, x[g::parts]: copies of an input are put where its own part takes them.
    """
    n = len(power)
    parts = -(-n // inputs_of_a_core(chip))
    position = np.arange(n, max(n, min(parts * axons_to_fill(chip), MOST_AXONS * n)), dtype=np.int64)
    again = np.empty(len(position), dtype=np.int64)
    for part in range(parts):
        own = np.arange(part, n, parts)
        falling = own[np.argsort(-power[own], kind="stable")]
        free = position % parts == part
        again[free] = np.resize(falling, int(free.sum()))
    return np.concatenate([np.arange(n, dtype=np.int64), again])
