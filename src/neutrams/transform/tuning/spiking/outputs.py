"""How the host reads what a spiking network gives: sums of what neurons give in every step, each with its weight."""

from collections.abc import Sequence
from math import prod

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.network import ops
from neutrams.transform.tuning.signal import Signal
from neutrams.transform.tuning.spiking.integers import whole_steps

FINE = 1 << 16
"""Weights that are no multiples of one step are told in as many steps."""


def decoder_of(name: str, terms: Sequence[tuple[str, Signal, FloatArray]], bias: FloatArray) -> ops.Decode:
    """Return the decoder of a tensor: the sum of what its terms stand for, each times its gain.

    Args:
        name: The tensor.
        terms: Core tensors ``[C, *size]``, what they give, and their gains ``[C]``.
        bias: Added, ``[C]``.
    """
    shape = terms[0][1].scale.shape
    places = prod(shape[1:])
    column = (-1, *(1,) * (len(shape) - 1))
    scales = np.stack([(gain.reshape(column) * signal.scale).reshape(-1) for _, signal, gain in terms], axis=1)
    zeros = sum((gain.reshape(column) * signal.zero).reshape(-1) for _, signal, gain in terms)
    step, whole = whole_steps(scales)
    step = np.where(whole, step, np.maximum(np.abs(scales).max(axis=1), 1e-300) / FINE)
    offset = zeros + np.repeat(bias, places)
    return ops.Decode(
        name=f"{name} decoded", inputs=tuple(source for source, _, _ in terms),
        coefficient=np.rint(scales / step[:, None]).T.reshape(-1).astype(np.int64),
        element=np.tile(np.arange(len(scales)), len(terms)), scale=step, offset=offset,
    )  # fmt: skip
