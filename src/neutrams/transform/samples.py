"""Some of the calibration samples, evenly spread."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray


def evenly(calibration: Mapping[str, AnyArray], most: int) -> IntArray:
    """Return which samples to take, int64, in order: all where there are no more than ``most``."""
    n = len(next(iter(calibration.values())))
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))


def some_of(calibration: Mapping[str, AnyArray], samples: IntArray) -> dict[str, AnyArray]:
    """Return these samples of each array."""
    return {name: array[samples] for name, array in calibration.items()}
