"""Fit a unit of an ann-mode network: integer weights, bias, multiplier and shift."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from neutrams.base.arrays import FloatArray, IntArray, spread
from neutrams.hardware import Chip
from neutrams.transform.room import MOST_BIAS_ROWS
from neutrams.transform.tuning.ranges import OutputRange
from neutrams.transform.tuning.unit import Fit, Unit, channel_mean, per_channel
from neutrams.transform.tuning.weights import (
    DESCENTS,
    FEW_BITS,
    Grid,
    Moments,
    best_gain,
    descend,
    feedback,
    moments,
    refit,
    round_nearest,
    round_with_feedback,
    squared_error,
    weighted_moments,
)
from neutrams.transform.tuning.windows import windows

MOST_TRIED = 64
"""Most ratios of step and output scale tried for channels that share one [count]."""

CLIPS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.22)
"""Fractions of the largest weight tried as the end of the grid where bits are few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A unit's numbers before they are laid out on neurons.

    Attributes:
        weights: int64 ``[n, fan-in]``.
        lead: Bias before it is rounded, float64 ``[n]`` [LSB of the accumulator].
        multiplier: int64 ``[n]``.
        shift: int64 ``[n]``.
        scale: float64 ``[n]``, source units per LSB of the output.
        step: float64 ``[n]``, source units per LSB of the accumulator: scale * multiplier / 2^shift.
    """

    weights: IntArray
    lead: FloatArray
    multiplier: IntArray
    shift: IntArray
    scale: FloatArray
    step: FloatArray


def solve_ann(unit: Unit, reach: OutputRange, chip: Chip) -> Solution:
    """Return the closed-form solution.

    1. Rows are taken per input LSB; where weights have few bits they are first refitted to the inputs really delivered.
    2. The step of each row's grid is the least that its largest weight and its bias allow, widened to what multiplier
       and shift express exactly: weight_scale = scale * m / 2^s. So no gain error is left.
    3. Weights are rounded; the bias makes the mean of the output that of the target (bias correction).

    References:
        Nagel et al. (2019), bias correction, eq. 17. arXiv:1906.04721
    """
    rows, bias = unit.per_lsb()
    seen = None
    if chip.core.weight_bits < FEW_BITS and not unit.elementwise:
        seen = _seen(unit)
        rows = refit(rows, seen)
    peak = np.abs(rows).max(axis=1, initial=0.0)
    for_weights = peak / chip.core.weight_range[1]
    for_bias = _step_for_bias(np.abs(bias - reach.zero), chip, _bias_rows(unit, chip))
    if unit.elementwise:
        for_weights = _whole_steps(peak, np.maximum(for_weights, for_bias))
    if chip.neuron.scale == "core" and not reach.fixed:
        reach = replace(reach, scale=_levelled(reach.scale, np.maximum(for_weights, for_bias), _input_power(unit)))
    if seen is None:
        multiplier, shift, scale, step = _grid(np.maximum(for_weights, for_bias), reach, chip)
        weights = round_nearest(rows, step, Grid.of(chip.core))
    else:
        multiplier, shift, scale, step, weights, _ = _best_grid(
            rows, (for_weights, for_bias), reach, chip, seen
        ).arrays()
    lead = (_mean_missing(unit, weights, step) - reach.zero) / step
    return Solution(weights=weights, lead=lead, multiplier=multiplier, shift=shift, scale=scale, step=step)


IMPORTANCE_FLOOR = 0.1
"""What unimportant errors count beside the mean."""

MOST_IMPORTANCE = 50.0
"""What the most important errors count beside the mean."""

MOST_MOMENTS = 1 << 24
"""Units whose channels' own moments have more entries than this are fitted without importance."""


def _importance(unit: Unit) -> torch.Tensor | None:
    """Return what an error in each value of the target counts, mean about 1 in each channel."""
    if unit.importance is None or len(unit.rows) * unit.rows.shape[1] ** 2 > MOST_MOMENTS:
        return None
    mean = per_channel(np.maximum(channel_mean(unit.importance), 1e-20), unit.importance)
    return ((unit.importance / mean + IMPORTANCE_FLOOR) / (1 + IMPORTANCE_FLOOR)).clamp(max=MOST_IMPORTANCE)


def _seen(unit: Unit) -> Moments:
    importance = _importance(unit)
    if importance is None:
        return moments(*windows(unit))
    return weighted_moments(*windows(unit, unit.target, importance))


def _mean_missing(unit: Unit, weights: IntArray, step: FloatArray) -> FloatArray:
    """Return what the sums lack of the target in the mean, float64 ``[C]``: the bias."""
    importance = _importance(unit)
    if importance is None:
        return channel_mean(unit.target) - step * channel_mean(unit.sums(weights))
    sums = unit.sums(weights)
    missing = unit.target - sums * per_channel(step, sums)
    return channel_mean(missing * importance) / channel_mean(importance)


def lay_out(unit: Unit, solution: Solution, reach: OutputRange, chip: Chip, copies: int) -> Fit:
    """Return the neurons of a solution.

    ``copies`` neurons carry the same value with biases staggered by 1/copies of an output LSB, so that the mean of
    their outputs resolves that fraction (Hermite's identity).
    """
    n = copies * len(solution.step)
    fraction = np.repeat((np.arange(copies) + 0.5) / copies - 0.5, len(solution.step))
    if unit.cap is not None and unit.channels is not None:
        fraction += np.tile(unit.turns() - 0.5, copies)
    stagger = fraction * np.tile(solution.scale / solution.step, copies)
    register, row = bias_parts(np.rint(np.tile(solution.lead, copies) + stagger), chip, _bias_rows(unit, chip))
    parameters = {
        "bias": register,
        "multiplier": np.tile(solution.multiplier, copies),
        "shift": np.tile(solution.shift, copies),
        "low": np.full(n, reach.low, dtype=np.int64),
        "high": np.full(n, reach.high, dtype=np.int64),
    }
    return Fit(
        rows=np.tile(solution.weights, (copies, 1)),
        model="requantize",
        parameters=parameters,
        weight_scale=np.tile(solution.step, copies),
        scale=np.tile(solution.scale, copies),
        zero=np.tile(reach.zero, copies),
        bias_weights=row,
    )


def _bias_rows(unit: Unit, chip: Chip) -> int:
    """Return how many axons may carry a constant for the bias: the one it needs, or those the fan-in leaves over."""
    if unit.elementwise:
        return 1 if chip.core.bias == "row" else 0
    return min(MOST_BIAS_ROWS, chip.core.axons - int(unit.rows.shape[1]))


def _step_for_bias(bias: FloatArray, chip: Chip, rows: int) -> FloatArray:
    """Grid step ``[out]`` at which the bias fits; 0 where there is nothing to hold one."""
    reach = bias_reach(chip, rows)
    return bias / reach if reach > 0 else np.zeros_like(bias)


def bias_reach(chip: Chip, rows: int) -> float:
    """Largest bias that register and ``rows`` constant axons hold [LSB], a tenth left for correction."""
    register = 0 if chip.core.bias == "row" else (1 << (chip.neuron.bias_bits - 1)) - 1
    return 0.9 * (register + rows * chip.core.weight_range[1] * ((1 << chip.signal.input_bits) - 1))


def _whole_steps(peak: FloatArray, least: FloatArray) -> FloatArray:
    """Widen ``least`` until ``peak`` is a whole number of steps: terms of one scale then add up exactly."""
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(least > 0, np.floor(peak / least * (1 + 1e-9)), 1.0)
    return np.where(steps >= 1, peak / np.maximum(steps, 1.0), least)


def _levelled(scale: FloatArray, least: FloatArray, power: float) -> FloatArray:
    """Widen output scales ``[C]`` so that no channel forces a coarse grid on all where they share one multiplier.

    The grid's step is scale * r with one r >= least / scale for all: a channel that hardly speaks, and so has a tiny
    scale, would raise it for the others. Each r that a channel asks for is tried, and those that ask for more are
    widened to it; the least sum of squared rounding errors wins, scale^2 / 12 of outputs and step^2 power / 12 of
    weights.

    Args:
        scale: Output scales that fit each channel best.
        least: Smallest step of each channel's grid, ``[C]``.
        power: Sum over a neuron's inputs of their mean squares [LSB^2].
    """
    asked = np.unique(least / scale)
    asked = asked[asked > 0]
    if not len(asked):
        return scale
    tried = asked[spread(len(asked), MOST_TRIED)]
    widened = np.maximum(scale, least / tried[:, None])
    error = np.square(widened).sum(axis=1) * (1 + power * np.square(tried))
    best: FloatArray = widened[error.argmin()]
    return best


def _input_power(unit: Unit) -> float:
    """Return about what the mean squares of a neuron's inputs sum up to [LSB^2]."""
    each = [float(signal.means.square().mean()) for signal in unit.inputs]
    return sum(each) if unit.elementwise else each[0] * unit.rows.shape[1]


def _grid(least: FloatArray, reach: OutputRange, chip: Chip) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
    """Return (m, s, output scale, weight step).

    step = scale * m / 2^s is the finest one >= ``least`` that the widths allow. Where even the largest m and s = 1 give
    less than ``least``, the output scale grows; if it must stay, the largest weights are cut.
    """
    most = (1 << chip.neuron.multiplier_bits) - 1
    longest = (1 << chip.neuron.shift_bits) - 1
    scale = reach.scale if reach.fixed else np.maximum(reach.scale, least * 2 / most)  # the shift is at least 1
    ratio = np.minimum(least / scale, most / 2)
    if chip.neuron.scale == "core":
        ratio = np.full_like(ratio, ratio.max(initial=0.0))
    with np.errstate(divide="ignore"):
        shift = np.clip(np.floor(np.log2(most / np.maximum(ratio, 1e-300))), 1, longest).astype(np.int64)
    multiplier = np.clip(np.ceil(ratio * 2.0**shift - 1e-9), 1, most).astype(np.int64)
    return multiplier, shift, scale, scale * multiplier / 2.0**shift


@dataclass(frozen=True, slots=True)
class _Choice:
    """Multiplier, shift, output scale, step and weights of each channel, and the squared error they leave."""

    multiplier: IntArray
    shift: IntArray
    scale: FloatArray
    step: FloatArray
    weights: IntArray
    error: FloatArray

    def improved(self, other: "_Choice", together: bool) -> "_Choice":
        """Return the better of both for each channel, or for all of them where they stand ``together``."""
        better = other.error < self.error
        if together:
            better = np.full_like(better, other.error.sum() < self.error.sum())
        arrays = (
            np.where(better[:, None] if new.ndim == 2 else better, new, old)
            for new, old in zip(other.arrays(), self.arrays(), strict=True)
        )
        return _Choice(*arrays)

    def arrays(self) -> tuple[np.ndarray, ...]:
        """All fields in order."""
        return self.multiplier, self.shift, self.scale, self.step, self.weights, self.error


def _best_grid(
    rows: FloatArray, least: tuple[FloatArray, FloatArray], reach: OutputRange, chip: Chip, seen: Moments
) -> _Choice:
    """Try several ends of the grid, keep each channel's best by its output error on the inputs delivered, and descend.

    Args:
        rows: What the weights shall come near to, float64 ``[C, in]``.
        least: Steps at which the largest weight, and the bias, fit.
        reach: The mapping from values to output integers.
        chip: Gives all widths.
        seen: Second moments of the inputs.
    """
    grid, together, made_up = Grid.of(chip.core), chip.neuron.scale == "core", feedback(seen)

    def choice(step: FloatArray, weights: IntArray | None) -> _Choice:
        found = _grid(np.maximum(step, least[1]), reach, chip)
        taken = round_with_feedback(rows, found[3], grid, made_up) if weights is None else weights
        return _Choice(*found, taken, squared_error(taken * found[3][:, None], rows, seen))

    best = choice(least[0] * CLIPS[0], None)
    for clip in CLIPS[1:]:
        best = best.improved(choice(least[0] * clip, None), together)
    for _ in range(DESCENTS):
        weights = descend(best.weights, rows, best.step, grid, seen)
        best = best.improved(choice(best.step, weights), together)
        best = best.improved(choice(best.step * best_gain(best.weights, rows, best.step, seen), best.weights), together)
    return best


def bias_parts(wanted: FloatArray, chip: Chip, rows: int) -> tuple[IntArray, IntArray | None]:
    """Return (bias register ``[n]``, weights of bias rows ``[n, rows]`` or None), together nearest to ``wanted``.

    Rows take what the register cannot hold, shared evenly; where there is no register they take all of it.
    """
    low, high = chip.core.weight_range
    level = (1 << chip.signal.input_bits) - 1
    most = 0 if chip.core.bias == "row" else (1 << (chip.neuron.bias_bits - 1)) - 1
    beyond = wanted - np.clip(wanted, -most, most)
    reaches = 2 * most + 1 >= level  # whatever is left of a level fits into the register
    beyond = np.sign(beyond) * np.ceil(np.abs(beyond) / level) if reaches else np.rint(wanted / level)
    if rows == 0 or (most and not beyond.any()):
        return np.clip(wanted, -most - 1, most).astype(np.int64), None
    shares = [np.floor((beyond + k) / rows) for k in range(rows)]
    weights = np.stack([np.clip(share, low, high) for share in shares], axis=1).astype(np.int64)
    weights = weights[:, np.abs(weights).max(axis=0) > 0] if beyond.any() else weights[:, :1]
    rest = wanted - weights.sum(axis=1) * level
    return np.clip(rest, -most - 1 if most else 0, most).astype(np.int64), weights
