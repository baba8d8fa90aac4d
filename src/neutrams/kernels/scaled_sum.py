"""Add one signal to a running weighted sum of signals, element by element."""

from typing import Any

import numpy.typing as npt

from neutrams.kernels.compiled import kernel


@kernel
def add_scaled(total: npt.NDArray[Any], x: npt.NDArray[Any], weights: npt.NDArray[Any]) -> None:
    """Add ``x * weights`` to ``total``, in place.

    Arrays:
        total    float32 or float64[M, n]          read, then overwritten
        x        uint8, float32 or float64[M, n]   read
        weights  same type as total[n]             read

    All values are integers; the caller has chosen the type of ``total`` so that every sum is exact.
    """
    word = total.dtype.type
    for m in range(total.shape[0]):
        into, given = total[m], x[m]
        for j in range(weights.shape[0]):
            into[j] += word(given[j]) * weights[j]
