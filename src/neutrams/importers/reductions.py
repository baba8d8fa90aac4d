"""Reductions over axes of a sample, and the normalisations made of them."""

from collections.abc import Sequence

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import InputError
from neutrams.importers.builder import Builder, Tensor
from neutrams.network import Pool


def reduced(builder: Builder, name: str, x: Tensor, kind: str, axes: Sequence[int], keep: bool = True) -> Tensor:
    """Return the largest or mean value over ``axes`` of a sample, which stay with length 1 or go.

    One `Pool` of all places, between transposes and reshapes where the axes are not all but the first.
    """
    kept = [a for a in range(len(x.shape)) if a not in axes]
    last = sorted(axes)
    shape = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
    wanted = shape if keep else tuple(x.shape[a] for a in kept)
    if all(x.shape[a] == 1 for a in axes):
        return builder.reshape(name, x, wanted)
    moved = builder.transpose(builder.fresh(f"{name}.last"), x, [*kept, *last])
    kernel = tuple(x.shape[a] for a in last)
    channels = int(np.prod([x.shape[a] for a in kept]))
    image = builder.reshape(builder.fresh(f"{name}.image"), moved, (channels, *kernel))
    ones, zeros = (1,) * len(kernel), (0,) * len(kernel)
    inner = name if (channels, *ones) == wanted else builder.fresh(f"{name}.pool")
    pool = Pool(name=inner, inputs=(image.name,), kind=kind, kernel=kernel, stride=ones, dilation=ones, before=zeros,
                after=zeros)  # fmt: skip
    return builder.reshape(name, builder.emit(pool, kind == "max" and x.integer), wanted)


def standardized(
    builder: Builder, name: str, x: Tensor, axes: Sequence[int], epsilon: float, centre: bool = True
) -> Tensor:
    """Return (x - mean) / sqrt(variance + epsilon) over ``axes``; not to ``centre`` takes the mean as 0.

    Ba et al. (2016), arXiv:1607.06450; without centring Zhang & Sennrich (2019), arXiv:1910.07467
    """
    if centre:
        mean = reduced(builder, builder.fresh(f"{name}.mean"), x, "average", axes)
        x = builder.total(builder.fresh(f"{name}.centred"), [(x, 1.0), (mean, -1.0)])
    square = builder.activation(builder.fresh(f"{name}.square"), x, "power", exponent=2.0)
    variance = reduced(builder, builder.fresh(f"{name}.variance"), square, "average", axes)
    shifted = builder.affine(builder.fresh(f"{name}.shifted"), variance, 1.0, epsilon)
    factor = builder.activation(builder.fresh(f"{name}.factor"), shifted, "power", exponent=-0.5)
    return builder.product(name, x, factor)


def group_normalized(
    builder: Builder, name: str, x: Tensor, groups: int, parts: tuple[AnyArray, AnyArray], epsilon: float
) -> Tensor:
    """Return ``x`` ``[C, *size]`` standardised over each group of channels, then gain * x + shift, one a channel.

    Wu & He (2018), arXiv:1803.08494; a group of one channel is instance normalisation (arXiv:1607.08022).
    """
    grouped = builder.reshape(builder.fresh(f"{name}.groups"), x, (groups, -(-x.shape[0] // groups), *x.shape[1:]))
    axes = range(1, len(grouped.shape))
    flat = standardized(builder, builder.fresh(f"{name}.standard"), grouped, axes, epsilon)
    whole = builder.reshape(builder.fresh(f"{name}.whole"), flat, x.shape)
    return builder.affine(name, whole, *(per_channel(part, x) for part in parts))


def batch_normalized(builder: Builder, name: str, x: Tensor, parts: Sequence[AnyArray], epsilon: float) -> Tensor:
    """Return (x - mean) / sqrt(variance + epsilon) * gain + shift, one of each a channel (first axis of a sample).

    ``parts`` are gain, shift, mean, variance, float64 ``[channels]``. Ioffe & Szegedy (2015), arXiv:1502.03167

    Raises:
        InputError: A variance is negative.
    """
    gain, shift, mean, variance = parts
    if (variance + epsilon <= 0).any():
        raise InputError(
            f"a batch normalisation has the variance {variance.min():.3g}",
            where=f"node {name!r}",
            fix="repair or retrain the model: a variance is never negative",
        )
    factor = gain / np.sqrt(variance + epsilon)
    return builder.affine(name, x, per_channel(factor, x), per_channel(shift - mean * factor, x))


def per_channel(values: AnyArray, x: Tensor) -> AnyArray:
    """Return ``values`` ``[C]`` with as many axes as a sample of ``x``."""
    return values.reshape(-1, *(1,) * (len(x.shape) - 1))


def largest_index(builder: Builder, name: str, x: Tensor, axis: int, keep: bool, last: bool = False) -> Tensor:
    """Return the index of the largest element along an axis, on the host; of equals the first, or the ``last``."""
    order = [a for a in range(len(x.shape)) if a != axis] + [axis]
    moved = builder.transpose(builder.fresh(f"{name}.last"), x, order)
    size = x.shape[axis]
    if last:
        moved = builder.take(builder.fresh(f"{name}.flipped"), moved, len(order) - 1, np.arange(size)[::-1])
    wanted = (*x.shape[:axis], *([1] if keep else []), *x.shape[axis + 1 :])
    inner = name if not keep and not last else builder.fresh(f"{name}.index")
    index = builder.host(inner, [moved], "argmax")
    if last:
        index = builder.affine(builder.fresh(f"{name}.counted"), index, -1.0, size - 1.0)
    return builder.reshape(name, index, wanted)


def softmax(builder: Builder, name: str, x: Tensor, axis: int, logarithm: bool = False) -> Tensor:
    """Return e^x over its sum along an axis, or the logarithm of that; on the host."""
    order = [a for a in range(len(x.shape)) if a != axis] + [axis]
    moved = builder.transpose(builder.fresh(f"{name}.last"), x, order)
    result = builder.host(name if moved is x and not logarithm else builder.fresh(f"{name}.shares"), [moved], "softmax")
    if logarithm:
        result = builder.activation(name if moved is x else builder.fresh(f"{name}.log"), result, "log")
    return builder.transpose(name, result, np.argsort(order).tolist())
