"""Windows that slide over images: convolution, transposed convolution and pooling of foreign graphs."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import InputError
from neutrams.importers.builder import Builder, Tensor, refusal
from neutrams.importers.frames import framed, piece
from neutrams.network import Conv, Pool
from neutrams.network.shapes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How a kernel slides; each field holds one length a spatial axis.

    Attributes:
        kernel: Elements of the kernel.
        stride: Steps between places.
        dilation: Steps between elements of the kernel.
        before: Padding before.
        after: Padding after; in a transposed convolution ``before`` and ``after`` are cut from the result.
        groups: Groups of channels.
    """

    kernel: Shape
    stride: Shape
    dilation: Shape
    before: Shape
    after: Shape
    groups: int = 1

    def check(self, x: Tensor, name: str) -> None:
        """Refuse a window that does not suit the image ``x``."""
        rank = len(self.kernel)
        lengths = {len(part) for part in (self.kernel, self.stride, self.dilation, self.before, self.after)}
        if not rank or len(x.shape) != 1 + rank or lengths != {rank}:
            raise refusal(f"a kernel of shape {self.kernel} meets samples of shape {x.shape}", f"node {name!r}")
        if min(*self.kernel, *self.stride, *self.dilation, self.groups) < 1 or x.shape[0] % self.groups:
            raise InputError(
                f"kernel {self.kernel}, stride {self.stride}, dilation {self.dilation} and {self.groups} groups"
                f" do not suit samples of shape {x.shape}",
                where=f"node {name!r}",
                fix="export the model again with lengths of at least 1, and channels that groups divide",
            )

    @property
    def borders(self) -> list[tuple[int, int]]:
        """Padding before and after, for the axes of a sample, channels first."""
        return [(0, 0), *zip(self.before, self.after, strict=True)]


def same_padding(size: Shape, window: Window, upper: bool) -> tuple[Shape, Shape]:
    """Return padding before and after that leaves ceil(size / stride) places; an odd one goes behind if ``upper``."""
    before, after = [], []
    for n, k, s, d in zip(size, window.kernel, window.stride, window.dilation, strict=True):
        whole = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        half = whole // 2
        before.append(half if upper else whole - half)
        after.append(whole - half if upper else half)
    return tuple(before), tuple(after)


def convolution(
    builder: Builder, name: str, x: Tensor, weights: AnyArray, bias: AnyArray | None, window: Window
) -> Tensor:
    """Return the cross-correlation of the zero-padded ``x`` with ``weights`` ``[out, in / groups, *kernel]``."""
    window.check(x, name)
    padded = framed(builder, builder.fresh(f"{name}.pad"), x, window.borders)
    return builder.emit(
        Conv(
            name=name,
            inputs=(padded.name,),
            weights=weights,
            bias=np.zeros(len(weights)) if bias is None else bias,
            stride=window.stride,
            dilation=window.dilation,
            groups=window.groups,
        )
    )


def transposed_convolution(
    builder: Builder, name: str, x: Tensor, weights: AnyArray, bias: AnyArray | None, window: Window, size: Shape
) -> Tensor:
    """Return the transposed convolution of ``x`` with ``weights`` ``[in, out / groups, *kernel]``.

    ``size`` is that of the result, whose element p stands at p + before of the whole: y[s i + d k] += w[k] x[i].
    Without dilation it is a sub-pixel convolution: phase r of the s phases of the result reads the kernel elements
    r, r + s, ... in a convolution of stride 1 (Shi et al. 2016, arXiv:1609.05158). Otherwise zeros go between the
    elements of ``x``.
    """
    window.check(x, name)
    if len(weights) != x.shape[0] or min(size) < 1:
        raise refusal(f"weights of shape {weights.shape} meet samples of shape {x.shape}", f"node {name!r}")
    out = weights.shape[1] * window.groups
    shift = np.zeros(out) if bias is None else bias
    grouped = weights.reshape(window.groups, -1, *weights.shape[1:]).swapaxes(1, 2)  # [group, out, in, *kernel]
    if max(window.dilation) > 1:
        return _over_zeros(builder, name, x, (grouped, shift), window, size)
    return _by_phases(builder, name, x, (grouped, shift), window, size)


def _over_zeros(
    builder: Builder, name: str, x: Tensor, kernel: tuple[AnyArray, AnyArray], window: Window, size: Shape
) -> Tensor:
    grouped, shift = kernel
    spread = [n for pair in zip(x.shape[1:], window.stride, strict=True) for n in (pair[0], 1)]
    apart = builder.reshape(builder.fresh(f"{name}.apart"), x, (x.shape[0], *spread))
    zeros = [(0, 0)] + [border for s in window.stride for border in ((0, 0), (0, s - 1))]
    apart = framed(builder, builder.fresh(f"{name}.zeros"), apart, zeros)
    wide = tuple(n * s for n, s in zip(x.shape[1:], window.stride, strict=True))
    apart = builder.reshape(builder.fresh(f"{name}.wide"), apart, (x.shape[0], *wide))
    reach = [d * (k - 1) for d, k in zip(window.dilation, window.kernel, strict=True)]
    before = tuple(r - b for r, b in zip(reach, window.before, strict=True))
    after = tuple(p + b - w for p, b, w in zip(size, window.before, wide, strict=True))
    flipped = np.flip(grouped, axis=tuple(range(3, grouped.ndim))).reshape(len(shift), -1, *window.kernel)
    ones = (1,) * len(size)
    plain = Window(kernel=window.kernel, stride=ones, dilation=window.dilation, before=before, after=after,
                   groups=window.groups)  # fmt: skip
    return convolution(builder, name, apart, flipped, shift, plain)


def _by_phases(
    builder: Builder, name: str, x: Tensor, kernel: tuple[AnyArray, AnyArray], window: Window, size: Shape
) -> Tensor:
    grouped, shift = kernel
    rank, phases = len(size), prod(window.stride)
    taps = tuple(-(-k // s) for k, s in zip(window.kernel, window.stride, strict=True))
    whole = [(0, 0)] * 3 + [(0, j * s - k) for j, s, k in zip(taps, window.stride, window.kernel, strict=True)]
    split = [n for pair in zip(taps, window.stride, strict=True) for n in pair]
    parts = np.pad(grouped, whole).reshape(*grouped.shape[:3], *split)  # kernel element j s + r at [j, r]
    order = (0, 1, *(4 + 2 * a for a in range(rank)), 2, *(3 + 2 * a for a in range(rank)))
    parts = np.flip(parts.transpose(order), axis=tuple(range(3 + rank, 3 + 2 * rank)))
    weights = parts.reshape(len(shift) * phases, grouped.shape[2], *taps)
    first = tuple(b // s for b, s in zip(window.before, window.stride, strict=True))
    last = tuple(-(-(b + p) // s) for b, p, s in zip(window.before, size, window.stride, strict=True))
    before = tuple(j - 1 - q for j, q in zip(taps, first, strict=True))
    after = tuple(q - n for q, n in zip(last, x.shape[1:], strict=True))
    ones = (1,) * rank
    plain = Window(kernel=taps, stride=ones, dilation=ones, before=before, after=after, groups=window.groups)
    if phases == 1:
        return convolution(builder, name, x, weights, shift, plain)
    result = convolution(builder, builder.fresh(f"{name}.phases"), x, weights, np.repeat(shift, phases), plain)
    places = result.shape[1:]
    result = builder.reshape(builder.fresh(f"{name}.apart"), result, (len(shift), *window.stride, *places))
    mixed = (0, *(axis for a in range(rank) for axis in (1 + rank + a, 1 + a)))
    result = builder.transpose(builder.fresh(f"{name}.mixed"), result, mixed)
    wide = tuple(q * s for q, s in zip(places, window.stride, strict=True))
    starts = [b - q * s for b, q, s in zip(window.before, first, window.stride, strict=True)]
    exact = wide == size and not any(starts)
    result = builder.reshape(name if exact else builder.fresh(f"{name}.wide"), result, (len(shift), *wide))
    for axis, (start, length) in enumerate(zip(starts, size, strict=True), 1):
        result = piece(builder, builder.fresh(f"{name}.cut"), result, axis, start, start + length)
    return result


def pooled(
    builder: Builder, name: str, x: Tensor, kind: str, window: Window, ceil: bool = False, count_padding: bool = False
) -> Tensor:
    """Return the largest or mean value of each window; with ``ceil`` also of windows that reach over the end.

    A mean that counts padding counts the declared padding, never what ``ceil`` adds.
    """
    window.check(x, name)
    over = tuple(_over(*axis) if ceil else 0 for axis in zip(*_axes(x, window), strict=True))
    before, after = window.before, window.after
    if kind == "average" and count_padding and any(over):
        x = framed(builder, builder.fresh(f"{name}.pad"), x, window.borders)
        before, after, count_padding = (0,) * len(before), (0,) * len(after), False
    return builder.emit(
        Pool(
            name=name,
            inputs=(x.name,),
            kind=kind,
            kernel=window.kernel,
            stride=window.stride,
            dilation=window.dilation,
            before=before,
            after=tuple(a + o for a, o in zip(after, over, strict=True)),
            count_padding=count_padding and any((*before, *after)),
        )
    )


def _axes(x: Tensor, window: Window) -> tuple[Sequence[int], ...]:
    return x.shape[1:], window.kernel, window.stride, window.dilation, window.before, window.after


def _over(n: int, kernel: int, stride: int, dilation: int, before: int, after: int) -> int:
    """Return how far the last window of an axis reaches over its end; a window that starts behind it counts not."""
    room = n + before + after - dilation * (kernel - 1) - 1
    places = -(-room // stride)
    if places * stride >= n + before:
        places -= 1
    return max(places * stride - room, 0)
