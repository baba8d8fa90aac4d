"""What single neurons see: the inputs of a unit as rows, one for a sample and position."""

import torch
from torch.nn import functional

from neutrams.network import ops
from neutrams.transform.tuning.unit import Unit

MOST_ROWS = 1 << 15
"""Most rows taken; positions of a convolution are drawn evenly from all samples."""

CHUNK_VALUES = 1 << 25
"""Most values of windows laid out at once."""


def windows(unit: Unit, most: int = MOST_ROWS) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (mean inputs float32 ``[G, M, fan-in]``, targets float32 ``[G, M, C / G]``) of a Linear or Conv."""
    (signal,) = unit.inputs
    node = unit.accumulator
    if not isinstance(node, ops.Conv):
        return signal.means[None], unit.target[None]
    n, channels = unit.target.shape[:2]
    target = unit.target.reshape(n, channels, -1)
    places = target.shape[2]
    each = min(places, max(1, most // n))
    draw = torch.Generator().manual_seed(places)
    chunk = max(1, min(64, CHUNK_VALUES // (places * node.weights[0].size * node.groups)))
    inputs, wanted = [], []
    for start in range(0, n, chunk):
        taken = torch.randperm(places, generator=draw)[:each].sort().values
        rows = _unfolded(node, signal.means[start : start + chunk])
        inputs.append(rows[..., taken].permute(1, 0, 3, 2).reshape(node.groups, -1, rows.shape[2]))
        part = target[start : start + chunk][..., taken].reshape(-1, node.groups, channels // node.groups, each)
        wanted.append(part.permute(1, 0, 3, 2).reshape(node.groups, -1, channels // node.groups))
    return torch.cat(inputs, dim=1), torch.cat(wanted, dim=1)


def _unfolded(node: ops.Conv, x: torch.Tensor) -> torch.Tensor:
    """Return ``[n, G, fan-in, places]``."""
    if x.ndim == 3:  # one axis: as an image of one line
        x = x[:, :, None]
    kernel = (1,) * (4 - node.weights.ndim) + node.weights.shape[2:]
    wide = 4 - node.weights.ndim
    stride, dilation = ((1,) * wide + node.stride, (1,) * wide + node.dilation)
    rows = functional.unfold(x, kernel, dilation=dilation, stride=stride)
    return rows.reshape(len(x), node.groups, -1, rows.shape[2])
