"""What each tap of a window reads."""

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.network import ops
from neutrams.network.shapes import places


def taps_of(node: ops.Pool, size: tuple[int, ...]) -> list[IntArray]:
    """For each axis what index each tap of a window reads, int64 ``[kernel, places]``; in padding it is outside."""
    whole = tuple(n + a + b for n, a, b in zip(size, node.before, node.after, strict=True))
    found = places(whole, node.kernel, node.stride, node.dilation)
    axes = zip(node.kernel, node.dilation, node.stride, found, node.before, strict=True)
    return [np.arange(k)[:, None] * d + np.arange(n)[None, :] * s - b for k, d, s, n, b in axes]


def held_elements(node: ops.Pool, size: tuple[int, ...]) -> FloatArray:
    """How many elements of the tensor each window holds, float64 ``[*places]``; at least 1."""
    held = np.ones(())
    for axis, taps in enumerate(taps_of(node, size)):
        inside = ((taps >= 0) & (taps < size[axis])).sum(axis=0).astype(np.float64)
        held = np.multiply.outer(held, inside)
    return np.maximum(held, 1)


def clamped(taps: IntArray, n: int) -> IntArray:
    """Replace each tap outside 0 ... n - 1 by the nearest tap of its window that is inside."""
    inside = (taps >= 0) & (taps < n)
    first, last = np.argmax(inside, axis=0), len(taps) - 1 - np.argmax(inside[::-1], axis=0)
    nearest = np.clip(np.arange(len(taps))[:, None], first, last)
    found: IntArray = np.take_along_axis(taps, nearest, axis=0)
    return found


def windows_hold_something(node: ops.Pool, size: tuple[int, ...]) -> bool:
    """Whether every window of ``node`` over a tensor ``[C, *size]`` holds an element of it."""
    return all(((taps >= 0) & (taps < n)).any(axis=0).all() for n, taps in zip(size, taps_of(node, size), strict=True))
