"""Rules for sums and products with constants: gains and biases go where a neuron has them anyway."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray
from neutrams.network import ops
from neutrams.transform.scope import Rewritten, Scope


def gain_from_product(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Turn the product of a tensor and constants into a one-input sum with that gain."""
    if not isinstance(node, ops.Mul) or node.name in scope.tail:
        return None
    shape = scope.network.shapes[node.name]
    sources = [scope.network.by_name[i] for i in node.inputs]
    signals = [s.name for s in sources if not isinstance(s, ops.Constant)]
    if len(signals) != 1 or scope.network.shapes[signals[0]] != shape or not shape:
        return None
    gain = np.ones(shape)
    for constant in sources:
        if isinstance(constant, ops.Constant):
            gain = gain * constant.values
    return {node.name: _affine(scope, node.name, signals, [gain], np.zeros(shape))}


def fold_constant_terms(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Move the constant inputs of a sum into its bias."""
    if not isinstance(node, ops.Add) or node.name in scope.tail:
        return None
    constant = [isinstance(scope.network.by_name[name], ops.Constant) for name in node.inputs]
    if not any(constant) or all(constant):
        return None
    shape = scope.network.shapes[node.name]
    wide = (-1, *(1,) * (len(shape) - 1))
    bias = np.array(np.broadcast_to(node.bias.reshape(wide), shape), dtype=np.float64)
    for name, c in zip(node.inputs, node.coefficients, strict=True):
        source = scope.network.by_name[name]
        if isinstance(source, ops.Constant):
            bias += c.reshape(wide) * source.values
    kept = [k for k, is_constant in enumerate(constant) if not is_constant]
    gains = [np.broadcast_to(node.coefficients[k].reshape(wide), shape) for k in kept]
    return {node.name: _affine(scope, node.name, [node.inputs[k] for k in kept], gains, bias)}


def _affine(
    scope: Scope, name: str, signals: Sequence[str], gains: Sequence[FloatArray], bias: FloatArray
) -> list[ops.Node]:
    """Return the sum of gain * signal + bias, of any of one shape; as a vector where they differ inside a channel."""
    shape = bias.shape
    channels = shape[0]
    parts = [np.ascontiguousarray(part).reshape(channels, -1) for part in (*gains, bias)]
    if all((part == part[:, :1]).all() for part in parts):
        *rows, shift = (part[:, 0] for part in parts)
        return [ops.Add(name=name, inputs=tuple(signals), coefficients=np.stack(rows), bias=shift)]
    *rows, shift = (part.reshape(-1) for part in parts)
    flat = [
        ops.Reshape(name=scope.fresh(f"{name} flat {k}"), inputs=(s,), shape=shift.shape) for k, s in enumerate(signals)
    ]
    total = ops.Add(
        name=scope.fresh(f"{name} sum"), inputs=tuple(f.name for f in flat), coefficients=np.stack(rows), bias=shift
    )
    return [*flat, total, ops.Reshape(name=name, inputs=(total.name,), shape=shape)]


def sum_of_sums(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Let a sum of sums read their terms, but for one that a state remembers; a term that comes twice is read once."""
    if not isinstance(node, ops.Add) or node.name in scope.tail:
        return None
    by_name = scope.network.by_name
    doubled = len(set(node.inputs)) < len(node.inputs)
    taken = {name for name in node.inputs if isinstance(by_name[name], ops.Add) and not _remembered(scope, name)}
    if not doubled and not taken:
        return None
    terms: dict[str, AnyArray] = {}
    bias = node.bias
    for name, gain in zip(node.inputs, node.coefficients, strict=True):
        inner = by_name[name]
        found = [(name, gain)]
        if name in taken:
            assert isinstance(inner, ops.Add)
            bias = bias + gain * inner.bias
            found = [(i, gain * g) for i, g in zip(inner.inputs, inner.coefficients, strict=True)]
        for source, factor in found:
            terms[source] = terms.get(source, np.zeros_like(factor)) + factor
    return {node.name: [replace(node, inputs=tuple(terms), coefficients=np.stack(list(terms.values())), bias=bias)]}


def _remembered(scope: Scope, name: str) -> bool:
    """Whether a sum of several tensors updates a state: it is there anyway."""
    readers = scope.network.consumers[name]
    several = len(scope.network.by_name[name].inputs) > 1
    return several and any(isinstance(reader, ops.Update) for reader in readers)


def gain_into_conv_before(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Let the convolution whose result a one-input sum scales do so itself: a folded batch normalisation."""
    if not isinstance(node, ops.Add) or len(node.inputs) != 1 or node.name in scope.tail:
        return None
    conv = scope.source(node)
    if not isinstance(conv, ops.Conv) or not scope.sole(conv.name):
        return None
    (gain,) = node.coefficients
    weights = conv.weights * gain.reshape(-1, *(1,) * (conv.weights.ndim - 1))
    return {node.name: [replace(conv, name=node.name, weights=weights, bias=conv.bias * gain + node.bias)]}


def gain_into_conv_after(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Let a convolution scale its input itself, also where zeros stand around it and there is no shift."""
    if not isinstance(node, ops.Conv) or node.name in scope.tail:
        return None
    source = scope.source(node)
    pad = source if isinstance(source, ops.Pad) else None
    scaled = source if pad is None else scope.source(pad)
    if not isinstance(scaled, ops.Add) or len(scaled.inputs) != 1:
        return None
    if pad is not None and (pad.value != 0 or scaled.bias.any() or pad.before[0] or pad.after[0]):
        return None
    (gain,) = scaled.coefficients
    kernel = (1,) * (node.weights.ndim - 2)
    per_group = node.weights.shape[1]
    groups = np.repeat(np.arange(node.groups), node.weights.shape[0] // node.groups)
    taken = gain.reshape(node.groups, per_group)[groups]
    shift = scaled.bias.reshape(node.groups, per_group)[groups]
    bias = node.bias + (node.weights.reshape(*node.weights.shape[:2], -1).sum(-1) * shift).sum(1)
    weights = node.weights * taken.reshape(*taken.shape, *kernel)
    changed = replace(node, inputs=scaled.inputs, weights=weights, bias=bias)
    if pad is None:
        return {node.name: [changed]}
    border = replace(pad, name=scope.fresh(f"{pad.name} of {scaled.inputs[0]}"), inputs=scaled.inputs)
    return {node.name: [border, replace(changed, inputs=(border.name,))]}
