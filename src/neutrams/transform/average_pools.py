"""Means of windows by convolutions."""

from dataclasses import replace
from math import prod

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import tail_of
from neutrams.transform.signs import kept_unsigned, nonnegative_tensors
from neutrams.transform.taps import held_elements


@network_pass()
def lower_average_pools(network: Network) -> Network:
    """Write each mean as a convolution of one group a channel with equal weights; same function.

    Where windows reach into padding that does not count, their sums are divided element by element.
    """
    tail, positive = tail_of(network), nonnegative_tensors(network)

    def lowered(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Pool) or node.kind != "average" or node.name in tail:
            return [node]
        channels, *size = network.shapes[node.inputs[0]]
        border = ops.Pad(
            name=f"{node.name} border", inputs=node.inputs, before=(0, *node.before), after=(0, *node.after)
        )
        weights = np.full((channels, 1, *node.kernel), 1.0 / prod(node.kernel))
        mean = ops.Conv(
            name=node.name, inputs=(border.name,), weights=weights, bias=np.zeros(channels), stride=node.stride,
            dilation=node.dilation, groups=channels,
        )  # fmt: skip
        gain = np.ones(()) if node.count_padding else prod(node.kernel) / held_elements(node, tuple(size))
        if (gain == 1).all():
            return [border, *(kept_unsigned(network, mean, tail) if node.inputs[0] in positive else [mean])]
        first = replace(mean, name=f"{node.name} mean")
        return [border, first, *_each_element(node.name, first.name, np.broadcast_to(gain, (channels, *gain.shape)))]

    return network.map(lowered)


def _each_element(name: str, source: str, gain: FloatArray) -> list[ops.Node]:
    flat = ops.Reshape(name=f"{name} flat", inputs=(source,), shape=(gain.size,))
    scaled = ops.Add(
        name=f"{name} scaled", inputs=(flat.name,), coefficients=gain.reshape(1, -1), bias=np.zeros(gain.size)
    )
    return [flat, scaled, ops.Reshape(name=name, inputs=(scaled.name,), shape=gain.shape)]
