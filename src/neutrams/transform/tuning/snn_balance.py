"""Threshold balancing: which share of its range a spiking unit's threshold stands for, by the error that results."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.hardware import Chip
from neutrams.transform.tuning.delivery import delivered
from neutrams.transform.tuning.loss import mean_of_copies
from neutrams.transform.tuning.snn import Drive
from neutrams.transform.tuning.unit import Fit, Unit, channel_mean

SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
"""Thresholds tried, in units of the drive's own: a lower one saturates more, and its spikes are worth less."""

MOST_SPIKES = 1 << 25
"""Most outputs computed for one share, over steps and samples [count]."""


def balanced(unit: Unit, drive: Drive, fit_of: Callable[[Drive], Fit], where: tuple[Chip, int, bool]) -> Drive:
    """Return the drive with the threshold of each channel that leaves the least squared error on calibration data.

    The error is that of the target, after the activation, against what the neurons really give in T steps, at the gain
    that suits it best. A signed sum is clipped on both sides alike.

    Args:
        unit: The unit.
        drive: Its drive at a share of 1.
        fit_of: Returns the unit in integers.
        where: The chip, T, and whether all channels must have the same share.
    """
    chip, steps, together = where
    some = unit.on(_samples(unit, steps))
    tried = [shrunk(drive, share, unit.cap is None) for share in SHARES]
    errors = np.stack([_error(some, fit_of(each), chip, steps) for each in tried])
    if together:
        errors = np.broadcast_to(errors.sum(axis=1, keepdims=True), errors.shape)
    return _chosen(tried, errors.argmin(axis=0))


def shrunk(drive: Drive, share: float, signed: bool) -> Drive:
    """Return ``drive`` with a threshold of ``share`` of it; a signed one keeps the middle of its range."""
    cut = drive.threshold * (1 - share) / 2 * signed
    return replace(drive, threshold=drive.threshold * share, leak=drive.leak - cut, zero=drive.zero + cut)


def _samples(unit: Unit, steps: int) -> torch.Tensor:
    n = len(unit.target)
    most = max(32, MOST_SPIKES // max(1, unit.target[0].numel() * steps))
    return torch.from_numpy(np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64)))


def _error(unit: Unit, fit: Fit, chip: Chip, steps: int) -> FloatArray:
    """Return the squared error of each channel, at its best gain, float64 ``[C]``."""
    given = mean_of_copies(delivered(unit, fit, chip, steps).value(), unit.target.shape[1])
    target = unit.activated(unit.target)
    if unit.cap is None:  # the zero of an offset is no gain's to move
        return channel_mean((given - target).square())
    power = np.maximum(channel_mean(given.square()), np.finfo(np.float64).tiny)
    found: FloatArray = channel_mean(target.square()) - channel_mean(given * target) ** 2 / power
    return found


def _chosen(tried: Sequence[Drive], best: FloatArray) -> Drive:
    def of(name: str) -> FloatArray:
        picked: FloatArray = np.stack([getattr(drive, name) for drive in tried])[best, np.arange(len(best))]
        return picked

    return Drive(threshold=of("threshold"), leak=of("leak"), zero=of("zero"))
