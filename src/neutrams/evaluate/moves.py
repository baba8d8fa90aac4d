"""Data movement in PyTorch, the same for float tensors ``[N, *shape]`` and signals ``[T or 1, N, *shape]``."""

from collections.abc import Sequence

import torch

from neutrams.evaluate.windows import pad
from neutrams.network import ops


def moved(node: ops.Node, given: Sequence[torch.Tensor], leads: Sequence[torch.Size]) -> torch.Tensor | None:
    """Return what a data movement gives, or None for any other node.

    Args:
        node: Any node.
        given: Its inputs.
        leads: The axes of each input before those of a sample.
    """
    if not given:
        return None
    x, lead = given[0], len(leads[0])
    match node:
        case ops.Reshape():
            return x.reshape(*leads[0], *node.shape)
        case ops.Transpose():
            return x.permute(*range(lead), *(axis + lead for axis in node.axes))
        case ops.Slice():
            whole = [slice(None)] * x.ndim
            whole[_tensor_axis(node.axis, lead)] = slice(node.start, node.stop, node.step)
            return x[tuple(whole)]
        case ops.Gather():
            return x.index_select(_tensor_axis(node.axis, lead), torch.from_numpy(node.indices.copy()))
        case ops.Pad():
            return pad(node, x)
        case ops.Concat():
            longest = max(len(part) for part in given)  # a signal that is the same in all steps holds one
            return torch.cat([part.expand(longest, *part.shape[1:]) for part in given], _tensor_axis(node.axis, lead))
    return None


def _tensor_axis(axis: int, lead: int) -> int:
    return axis if axis < 0 else axis + lead
