"""Fit a function of one variable by a sum of saturating ramps, each rounded as a neuron's output is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray

Function = Callable[[FloatArray], FloatArray]

GRID = 1025
"""Points of the range a fit looks at [count]."""
CANDIDATES = 48
"""Places where ramps may meet, evenly spaced and again where the function is most curved [count]."""
FLOOR = 0.1
"""Weight that is spread evenly over the range; the rest follows the values seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramps:
    """f(x) ~ start + sum over k of slopes[k] * clip(x - knots[k], 0, knots[k + 1] - knots[k]).

    Attributes:
        knots: Where ramps meet, ascending, float64 ``[K + 1]``.
        levels: The sum at each knot, float64 ``[K + 1]``.
        open_end: Whether the last ramp goes on for ever.
    """

    knots: FloatArray
    levels: FloatArray
    open_end: bool

    @property
    def slopes(self) -> FloatArray:
        """Gain of each ramp, float64 ``[K]``."""
        found: FloatArray = np.diff(self.levels) / np.diff(self.knots)
        return found

    def __call__(self, x: FloatArray, bits: int | None = None) -> FloatArray:
        """Return the sum at ``x``; with ``bits``, each ramp is rounded to as many equal steps of its height."""
        heights = np.diff(self.knots)
        top = heights.copy()
        if self.open_end and bits is None:
            top[-1] = np.inf
        ramps = np.clip(np.asarray(x)[..., None] - self.knots[:-1], 0, top)
        if bits is not None:
            step = heights / ((1 << bits) - 1)
            ramps = np.rint(ramps / step) * step
        total: FloatArray = ramps @ self.slopes + self.levels[0]
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """A function on a grid, with a weight for each point.

    Attributes:
        x: Ascending, evenly spaced, float64 ``[GRID]``.
        y: The function there, finite, float64 ``[GRID]``.
        weight: Positive, sums to 1, float64 ``[GRID]``.
    """

    x: FloatArray
    y: FloatArray
    weight: FloatArray


def sample(function: Function, values: FloatArray, margin: float) -> Sampled:
    """Return ``function`` over the range of ``values``, widened by ``margin`` of it on both sides, weighted by them.

    The range is narrowed to where the function is finite.
    """
    seen = values[np.isfinite(function(values))]
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 1.0)
    wide = max(high - low, 1e-3 * max(abs(low), abs(high), 1e-3))
    first, last = low - margin * wide, high + margin * wide
    if low * first <= 0:  # never over 0 into another branch of 1 / x, log x or the square root
        first = min(low, 0.9 * low)
    if high * last <= 0:
        last = max(high, 0.9 * high)
    if first == last:  # nothing but 0 was seen
        last = first + wide
    x = np.linspace(first, last, GRID)
    y = function(x)
    assert np.isfinite(y).all(), "a function is finite between values at which it is"
    edges = np.concatenate([[-np.inf], (x[1:] + x[:-1]) / 2, [np.inf]])
    counts, _ = np.histogram(seen, bins=edges)
    weight = (1 - FLOOR) * counts / max(counts.sum(), 1) + FLOOR / GRID
    return Sampled(x=x, y=y, weight=weight / weight.sum())


def fit_ramps(given: Sampled, ramps: int, bounds: tuple[float, float], open_end: bool) -> Ramps:
    """Return the sum of ``ramps`` ramps of least weighted squared error.

    Where they meet is found by dynamic programming over chords of the function, the heights there by least squares.

    Args:
        given: The function.
        ramps: K [count].
        bounds: Least and largest level.
        open_end: Whether the last ramp goes on for ever.

    References:
        Bellman (1961), On the approximation of curves by line segments using dynamic programming.
        doi:10.1145/366573.366611
    """
    at = _candidates(given)
    cost = _chord_costs(given, at)
    best, before = cost[0].copy(), []
    for _ in range(ramps - 1):
        through = best[:, None] + cost
        before.append(np.argmin(through, axis=0))
        best = through.min(axis=0)
    where = [len(at) - 1]
    for back in reversed(before):
        where.append(int(back[where[-1]]))
    where = sorted({0, *where})
    knots = given.x[at[where]]
    hats = np.stack([np.interp(given.x, knots, unit) for unit in np.eye(len(knots))], axis=1)
    root = np.sqrt(given.weight)[:, None]
    levels = np.linalg.lstsq(hats * root, given.y * root[:, 0], rcond=None)[0]
    return Ramps(knots=knots, levels=np.clip(levels, *bounds), open_end=open_end)


def _candidates(given: Sampled) -> IntArray:
    """Return indices of grid points; the density of the second half is best for chords: (weight f''^2)^(1/5)."""
    density = np.zeros(GRID)
    density[1:-1] = (given.weight[1:-1] * np.diff(given.y, 2) ** 2) ** 0.2
    area = np.cumsum(density)
    curved = np.searchsorted(area, np.linspace(0, area[-1], CANDIDATES))
    even = np.linspace(0, GRID - 1, CANDIDATES).round()
    found: IntArray = np.unique(np.concatenate([even, np.minimum(curved, GRID - 1)]).astype(np.int64))
    return found


def _chord_costs(given: Sampled, at: IntArray) -> FloatArray:
    """Weighted squared error of the chord from candidate i to candidate j, float64 ``[M, M]``; infinite for j <= i."""
    cost = np.full((len(at), len(at)), np.inf)
    for i, first in enumerate(at[:-1]):
        last = at[i + 1 :]
        x, y, w = (a[first:] for a in (given.x, given.y, given.weight))
        slope = (given.y[last] - y[0]) / (given.x[last] - x[0])
        squares = w * (y - y[0] - slope[:, None] * (x - x[0])) ** 2
        inside = np.arange(first, GRID) < last[:, None]
        cost[i, i + 1 :] = np.where(inside, squares, 0).sum(axis=1)
    return cost
