"""Axons that a unit would leave idle carry its largest weights together: the others then have finer steps."""

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray

MOST_AXONS = 8
"""Most axons that carry one input."""


def shared_axons(rows: FloatArray, axons: int) -> IntArray:
    """Return how many axons carry each input, int64 ``[fan-in]``, at least one.

    The step of a neuron's weights is set by its largest weight per axon. Each further axon goes to the input that lets
    the steps of all neurons shrink most, by the sum of their logarithms.

    Args:
        rows: Weights, float ``[C, fan-in]``.
        axons: How many there are in all.
    """
    size = np.abs(rows)
    counts = np.ones(rows.shape[1], dtype=np.int64)
    if rows.shape[1] < 2:
        return np.minimum(np.full_like(counts, max(1, axons)), MOST_AXONS)
    for _ in range(axons - rows.shape[1]):
        each = size / counts
        largest = each.argmax(axis=1)
        top = np.take_along_axis(each, largest[:, None], axis=1)[:, 0]
        second = np.partition(each, -2, axis=1)[:, -2]
        after = np.maximum(second, top * counts[largest] / (counts[largest] + 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = np.where(top > 0, np.log(top / after), 0.0)
        gain[counts[largest] >= MOST_AXONS] = 0.0
        total = np.bincount(largest, weights=gain, minlength=len(counts))
        if not total.any():
            total = np.where(counts < MOST_AXONS, (each == top[:, None]).sum(axis=0), 0)
            if not total.any():
                break
        counts[total.argmax()] += 1
    return counts
