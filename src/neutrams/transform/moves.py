"""Rules for data movement: what does nothing goes, two moves are one, sums and activations come before moves."""

from dataclasses import replace

import numpy as np

from neutrams.network import ops
from neutrams.transform.facts import ACCUMULATORS, MOVES
from neutrams.transform.scope import Rewritten, Scope


def drop_identities(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Remove identity activations, windows of one element, and moves that leave everything in its place."""
    shapes = scope.network.shapes
    match node:
        case ops.Activation():
            nothing = node.function == "identity"
        case ops.Transpose():
            nothing = node.axes == tuple(range(len(node.axes)))
        case ops.Gather():
            nothing = np.array_equal(node.indices, np.arange(shapes[node.inputs[0]][node.axis]))
        case ops.Pool():
            same = shapes[node.name] == shapes[node.inputs[0]]
            nothing = same and max(node.kernel) == 1 and max(node.stride) == 1
        case ops.Max():
            nothing = len(set(node.inputs)) == 1
        case ops.Reshape() | ops.Slice() | ops.Pad() | ops.Concat():
            nothing = len(node.inputs) == 1 and shapes[node.name] == shapes[node.inputs[0]]
        case _:
            nothing = False
    return scope.without(node) if nothing else None


def merge_moves(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Let a reshape of a reshape, and a transpose of a transpose, be one."""
    if not isinstance(node, ops.Reshape | ops.Transpose):
        return None
    source = scope.source(node)
    if isinstance(node, ops.Reshape) and isinstance(source, ops.Reshape):
        return {node.name: [replace(node, inputs=source.inputs)]}
    if isinstance(node, ops.Transpose) and isinstance(source, ops.Transpose):
        axes = tuple(source.axes[axis] for axis in node.axes)
        return {node.name: [replace(node, inputs=source.inputs, axes=axes)]}
    return None


def merge_activations(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Drop a ReLU of what is never negative."""
    if not isinstance(node, ops.Activation) or node.function != "relu" or node.name in scope.tail:
        return None
    source = scope.source(node)
    positive = isinstance(source, ops.Activation) and (
        source.function in ("relu", "sigmoid", "hard_sigmoid", "exp", "softplus")
        or (source.function == "clip" and source.parameters["low"] >= 0)
    )
    return scope.without(node) if positive else None


def activation_earlier(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Apply an activation before the moves between it and the accumulators it is for."""
    if not isinstance(node, ops.Activation) or node.name in scope.tail:
        return None
    move = scope.source(node)
    if not isinstance(move, MOVES) or not _made_for(scope, move):
        return None
    keeps_padding = node.function in ("relu", "leaky_relu", "abs", "tanh")
    if isinstance(move, ops.Pad) and not (keeps_padding and move.value == 0):
        return None
    before = [
        replace(node, name=scope.fresh(f"{node.name} of {k}" if k else f"{node.name} before"), inputs=(name,))
        for k, name in enumerate(dict.fromkeys(move.inputs))
    ]
    names = dict(zip(dict.fromkeys(move.inputs), (b.name for b in before), strict=True))
    moved = replace(move, name=node.name, inputs=tuple(names[name] for name in move.inputs))
    return {node.name: [*before, moved]}


def _made_for(scope: Scope, node: ops.Node) -> bool:
    """Whether ``node`` moves nothing but accumulators, and only one node reads it and each of them."""
    if not scope.sole(node.name):
        return False
    sources = [scope.network.by_name[name] for name in node.inputs]
    return all(
        scope.sole(s.name) and (isinstance(s, ACCUMULATORS) or (isinstance(s, MOVES) and _made_for(scope, s)))
        for s in sources
    )


def sum_before_flattening(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Let a one-input sum follow the reshape to a vector that reads it: there a Linear can absorb it."""
    if not isinstance(node, ops.Reshape) or len(node.shape) != 1 or node.name in scope.tail:
        return None
    source = scope.source(node)
    if not isinstance(source, ops.Add) or len(source.inputs) != 1 or not scope.sole(source.name):
        return None
    each = node.shape[0] // len(source.bias)
    flat = replace(node, name=scope.fresh(f"{node.name} of {source.inputs[0]}"), inputs=source.inputs)
    gains, bias = np.repeat(source.coefficients, each, axis=1), np.repeat(source.bias, each)
    return {node.name: [flat, replace(source, name=node.name, inputs=(flat.name,), coefficients=gains, bias=bias)]}


def slice_earlier(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Move a slice of a vector before the accumulator, concatenation or slice that it reads."""
    if not isinstance(node, ops.Slice) or node.name in scope.tail or len(scope.network.shapes[node.name]) != 1:
        return None
    source = scope.source(node)
    taken = range(node.start, node.stop, node.step)
    if isinstance(source, ops.Slice):
        index = range(source.start, source.stop, source.step)[node.start : node.stop : node.step]
        merged = replace(node, inputs=source.inputs, start=index.start, stop=index[-1] + 1, step=index.step)
        return {node.name: [merged]}
    if isinstance(source, ops.Linear):
        return {node.name: [replace(source, name=node.name, weights=source.weights[taken], bias=source.bias[taken])]}
    if isinstance(source, ops.Add):
        cuts = [
            replace(node, name=scope.fresh(f"{node.name} of {k}"), inputs=(name,))
            for k, name in enumerate(source.inputs)
        ]
        names = tuple(cut.name for cut in cuts)
        gains, bias = source.coefficients[:, taken], source.bias[taken]
        return {node.name: [*cuts, replace(source, name=node.name, inputs=names, coefficients=gains, bias=bias)]}
    return {node.name: _slice_terms(scope, node, source, taken)} if isinstance(source, ops.Concat) else None


def pick_from_join(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Let what takes elements of one term of a concatenation read that term itself."""
    if not isinstance(node, ops.Slice | ops.Gather) or node.name in scope.tail:
        return None
    join, rank = scope.source(node), len(scope.network.shapes[node.inputs[0]])
    if not isinstance(join, ops.Concat) or join.axis % rank != node.axis % rank:
        return None
    taken = np.arange(node.start, node.stop, node.step) if isinstance(node, ops.Slice) else node.indices
    ends = np.cumsum([scope.network.shapes[name][node.axis] for name in join.inputs])
    terms = np.unique(np.searchsorted(ends, taken, side="right"))
    if len(terms) != 1:
        return None
    name, first = join.inputs[terms[0]], int(ends[terms[0] - 1]) if terms[0] else 0
    return {node.name: [ops.Gather(name=node.name, inputs=(name,), indices=taken - first, axis=node.axis)]}


def _slice_terms(scope: Scope, node: ops.Slice, source: ops.Concat, taken: range) -> list[ops.Node]:
    """Return the slices of each term of ``source`` that ``taken`` touches, joined under the name of ``node``."""
    cuts: list[ops.Node] = []
    first = 0
    for k, name in enumerate(source.inputs):
        width = scope.network.shapes[name][-1]
        inside = [i - first for i in taken if first <= i < first + width]
        first += width
        if inside:
            label = scope.fresh(f"{node.name} of {k}")
            cut = replace(node, name=label, inputs=(name,), start=inside[0], stop=inside[-1] + 1)
            cuts.append(cut)
    return [*cuts, ops.Concat(name=node.name, inputs=tuple(cut.name for cut in cuts))]
