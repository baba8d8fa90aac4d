"""Divide layers whose fan-in exceeds a core's axons into partial sums that fit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise, product
from math import prod

import numpy as np

from neutrams.network import Network, ops
from neutrams.network.shapes import Shape
from neutrams.transform.contract import network_pass
from neutrams.transform.cuts import best_groups
from neutrams.transform.facts import functions_native, summed_by_host, tail_of, units_are_simple
from neutrams.transform.names import part_name
from neutrams.transform.pairs import carried_by_pairs, signed_views
from neutrams.transform.scope import Rewritten, Scope, rewritten


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """How layers are divided.

    Attributes:
        fan_in: Most inputs of a Linear or a convolution's neuron [count].
        terms: Most terms of an Add [count], >= 2; fewer than ``fan_in`` where several neurons carry each term.
        neurons: Neurons of a core [count]; decides how many parts a convolution is divided into, where it must be.
        pairs: Carry each partial sum z by two neurons, relu(z) and relu(-z), for chips whose signals are unsigned and
            whose neurons cannot carry an offset.
        spread_bias: Share the bias out to the partial sums instead of adding it to their sum.
    """

    fan_in: int
    terms: int
    neurons: int = 256
    pairs: bool = False
    spread_bias: bool = False


@network_pass(requires=(units_are_simple, functions_native), ensures=(units_are_simple, functions_native))
def split_fan_in(network: Network, plan: SplitPlan) -> Network:
    """Return the network with no accumulator of more inputs than ``plan`` allows; its function stays the same.

    A Linear of larger fan-in becomes G = ceil(in / fan_in) partial sums over interleaved inputs x[g::G] and an
    Add that sums them; an Add of too many terms becomes a tree of Adds. Interleaved groups see the whole input each, so
    partial sums are of like size (contiguous ones cost up to a point of accuracy: reference/prototypes.md).
    A convolution is divided by channels in the same way, and where one channel's kernel is too large by pieces of it.

    Args:
        network: A lowered network.
        plan: The limits, and how partial sums travel.

    References:
        Ji et al. (2018), full expansion. arXiv:1801.00746
    """
    tail = tail_of(network)
    doubled = signed_views(network) if plan.pairs else frozenset()

    def divided(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Linear | ops.Conv) or node.name in tail:
            return [node]
        most = plan.fan_in // 2 if node.inputs[0] in doubled else plan.fan_in
        if prod(node.weights.shape[1:]) <= most:
            return [node]
        decoded = all(reader.name in tail for reader in network.consumers[node.name])
        if isinstance(node, ops.Linear):
            parts = _linear_parts(node, most)
        else:
            core = (most, plan.neurons, max(1, plan.fan_in // plan.terms))
            parts = _conv_parts(node, (network.shapes[node.name][1:], _unpadded(network, node)), core)
        return _summed(node, parts, plan.spread_bias and not decoded)

    network = rewritten(network.map(divided), (_sum_of_partial_sums, _border_before_join))
    network = _with_trees(network, plan.terms)
    return carried_by_pairs(network) if plan.pairs else network


Part = tuple[list[ops.Node], ops.Linear | ops.Conv]
"""The moves that pick a part's inputs, and the part with the weights but without a bias."""


def _summed(node: ops.Linear | ops.Conv, parts: Iterator[Part], spread_bias: bool) -> list[ops.Node]:
    """Return the parts and the Add, under the name of ``node``, that sums them."""
    found = list(parts)
    groups, out = len(found), len(node.bias)
    share = node.bias / groups if spread_bias else np.zeros(out)
    rest = np.zeros(out) if spread_bias else node.bias
    names = tuple(part.name for _, part in found)
    total = ops.Add(name=node.name, inputs=names, coefficients=np.ones((groups, out)), bias=rest)
    return [n for moves, part in found for n in (*moves, replace(part, bias=share))] + [total]


def _linear_parts(node: ops.Linear, most: int) -> Iterator[Part]:
    fan_in = node.weights.shape[1]
    groups = -(-fan_in // most)
    for g in range(groups):
        name = part_name(node.name, f"{g + 1}/{groups}")
        rows = ops.Slice(name=f"{name} inputs", inputs=node.inputs, start=g, stop=fan_in, step=groups)
        yield [rows], replace(node, name=name, inputs=(rows.name,), weights=node.weights[:, g::groups])


def _unpadded(network: Network, node: ops.Conv) -> Shape:
    """Return the size of what ``node`` reads, without the border around it."""
    source = network.by_name[node.inputs[0]]
    return network.shapes[source.inputs[0] if isinstance(source, ops.Pad) else source.name][1:]


def _conv_parts(node: ops.Conv, size: tuple[Shape, Shape], core: tuple[int, int, int]) -> Iterator[Part]:
    """Interleaved channels of each group; pieces of the kernel where a whole one does not fit."""
    most = core[0]
    channels, *kernel = node.weights.shape[1:]
    pieces = _kernel_pieces(tuple(kernel), most)
    largest = max(prod(stop - start for start, stop in piece) for piece in pieces)
    cuts = -(-channels // max(1, most // largest))
    if node.groups == 1 and len(pieces) == 1:
        cuts = best_groups(node, size, cuts, core)
    total = cuts * len(pieces)
    for g, (cut, piece) in enumerate(product(range(cuts), pieces)):
        name = part_name(node.name, f"{g + 1}/{total}")
        moves: list[ops.Node] = []
        source = node.inputs[0]
        if cuts > 1:
            taken = np.concatenate([np.arange(cut, channels, cuts) + k * channels for k in range(node.groups)])
            moves.append(ops.Gather(name=f"{name} channels", inputs=(source,), indices=taken, axis=0))
            source = moves[-1].name
        for axis, (start, stop) in enumerate(piece):
            if (start, stop) == (0, kernel[axis]):
                continue
            first = start * node.dilation[axis]
            reach = (size[0][axis] - 1) * node.stride[axis] + (stop - start - 1) * node.dilation[axis] + 1
            window = ops.Slice(
                name=f"{name} axis {axis}", inputs=(source,), start=first, stop=first + reach, axis=1 + axis
            )
            moves.append(window)
            source = window.name
        inside = (slice(None), slice(cut, None, cuts), *(slice(start, stop) for start, stop in piece))
        yield moves, replace(node, name=name, inputs=(source,), weights=np.ascontiguousarray(node.weights[inside]))


Piece = tuple[tuple[int, int], ...]
"""(start, stop) along each axis of a kernel."""


def _kernel_pieces(kernel: tuple[int, ...], most: int) -> list[Piece]:
    """Cut a kernel, its first axis finest, into even boxes of at most ``most`` taps."""
    lengths = list(kernel)
    for axis in range(len(kernel)):
        rest = prod(lengths[axis + 1 :])
        lengths[axis] = max(1, min(lengths[axis], most // (prod(lengths[:axis]) * rest)))
    axes = []
    for n, length in zip(kernel, lengths, strict=True):
        count = -(-n // length)
        edges = [round(k * n / count) for k in range(count + 1)]
        axes.append(list(pairwise(edges)))
    return list(product(*axes))


def _sum_of_partial_sums(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Let a sum read the partial sums of a layer that nothing else reads, instead of their sum: one stage less."""
    if not isinstance(node, ops.Add) or node.name in scope.tail:
        return None
    for k, name in enumerate(node.inputs):
        inner = scope.network.by_name[name]
        if isinstance(inner, ops.Add) and len(inner.inputs) > 1 and scope.sole(name) and node.inputs.count(name) == 1:
            gain = node.coefficients[k]
            names = (*node.inputs[:k], *inner.inputs, *node.inputs[k + 1 :])
            if len(set(names)) < len(names):
                continue
            rows = (node.coefficients[:k], gain * inner.coefficients, node.coefficients[k + 1 :])
            bias = node.bias + gain * inner.bias
            return {node.name: [replace(node, inputs=names, coefficients=np.concatenate(rows), bias=bias)]}
    return None


def _border_before_join(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Put a border around what is joined, not around the join: signed and unsigned tensors differ in what 0 is."""
    join = scope.source(node) if isinstance(node, ops.Pad) and node.name not in scope.tail else None
    if not isinstance(node, ops.Pad) or not isinstance(join, ops.Concat):
        return None
    axis = join.axis % len(node.before)
    if node.before[axis] or node.after[axis]:
        return None
    borders = [
        replace(node, name=scope.fresh(f"{node.name} of {name} {k}"), inputs=(name,))
        for k, name in enumerate(join.inputs)
    ]
    return {node.name: [*borders, replace(join, name=node.name, inputs=tuple(b.name for b in borders))]}


def _with_trees(network: Network, terms: int) -> Network:
    """Return the network with sums of more than ``terms`` inputs as trees, but for those that the decoder adds up."""
    tail = tail_of(network)

    def treed(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Add) or node.name in tail or len(node.inputs) <= terms:
            return [node]
        return [node] if summed_by_host(network, node, tail) else _sum_tree(node, terms)

    return network.map(treed)


def _sum_tree(node: ops.Add, terms: int) -> list[ops.Node]:
    """Return ``node`` below as many layers of partial Adds as it takes for ``terms`` inputs each."""
    nodes: list[ops.Node] = []
    level = 0
    while len(node.inputs) > terms:
        level += 1
        groups = -(-len(node.inputs) // terms)
        names = []
        for g in range(groups):
            name = part_name(node.name, f"sum {level}.{g + 1}/{groups}")
            inputs, gains = node.inputs[g::groups], node.coefficients[g::groups]
            nodes.append(ops.Add(name=name, inputs=inputs, coefficients=gains, bias=np.zeros_like(node.bias)))
            names.append(name)
        node = replace(node, inputs=tuple(names), coefficients=np.ones((groups, len(node.bias))))
    return [*nodes, node]
