"""Value ranges of unit outputs, from what the original gives on calibration data."""

from dataclasses import dataclass

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.hardware import Chip

CUTS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
"""Fractions of the largest value tried as upper end of a range."""

MARGIN = 0.02
"""Room left at both ends of a signed range for values that calibration did not show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRange:
    """How an ann-mode unit's values map to integers: value = scale * y + zero, low <= y <= high.

    Attributes:
        scale: float64 ``[n]``, source units per LSB.
        zero: float64 ``[n]``, source units.
        low: Smallest integer.
        high: Largest integer.
        fixed: Whether the scale must stay, because others add up with it.
    """

    scale: FloatArray
    zero: FloatArray
    low: int
    high: int
    fixed: bool = False


def signal_bits(chip: Chip, decoded: bool) -> int:
    """Return how many bits a neuron's output has: those it sends, and no more than the axon that takes it."""
    return chip.signal.output_bits if decoded else min(chip.signal.output_bits, chip.signal.input_bits)


def positive_range(target: torch.Tensor, cap: float, bits: int) -> OutputRange:
    """Return one range from 0 for all neurons of a ReLU unit, cut where the mean squared error is least.

    Args:
        target: What the original gives before the activation, float32 ``[N, n]``.
        cap: Largest value the activation lets through.
        bits: Unsigned width of the output [bit].
    """
    low, high = 0, (1 << bits) - 1
    peak = min(float(target.max()), cap)
    n = target.shape[1]
    if peak <= 0:  # never active on calibration data: a range of the size of what it adds up
        unseen = min(float(target.abs().max()) or 1.0, cap or 1.0) / high
        return OutputRange(scale=np.full(n, unseen), zero=np.zeros(n), low=low, high=high)
    positive = target[target > 0].clamp(max=cap)
    scale = min((peak * cut / high for cut in CUTS), key=lambda s: _rounding_error(positive, s, high))
    return OutputRange(scale=np.full(n, scale), zero=np.zeros(n), low=low, high=high)


def _rounding_error(values: torch.Tensor, scale: float, high: int) -> float:
    return float(((values / scale).round().clamp(max=high) * scale - values).square().mean())


def signed_ranges(targets: list[torch.Tensor], chip: Chip, bits: int, shared: bool) -> list[OutputRange]:
    """Return ranges that hold signed sums, of one scale for all ``targets`` so that they add up exactly.

    A chip with signed signals carries them as they are; otherwise each carries an offset: zero is its least value.

    Args:
        targets: What the original gives, float32 ``[N, n]`` each.
        chip: Says whether signals are signed.
        bits: Width of the output [bit].
        shared: One scale for all elements too (what a decoder reads), instead of one an element.
    """
    lows = [t.amin(0).double().numpy() for t in targets]
    highs = [t.amax(0).double().numpy() for t in targets]
    if chip.signal.partial_sums == "signed" and bits > 1:
        low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        width = np.max([np.maximum(-a, b) for a, b in zip(lows, highs, strict=True)], axis=0) * (1 + MARGIN)
        scale = _positive(width / high, shared)
        return [OutputRange(scale=scale, zero=np.zeros_like(scale), low=low, high=high, fixed=True) for _ in targets]
    low, high = 0, (1 << bits) - 1
    width = np.max([b - a for a, b in zip(lows, highs, strict=True)], axis=0) * (1 + 2 * MARGIN)
    scale = _positive(width / high, shared)
    middles = [(a + b) / 2 for a, b in zip(lows, highs, strict=True)]
    return [OutputRange(scale=scale, zero=m - scale * high / 2, low=low, high=high, fixed=True) for m in middles]


def _positive(scale: FloatArray, shared: bool) -> FloatArray:
    peak = float(scale.max(initial=0.0))
    if shared:
        scale = np.full_like(scale, peak)
    least = max(peak * 1e-6, float(np.finfo(np.float32).tiny))
    result: FloatArray = np.maximum(scale, least)
    return result
