"""Checks and helpers for arrays that come from outside."""

from typing import Any

import numpy as np
import numpy.typing as npt

from neutrams.base.errors import InputError

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
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


def check_indices(array: AnyArray, size: int, where: str) -> None:
    """Refuse an array that holds anything but indices of ``size`` entries; those below 0 count from the end.

    Raises:
        InputError: A value is no whole number or outside; the message counts them and names the first.
    """
    good = (array >= -size) & (array < size) & (array == np.floor(array))
    if not good.all():
        first = array[~good].flat[0]
        raise InputError(
            f"{int((~good).sum())} of {array.size} indices are not among its {size} entries, the first is {first:g}",
            where=where,
            fix=f"give whole numbers from 0 to {size - 1}",
        )


def distinct(values: IntArray) -> IntArray:
    """Return the different values, ascending, int64 of one axis; np.unique hashes, which takes ten times as long."""
    ordered = np.sort(values)
    new = np.ones(len(ordered), dtype=np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    return np.asarray(ordered[new])


def frozen(array: AnyArray) -> AnyArray:
    """Return ``array`` as a C-contiguous, read-only array (a copy unless it already is one)."""
    if array.flags.c_contiguous and not array.flags.writeable:
        return array
    copy = np.array(array, order="C", copy=True)
    copy.flags.writeable = False
    return copy


GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, modulo 1, keep apart from each other and from any grid."""


def spread(n: int, most: int) -> IntArray:
    """Return at most ``most`` of n indices, ascending: one from each of as many stretches of one length.

    Where in its stretch an index lies follows multiples of the golden ratio: a fixed step would keep to a few columns
    of an image where it divides the width.
    """
    if n <= most:
        return np.arange(n, dtype=np.int64)
    edges = np.arange(most + 1, dtype=np.int64) * n // most
    places = np.arange(most) * GOLDEN % 1.0
    return edges[:-1] + (places * np.diff(edges)).astype(np.int64)
