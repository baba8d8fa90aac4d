"""Carry signed tensors by two neurons a value, relu(z) and relu(-z): for unsigned signals without an offset."""

from dataclasses import replace

import numpy as np

from neutrams.network import Network, ops
from neutrams.transform.facts import ACCUMULATORS, MOVES, summed_by_host, tail_of
from neutrams.transform.names import part_name

Pair = tuple[str, str]
"""Names of the tensors that carry the positive and the negative part."""


def signed_tensors(network: Network) -> frozenset[str]:
    """Names of the accumulators without activation that another unit of the chip reads."""
    tail = tail_of(network)
    return frozenset(
        node.name
        for node in network.nodes
        if isinstance(node, ACCUMULATORS)
        and node.name not in tail
        and any(not isinstance(r, ops.Activation) and r.name not in tail for r in network.consumers[node.name])
        and not all(summed_by_host(network, r, tail) for r in network.consumers[node.name])
    )


def signed_views(network: Network) -> frozenset[str]:
    """Names of the signed tensors and of what only moves them."""
    signed = set(signed_tensors(network))
    for node in network.nodes:
        if isinstance(node, MOVES) and any(name in signed for name in node.inputs):
            signed.add(node.name)
    return frozenset(signed)


def padded_signed(network: Network) -> bool:
    """Whether a border of zeros is put around a signed tensor."""
    signed = signed_views(network)
    return any(isinstance(node, ops.Pad) and node.inputs[0] in signed for node in network.nodes)


def carried_by_pairs(network: Network) -> Network:
    """Replace every signed tensor that a unit of the chip reads by relu(z) and relu(-z), through all moves."""
    signed = signed_tensors(network)
    tail = tail_of(network)
    pairs: dict[str, Pair] = {}

    def paired(node: ops.Node) -> list[ops.Node]:
        nodes: list[ops.Node] = [node]
        found = any(name in pairs for name in node.inputs) and node.name not in tail
        if found and isinstance(node, MOVES):
            pairs[node.name] = (part_name(node.name, "+"), part_name(node.name, "-"))
            return _moved_pair(network, node, pairs)
        if found and isinstance(node, ops.Add):
            nodes = [_sum_of_pairs(node, pairs)]
        elif found and isinstance(node, ops.Linear | ops.Conv):
            nodes = _product_of_pairs(node, pairs[node.inputs[0]])
        if node.name in signed:
            pairs[node.name] = (part_name(node.name, "+"), part_name(node.name, "-"))
            last = nodes[-1]
            assert isinstance(last, ACCUMULATORS)
            needed = any(r.name in tail for r in network.consumers[node.name])
            return [*(nodes if needed else nodes[:-1]), *_halves(last)]
        return nodes

    return network.map(paired).pruned()


def _halves(node: ops.Linear | ops.Conv | ops.Add) -> list[ops.Node]:
    nodes: list[ops.Node] = []
    for sign, label in ((1.0, "+"), (-1.0, "-")):
        name = part_name(node.name, label)
        if isinstance(node, ops.Add):
            half: ops.Node = replace(
                node, name=f"{name} input", coefficients=sign * node.coefficients, bias=sign * node.bias
            )
        else:
            half = replace(node, name=f"{name} input", weights=sign * node.weights, bias=sign * node.bias)
        nodes += [half, ops.Activation(name=name, inputs=(half.name,), function="relu")]
    return nodes


def _moved_pair(network: Network, node: ops.Node, pairs: dict[str, Pair]) -> list[ops.Node]:
    """Return the move of each half; what is joined with a signed tensor and is unsigned has zeros as its other half."""
    zeros = [
        ops.Constant(name=f"{node.name} zeros {k}", values=np.zeros(network.shapes[name]))
        for k, name in enumerate(node.inputs)
        if name not in pairs
    ]
    names = iter(zero.name for zero in zeros)
    plus = tuple(pairs[name][0] if name in pairs else name for name in node.inputs)
    minus = tuple(pairs[name][1] if name in pairs else next(names) for name in node.inputs)
    first, second = pairs[node.name]
    return [*zeros, replace(node, name=first, inputs=plus), replace(node, name=second, inputs=minus)]


def _sum_of_pairs(node: ops.Add, pairs: dict[str, Pair]) -> ops.Add:
    names: list[str] = []
    gains = []
    for name, gain in zip(node.inputs, node.coefficients, strict=True):
        halves = pairs.get(name, (name,))
        names += halves
        gains += [gain, -gain][: len(halves)]
    return replace(node, inputs=tuple(names), coefficients=np.array(gains))


def _product_of_pairs(node: ops.Linear | ops.Conv, halves: Pair) -> list[ops.Node]:
    """Return ``node`` reading both halves side by side; a group's halves stand together."""
    joined = ops.Concat(name=f"{node.name} inputs", inputs=halves, axis=0)
    weights = np.concatenate([node.weights, -node.weights], axis=1)
    if isinstance(node, ops.Linear) or node.groups == 1:
        return [joined, replace(node, inputs=(joined.name,), weights=weights)]
    each = node.weights.shape[1]
    channels = np.arange(node.groups * each).reshape(node.groups, each)
    order = np.concatenate([channels, channels + channels.size], axis=1).reshape(-1)
    grouped = ops.Gather(name=f"{node.name} halves", inputs=(joined.name,), indices=order, axis=0)
    return [joined, grouped, replace(node, inputs=(grouped.name,), weights=weights)]
