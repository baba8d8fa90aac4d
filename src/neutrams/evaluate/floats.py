"""The float operators in PyTorch, on tensors ``[N, *shape]``; each keeps the type it is given."""

from collections.abc import Sequence
from functools import reduce

import torch

from neutrams.base.arrays import AnyArray
from neutrams.evaluate.functions import apply_function, apply_host
from neutrams.evaluate.windows import convolve, pool
from neutrams.network import ops


def float_value(node: ops.Node, given: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return what a float node that is no data movement gives."""
    match node:
        case ops.Linear():
            return given[0] @ _like(node.weights, given[0]).T + _like(node.bias, given[0])
        case ops.Conv():
            return convolve(node, given[0]) + _channels(_like(node.bias, given[0]), given[0].ndim)
        case ops.Add():
            return _added(node, given)
        case ops.Pool():
            return pool(node, given[0])
        case ops.Mul():
            return reduce(torch.mul, _aligned(given))
        case ops.Max():
            return reduce(torch.maximum, given)
        case ops.Activation():
            return apply_function(node.function, given[0], node.parameters)
        case ops.Host():
            return apply_host(node.function, _aligned(given), node.parameters)
    assert isinstance(node, ops.Output), node
    return given[0]


def _like(values: AnyArray, x: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(values.copy()).to(x.dtype)


def _channels(values: torch.Tensor, rank: int) -> torch.Tensor:
    """``values`` ``[..., C]`` with the channels as axis 1 of a tensor of ``rank`` axes."""
    return values.reshape(*values.shape, *(1,) * (rank - 2))


def _added(node: ops.Add, given: Sequence[torch.Tensor]) -> torch.Tensor:
    gains = _channels(_like(node.coefficients, given[0]), given[0].ndim)
    total = given[0] * gains[0]
    for x, gain in zip(given[1:], gains[1:], strict=True):
        total += x * gain
    return total.add_(_channels(_like(node.bias, given[0]), given[0].ndim))


def _aligned(given: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Give all tensors one rank: new axes stand behind the batch axis."""
    rank = max(x.ndim for x in given)
    return [x.reshape(len(x), *(1,) * (rank - x.ndim), *x.shape[1:]) for x in given]
