"""Short ways to write the nodes that lowering emits."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.network import ops


def weighted_sum(name: str, terms: Mapping[str, float | FloatArray], channels: int, bias: float = 0.0) -> ops.Add:
    """Return the sum of tensors of ``channels`` channels, each with one gain or one a channel, and one bias."""
    gains = np.stack([np.broadcast_to(np.asarray(gain, dtype=np.float64), (channels,)) for gain in terms.values()])
    return ops.Add(name=name, inputs=tuple(terms), coefficients=gains, bias=np.full(channels, float(bias)))


def relu(name: str, source: str) -> ops.Activation:
    """Return the ReLU of tensor ``source``."""
    return ops.Activation(name=name, inputs=(source,), function="relu")


def clip_from_zero(name: str, source: str, high: float) -> ops.Activation:
    """Return tensor ``source`` cut to 0 ... ``high``; an infinite ``high`` is a ReLU."""
    if np.isinf(high):
        return relu(name, source)
    return ops.Activation(name=name, inputs=(source,), function="clip", parameters={"low": 0.0, "high": high})
