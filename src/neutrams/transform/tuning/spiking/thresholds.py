"""Tune thresholds on spike statistics: each neuron fires as the original does, for the inputs it really gets."""

from dataclasses import replace

import numpy as np
import torch

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.evaluate.signals import fire
from neutrams.hardware import Chip
from neutrams.neurons import NeuronModel, register_range
from neutrams.transform.tuning.unit import Fit

CANDIDATES = (1.0, 0.98, 1.02, 0.96, 1.04, 0.99, 1.01)
"""Multiples of the threshold that are tried, the exact one first: another must be better, not as good."""

MOST_VALUES = 1 << 25
"""Most values of accumulators that are looked at."""


def tuned_thresholds(fit: Fit, acc: torch.Tensor, wanted: torch.Tensor, model: NeuronModel, chip: Chip) -> Fit:
    """Return the fit with the threshold of each channel, among `CANDIDATES`, whose spikes come nearest the original's.

    What counts is the mean over all steps and samples of |spikes - original's spikes| plus the difference of their
    counts a sample.

    Args:
        fit: The unit in integers.
        acc: Its accumulators, ``[T, N, C, *size]``.
        wanted: Spikes of the original, ``[T, N, C, *size]``.
        model: The chip's neuron model.
        chip: Gives the widths.
    """
    samples = max(1, MOST_VALUES // max(1, acc[:, :1].numel()))
    acc, wanted = acc[:, :samples], wanted[:, :samples].float()
    least = next((p.least for p in model.parameters if p.name == "threshold"), None)
    top = register_range("threshold_bits", chip.widths)[1]
    best = np.full(fit.channels, np.inf)
    chosen: IntArray = fit.parameters["threshold"].copy()
    for factor in CANDIDATES:
        threshold = np.rint(fit.parameters["threshold"] * factor).astype(np.int64)
        threshold = np.clip(threshold, least, top)
        spikes = fire(model, {**fit.parameters, "threshold": threshold}, acc, len(acc), chip).float()
        error = _error(spikes, wanted)
        better = error < best
        chosen, best = np.where(better, threshold, chosen), np.minimum(error, best)
    return replace(fit, parameters={**fit.parameters, "threshold": chosen})


def _error(spikes: torch.Tensor, wanted: torch.Tensor) -> FloatArray:
    off = (spikes - wanted).abs().sum(0) + (spikes.sum(0) - wanted.sum(0)).abs()
    error: FloatArray = off.transpose(0, 1).flatten(1).double().mean(1).numpy()
    return error
