"""Recognise functions that exporters write in parts, as x sigmoid(x): one function costs less than a product."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.network import ops
from neutrams.reference.functions import apply_function
from neutrams.transform.scope import Rewritten, Scope

NAMED = ("silu", "hard_swish", "gelu", "gelu_tanh", "mish")
"""Functions without parameters that are products of parts."""

POINTS = np.linspace(-8.0, 8.0, 65)
"""Where a product is compared with them."""

PLACES = 1e-6
"""Largest difference, relative to the largest value: constants come in float32."""

MOST_PARTS = 12
"""Most nodes that a function is written in."""


def name_function(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Let a product of functions of one tensor be the function of `NAMED` that it is, times a constant.

    References:
        Hendrycks and Gimpel (2016), GELU and SiLU. arXiv:1606.08415
        Howard et al. (2019), hard swish, eq. (9). arXiv:1905.02244
    """
    if not isinstance(node, ops.Mul) or node.name in scope.tail:
        return None
    parts = _parts(scope, node)
    if parts is None:
        return None
    source, between = parts
    values = {source: POINTS}
    for part in reversed(between):
        values[part.name] = _applied(part, values)
    for function in NAMED:
        wanted = apply_function(function, POINTS, {})
        gain = float(values[node.name][-1] / wanted[-1])
        if np.abs(gain * wanted - values[node.name]).max() <= PLACES * np.abs(values[node.name]).max():
            return _as_named(scope, node, (source, function, gain))
    return None


def _parts(scope: Scope, node: ops.Mul) -> tuple[str, list[ops.Node]] | None:
    """Return the tensor that all of a product is a function of, and the nodes of that function, last first."""
    place = {each.name: k for k, each in enumerate(scope.network.nodes)}
    between: list[ops.Node] = []
    ahead = {node.name}
    while len(between) < MOST_PARTS and (not between or len(ahead) > 1):
        latest = max(ahead, key=place.__getitem__)
        part = scope.network.by_name[latest]
        if not _elementwise(scope, part):
            return None
        between.append(part)
        ahead = ahead - {latest} | set(part.inputs)
    return (ahead.pop(), between) if len(ahead) == 1 else None


def _elementwise(scope: Scope, node: ops.Node) -> bool:
    """Whether ``node`` does the same with every element of its inputs, which have its shape."""
    shapes = scope.network.shapes
    if any(shapes[name] != shapes[node.name] for name in node.inputs):
        return False
    if isinstance(node, ops.Add):
        return bool((node.coefficients == node.coefficients[:, :1]).all() and (node.bias == node.bias[:1]).all())
    return isinstance(node, ops.Activation | ops.Mul)


def _applied(node: ops.Node, values: Mapping[str, FloatArray]) -> FloatArray:
    given = [values[name] for name in node.inputs]
    match node:
        case ops.Activation():
            return apply_function(node.function, given[0], node.parameters)
        case ops.Add():
            terms = (gain * x for gain, x in zip(node.coefficients[:, 0], given, strict=True))
            return np.asarray(sum(terms, np.full_like(POINTS, node.bias[0])))
    product: FloatArray = np.prod(given, axis=0)
    return product


def _as_named(scope: Scope, node: ops.Mul, found: tuple[str, str, float]) -> Rewritten:
    source, function, gain = found
    if abs(gain - 1) <= PLACES:
        return {node.name: [ops.Activation(name=node.name, inputs=(source,), function=function)]}
    channels = scope.network.shapes[node.name][0]
    inner = ops.Activation(name=scope.fresh(f"{node.name} function"), inputs=(source,), function=function)
    gains = np.full((1, channels), gain)
    scaled = ops.Add(name=node.name, inputs=(inner.name,), coefficients=gains, bias=np.zeros(channels))
    return {node.name: [inner, scaled]}
