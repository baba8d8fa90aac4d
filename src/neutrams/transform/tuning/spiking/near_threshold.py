"""Which errors of weights matter: those that move a potential near the threshold, since its last reset.

An error d of a row of weights moves the potential of its neuron by d phi(t), phi the inputs' trace: decayed like a
potential, gone at a reset to a value. What it costs is the mean of (d phi)^2 over all steps, each counting as much as
the potential is near the threshold there.
"""

import numpy as np
import torch

from neutrams.transform.tuning.spiking.stepped import Stepped, each_step
from neutrams.transform.tuning.weights import Moments

NEAR = 0.2
"""Distance from the threshold, in thresholds, at which a step counts 0.6 of one at it."""

FAR = 0.02
"""What a step counts however far."""

MOST_WORK = 1e10
"""About how many multiplications it may take."""


def threshold_moments(given: torch.Tensor, summed: torch.Tensor, real: Stepped) -> Moments:
    """Return second moments of the inputs' traces for each neuron, `Moments` of C groups.

    Args:
        given: What the inputs give, ``[T, N, n]``.
        summed: What neurons get of it, float ``[T, N, C]``.
        real: The neurons.
    """
    steps, samples, n = given.shape
    channels = summed.shape[2]
    some = int(max(1, min(samples, MOST_WORK / (steps * channels * n * n))))
    x, z = given[:, :some].double(), summed[:, :some].double()
    keep, threshold = torch.from_numpy(real.keep), torch.from_numpy(real.threshold)
    keep_current = torch.zeros(channels) if real.keep_current is None else torch.from_numpy(real.keep_current)
    late = real.keep_current is not None and real.late
    left = torch.zeros((channels, some, n), dtype=torch.float64)
    current, weight = torch.zeros_like(left), 0.0
    gram = torch.zeros((channels, n, n), dtype=torch.float64)
    for now, at in zip(x, each_step(z, real), strict=True):
        before, current = current, keep_current[:, None, None] * current + now
        left = keep[:, None, None] * left + (before if late else current)
        near = torch.exp(-(((at.potential - threshold) / (NEAR * threshold)) ** 2) / 2) + FAR
        weight += float(near.sum())
        gram += (left * near.T[:, :, None]).mT @ left
        if not real.soft:
            left = left * (~at.fires).T[:, :, None]
    gram /= steps * some
    gram += torch.diag_embed(gram.diagonal(dim1=1, dim2=2)) * (n / (weight / channels))
    return Moments(gram=gram.numpy(), cross=np.zeros((channels, 1, n)))
