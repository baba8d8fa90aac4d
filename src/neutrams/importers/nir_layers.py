"""NIR primitives without memory as nodes: linear maps, convolutions, pools, flattening."""

from collections.abc import Callable
from math import prod

import numpy as np

from neutrams.importers.nir_file import Part
from neutrams.network import Constant, Conv, Linear, Mul, Node, Pad, Pool, Reshape
from neutrams.network.shapes import Shape

SOURCE = "\0source"
"""Stands for the tensor that a node reads."""

Fresh = Callable[[str], str]
Layer = Callable[[Part, Shape, Fresh], list[Node]]
"""(node, shape of what it reads, new names) -> nodes in order; the first reads `SOURCE`, the last bears its name."""


def linear(part: Part, shape: Shape, fresh: Fresh) -> list[Node]:
    """Affine and Linear: y = W x + b over the last axis."""
    weights = part.numbers("weight")
    if weights.ndim != 2:
        raise part.unfit(f"its weight has {weights.ndim} axes", "give a matrix [out, in]")
    bias = part.numbers("bias") if part.kind == "Affine" else np.zeros(())
    if bias.shape not in ((), (1,), weights.shape[:1]):
        raise part.unfit(f"its bias has shape {bias.shape}", f"give one number for each of {len(weights)} outputs")
    wide = np.array(np.broadcast_to(bias, weights.shape[:1]))
    return [Linear(name=part.name, inputs=(SOURCE,), weights=weights, bias=wide)]


def scale(part: Part, shape: Shape, fresh: Fresh) -> list[Node]:
    """Scale: y = s x, elementwise; s is broadcast to what it meets, never the other way."""
    factors = part.numbers("scale")
    try:
        wide = np.array(np.broadcast_to(factors, shape))
    except ValueError:
        raise part.unfit(
            f"a scale of shape {factors.shape} meets a signal of shape {shape}", "give one of its shape"
        ) from None
    name = fresh(f"{part.name}.scale")
    return [Constant(name=name, values=wide), Mul(name=part.name, inputs=(SOURCE, name))]


def convolution(part: Part, shape: Shape, fresh: Fresh) -> list[Node]:
    """Conv1d and Conv2d: cross-correlation; padding in numbers (zeros on both sides), ``same`` or ``valid``."""
    weights, axes = part.numbers("weight"), 1 if part.kind == "Conv1d" else 2
    if weights.ndim != axes + 2 or not weights.size:
        raise part.unfit(f"its weight has shape {weights.shape}", f"give [out, in / groups] and {axes} kernel axes")
    stride, dilation = (_each(part, key, axes, 1) for key in ("stride", "dilation"))
    before, after = _padding(part, weights.shape[2:], stride, dilation)
    bias = part.numbers("bias", 0.0)
    if bias.shape not in ((), (1,), weights.shape[:1]):
        raise part.unfit(f"its bias has shape {bias.shape}", f"give one number for each of {len(weights)} outputs")
    groups = part.whole("groups", 1)
    if len(groups) != 1 or groups[0] < 1:
        raise part.damaged(f"groups is {groups}")
    nodes, source = _padded(part, shape, (before, after), fresh)
    wide = np.array(np.broadcast_to(bias, weights.shape[:1]))
    return [
        *nodes,
        Conv(name=part.name, inputs=(source,), weights=weights, bias=wide, stride=stride, dilation=dilation,
            groups=groups[0]),
    ]  # fmt: skip


def sum_pool(part: Part, shape: Shape, fresh: Fresh) -> list[Node]:
    """SumPool2d: the sum of each window of each channel, as a convolution of ones; padded with zeros."""
    kernel, stride, padding = _window(part)
    nodes, source = _padded(part, shape, (padding, padding), fresh)
    channels = shape[0] if shape else 1
    ones = np.ones((channels, 1, *kernel))
    return [
        *nodes,
        Conv(name=part.name, inputs=(source,), weights=ones, bias=np.zeros(channels), stride=stride, dilation=(1, 1),
            groups=channels),
    ]  # fmt: skip


def average_pool(part: Part, shape: Shape, fresh: Fresh) -> list[Node]:
    """AvgPool2d: the mean of each window of each channel, its padding counted, as PyTorch's default has it."""
    kernel, stride, padding = _window(part)
    pool = Pool(
        name=part.name, inputs=(SOURCE,), kind="average", kernel=kernel, stride=stride, dilation=(1, 1), before=padding,
        after=padding, count_padding=True,
    )  # fmt: skip
    return [pool]


def flatten(part: Part, shape: Shape, fresh: Fresh) -> list[Node]:
    """Flatten: axes start_dim to end_dim, both included, become one; axes of a sample, counted from 0."""
    start, end = (part.whole(key, default)[0] for key, default in (("start_dim", 1), ("end_dim", -1)))
    rank = len(shape)
    if not (-rank <= start < rank and -rank <= end < rank and start % rank <= end % rank):
        if (start, end, rank) == (1, -1, 1):  # the default, of a vector: nothing to flatten
            return [Reshape(name=part.name, inputs=(SOURCE,), shape=shape)]
        raise part.unfit(f"it flattens axes {start} to {end} of a signal of shape {shape}", "name axes that it has")
    start, end = start % rank, end % rank
    flat = (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])
    return [Reshape(name=part.name, inputs=(SOURCE,), shape=flat)]


LAYERS: dict[str, Layer] = {
    "Affine": linear, "Linear": linear, "Scale": scale, "Conv1d": convolution, "Conv2d": convolution,
    "SumPool2d": sum_pool, "AvgPool2d": average_pool, "Flatten": flatten,
}  # fmt: skip


def _each(part: Part, key: str, axes: int, least: int) -> tuple[int, ...]:
    """Return a whole number for each axis; one alone serves all."""
    found = part.whole(key)
    found = found * axes if len(found) == 1 else found
    if len(found) != axes or min(found) < least:
        raise part.damaged(f"{key} is {found}, wanted are {axes} numbers of at least {least}")
    return found


def _window(part: Part) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    return _each(part, "kernel_size", 2, 1), _each(part, "stride", 2, 1), _each(part, "padding", 2, 0)


def _padding(
    part: Part, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    given = part.fields.get("padding")
    given = given.decode("utf8", errors="replace") if isinstance(given, bytes) else given
    if not isinstance(given, str):
        both = _each(part, "padding", len(kernel), 0)
        return both, both
    if given not in ("same", "valid"):
        raise part.damaged(f"padding is {given!r}, wanted are numbers, 'same' or 'valid'")
    if given == "valid":
        return (0,) * len(kernel), (0,) * len(kernel)
    if max(stride) > 1:
        raise part.unfit(f"padding 'same' and a stride of {stride}", "give the padding in numbers")
    whole = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return tuple(n // 2 for n in whole), tuple(n - n // 2 for n in whole)


def _padded(
    part: Part, shape: Shape, border: tuple[tuple[int, ...], tuple[int, ...]], fresh: Fresh
) -> tuple[list[Node], str]:
    before, after = border
    if not any((*before, *after)):
        return [], SOURCE
    if len(shape) != 1 + len(before):
        raise part.unfit(f"it reads a signal of shape {shape}", f"give it channels and {len(before)} other axes")
    name = fresh(f"{part.name}.padded")
    return [Pad(name=name, inputs=(SOURCE,), before=(0, *before), after=(0, *after))], name
