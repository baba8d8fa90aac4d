"""Rules for Linear maps of vectors: maps of maps and sums of maps become one, where that costs no more."""

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.network import ops
from neutrams.transform.scope import Rewritten, Scope

Term = tuple[str, AnyArray]
"""A tensor and the matrix ``[out, in]``, or gain ``[n]``, that it is taken with."""

MOST_IDENTITY = 1 << 22
"""A sum is not written as a matrix of more entries than this."""


def fold_into_linear(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Let a Linear absorb the accumulators it reads, directly or through concatenations; each tensor is read once.

    A Linear is not absorbed where the product would have more weights than the two together, nor is a sum of several
    tensors that others read too: it stands anyway, as what a state remembers does.
    """
    if not _on_chip_vector(scope, node) or not isinstance(node, ops.Linear):
        return None
    by_name, shapes = scope.network.by_name, scope.network.shapes
    leaves = _leaves(scope, node.inputs[0])
    joins = isinstance(by_name[node.inputs[0]], ops.Concat)
    nested = any(isinstance(by_name[i], ops.Concat) for i in by_name[node.inputs[0]].inputs)
    absorbed = {name: _terms(scope, name) for name in leaves if _worth_absorbing(scope, node, name)}
    if not absorbed and not (joins and (nested or len(set(leaves)) < len(leaves))):
        return None
    pairs: list[Term] = []
    bias, column = node.bias, 0
    for name in leaves:
        width = shapes[name][-1]
        block = node.weights[:, column : column + width]
        column += width
        if name in absorbed:
            bias = bias + block @ by_name[name].bias  # type: ignore[attr-defined]
            pairs += [(source, _after(block, inner)) for source, inner in absorbed[name]]
        else:
            pairs.append((name, block))
    return {node.name: _linear_over(scope, node.name, pairs, bias)}


def sum_of_maps(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Turn a sum that reads a Linear, or joined tensors with an accumulator among them, into one Linear."""
    if not _on_chip_vector(scope, node) or not isinstance(node, ops.Add):
        return None
    by_name = scope.network.by_name
    if _gates_a_state(scope, node):
        return None
    n = len(node.bias)
    mixed = [name for name in node.inputs if isinstance(by_name[name], ops.Concat)]
    accumulates = any(_terms(scope, leaf) and not _stands(scope, leaf) for i in mixed for leaf in _leaves(scope, i))
    maps = [name for name in node.inputs if isinstance(by_name[name], ops.Linear)]
    if not accumulates and all(_stands(scope, name) for name in maps):
        return None
    if n * n > MOST_IDENTITY and len(node.inputs) > 1:
        return None
    pairs: list[Term] = []
    bias = node.bias
    for name, gain in zip(node.inputs, node.coefficients, strict=True):
        inner = [] if _stands(scope, name) else _terms(scope, name)
        if inner:
            bias = bias + gain * by_name[name].bias  # type: ignore[attr-defined]
            pairs += [(i, np.diag(gain * m) if m.ndim == 1 else gain[:, None] * m) for i, m in inner]
        else:
            pairs.append((name, np.diag(gain)))
    return {node.name: _linear_over(scope, node.name, pairs, bias)}


def _gates_a_state(scope: Scope, node: ops.Add) -> bool:
    """Whether a sum with a product of signals updates a state: its terms stay apart until products are lowered."""
    updates = any(isinstance(reader, ops.Update) for reader in scope.network.consumers[node.name])
    return updates and any(isinstance(scope.network.by_name[name], ops.Mul) for name in node.inputs)


def _on_chip_vector(scope: Scope, node: ops.Node) -> bool:
    return node.name not in scope.tail and len(scope.network.shapes[node.name]) == 1


def _terms(scope: Scope, name: str) -> list[Term]:
    """The tensors an accumulator of a vector sums, each with its matrix or gain; none for other nodes."""
    node = scope.network.by_name[name]
    if len(scope.network.shapes[name]) != 1:
        return []
    if isinstance(node, ops.Linear):
        return [(node.inputs[0], node.weights)]
    return list(zip(node.inputs, node.coefficients, strict=True)) if isinstance(node, ops.Add) else []


def _worth_absorbing(scope: Scope, node: ops.Linear, name: str) -> bool:
    inner = scope.network.by_name[name]
    if isinstance(inner, ops.Linear) and len(scope.network.shapes[name]) == 1:
        out, (middle, fan_in) = len(node.weights), inner.weights.shape
        own = 0 if _stands(scope, name) else middle * fan_in
        return bool(out * fan_in <= out * middle + own)
    return bool(_terms(scope, name)) and not _stands(scope, name)


def _stands(scope: Scope, name: str) -> bool:
    """Whether a map or a sum of several tensors has several readers, through concatenations: it is there anyway."""
    node = scope.network.by_name[name]
    alone = isinstance(node, ops.Add) and len(node.inputs) == 1
    return not alone and len(_readers(scope, name)) > 1


def _readers(scope: Scope, name: str) -> list[str]:
    """Return the names of what reads a tensor, directly or through concatenations."""
    found: list[str] = []
    for reader in scope.network.consumers[name]:
        found += _readers(scope, reader.name) if isinstance(reader, ops.Concat) else [reader.name]
    return found


def _leaves(scope: Scope, name: str) -> list[str]:
    """Return the tensors that ``name`` joins, through nested concatenations."""
    node = scope.network.by_name[name]
    return [leaf for i in node.inputs for leaf in _leaves(scope, i)] if isinstance(node, ops.Concat) else [name]


def _after(block: AnyArray, inner: AnyArray) -> AnyArray:
    result: AnyArray = block * inner if inner.ndim == 1 else block @ inner
    return result


def _linear_over(scope: Scope, name: str, pairs: list[Term], bias: AnyArray) -> list[ops.Node]:
    """Return a Linear that sums the products of ``pairs``, with the concatenation it reads where it needs one."""
    blocks: dict[str, AnyArray] = {}
    for source, matrix in pairs:
        blocks[source] = blocks[source] + matrix if source in blocks else matrix
    weights = np.concatenate(list(blocks.values()), axis=1)
    if len(blocks) == 1:
        return [ops.Linear(name=name, inputs=tuple(blocks), weights=weights, bias=bias)]
    joined = ops.Concat(name=scope.fresh(f"{name} inputs"), inputs=tuple(blocks))
    return [joined, ops.Linear(name=name, inputs=(joined.name,), weights=weights, bias=bias)]
