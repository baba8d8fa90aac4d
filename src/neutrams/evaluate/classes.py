"""The class that an output stands for."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.network import Network, ops
from neutrams.network.spiking import has_spiking


def classes(output: AnyArray) -> IntArray:
    """Return the class of each sample ``[N]``: the place of the largest element, or a lone number itself.

    Args:
        output: ``[N, ...]``; an arg-max of the model's own gives ``[N]`` or ``[N, 1]``.
    """
    flat = output.reshape(len(output), -1)
    if flat.shape[1] == 1:
        return np.rint(flat[:, 0]).astype(np.int64)
    found: IntArray = flat.argmax(axis=1)
    return found


def answers(network: Network, outputs: Mapping[str, AnyArray]) -> IntArray:
    """Return the class of each sample ``[N]`` by a network's first output, ``[N, ...]``; spikes are counted."""
    name = network.outputs[0].name
    output = outputs[name]
    return classes(output.sum(axis=1) if gives_spikes(network) else output)


def gives_spikes(network: Network) -> bool:
    """Whether the first output of a float network holds the spikes of all steps, ``[T, *shape]``."""
    source = network.by_name[network.outputs[0].inputs[0]]
    return isinstance(source, ops.Stack) and has_spiking(network)
