"""Round the weights of a unit: to nearest where bits are plenty, with error feedback and a refit where they are few.

A unit of G groups (1 but for grouped convolutions) has C / G output channels a group; matrices are stacked by group.
"""

from dataclasses import dataclass

import numpy as np
import torch

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.hardware.chip import CoreSpec

DAMPING = 0.01
BLOCK = 32
"""Columns whose errors are carried on together."""

FEW_BITS = 6
"""Weights of fewer bits than this are fitted by least squares and error feedback; more need only rounding."""


DESCENTS = 3
"""How often integers are changed one by one and their step is refitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What integer weights may be.

    Attributes:
        low: Smallest integer.
        high: Largest integer.
        zero: Whether 0 is one of them; binary weights are -1 and 1.
    """

    low: int
    high: int
    zero: bool = True

    @staticmethod
    def of(core: CoreSpec) -> "Grid":
        """Return the grid of a core's weights."""
        low, high = core.weight_range
        return Grid(low=low, high=high, zero=core.has_zero_weight)

    def nearest(self, steps: FloatArray) -> FloatArray:
        """Return the nearest integers, half to even, in the type of ``steps``."""
        if not self.zero:
            binary: FloatArray = np.where(steps >= 0, 1.0, -1.0)
            return binary
        rounded: FloatArray = np.clip(np.rint(steps), self.low, self.high)
        return rounded


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Second moments of what a unit reads and of what it is to give, over samples and positions.

    Attributes:
        gram: float64 ``[G, fan-in, fan-in]``, covariance of the inputs.
        cross: float64 ``[G, C / G, fan-in]``, covariance of targets and inputs.
    """

    gram: FloatArray
    cross: FloatArray

    def repeated(self, axons: IntArray) -> "Moments":
        """Return the moments where axon k carries input ``axons[k]``."""
        return Moments(gram=self.gram[:, axons][:, :, axons], cross=self.cross[..., axons])


def moments(x: torch.Tensor, target: torch.Tensor) -> Moments:
    """Return the centred moments of inputs ``[G, M, in]`` and targets ``[G, M, out]``; the bias takes up the means."""
    xc = x - x.mean(1, keepdim=True)
    tc = target - target.mean(1, keepdim=True)
    n = max(x.shape[1], 1)
    gram, cross = xc.mT @ xc / n, tc.mT @ xc / n
    return Moments(gram=gram.double().numpy(), cross=cross.double().numpy())


def weighted_moments(x: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> Moments:
    """Return moments of each output channel's own, ``[C, in, in]`` and ``[C, 1, in]``: rows count as ``weight`` says.

    Args:
        x: Inputs ``[G, M, in]``.
        target: Targets ``[G, M, out]``.
        weight: What an error of each target counts, ``[G, M, out]``, mean about 1.
    """
    grams, crosses = [], []
    for g in range(len(x)):
        for j in range(target.shape[2]):
            w, t = weight[g, :, j], target[g, :, j]
            total = w.sum()
            xc = (x[g] - (w @ x[g]) / total) * w.sqrt()[:, None]
            tc = (t - (w @ t) / total) * w.sqrt()
            grams.append((xc.T @ xc / total).double().numpy())
            crosses.append((tc @ xc / total).double().numpy()[None])
    return Moments(gram=np.stack(grams), cross=np.stack(crosses))


def damped(gram: FloatArray) -> FloatArray:
    """Return ``gram`` with 1 % of its mean diagonal added, so that it can be inverted."""
    power = np.diagonal(gram, axis1=-2, axis2=-1).mean(axis=-1)
    least = np.where(power > 0, DAMPING * power, 1.0)
    result: FloatArray = gram + least[..., None, None] * np.eye(gram.shape[-1])
    return result


def refit(rows: FloatArray, seen: Moments) -> FloatArray:
    """Return rows ``[C, in]`` that give the target best on the inputs really delivered, pulled to the given ones.

    Ridge regression: minimise |W x - t|^2 + damping |W - rows|^2.
    """
    gram = damped(seen.gram)
    wanted = seen.cross + grouped(rows, seen) @ (gram - seen.gram)
    factor = torch.linalg.cholesky(torch.from_numpy(gram))
    solved = torch.cholesky_solve(torch.from_numpy(wanted).mT, factor).mT
    result: FloatArray = solved.reshape(rows.shape).numpy()
    return result


def grouped(rows: FloatArray, seen: Moments) -> FloatArray:
    """Return ``rows`` ``[C, in]`` stacked by group, ``[G, C / G, in]``."""
    return rows.reshape(len(seen.gram), -1, rows.shape[1])


def round_nearest(rows: FloatArray, scale: FloatArray, grid: Grid) -> IntArray:
    """Return the integers nearest to rows / scale."""
    return grid.nearest(rows / scale[:, None]).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Feedback:
    """How the error of one column is made up for by those after it.

    Attributes:
        order: int64 ``[G, in]``, columns by falling input power.
        upper: float64 ``[G, in, in]``, upper Cholesky factor of the inverse second moments in that order.
    """

    order: IntArray
    upper: FloatArray


def feedback(seen: Moments) -> Feedback:
    """Return the feedback for inputs with the moments ``seen``; it serves any grid."""
    order = np.argsort(-np.diagonal(seen.gram, axis1=1, axis2=2), axis=1, kind="stable")
    sorted_gram = np.take_along_axis(damped(seen.gram), order[:, :, None], axis=1)
    sorted_gram = np.take_along_axis(sorted_gram, order[:, None, :], axis=2)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(torch.from_numpy(sorted_gram)))
    return Feedback(order, torch.linalg.cholesky(inverse, upper=True).numpy())


def round_with_feedback(rows: FloatArray, scale: FloatArray, grid: Grid, made_up: Feedback) -> IntArray:
    """Round column by column, letting the columns still to come make up for each one's error.

    Args:
        rows: float64 ``[C, in]``.
        scale: float64 ``[C]``, step of each row's grid.
        grid: What integers there are.
        made_up: Order and feedback.

    Returns:
        int64 ``[C, in]``.

    References:
        Frantar et al. (2022), GPTQ, algorithm 1. arXiv:2210.17323
    """
    order, upper = made_up.order, made_up.upper
    w = np.take_along_axis(rows.reshape(len(order), -1, rows.shape[1]), order[:, None, :], axis=2)
    step = scale.reshape(w.shape[:2])
    q = np.zeros(w.shape)
    for first in range(0, w.shape[2], BLOCK):
        last = min(first + BLOCK, w.shape[2])
        errors = np.empty((*w.shape[:2], last - first))
        for i in range(first, last):
            q[..., i] = grid.nearest(w[..., i] / step)
            error = (w[..., i] - q[..., i] * step) / upper[:, i, i, None]
            w[..., i + 1 : last] -= error[..., None] * upper[:, None, i, i + 1 : last]
            errors[..., i - first] = error
        w[..., last:] -= errors @ upper[:, first:last, last:]
    result = np.empty(q.shape, dtype=np.int64)
    np.put_along_axis(result, np.broadcast_to(order[:, None, :], q.shape), q.astype(np.int64), axis=2)
    return result.reshape(rows.shape)


def descend(weights: IntArray, rows: FloatArray, scale: FloatArray, grid: Grid, seen: Moments) -> IntArray:
    """Return integers after one pass in which each takes the value that is best given all others.

    Minimises each channel's mean squared output error against float ``rows``; it never grows.
    """
    q, step = grouped(weights.astype(np.float64), seen).copy(), scale.reshape(len(seen.gram), -1)
    slope = (q * step[..., None] - grouped(rows, seen)) @ seen.gram
    power = np.maximum(np.diagonal(seen.gram, axis1=1, axis2=2), 1e-12)
    for i in range(q.shape[2]):
        better = grid.nearest(q[..., i] - slope[..., i] / (power[:, i, None] * step))
        change = (better - q[..., i]) * step
        if change.any():
            slope += change[..., None] * seen.gram[:, None, i]
            q[..., i] = better
    return q.astype(np.int64).reshape(weights.shape)


def best_gain(weights: IntArray, rows: FloatArray, scale: FloatArray, seen: Moments) -> FloatArray:
    """Return the factor ``[C]`` on each channel's step that brings its outputs nearest to those of float ``rows``."""
    got = grouped(weights * scale[:, None], seen)
    drawn = got @ seen.gram
    power = np.maximum((drawn * got).sum(axis=2), 1e-300)
    result: FloatArray = np.clip((drawn * grouped(rows, seen)).sum(axis=2) / power, 0.5, 2.0).reshape(-1)
    return result


def squared_error(rows: FloatArray, wanted: FloatArray, seen: Moments) -> FloatArray:
    """Return each channel's mean squared output error ``[C]`` of ``rows`` against ``wanted``."""
    delta = grouped(rows - wanted, seen)
    result: FloatArray = ((delta @ seen.gram) * delta).sum(axis=2).reshape(-1)
    return result
