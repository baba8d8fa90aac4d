"""What single neurons see: the inputs of a unit as rows, one for a sample and position."""

import torch

from neutrams.network import ops
from neutrams.transform.tuning.unit import Unit

MOST_ROWS = 1 << 15
"""Most rows taken; positions of a convolution are drawn evenly from all samples."""

CHUNK_VALUES = 1 << 25
"""Most values of windows laid out at once."""


def windows(unit: Unit, *like: torch.Tensor, most: int = MOST_ROWS) -> tuple[torch.Tensor, ...]:
    """Return what the neurons of a Linear or Conv see, and tensors like its output at the same places.

    Args:
        unit: The unit.
        like: Tensors ``[N, C, *size]``; the target where none is given.
        most: About how many rows.

    Returns:
        Mean inputs float32 ``[G, M, fan-in]``, then each tensor as ``[G, M, C / G]``.
    """
    (signal,) = unit.inputs
    node = unit.accumulator
    tensors = like or (unit.target,)
    if not isinstance(node, ops.Conv):
        return signal.means[None], *(x[None] for x in tensors)
    n, channels = unit.target.shape[:2]
    places = unit.target[0, 0].numel()
    each = min(places, max(1, most // n))
    draw = torch.Generator().manual_seed(places)
    chunk = max(1, min(64, CHUNK_VALUES // (places * node.weights[0].size * node.groups)))
    found: list[list[torch.Tensor]] = [[] for _ in range(1 + len(tensors))]
    for start in range(0, n, chunk):
        part = slice(start, start + chunk)
        taken = torch.randperm(places, generator=draw)[:each].sort().values
        rows = _unfolded(node, signal.means[part])
        found[0].append(rows[..., taken].permute(1, 0, 3, 2).reshape(node.groups, -1, rows.shape[2]))
        for k, x in enumerate(tensors):
            drawn = x[part].flatten(2)[..., taken].reshape(-1, node.groups, channels // node.groups, each)
            found[k + 1].append(drawn.permute(1, 0, 3, 2).reshape(node.groups, -1, channels // node.groups))
    return tuple(torch.cat(pieces, dim=1) for pieces in found)


def _unfolded(node: ops.Conv, x: torch.Tensor) -> torch.Tensor:
    """Return ``[n, G, fan-in, places]``."""
    rank = node.weights.ndim - 2
    axes = zip(node.weights.shape[2:], node.stride, node.dilation, strict=True)
    for axis, (taps, stride, dilation) in enumerate(axes, start=2):
        x = x.unfold(axis, (taps - 1) * dilation + 1, stride)[..., ::dilation]
    x = x.permute(0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank))
    return x.reshape(len(x), node.groups, node.weights[0].size, -1)
