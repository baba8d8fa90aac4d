"""Value ranges of unit outputs, from what the original gives on calibration data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from neutrams.base.arrays import FloatArray, spread
from neutrams.hardware import Chip
from neutrams.transform.tuning.originals import Extent

CUTS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
"""Fractions of the largest value tried as upper end of a range."""

FINE_CUTS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4, 0.35, 0.3)
"""Likewise for each channel's own range."""

PLENTY_BITS = 8
"""From this width of signals on all channels of a unit have one range."""

MARGIN = 0.02
"""Room left at both ends of a signed range for values that calibration did not show."""

MOST_VALUES = 1 << 18
"""Most values on which ends of a range are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRange:
    """How an ann-mode unit's values map to integers: value = scale * y + zero, low <= y <= high.

    Attributes:
        scale: float64 ``[C]``, source units per LSB.
        zero: float64 ``[C]``, source units.
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
    """Return the range from 0 of a ReLU unit, cut where the mean squared error is least.

    All channels have one where bits are plenty, and each its own where they are few: the next layer's weights take up
    the difference.

    Args:
        target: What the original gives before the activation, float32 ``[N, C, *size]``.
        cap: Largest value the activation lets through.
        bits: Unsigned width of the output [bit].
    """
    high, channels = (1 << bits) - 1, target.shape[1]
    peak = min(float(target.max()), cap)
    if peak <= 0:  # never active on calibration data: a range of the size of what it adds up
        unseen = min(float(target.abs().max()) or 1.0, cap or 1.0) / high
        return from_zero(np.full(channels, unseen), bits)
    values = target.reshape(*target.shape[:2], -1).permute(0, 2, 1).reshape(-1, channels)
    values = values[spread(len(values), max(1, MOST_VALUES // channels))].clamp(0, cap)
    if bits >= PLENTY_BITS:
        positive = values[values > 0]
        scale = min((peak * cut / high for cut in CUTS), key=lambda s: float(_rounding_error(positive, s, high).mean()))
        return from_zero(np.full(channels, scale), bits)
    peaks = values.amax(0)
    peaks = torch.where(peaks > 0, peaks, peaks.max().clamp(min=peak * 1e-6))
    errors = torch.stack([_rounding_error(values, peaks * cut / high, high).mean(0) for cut in FINE_CUTS])
    cuts = torch.tensor(FINE_CUTS)[errors.argmin(0)]
    return from_zero((peaks * cuts / high).double().numpy(), bits)


def from_zero(scale: FloatArray, bits: int, fixed: bool = False) -> OutputRange:
    """Return the unsigned range of ``bits`` with the scales ``[C]``."""
    return OutputRange(scale=scale, zero=np.zeros_like(scale), low=0, high=(1 << bits) - 1, fixed=fixed)


def _rounding_error(values: torch.Tensor, scale: torch.Tensor | float, high: int) -> torch.Tensor:
    return ((values / scale).round().clamp(max=high) * scale - values).square()


def tied_scale(tied: Sequence[Extent], chip: Chip, bits: int, shared: bool) -> FloatArray:
    """Return the scale with which all ``tied`` tensors, signed or not, can be carried and added up exactly.

    A chip with signed signals carries them as they are; otherwise signed ones carry an offset. Where bits are few the
    rarest values are cut off.

    Args:
        tied: Extents of the tensors.
        chip: Says whether signals are signed.
        bits: Width of the output [bit].
        shared: One scale for all channels too (what a decoder reads), instead of one a channel.
    """
    signed_chip = chip.signal.partial_sums == "signed" and bits > 1
    high = (1 << (bits - 1)) - 1 if signed_chip else (1 << bits) - 1
    widths = []
    for e in tied:
        low, top = (e.low, e.high) if bits >= PLENTY_BITS else (e.usual_low, e.usual_high)
        if signed_chip:
            widths.append(np.maximum(-low, top) * (1 + MARGIN) / high)
        else:
            widths.append((top - low) * (1 + 2 * MARGIN) / high)
    if len({len(w) for w in widths}) > 1:
        widths = [np.full(1, w.max()) for w in widths]
    scale = np.max(widths, axis=0)
    peak = float(scale.max(initial=0.0))
    if shared:
        scale = np.full_like(scale, peak)
    least = max(peak * 1e-6, float(np.finfo(np.float32).tiny))
    result: FloatArray = np.maximum(scale, least)
    return result


def signed_range(own: Extent, scale: FloatArray, chip: Chip, bits: int, padded: bool) -> OutputRange:
    """Return the range of a signed tensor with the given scale.

    Where it carries an offset, the middle of its range is that of the integers; with a border of zeros around it, one
    integer stands for 0 in all channels, and the scale, one for all, grows where it must.
    """
    scale = np.array(np.broadcast_to(scale, own.low.shape))
    if chip.signal.partial_sums == "signed" and bits > 1:
        low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
        return OutputRange(scale=scale, zero=np.zeros_like(scale), low=low, high=high, fixed=True)
    high = (1 << bits) - 1
    if not padded:
        middle = (own.low + own.high if bits >= PLENTY_BITS else own.usual_low + own.usual_high) / 2
        zero = middle - scale * high / 2
        if bits >= PLENTY_BITS:
            zero = np.rint(zero / scale) * scale
        return OutputRange(scale=scale, zero=zero, low=0, high=high, fixed=True)
    least, most = min(float(own.low.min()), 0.0), max(float(own.high.max()), 0.0)
    enough, point = around_zero(least, most, high)
    widest = max(float(scale.max()), enough)
    return OutputRange(
        scale=np.full_like(scale, widest), zero=np.full_like(scale, -point * widest), low=0, high=high, fixed=True
    )


def encoded_range(values: torch.Tensor, high: int) -> tuple[float, float]:
    """Return (scale, zero) with which the integers 0 … ``high`` span ``values`` and 0; zero is a whole number."""
    scale, point = around_zero(min(float(values.min()), 0.0), max(float(values.max()), 0.0), high)
    scale = scale or 1.0
    return scale, -point * scale


def around_zero(least: float, most: float, high: int) -> tuple[float, int]:
    """Return the least scale, and the integer of 0 … ``high`` for 0, with which they span ``least`` to ``most``."""
    point = zero_point(least, most, high)
    return max(-least / max(point, 0.5), most / max(high - point, 0.5)), point


def zero_point(least: float, most: float, high: int) -> int:
    """Return the integer of 0 … ``high`` that stands for 0 when they span ``least`` <= 0 to ``most`` >= 0."""
    if most <= least:
        return 0
    point = round(-least / (most - least) * high)
    return min(max(point, 1 if least < 0 else 0), high - 1 if most > 0 and high > 1 else high)
