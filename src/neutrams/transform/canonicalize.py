"""Bring a float network to its canonical form: accumulators on vectors, each with at most one activation."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import ACCUMULATORS, tail_of, units_are_simple

Rewrite = Callable[[Network, ops.Node], dict[str, list[ops.Node]] | None]
"""(network, node) -> nodes to stand in the place of each named node, or None where the rule does not apply."""


@network_pass(ensures=(units_are_simple,))
def canonicalize(network: Network) -> Network:
    """Fold constants and affine maps, drop what does nothing, and give each activation an accumulator of its own.

    The function of the network stays the same up to the rounding of float64; names of activations, inputs and outputs
    stay.
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


def _maps(node: ops.Node) -> list[tuple[str, AnyArray]] | None:
    """The (input, matrix) pairs whose products an accumulator sums, or None for other nodes."""
    if isinstance(node, ops.Linear):
        return [(node.inputs[0], node.weights)]
    if isinstance(node, ops.Add):
        return [(name, np.diag(gain)) for name, gain in zip(node.inputs, node.coefficients, strict=True)]
    return None


def _leaves(network: Network, name: str) -> list[str]:
    """Return the tensors that ``name`` joins, through nested concatenations."""
    node = network.by_name[name]
    return [leaf for i in node.inputs for leaf in _leaves(network, i)] if isinstance(node, ops.Concat) else [name]


def fold_into_linear(network: Network, node: ops.Node) -> dict[str, list[ops.Node]] | None:
    """Let a Linear absorb the accumulators it reads, directly or through concatenations; each tensor is read once."""
    if not isinstance(node, ops.Linear):
        return None
    leaves = _leaves(network, node.inputs[0])
    nested = any(isinstance(network.by_name[i], ops.Concat) for i in network.by_name[node.inputs[0]].inputs)
    joins = isinstance(network.by_name[node.inputs[0]], ops.Concat)
    if not (
        any(_maps(network.by_name[name]) for name in leaves) or (joins and (nested or len(set(leaves)) < len(leaves)))
    ):
        return None
    pairs: list[tuple[str, AnyArray]] = []
    bias, column = node.bias, 0
    for name in leaves:
        width = network.shapes[name][-1]
        block = node.weights[:, column : column + width]
        column += width
        inner = _maps(network.by_name[name])
        if inner is not None:
            bias = bias + block @ network.by_name[name].bias  # type: ignore[attr-defined]
        pairs += [(name, block)] if inner is None else [(source, block @ matrix) for source, matrix in inner]
    return {node.name: _linear_over(network, node.name, pairs, bias)}


def _linear_over(network: Network, name: str, pairs: list[tuple[str, AnyArray]], bias: AnyArray) -> list[ops.Node]:
    """Return a Linear that sums the products of ``pairs``, with the concatenation it reads where it needs one."""
    blocks: dict[str, AnyArray] = {}
    for source, matrix in pairs:
        blocks[source] = blocks[source] + matrix if source in blocks else matrix
    weights = np.concatenate(list(blocks.values()), axis=1)
    if len(blocks) == 1:
        return [ops.Linear(name=name, inputs=tuple(blocks), weights=weights, bias=bias)]
    joined = ops.Concat(name=_fresh(network, f"{name} inputs"), inputs=tuple(blocks))
    return [joined, ops.Linear(name=name, inputs=(joined.name,), weights=weights, bias=bias)]


def _fresh(network: Network, name: str) -> str:
    """Return ``name``, with a mark where the network has it already."""
    while name in network.by_name:
        name += "'"
    return name


def sum_of_maps(network: Network, node: ops.Node) -> dict[str, list[ops.Node]] | None:
    """Turn a sum that reads a Linear, or joined tensors with an accumulator among them, into one Linear."""
    if not isinstance(node, ops.Add):
        return None
    mixed = [name for name in node.inputs if isinstance(network.by_name[name], ops.Concat)]
    accumulates = any(_maps(network.by_name[leaf]) for name in mixed for leaf in _leaves(network, name))
    if not accumulates and not any(isinstance(network.by_name[name], ops.Linear) for name in node.inputs):
        return None
    pairs: list[tuple[str, AnyArray]] = []
    bias = node.bias
    for name, gain in zip(node.inputs, node.coefficients, strict=True):
        inner = _maps(network.by_name[name])
        if inner is not None:
            bias = bias + gain * network.by_name[name].bias  # type: ignore[attr-defined]
        pairs += [(name, np.diag(gain))] if inner is None else [(i, gain[:, None] * matrix) for i, matrix in inner]
    return {node.name: _linear_over(network, node.name, pairs, bias)}


def sum_of_sums(network: Network, node: ops.Node) -> dict[str, list[ops.Node]] | None:
    """Let a sum of sums read their terms; a term that comes twice is read once."""
    if not isinstance(node, ops.Add):
        return None
    doubled = len(set(node.inputs)) < len(node.inputs)
    if not doubled and not any(isinstance(network.by_name[name], ops.Add) for name in node.inputs):
        return None
    terms: dict[str, AnyArray] = {}
    bias = node.bias
    for name, gain in zip(node.inputs, node.coefficients, strict=True):
        inner = network.by_name[name]
        found = [(name, gain)]
        if isinstance(inner, ops.Add):
            bias = bias + gain * inner.bias
            found = [(i, gain * g) for i, g in zip(inner.inputs, inner.coefficients, strict=True)]
        for source, factor in found:
            terms[source] = terms.get(source, np.zeros_like(factor)) + factor
    return {node.name: [replace(node, inputs=tuple(terms), coefficients=np.stack(list(terms.values())), bias=bias)]}


def slice_earlier(network: Network, node: ops.Node) -> dict[str, list[ops.Node]] | None:
    """Move a slice before the accumulator, concatenation or slice that it reads."""
    if not isinstance(node, ops.Slice) or node.name in tail_of(network):
        return None
    source = network.by_name[node.inputs[0]]
    taken = range(node.start, node.stop, node.step)
    if isinstance(source, ops.Slice):
        index = range(source.start, source.stop, source.step)[node.start : node.stop : node.step]
        merged = replace(node, inputs=source.inputs, start=index.start, stop=index[-1] + 1, step=index.step)
        return {node.name: [merged]}
    if isinstance(source, ops.Linear):
        return {node.name: [replace(source, name=node.name, weights=source.weights[taken], bias=source.bias[taken])]}
    if isinstance(source, ops.Add):
        cuts = [
            replace(node, name=_fresh(network, f"{node.name} of {k}"), inputs=(name,))
            for k, name in enumerate(source.inputs)
        ]
        names = tuple(cut.name for cut in cuts)
        gains, bias = source.coefficients[:, taken], source.bias[taken]
        return {node.name: [*cuts, replace(source, name=node.name, inputs=names, coefficients=gains, bias=bias)]}
    return {node.name: _slice_terms(network, node, source, taken)} if isinstance(source, ops.Concat) else None


def _slice_terms(network: Network, node: ops.Slice, source: ops.Concat, taken: range) -> list[ops.Node]:
    """Return the slices of each term of ``source`` that ``taken`` touches, joined under the name of ``node``."""
    cuts: list[ops.Node] = []
    first = 0
    for k, name in enumerate(source.inputs):
        width = network.shapes[name][-1]
        inside = [i - first for i in taken if first <= i < first + width]
        first += width
        if inside:
            label = _fresh(network, f"{node.name} of {k}")
            cut = replace(node, name=label, inputs=(name,), start=inside[0], stop=inside[-1] + 1)
            cuts.append(cut)
    return [*cuts, ops.Concat(name=node.name, inputs=tuple(cut.name for cut in cuts))]


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
        units = (*ACCUMULATORS, ops.Activation)
        if name not in tail and not isinstance(source, units) and len(network.shapes[name]) == 1:
            before = _pass_through(_fresh(network, f"{node.name} input"), name, network.shapes[name][-1])
            names = tuple(before.name if i == name else i for i in node.inputs)
            return {node.name: [before, replace(node, inputs=names)]}
    return None


def _pass_through(name: str, source: str, n: int) -> ops.Add:
    return ops.Add(name=name, inputs=(source,), coefficients=np.ones((1, n)), bias=np.zeros(n))


RULES: tuple[Rewrite, ...] = (
    drop_identities, merge_reshapes, gain_from_product, fold_constant_terms, slice_earlier, sum_of_sums, sum_of_maps,
    fold_into_linear, own_accumulator, tail_reads_units,
)  # fmt: skip
