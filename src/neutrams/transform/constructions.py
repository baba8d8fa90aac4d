"""Exact constructions: functions from ReLU and clips from 0, Linear maps of tensors from convolutions."""

from collections.abc import Callable
from dataclasses import replace
from math import isinf, prod

from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import tail_of
from neutrams.transform.shorthand import clip_from_zero, relu, weighted_sum


@network_pass()
def linears_as_convolutions(network: Network) -> Network:
    """Write each Linear over the last axis of a tensor as a convolution of kernel 1 over channels; same function."""
    tail = tail_of(network)

    def lowered(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Linear) or node.name in tail or len(network.shapes[node.name]) == 1:
            return [node]
        *around, out = network.shapes[node.name]
        fan_in, rank = node.weights.shape[1], len(around) + 1
        first = ops.Transpose(name=f"{node.name} channels", inputs=node.inputs, axes=(rank - 1, *range(rank - 1)))
        flat = ops.Reshape(name=f"{node.name} flat", inputs=(first.name,), shape=(fan_in, prod(around)))
        product = ops.Conv(
            name=f"{node.name} product", inputs=(flat.name,), weights=node.weights[:, :, None], bias=node.bias,
            stride=(1,), dilation=(1,),
        )  # fmt: skip
        shaped = ops.Reshape(name=f"{node.name} shaped", inputs=(product.name,), shape=(out, *around))
        back = ops.Transpose(name=node.name, inputs=(shaped.name,), axes=(*range(1, rank), 0))
        return [first, flat, product, shaped, back]

    return network.map(lowered)


@network_pass()
def lower_exact_functions(network: Network) -> Network:
    """Write each function of `CONSTRUCTIONS` before the host tail with ReLU and clips from 0; same function.

    leaky_relu(z) = relu(z) - alpha relu(-z); abs(z) = relu(z) + relu(-z); clip(z, low, high) = low + clip(z - low, 0,
    high - low); hard_sigmoid(z) = clip(alpha z + beta, 0, 1).
    """
    tail = tail_of(network)

    def lowered(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Activation) or node.name in tail or node.function not in CONSTRUCTIONS:
            return [node]
        return CONSTRUCTIONS[node.function](node, network.shapes[node.name][0])

    return network.map(lowered)


def _leaky(node: ops.Activation, channels: int) -> list[ops.Node]:
    return _both_sides(node, channels, -node.parameters["alpha"])


def _abs(node: ops.Activation, channels: int) -> list[ops.Node]:
    return _both_sides(node, channels, 1.0)


def _both_sides(node: ops.Activation, channels: int, gain: float) -> list[ops.Node]:
    """Return relu(z) + gain * relu(-z)."""
    plus = relu(f"{node.name} +", node.inputs[0])
    negated = weighted_sum(f"{node.name} - input", {node.inputs[0]: -1.0}, channels)
    minus = relu(f"{node.name} -", negated.name)
    return [plus, negated, minus, weighted_sum(node.name, {plus.name: 1.0, minus.name: gain}, channels)]


def _clip(node: ops.Activation, channels: int) -> list[ops.Node]:
    low, high = node.parameters["low"], node.parameters["high"]
    if low == 0:
        return [clip_from_zero(node.name, node.inputs[0], high)]
    sign, fixed = (1.0, low) if not isinf(low) else (-1.0, high)  # without a lower end: high - relu(high - z)
    if isinf(fixed):
        return [replace(node, function="identity", parameters={})]
    shifted = weighted_sum(f"{node.name} shifted", {node.inputs[0]: sign}, channels, -sign * fixed)
    cut = clip_from_zero(f"{node.name} cut", shifted.name, high - low)
    return [shifted, cut, weighted_sum(node.name, {cut.name: sign}, channels, fixed)]


def _hard_sigmoid(node: ops.Activation, channels: int) -> list[ops.Node]:
    scaled = weighted_sum(
        f"{node.name} scaled", {node.inputs[0]: node.parameters["alpha"]}, channels, node.parameters["beta"]
    )
    return [scaled, clip_from_zero(node.name, scaled.name, 1.0)]


CONSTRUCTIONS: dict[str, Callable[[ops.Activation, int], list[ops.Node]]] = {
    "leaky_relu": _leaky, "abs": _abs, "clip": _clip, "hard_sigmoid": _hard_sigmoid,
}  # fmt: skip
"""Functions that ReLU and clips from 0 give exactly: (node, channels) -> nodes, the last under its name."""
