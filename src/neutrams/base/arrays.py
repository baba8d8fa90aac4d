"""Checks and helpers for arrays that come from outside."""

from typing import Any

import numpy as np
import numpy.typing as npt

from neutrams.base.errors import InputError

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
AnyArray = npt.NDArray[Any]


def check_finite(array: AnyArray, where: str) -> None:
    """Refuse an array that holds NaN or infinity.

    Raises:
        InputError: A value is not finite; the message counts them and names the first.
    """
    bad = ~np.isfinite(array)
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"{int(bad.sum())} of {array.size} values are NaN or infinite, the first at index {first}",
            where=where,
            fix="repair or retrain the source of these values",
        )


def frozen(array: AnyArray) -> AnyArray:
    """Return ``array`` as a C-contiguous, read-only array (a copy unless it already is one)."""
    if array.flags.c_contiguous and not array.flags.writeable:
        return array
    copy = np.array(array, order="C", copy=True)
    copy.flags.writeable = False
    return copy
