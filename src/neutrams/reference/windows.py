"""Convolution and pooling in NumPy: one kernel element at a time over all places."""

from collections.abc import Iterator
from math import prod

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.network import ops
from neutrams.network.shapes import Shape, places


def convolve(node: ops.Conv, x: AnyArray) -> AnyArray:
    """Return the convolution ``[N, out, *places]`` of ``x`` ``[N, in, *size]``; int64 of int64, else float64."""
    out, per_group, *kernel = node.weights.shape
    total: AnyArray = np.zeros((), dtype=node.weights.dtype)
    kernels = node.weights.reshape(out, per_group, -1)
    for at, seen in enumerate(_windows(x, tuple(kernel), node.stride, node.dilation)):
        weights = kernels[..., at].reshape(node.groups, out // node.groups, per_group)
        grouped = seen.reshape(len(x), node.groups, per_group, -1)
        total = total + weights @ grouped
    found = places(x.shape[2:], tuple(kernel), node.stride, node.dilation)
    return total.reshape(len(x), out, *found) + per_channel(node.bias, x.ndim)


def pool(node: ops.Pool, x: AnyArray) -> AnyArray:
    """Return the largest or mean value ``[N, C, *places]`` of the windows of ``x`` ``[N, C, *size]``."""
    border = [(0, 0), (0, 0), *zip(node.before, node.after, strict=True)]
    largest = node.kind == "max"
    padded = np.pad(x, border, constant_values=-np.inf if largest else 0.0)
    parts = list(_windows(padded, node.kernel, node.stride, node.dilation))
    if largest:
        peak: AnyArray = np.maximum.reduce(parts)
        return peak
    inside = np.pad(np.ones(x.shape), border)
    held: AnyArray = np.sum(list(_windows(inside, node.kernel, node.stride, node.dilation)), axis=0)
    size = np.full(held.shape, prod(node.kernel)) if node.count_padding else np.maximum(held, 1)
    mean: AnyArray = np.sum(parts, axis=0) / size
    return mean


def per_channel(values: AnyArray, rank: int) -> AnyArray:
    """Return ``values`` ``[..., C]`` with the channels as axis 1 of an array of ``rank`` axes, the batch axis first."""
    return values.reshape(*values.shape, *(1,) * (rank - 2))


def _windows(x: AnyArray, kernel: Shape, stride: Shape, dilation: Shape) -> Iterator[AnyArray]:
    """Yield what each element of a kernel reads, ``[N, C, *places]``, in C order."""
    found = places(x.shape[2:], kernel, stride, dilation)
    for offset in np.ndindex(*kernel):
        axes = zip(offset, dilation, stride, found, strict=True)
        yield x[:, :, *(slice(o * d, o * d + (n - 1) * s + 1, s) for o, d, s, n in axes)]
