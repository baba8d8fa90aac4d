"""Fold what lies between neurons into one map each: pools, flattening, layers after layers.

A chip has neurons after every sum. A sum that another one reads would travel in spikes, which is no exact copy of it;
one map of both is.
"""

from dataclasses import replace
from math import prod

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.base.errors import UnsupportedError
from neutrams.evaluate.floats import float_value
from neutrams.evaluate.moves import moved
from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import ACCUMULATORS, MOVES
from neutrams.transform.scope import Rewritten, Scope, rewritten
from neutrams.transform.tuning.spiking.convolutions import conv_of_conv

MOST_WEIGHTS = 1 << 24
"""No chain is written as a matrix that takes more numbers than this to find."""


@network_pass()
def fold_linear_chains(network: Network) -> Network:
    """Return the network with one sum, of spikes or inputs, in front of all neurons and outputs; same function.

    A convolution of a convolution becomes one where that is exact, every other chain a matrix. A sum of sums of one
    shape stays: its terms are carried as partial sums are. Neurons that read no sum get one.

    Raises:
        UnsupportedError: A chain would be too large a matrix.
    """
    folded = rewritten(network, (neurons_before_moves, sum_for_neurons, conv_of_conv, chain_as_matrix))
    _check_folded(folded)
    return folded


def neurons_before_moves(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Let neurons that read a reshaped or transposed sum read the sum, if those of a channel are alike."""
    if not isinstance(node, ops.Spiking):
        return None
    move = scope.source(node)
    if not isinstance(move, ops.Reshape | ops.Transpose) or not _sums(scope, move.inputs[0]):
        return None
    shape = scope.network.shapes[move.inputs[0]]
    parameters = {name: _unmoved(move, values, shape) for name, values in node.parameters.items()}
    if any((flat != flat[:, :1]).any() for flat in (p.reshape(shape[0], -1) for p in parameters.values())):
        return None
    after = replace(move, name=scope.fresh(f"{node.name} moved"), inputs=(node.name,))
    found: Rewritten = {node.name: [replace(node, inputs=move.inputs, parameters=parameters), after]}
    for reader in scope.network.consumers[node.name]:
        names = tuple(after.name if name == node.name else name for name in reader.inputs)
        found[reader.name] = [replace(reader, inputs=names)]
    return found


def _unmoved(move: ops.Reshape | ops.Transpose, values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    if isinstance(move, ops.Transpose):
        return np.ascontiguousarray(values.transpose(np.argsort(move.axes)))
    return values.reshape(shape)


def sum_for_neurons(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Put a sum of one term before neurons that read none."""
    if not isinstance(node, ops.Spiking) or _sums(scope, node.inputs[0]):
        return None
    n = scope.network.shapes[node.name][0]
    name = scope.fresh(f"{node.name} input")
    term = ops.Add(name=name, inputs=node.inputs, coefficients=np.ones((1, n)), bias=np.zeros(n))
    return {node.name: [term, replace(node, inputs=(name,))]}


def chain_as_matrix(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Write a sum of what another sum gives, in other places or weighed, as one matrix on a vector."""
    if not _chained(scope, node) or not _ends(scope, node):
        return None
    leaves = _leaves(scope, node.name)
    shape = scope.network.shapes[node.name]
    width = sum(prod(scope.network.shapes[name]) for name in leaves)
    if prod(shape) * width > MOST_WEIGHTS or prod(shape) * _inside(scope, node.name) > MOST_WEIGHTS:
        return None
    weights, bias = _matrix(scope, node, leaves)
    nodes: list[ops.Node] = []
    names = []
    for leaf in leaves:
        flat = ops.Reshape(name=scope.fresh(f"{node.name} of {leaf}"), inputs=(leaf,), shape=(-1,))
        nodes.append(replace(flat, shape=(prod(scope.network.shapes[leaf]),)))
        names.append(flat.name)
    if len(names) > 1:
        nodes.append(ops.Concat(name=scope.fresh(f"{node.name} joined"), inputs=tuple(names), axis=0))
        names = [nodes[-1].name]
    used = np.flatnonzero((weights != 0).any(axis=0))
    if 0 < len(used) < width:
        nodes.append(ops.Gather(name=scope.fresh(f"{node.name} used"), inputs=tuple(names), indices=used, axis=0))
        names, weights = [nodes[-1].name], np.ascontiguousarray(weights[:, used])
    if len(shape) == 1:
        return {node.name: [*nodes, ops.Linear(name=node.name, inputs=tuple(names), weights=weights, bias=bias)]}
    flat_name = scope.fresh(f"{node.name} flat")
    row = ops.Linear(name=flat_name, inputs=tuple(names), weights=weights, bias=bias)
    return {node.name: [*nodes, row, ops.Reshape(name=node.name, inputs=(flat_name,), shape=shape)]}


def _matrix(scope: Scope, node: ops.Node, leaves: list[str]) -> tuple[FloatArray, FloatArray]:
    """Return (weights ``[out, in]`` over the flattened leaves side by side, bias ``[out]``), float64.

    Row o is the gradient of element o, and the bias what zeros give: the chain is affine.
    """
    shapes, out = scope.network.shapes, prod(scope.network.shapes[node.name])
    known = {name: torch.zeros((out, *shapes[name]), dtype=torch.float64, requires_grad=True) for name in leaves}
    values: dict[str, torch.Tensor] = dict(known)

    def value(name: str) -> torch.Tensor:
        if name not in values:
            inner = scope.network.by_name[name]
            if isinstance(inner, ops.Constant):
                constant = torch.from_numpy(np.array(inner.values, dtype=np.float64))
                values[name] = constant.expand(out, *constant.shape)
            else:
                given = [value(i) for i in inner.inputs]
                there = moved(inner, given, [x.shape[:1] for x in given]) if isinstance(inner, MOVES) else None
                values[name] = float_value(inner, given) if there is None else there
        return values[name]

    result = value(node.name).reshape(out, out)
    bias: FloatArray = result[0].detach().numpy().copy()
    found = torch.autograd.grad(result.diagonal().sum(), list(known.values()))
    return np.concatenate([g.reshape(out, -1).numpy() for g in found], axis=1), bias


def _sums(scope: Scope, name: str) -> bool:
    return isinstance(scope.network.by_name[name], ACCUMULATORS) and name not in scope.head


def _chained(scope: Scope, node: ops.Node) -> bool:
    """Whether ``node`` is a sum that reads another one otherwise than a sum reads its terms."""
    if node.name in scope.tail or not _sums(scope, node.name):
        return False
    direct = isinstance(node, ops.Add)
    return any(_reaches_sum(scope, name, direct) for name in node.inputs)


def _reaches_sum(scope: Scope, name: str, direct: bool) -> bool:
    """Whether ``name`` is a sum, or moves one; or, of terms that are read directly, moves or reads one in this way."""
    node = scope.network.by_name[name]
    if isinstance(node, MOVES):
        return any(_reaches_sum(scope, i, False) for i in node.inputs)
    return _sums(scope, name) and not direct


def _ends(scope: Scope, node: ops.Node) -> bool:
    """Whether something reads ``node`` that is no sum of the chip."""
    for reader in scope.network.consumers[node.name]:
        if isinstance(reader, MOVES) and reader.name not in scope.tail:
            if _ends(scope, reader):
                return True
        elif reader.name in scope.tail or not isinstance(reader, ACCUMULATORS):
            return True
        elif isinstance(reader, ops.Add) and not _chained(scope, reader) and not isinstance(node, MOVES):
            return True  # its terms are carried
    return False


def _leaves(scope: Scope, name: str) -> list[str]:
    """Return what the chain that gives ``name`` sums: tensors of neurons, states and inputs, each once."""
    found: dict[str, None] = {}
    for i in scope.network.by_name[name].inputs:
        inner = scope.network.by_name[i]
        if _sums(scope, i) or (isinstance(inner, MOVES) and i not in scope.head):
            found.update(dict.fromkeys(_leaves(scope, i)))
        elif not isinstance(inner, ops.Constant):
            found[i] = None
    return list(found)


def _inside(scope: Scope, name: str) -> int:
    """Return how many elements the tensors of the chain have that gives ``name``."""
    shapes, leaves = scope.network.shapes, set(_leaves(scope, name))
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        now = waiting.pop()
        if now not in seen:
            seen.add(now)
            waiting += [] if now in leaves else scope.network.by_name[now].inputs
    return max(prod(shapes[each]) for each in seen)


def _check_folded(network: Network) -> None:
    """Refuse chains that stayed, by name."""
    scope = Scope(network)
    left = [node.name for node in network.nodes if _chained(scope, node) and _ends(scope, node)]
    if left:
        raise UnsupportedError(
            f"these layers read sums that no neurons are after, and are too large to be one layer with them: "
            f"{', '.join(map(repr, left))}",
            where="transform, spiking neurons",
            fix="put neurons between the layers, or take pools without padding whose windows do not overlap",
        )
