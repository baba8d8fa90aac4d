"""Bring a float network to its canonical form: accumulators on vectors, each with at most one activation."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import ACCUMULATORS, tail_of, units_are_simple

Rewrite = Callable[[Network, ops.Node], dict[str, list[ops.Node]] | None]
"""(network, node) -> nodes to stand in the place of each named node, or None where the rule does not apply."""


@network_pass(ensures=(units_are_simple,))
def canonicalize(network: Network) -> Network:
    """Fold constants and affine maps, drop what does nothing, and give each activation an accumulator of its own.

    The function of the network stays the same up to the rounding of float64; names of activations, inputs and outputs stay.
    Rules, applied until none does: identities and doubled reshapes go; products with constants become gains; gains and
    Linear maps fold into the Linear maps that read them, also through concatenations; sums of Linear maps become one.
    """
    changed = True
    while changed:
        changed = False
        for rule in RULES:
            for node in network.nodes:
                replaced = rule(network, node)
                if replaced is not None:
                    network = network.map(lambda n, r=replaced: r.get(n.name, n)).pruned()  # type: ignore[misc]
                    changed = True
                    break
            if changed:
                break
    return network


def _drop(network: Network, node: ops.Node) -> dict[str, list[ops.Node]]:
    """Take ``node`` out: its readers read what it read."""
    rewired: dict[str, list[ops.Node]] = {node.name: []}
    for reader in network.consumers[node.name]:
        names = tuple(node.inputs[0] if name == node.name else name for name in reader.inputs)
        rewired[reader.name] = [replace(reader, inputs=names)]
    return rewired


def drop_identities(network: Network, node: ops.Node) -> dict[str, list[ops.Node]] | None:
    """Remove identity activations, reshapes to the same shape, and whole slices."""
    nothing = isinstance(node, ops.Activation) and node.function == "identity"
    if isinstance(node, ops.Reshape | ops.Slice | ops.Concat) and len(node.inputs) == 1:
        nothing = network.shapes[node.name] == network.shapes[node.inputs[0]]
    return _drop(network, node) if nothing else None


def merge_reshapes(network: Network, node: ops.Node) -> dict[str, list[ops.Node]] | None:
    """Let a reshape of a reshape read the first one's input."""
    source = network.by_name[node.inputs[0]] if isinstance(node, ops.Reshape) else None
    return {node.name: [replace(node, inputs=source.inputs)]} if isinstance(source, ops.Reshape) else None


def gain_from_product(network: Network, node: ops.Node) -> dict[str, list[ops.Node]] | None:
    """Turn the product of a vector and a constant into a one-input Add with that gain."""
    if not isinstance(node, ops.Mul) or len(network.shapes[node.name]) != 1:
        return None
    n = network.shapes[node.name][0]
    constants = [network.by_name[i] for i in node.inputs if isinstance(network.by_name[i], ops.Constant)]
    signals = [i for i in node.inputs if not isinstance(network.by_name[i], ops.Constant)]
    if len(signals) != 1 or network.shapes[signals[0]] != (n,):
        return None
    gain = np.ones(n)
    for constant in constants:
        assert isinstance(constant, ops.Constant)
        gain = gain * constant.values
    add = ops.Add(name=node.name, inputs=(signals[0],), coefficients=gain[None, :], bias=np.zeros(n))
    return {node.name: [add]}


def fold_constant_terms(network: Network, node: ops.Node) -> dict[str, list[ops.Node]] | None:
    """Move the constant inputs of a sum into its bias."""
    if not isinstance(node, ops.Add):
        return None
    constant = [isinstance(network.by_name[name], ops.Constant) for name in node.inputs]
    if not any(constant) or all(constant):
        return None
    bias = node.bias.astype(np.float64)
    for name, c in zip(node.inputs, node.coefficients, strict=True):
        source = network.by_name[name]
        if isinstance(source, ops.Constant):
            bias = bias + c * source.values
    kept = [k for k, is_constant in enumerate(constant) if not is_constant]
    names = tuple(node.inputs[k] for k in kept)
    return {node.name: [replace(node, inputs=names, coefficients=node.coefficients[kept], bias=bias)]}


def _as_matrix(node: ops.Node) -> tuple[np.ndarray, np.ndarray] | None:
    """(weights, bias) of a map from one vector to another, or None."""
    if isinstance(node, ops.Linear):
        return node.weights, node.bias
    if isinstance(node, ops.Add) and len(node.inputs) == 1:
        return np.diag(node.coefficients[0]), node.bias
    return None


def fold_into_linear(network: Network, node: ops.Node) -> dict[str, list[ops.Node]] | None:
    """Let a Linear absorb the Linear or gain it reads, directly or through a concatenation."""
    if not isinstance(node, ops.Linear):
        return None
    source = network.by_name[node.inputs[0]]
    terms = source.inputs if isinstance(source, ops.Concat) else node.inputs
    widths = [network.shapes[name][-1] for name in terms]
    if not any(_as_matrix(network.by_name[name]) for name in terms):
        return None
    names, blocks, bias, column = [], [], node.bias, 0
    for name, width in zip(terms, widths, strict=True):
        block = node.weights[:, column : column + width]
        column += width
        inner = _as_matrix(network.by_name[name])
        if inner is not None:
            bias = bias + block @ inner[1]
            block, name = block @ inner[0], network.by_name[name].inputs[0]  # noqa: PLW2901
        names.append(name)
        blocks.append(block)
    return {node.name: _joined(network, replace(node, weights=np.concatenate(blocks, axis=1), bias=bias), names)}


def _joined(network: Network, node: ops.Linear, names: list[str]) -> list[ops.Node]:
    """``node`` reading the concatenation of ``names``, with that concatenation where one is needed."""
    if len(names) == 1:
        return [replace(node, inputs=(names[0],))]
    joined = ops.Concat(name=_fresh(network, f"{node.name} inputs"), inputs=tuple(names))
    return [joined, replace(node, inputs=(joined.name,))]


def sum_of_maps(network: Network, node: ops.Node) -> dict[str, list[ops.Node]] | None:
    """Turn a sum with a Linear among its inputs, or a gain of one, into one Linear over what they read."""
    if not isinstance(node, ops.Add):
        return None
    sources = [network.by_name[name] for name in node.inputs]
    if not any(isinstance(source, ops.Linear) for source in sources):
        return None
    names, blocks, bias = [], [], node.bias
    for source, gain in zip(sources, node.coefficients, strict=True):
        inner = _as_matrix(source)
        names.append(source.name if inner is None else source.inputs[0])
        blocks.append(np.diag(gain) if inner is None else gain[:, None] * inner[0])
        bias = bias if inner is None else bias + gain * inner[1]
    linear = ops.Linear(name=node.name, weights=np.concatenate(blocks, axis=1), bias=bias)
    return {node.name: _joined(network, linear, names)}


def _fresh(network: Network, name: str) -> str:
    """Return ``name``, with a mark where the network has it already."""
    while name in network.by_name:
        name += "'"
    return name


def own_accumulator(network: Network, node: ops.Node) -> dict[str, list[ops.Node]] | None:
    """Give an activation an accumulator that nothing else reads."""
    if not isinstance(node, ops.Activation) or node.name in tail_of(network) or len(network.shapes[node.name]) != 1:
        return None
    source = network.by_name[node.inputs[0]]
    if not isinstance(source, ACCUMULATORS):
        n = network.shapes[source.name][-1]
        before: ops.Node = _pass_through(_fresh(network, f"{node.name} input"), source.name, n)
    elif len(network.consumers[source.name]) > 1:
        before = replace(source, name=_fresh(network, f"{node.name} input"))
    else:
        return None
    return {node.name: [before, replace(node, inputs=(before.name,))]}


def tail_reads_units(network: Network, node: ops.Node) -> dict[str, list[ops.Node]] | None:
    """Put a pass-through accumulator where the host tail would read an input of the network."""
    tail = tail_of(network)
    if node.name not in tail:
        return None
    for name in node.inputs:
        source = network.by_name[name]
        if name not in tail and not isinstance(source, (*ACCUMULATORS, ops.Activation)):
            before = _pass_through(_fresh(network, f"{node.name} input"), name, network.shapes[name][-1])
            names = tuple(before.name if i == name else i for i in node.inputs)
            return {node.name: [before, replace(node, inputs=names)]}
    return None


def _pass_through(name: str, source: str, n: int) -> ops.Add:
    return ops.Add(name=name, inputs=(source,), coefficients=np.ones((1, n)), bias=np.zeros(n))


RULES: tuple[Rewrite, ...] = (
    drop_identities, merge_reshapes, gain_from_product, fold_constant_terms, fold_into_linear, sum_of_maps,
    own_accumulator, tail_reads_units,
)  # fmt: skip
