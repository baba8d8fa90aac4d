"""How the next layer amplifies what a unit gives: the linear map from it to the sums that read it."""

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.network import Network, ops

MOST_ENTRIES = 1 << 23
"""Maps of more entries than this are not built."""

LINEAR = (ops.Linear, ops.Add, ops.Slice, ops.Concat)


def amplification(source: Network, name: str, slope: FloatArray | None = None) -> FloatArray | None:
    """Return the linear map ``[m, n]`` from vector ``name`` to all next sums that are activated or leave the network.

    Sums of sums, slices and joins are followed. What a partial sum adds to is activated before the next layer reads it:
    there the mean slope stands for the activation.

    Args:
        source: The split float network.
        name: A tensor of it.
        slope: Mean slope of the activation after the sum that ``name`` is a part of, float64; None where it is none.

    Returns:
        The map, float64; None where it is too large, the tensor is no vector, or no neuron shares a reader with
        another: then each neuron's error stands for itself.
    """
    if len(source.shapes[name]) != 1:
        return None
    n = source.shapes[name][0]
    maps: dict[str, FloatArray] = {name: np.eye(n)}
    ends: list[FloatArray] = []
    for node in source.nodes:
        found = [i for i in node.inputs if i in maps]
        if not found:
            continue
        if isinstance(node, ops.Activation) and slope is not None and len(slope) == len(maps[found[0]]):
            maps[node.name], slope = slope[:, None] * maps[found[0]], None
            continue
        vectors = all(len(source.shapes[i]) == 1 for i in (*node.inputs, node.name))
        if not isinstance(node, LINEAR) or not vectors:
            ends += [maps[i] for i in found]
            continue
        widths = [source.shapes[i][0] for i in node.inputs]
        if max(*widths, *source.shapes[node.name]) * n > MOST_ENTRIES:
            return None
        given = [maps.get(i, np.zeros((w, n))) for i, w in zip(node.inputs, widths, strict=True)]
        maps[node.name] = _through(node, given)
    result = np.concatenate(ends) if ends else np.zeros((0, n))
    return result if bool(((result != 0).sum(axis=1) > 1).any()) else None


def _through(node: ops.Node, given: list[FloatArray]) -> FloatArray:
    """Return the map to what ``node`` gives, from the maps to what it reads."""
    match node:
        case ops.Linear():
            result: FloatArray = node.weights @ given[0]
        case ops.Add():
            terms = [c[:, None] * g for c, g in zip(node.coefficients, given, strict=True)]
            result = np.sum(terms, axis=0)
        case ops.Slice():
            result = given[0][node.start : node.stop : node.step]
        case _:
            result = np.concatenate(given)
    return result
