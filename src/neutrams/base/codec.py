"""The border arithmetic shared by reference, evaluation, simulator and export: encode inputs, decode counts."""

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray


def encode(x: FloatArray, scale: float | FloatArray, zero: float | FloatArray, limits: tuple[int, int]) -> IntArray:
    """Return q = clip(rint((x - zero) / scale), low, high), half to even; any shape."""
    return np.clip(np.rint((x - zero) / scale), *limits).astype(np.int64)


def spread_step(q: IntArray, step: int, steps: int) -> IntArray:
    """Return 1 where an even spread of q spikes over ``steps`` (T) steps has one in step ``step``; 0 <= q <= T."""
    return ((step + 1) * q + steps // 2) // steps - (step * q + steps // 2) // steps


def decode(
    counts: IntArray, coefficient: IntArray, element: IntArray, scale: FloatArray, offset: FloatArray
) -> FloatArray:
    """Return y[:, e] = scale[e] * sum over rows with element e of coefficient * counts + offset[e].

    Args:
        counts: int64 ``[N, rows]``.
        coefficient: int64 ``[rows]``.
        element: int64 ``[rows]``.
        scale: float64 ``[out]``.
        offset: float64 ``[out]``.

    Returns:
        float64 ``[N, out]``. The integer sum is exact, so every caller gets the same bits.
    """
    sums = np.zeros((len(scale), len(counts)), dtype=np.int64)
    np.add.at(sums, element, (counts * coefficient).T)
    result: FloatArray = sums.T * scale + offset
    return result
