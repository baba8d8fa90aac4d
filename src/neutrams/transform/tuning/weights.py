"""Round the weights of a unit: to nearest where bits are plenty, with error feedback and a refit where they are few."""

from dataclasses import dataclass

import numpy as np
import torch

from neutrams.base.arrays import FloatArray, IntArray

DAMPING = 0.01
FEW_BITS = 6
"""Weights of fewer bits than this are fitted by least squares and error feedback; more need only rounding."""


BINARY = (-1, 1)
"""Range of binary weights, which are never 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Second moments of what a unit reads and of what it is to give, over N samples.

    Attributes:
        gram: float64 ``[in, in]``, covariance of the inputs.
        cross: float64 ``[out, in]``, covariance of targets and inputs.
    """

    gram: FloatArray
    cross: FloatArray


def moments(x: torch.Tensor, target: torch.Tensor) -> Moments:
    """Return the centred moments of inputs ``[N, in]`` and targets ``[N, out]``; the bias takes up the means."""
    xc = x - x.mean(0)
    tc = target - target.mean(0)
    n = max(len(x), 1)
    return Moments(gram=(xc.T @ xc / n).double().numpy(), cross=(tc.T @ xc / n).double().numpy())


def damped(gram: FloatArray) -> FloatArray:
    """Return ``gram`` with 1 % of its mean diagonal added, so that it can be inverted."""
    least = DAMPING * float(np.mean(np.diag(gram))) or 1.0
    return gram + least * np.eye(len(gram), dtype=np.float64)


def refit(rows: FloatArray, seen: Moments) -> FloatArray:
    """Return rows ``[out, in]`` that give the target best on the inputs really delivered, pulled to the given ones.

    Ridge regression: minimise |W x - t|^2 + damping |W - rows|^2.
    """
    gram = damped(seen.gram)
    pull = gram - seen.gram
    solved: FloatArray = np.linalg.solve(gram, (seen.cross + rows @ pull).T).T.astype(np.float64)
    return solved


def round_nearest(rows: FloatArray, scale: FloatArray, limits: tuple[int, int]) -> IntArray:
    """Return clip(rint(rows / scale), *limits), half to even; binary weights (limits -1, 1) are never 0."""
    return _on_grid(rows / scale[:, None], limits).astype(np.int64)


def _on_grid(steps: FloatArray, limits: tuple[int, int]) -> FloatArray:
    if limits == BINARY:
        binary: FloatArray = np.where(steps >= 0, 1.0, -1.0)
        return binary
    rounded: FloatArray = np.clip(np.rint(steps), *limits)
    return rounded


def round_with_feedback(rows: FloatArray, scale: FloatArray, limits: tuple[int, int], gram: FloatArray) -> IntArray:
    """Round column by column, letting the columns still to come make up for each one's error.

    Args:
        rows: float64 ``[out, in]``.
        scale: float64 ``[out]``, step of each row's grid.
        limits: Smallest and largest integer.
        gram: float64 ``[in, in]``, second moments of the inputs.

    Returns:
        int64 ``[out, in]``. Columns are taken in order of falling input power.

    References:
        Frantar et al. (2022), GPTQ, algorithm 1. arXiv:2210.17323
    """
    order = np.argsort(-np.diag(gram), kind="stable")
    inverse = np.linalg.inv(damped(gram)[np.ix_(order, order)])
    upper = np.linalg.cholesky(inverse).T
    w = rows[:, order].copy()
    q = np.zeros(w.shape, dtype=np.int64)
    for i in range(w.shape[1]):
        q[:, i] = _on_grid(w[:, i] / scale, limits)
        error = (w[:, i] - q[:, i] * scale) / upper[i, i]
        w[:, i + 1 :] -= np.outer(error, upper[i, i + 1 :])
    result = np.empty_like(q)
    result[:, order] = q
    return result


def squared_error(rows: FloatArray, wanted: FloatArray, gram: FloatArray) -> FloatArray:
    """Return each neuron's mean squared output error ``[out]`` of ``rows`` against ``wanted``."""
    delta = rows - wanted
    result: FloatArray = np.einsum("oi,oi->o", delta @ gram, delta)
    return result
