"""What a transformed tensor really delivers on the calibration samples, and how data movement carries it on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from neutrams.base.arrays import AnyArray, FloatArray
from neutrams.base.errors import UnsupportedError
from neutrams.evaluate import count
from neutrams.evaluate.moves import moved
from neutrams.network import ops


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A tensor of ``*shape`` on N samples, as the chip gives it.

    Attributes:
        values: Integers ``[T, N, *shape]`` or ``[1, N, *shape]``, as `neutrams.evaluate` has them.
        scale: float64 ``[*shape]``, source units per LSB (ann) or at one spike a step (snn).
        zero: float64 ``[*shape]``, source units; value = scale * mean over the steps + zero.
        steps: T.
        means: Mean integer over the steps, float32 ``[N, *shape]``.
    """

    values: torch.Tensor
    scale: FloatArray
    zero: FloatArray
    steps: int
    means: torch.Tensor

    @staticmethod
    def of(values: torch.Tensor, scale: FloatArray, zero: FloatArray, steps: int) -> "Signal":
        """Return the signal of ``values``; ``scale`` and ``zero`` are one a channel, ``[C]``."""
        shape = tuple(values.shape[2:])
        means = values[0].float() if len(values) == 1 else count(values, steps) / steps
        return Signal(values=values, scale=_wide(scale, shape), zero=_wide(zero, shape), steps=steps, means=means)

    def value(self) -> torch.Tensor:
        """Return the value in source units, float32 ``[N, *shape]``."""
        return self.means * _single(self.scale) + _single(self.zero)

    def on(self, chosen: torch.Tensor) -> "Signal":
        """Return the signal on some samples, int64 indices ``[n]``."""
        return replace(self, values=self.values[:, chosen], means=self.means[chosen])

    def sent(self, skip_zero: bool) -> FloatArray:
        """Return how many words or spikes each element sends per sample, float64 ``[*shape]``."""
        if self.steps > 1 and len(self.values) == self.steps:  # spikes
            return (self.means.mean(0) * self.steps).double().numpy()
        if not skip_zero:
            return np.full(self.scale.shape, float(self.steps))
        result: FloatArray = (self.values != 0).float().mean((0, 1)).double().numpy() * self.steps
        return result

    def per_channel(self) -> tuple[FloatArray, FloatArray] | None:
        """Return scale and zero of each channel, float64 ``[C]``; None where they differ inside one."""
        parts = [a.reshape(len(a), -1) for a in (self.scale, self.zero)]
        if all((part == part[:, :1]).all() for part in parts):
            return parts[0][:, 0].copy(), parts[1][:, 0].copy()
        return None

    def zero_point(self) -> int:
        """Return the integer that stands for 0, the same for all elements.

        Raises:
            UnsupportedError: There is none.
        """
        points = -self.zero / self.scale
        found = round(float(points.flat[0]))
        if not np.allclose(points, found, atol=1e-6):
            raise UnsupportedError(
                "a border of zeros is put around signed and unsigned tensors together, which differ in what 0 is",
                where="transform, padding",
                fix="pad each tensor before they are joined",
            )
        return found


def _wide(values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    return np.broadcast_to(values.reshape(-1, *(1,) * (len(shape) - 1)), shape)


def _single(values: AnyArray) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))


def carried(node: ops.Node, given: Sequence[Signal]) -> Signal:
    """Return what a data movement makes of signals. A core `Pad` fills in its integer value."""
    values = _moved(node, [s.values for s in given], 2)
    means = _moved(node, [s.means for s in given], 1)
    known = _same_border(node, given[0]) if isinstance(node, ops.Pad) else node
    scale, zero = (_moved_array(known, parts) for parts in ([s.scale for s in given], [s.zero for s in given]))
    return Signal(values=values, scale=scale, zero=zero, steps=given[0].steps, means=means)


def _moved(node: ops.Node, given: Sequence[torch.Tensor], lead: int) -> torch.Tensor:
    result = moved(node, given, [x.shape[:lead] for x in given])
    assert result is not None, f"{node.op} is no data movement"
    return result


def _moved_array(node: "ops.Node | list[ops.Gather]", given: Sequence[FloatArray]) -> FloatArray:
    tensors = [torch.from_numpy(np.array(a))[None] for a in given]
    for each in node if isinstance(node, list) else [node]:
        tensors = [_moved(each, tensors, 1)]
    result: FloatArray = tensors[0][0].numpy()
    return result


def _same_border(node: ops.Pad, given: Signal) -> list[ops.Gather]:
    """Return moves that widen a tensor as ``node`` does, by repeating its outermost elements."""
    axes = zip(given.scale.shape, node.before, node.after, strict=True)
    return [
        ops.Gather(name="", indices=np.clip(np.arange(-before, n + after), 0, n - 1), axis=axis)
        for axis, (n, before, after) in enumerate(axes)
    ]
