"""The NIR form of single nodes; each writer returns a NIR node, or None where NIR has none."""

from collections.abc import Callable
from math import prod
from typing import Any

import nir
import numpy as np

from neutrams.network import Add, Constant, Conv, Linear, Mul, Network, Node, Pad, Pool, Reshape, Spiking
from neutrams.network.shapes import Shape
from neutrams.neurons.dynamics import dynamics_models

Written = Any
"""A node of the nir package, which has no types, or None."""


def linear(network: Network, node: Linear) -> Written:
    """Linear, or Affine where there is a bias."""
    if node.bias.any():
        return nir.Affine(weight=node.weights.copy(), bias=node.bias.copy())
    return nir.Linear(weight=node.weights.copy())


def scale(network: Network, node: Mul) -> Written:
    """Scale, where one of two factors is a constant that does not widen the other."""
    given = [network.by_name[name] for name in node.inputs]
    constants = [each for each in given if isinstance(each, Constant)]
    signals = [each for each in given if not isinstance(each, Constant)]
    shape = network.shapes[node.name]
    if len(constants) != 1 or len(signals) != 1 or network.shapes[signals[0].name] != shape:
        return None
    return nir.Scale(scale=np.array(np.broadcast_to(constants[0].values, shape)))


def scale_of(node: Add, k: int, shape: Shape) -> nir.Scale:
    """Return the scale that stands for coefficients ``k`` of a sum of tensors of ``shape``."""
    return nir.Scale(scale=np.array(np.broadcast_to(node.coefficients[k].reshape(-1, *(1,) * (len(shape) - 1)), shape)))


def convolution(network: Network, node: Conv) -> Written:
    """Conv1d or Conv2d with the border of the `Pad` before it; SumPool2d where that is what it does."""
    source = network.by_name[node.inputs[0]]
    pad = source if isinstance(source, Pad) else None
    size = network.shapes[pad.inputs[0] if pad else source.name][1:]
    axes = node.weights.ndim - 2
    before, after = (pad.before[1:], pad.after[1:]) if pad else ((0,) * axes, (0,) * axes)
    padding: tuple[int, ...] | str = tuple(before)
    if before != after:
        whole = [d * (k - 1) for d, k in zip(node.dilation, node.weights.shape[2:], strict=True)]
        same = before == tuple(n // 2 for n in whole) and after == tuple(n - n // 2 for n in whole)
        if not same or max(node.stride) > 1:
            return None
        padding = "same"
    if _sums(node) and before == after:
        kernel = np.array(node.weights.shape[2:])
        return nir.SumPool2d(kernel_size=kernel, stride=np.array(node.stride), padding=np.array(before))
    values = {"weight": node.weights.copy(), "bias": node.bias.copy(), "groups": node.groups}
    if axes == 1:
        one = padding if isinstance(padding, str) else padding[0]
        return nir.Conv1d(size[0], stride=node.stride[0], padding=one, dilation=node.dilation[0], **values)
    if axes == 2:
        return nir.Conv2d(tuple(size), stride=node.stride, padding=padding, dilation=node.dilation, **values)
    return None


def _sums(node: Conv) -> bool:
    """Whether a convolution adds up the windows of each channel by itself."""
    single = node.weights.shape[:2] == (node.groups, 1) and node.weights.ndim == 4 and set(node.dilation) == {1}
    return bool(single and (node.weights == 1).all() and not node.bias.any())


def average_pool(network: Network, node: Pool) -> Written:
    """AvgPool2d, whose padding counts."""
    counted = node.count_padding or not any(node.before)
    plain = node.before == node.after and set(node.dilation) == {1} and len(node.kernel) == 2
    if node.kind != "average" or not plain or not counted:
        return None
    return nir.AvgPool2d(kernel_size=np.array(node.kernel), stride=np.array(node.stride), padding=np.array(node.before))


def flatten(network: Network, node: Reshape) -> Written:
    """Flatten, where neighbouring axes become one."""
    shape = network.shapes[node.inputs[0]]
    for start in range(len(shape)):
        for end in range(start, len(shape)):
            if (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :]) == node.shape:
                return nir.Flatten(input_type={"input": np.array(shape)}, start_dim=start, end_dim=end)
    return None


def neuron(network: Network, node: Spiking) -> Written:
    """The primitive of its model."""
    return getattr(nir, node.model)(**{
        name: node.parameters[name].copy() for name in dynamics_models()[node.model].parameters
    })  # fmt: skip


WRITERS: dict[str, Callable[..., Written]] = {
    "Linear": linear, "Mul": scale, "Conv": convolution, "Pool": average_pool, "Reshape": flatten, "Spiking": neuron,
}  # fmt: skip


def write_node(network: Network, node: Node) -> Written:
    """Return the NIR node of ``node``, None where NIR has none."""
    return WRITERS[node.op](network, node) if node.op in WRITERS else None
