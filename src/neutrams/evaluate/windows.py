"""Convolution and pooling in PyTorch, over one to three axes."""

from collections.abc import Sequence
from math import prod

import torch
from torch.nn import functional

from neutrams.base.errors import UnsupportedError
from neutrams.network import ops

CONVOLUTIONS = (functional.conv1d, functional.conv2d, functional.conv3d)
LARGEST = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)


def convolve(node: ops.Conv, x: torch.Tensor) -> torch.Tensor:
    """Return the convolution ``[M, out, *places]`` of ``x`` ``[M, in, *size]`` without its bias, in the type of ``x``.

    Every product and sum is a plain one: on integers that the type holds exactly, so is the result.
    """
    weights = torch.from_numpy(node.weights.copy()).to(x.dtype)
    return _convolved(node, x, weights, (node.stride, node.dilation, node.groups))


def pool(node: ops.Pool, x: torch.Tensor) -> torch.Tensor:
    """Return the largest or mean value ``[M, C, *places]`` of the windows of ``x`` ``[M, C, *size]``."""
    border = _border(node.before, node.after)
    if node.kind == "max":
        padded = functional.pad(x, border, value=-torch.inf) if any(border) else x
        _check_axes(node, len(node.kernel))
        largest: torch.Tensor = LARGEST[len(node.kernel) - 1](
            padded, list(node.kernel), stride=list(node.stride), dilation=list(node.dilation)
        )
        return largest
    held = x.new_full((), prod(node.kernel))
    if any(border) and not node.count_padding:
        held = _sums(node, functional.pad(x.new_ones(1, 1, *x.shape[2:]), border)).clamp(min=1)
    return _sums(node, functional.pad(x, border)) / held


def pad(node: ops.Pad, x: torch.Tensor) -> torch.Tensor:
    """Return ``x`` ``[..., *shape]`` within the border of ``node``."""
    return functional.pad(x, _border(node.before, node.after), value=node.value)


def _sums(node: ops.Pool, x: torch.Tensor) -> torch.Tensor:
    ones = x.new_ones(1, 1, *node.kernel)
    total = _convolved(node, x.reshape(-1, 1, *x.shape[2:]), ones, (node.stride, node.dilation, 1))
    return total.reshape(*x.shape[:2], *total.shape[2:])


def _convolved(
    node: ops.Node, x: torch.Tensor, weights: torch.Tensor, how: tuple[tuple[int, ...], tuple[int, ...], int]
) -> torch.Tensor:
    stride, dilation, groups = how
    _check_axes(node, weights.ndim - 2)
    with torch.backends.nnpack.flags(enabled=False):  # it may take a Winograd transform, which rounds
        result: torch.Tensor = CONVOLUTIONS[weights.ndim - 3](
            x, weights, None, stride=list(stride), dilation=list(dilation), groups=groups
        )
    return result


def _border(before: Sequence[int], after: Sequence[int]) -> list[int]:
    """Padding as PyTorch takes it: the last axis first."""
    return [n for pair in zip(reversed(before), reversed(after), strict=True) for n in pair]


def _check_axes(node: ops.Node, axes: int) -> None:
    if axes > len(CONVOLUTIONS):
        raise UnsupportedError(
            f"its windows have {axes} axes, at most {len(CONVOLUTIONS)} can be evaluated",
            where=f"node {node.name!r}",
            fix="write it as a sum of convolutions over fewer axes",
        )
