"""A convolution of a convolution is one convolution, also around a border where no window reaches from it into data."""

from dataclasses import replace
from itertools import product
from math import gcd

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.network import ops
from neutrams.transform.scope import Rewritten, Scope


def conv_of_conv(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Let a convolution absorb the one that it reads, directly or within a border of zeros, where that is exact.

    With y[q] = sum_b w1[b] x[s1 q + d1 b] and z[p] = sum_a w2[a] y[s2 p + d2 a], the product has its weight
    w2[a] w1[b] at s1 d2 a + d1 b and the stride s1 s2. A border of n zeros around y is one of s1 n zeros around x if
    the windows of w1 do not overlap (each is nothing but zeros there) and y has no bias.
    """
    if not isinstance(node, ops.Conv) or node.name in scope.tail:
        return None
    pad = scope.source(node)
    inner = scope.source(pad) if isinstance(pad, ops.Pad) else pad
    if not isinstance(inner, ops.Conv):
        return None
    before: list[ops.Node] = []
    source = inner.inputs[0]
    if isinstance(pad, ops.Pad):
        if not _border_moves(pad, inner):
            return None
        before = _moved_border(scope, pad, inner)
        source = before[-1].name
    product_of = _product(node, inner)
    return {node.name: [*before, replace(product_of, name=node.name, inputs=(source,))]}


def _border_moves(pad: ops.Pad, inner: ops.Conv) -> bool:
    reach = [d * (k - 1) for d, k in zip(inner.dilation, inner.weights.shape[2:], strict=True)]
    apart = all(r < s for r, s in zip(reach, inner.stride, strict=True))
    return apart and not inner.bias.any() and pad.value == 0 and pad.before[0] == pad.after[0] == 0


def _moved_border(scope: Scope, pad: ops.Pad, inner: ops.Conv) -> list[ops.Node]:
    """Return the moves that cut off what ``inner`` does not read of its input, and put the border around the rest."""
    nodes: list[ops.Node] = []
    source = inner.inputs[0]
    size, places = scope.network.shapes[source][1:], scope.network.shapes[inner.name][1:]
    for axis, (n, count) in enumerate(zip(size, places, strict=True)):
        read = inner.stride[axis] * (count - 1) + inner.dilation[axis] * (inner.weights.shape[2 + axis] - 1) + 1
        if pad.after[1 + axis] and read < n:
            name = scope.fresh(f"{pad.name} cut {axis}")
            nodes.append(ops.Slice(name=name, inputs=(source,), start=0, stop=read, axis=1 + axis))
            source = name
    border = [
        tuple(s * n for s, n in zip((1, *inner.stride), widths, strict=True)) for widths in (pad.before, pad.after)
    ]
    name = scope.fresh(f"{pad.name} outside")
    return [*nodes, ops.Pad(name=name, inputs=(source,), before=border[0], after=border[1])]


def _product(outer: ops.Conv, inner: ops.Conv) -> ops.Conv:
    w1, w2 = _ungrouped(inner), _ungrouped(outer)
    far, near = w2.shape[2:], w1.shape[2:]
    steps = [(s * d2, d1) for s, d2, d1 in zip(inner.stride, outer.dilation, inner.dilation, strict=True)]
    apart = [gcd(f * (n2 > 1), n * (n1 > 1)) or 1 for (f, n), n2, n1 in zip(steps, far, near, strict=True)]
    size = [(f * (n2 - 1) + n * (n1 - 1)) // g + 1 for (f, n), g, n2, n1 in zip(steps, apart, far, near, strict=True)]
    weights = np.zeros((w2.shape[0], w1.shape[1], *size))
    for a, b in product(np.ndindex(*far), np.ndindex(*near)):
        at = tuple((f * i + n * j) // g for (f, n), g, i, j in zip(steps, apart, a, b, strict=True))
        weights[(..., *at)] += w2[(..., *a)] @ w1[(..., *b)]
    groups = outer.groups if outer.groups == inner.groups else 1
    bias = outer.bias + w2.reshape(*w2.shape[:2], -1).sum(axis=2) @ inner.bias
    stride = tuple(s1 * s2 for s1, s2 in zip(inner.stride, outer.stride, strict=True))
    return replace(
        outer, weights=_grouped(weights, groups), bias=bias, stride=stride, dilation=tuple(apart), groups=groups
    )


def _ungrouped(conv: ops.Conv) -> FloatArray:
    """Return the weights over all input channels, ``[out, in, *kernel]``."""
    out, each, *kernel = conv.weights.shape
    found = np.zeros((out, each * conv.groups, *kernel))
    for g, rows in enumerate(np.split(np.arange(out), conv.groups)):
        found[rows, g * each : (g + 1) * each] = conv.weights[rows]
    return found


def _grouped(weights: FloatArray, groups: int) -> FloatArray:
    each = weights.shape[1] // groups
    parts = np.split(weights, groups)
    return np.concatenate([part[:, g * each : (g + 1) * each] for g, part in enumerate(parts)])
