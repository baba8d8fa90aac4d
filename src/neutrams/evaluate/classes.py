"""The class that an output stands for."""

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray


def classes(output: AnyArray) -> IntArray:
    """Return the class of each sample ``[N]``: the place of the largest element, or a lone number itself.

    Args:
        output: ``[N, ...]``; an arg-max of the model's own gives ``[N]`` or ``[N, 1]``.
    """
    flat = output.reshape(len(output), -1)
    if flat.shape[1] == 1:
        return np.rint(flat[:, 0]).astype(np.int64)
    found: IntArray = flat.argmax(axis=1)
    return found
