"""Borders of tensors: padded, cropped, mirrored; and the pieces of an axis."""

from collections.abc import Sequence

import numpy as np

from neutrams.importers.builder import Builder, Tensor, refusal
from neutrams.network import Pad, Slice

MODES = {"edge": "edge", "reflect": "reflect", "wrap": "wrap"}  # ONNX's and torch's word: NumPy's


def framed(builder: Builder, name: str, x: Tensor, borders: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    """Return ``x`` with (before, after) elements of ``value`` along each axis of a sample; negative ones crop."""
    for axis, (before, after) in enumerate(borders):
        if min(before, after) < 0:
            x = piece(builder, builder.fresh(f"{name}.crop"), x, axis, max(-before, 0), x.shape[axis] + min(after, 0))
    wide = [(max(before, 0), max(after, 0)) for before, after in borders]
    if not any(map(any, wide)):
        return x
    first, last = (tuple(border[side] for border in wide) for side in (0, 1))
    return builder.emit(Pad(name=name, inputs=(x.name,), before=first, after=last, value=value), x.integer)


def mirrored(builder: Builder, name: str, x: Tensor, borders: Sequence[tuple[int, int]], mode: str) -> Tensor:
    """Return ``x`` with borders that repeat its own elements: its edge, its mirror image, or its other end."""
    for axis, (before, after) in enumerate(borders):
        inside = np.arange(x.shape[axis])[max(-before, 0) : x.shape[axis] + min(after, 0)]
        if mode not in MODES or not len(inside):
            raise refusal(
                f"a border of {before} and {after} elements in mode {mode!r} cannot be made", f"node {name!r}"
            )
        indices = np.pad(inside, (max(before, 0), max(after, 0)), mode=MODES[mode])  # type: ignore[call-overload]
        x = builder.take(builder.fresh(f"{name}.axis{axis}"), x, axis, indices)
    return x


def piece(builder: Builder, name: str, x: Tensor, axis: int, start: int, stop: int, step: int = 1) -> Tensor:
    """Return elements start, start + step, ... before stop along an axis of a sample; ``stop`` -1 is "to the start"."""
    taken = range(start, stop, step)
    if len(taken) == 0:
        raise refusal(f"nothing is left of an axis of {x.shape[axis]} elements", f"node {name!r}")
    if taken == range(x.shape[axis]):
        return x
    if step < 0:
        return builder.take(name, x, axis, list(taken))
    return builder.emit(Slice(name=name, inputs=(x.name,), start=start, stop=stop, step=step, axis=axis), x.integer)
