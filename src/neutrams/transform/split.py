"""Divide layers whose fan-in exceeds a core's axons into partial sums that fit."""

from dataclasses import dataclass, replace

import numpy as np

from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import functions_native, tail_of, units_are_simple
from neutrams.transform.names import part_name


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """How layers are divided.

    Attributes:
        fan_in: Most inputs of a Linear [count].
        terms: Most terms of an Add [count], >= 2; fewer than ``fan_in`` where several neurons carry each term.
        pairs: Carry each partial sum z by two neurons, relu(z) and relu(-z), for chips whose signals are unsigned and
            whose neurons cannot carry an offset.
        spread_bias: Share the bias out to the partial sums instead of adding it to their sum.
    """

    fan_in: int
    terms: int
    pairs: bool = False
    spread_bias: bool = False


@network_pass(requires=(units_are_simple, functions_native), ensures=(units_are_simple, functions_native))
def split_fan_in(network: Network, plan: SplitPlan) -> Network:
    """Return the network with no accumulator of more inputs than ``plan`` allows; its function stays the same.

    A Linear of larger fan-in becomes G = ceil(in / fan_in) partial sums over interleaved inputs x[g::G] and an
    Add that sums them; an Add of too many terms becomes a tree of Adds. Interleaved groups see the whole input each, so
    partial sums are of like size (contiguous ones cost up to a point of accuracy: reference/prototypes.md).

    Args:
        network: A lowered network.
        plan: The limits, and how partial sums travel.

    References:
        Ji et al. (2018), full expansion. arXiv:1801.00746
    """
    tail = tail_of(network)

    def divided(node: ops.Node) -> list[ops.Node]:
        decoded = all(reader.name in tail for reader in network.consumers[node.name])
        if isinstance(node, ops.Linear) and node.weights.shape[1] > plan.fan_in:
            parts, total = _partial_sums(node, plan.fan_in, plan.spread_bias and not decoded)
            return parts + ([total] if decoded else _sum_tree(total, plan.terms))
        if isinstance(node, ops.Add) and len(node.inputs) > plan.terms:
            return _sum_tree(node, plan.terms)
        return [node]

    network = network.map(divided)
    return _carried_by_pairs(network) if plan.pairs else network


def _partial_sums(node: ops.Linear, max_fan_in: int, spread_bias: bool) -> tuple[list[ops.Node], ops.Add]:
    out, fan_in = node.weights.shape
    groups = -(-fan_in // max_fan_in)
    parts: list[ops.Node] = []
    names = []
    for g in range(groups):
        name = part_name(node.name, f"{g + 1}/{groups}")
        rows = ops.Slice(name=f"{name} inputs", inputs=node.inputs, start=g, stop=fan_in, step=groups)
        weights = node.weights[:, g::groups]
        share = node.bias / groups if spread_bias else np.zeros(out)
        parts += [rows, ops.Linear(name=name, inputs=(rows.name,), weights=weights, bias=share)]
        names.append(name)
    rest = np.zeros(out) if spread_bias else node.bias
    total = ops.Add(name=node.name, inputs=tuple(names), coefficients=np.ones((groups, out)), bias=rest)
    return parts, total


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


def _carried_by_pairs(network: Network) -> Network:
    """Replace every partial sum that an Add on the chip reads by relu(z) and relu(-z)."""
    signed = partial_sums(network)

    def paired(node: ops.Node) -> list[ops.Node]:
        if isinstance(node, ops.Add) and any(name in signed for name in node.inputs):
            node = _reading_pairs(node, signed)
        return _pair(node) if node.name in signed else [node]

    return network.map(paired)


def partial_sums(network: Network) -> frozenset[str]:
    """Names of the accumulators without activation that another unit of the chip reads."""
    tail = tail_of(network)
    return frozenset(
        node.name
        for node in network.nodes
        if isinstance(node, ops.Linear | ops.Add)
        and any(not isinstance(r, ops.Activation) and r.name not in tail for r in network.consumers[node.name])
        and not _summed_by_host(network, node, tail)
    )


def _summed_by_host(network: Network, node: ops.Node, tail: frozenset[str]) -> bool:
    """Whether only Adds that the host decodes read ``node``: the decoder sums signed parts itself."""
    return all(
        isinstance(r, ops.Add) and all(x.name in tail for x in network.consumers[r.name])
        for r in network.consumers[node.name]
    )


def _pair(node: ops.Node) -> list[ops.Node]:
    nodes: list[ops.Node] = []
    for sign, label in ((1.0, "+"), (-1.0, "-")):
        name = part_name(node.name, label)
        if isinstance(node, ops.Linear):
            nodes.append(replace(node, name=f"{name} input", weights=sign * node.weights, bias=sign * node.bias))
        else:
            assert isinstance(node, ops.Add)
            changed = replace(node, coefficients=sign * node.coefficients, bias=sign * node.bias)
            nodes.append(replace(changed, name=f"{name} input"))
        nodes.append(ops.Activation(name=name, inputs=(f"{name} input",), function="relu"))
    return nodes


def _reading_pairs(node: ops.Add, signed: frozenset[str]) -> ops.Add:
    names: list[str] = []
    gains = []
    for name, gain in zip(node.inputs, node.coefficients, strict=True):
        if name in signed:
            names += [part_name(name, "+"), part_name(name, "-")]
            gains += [gain, -gain]
        else:
            names.append(name)
            gains.append(gain)
    return replace(node, inputs=tuple(names), coefficients=np.array(gains))
