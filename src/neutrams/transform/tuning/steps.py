"""Samples and their steps: inside a loop, every step of every sample is one to tune on."""

import torch

from neutrams.network import Network
from neutrams.network.loops import Loop


def steps_of(network: Network) -> dict[str, int]:
    """Return how many steps each node of a loop has, by name; the others are not in it."""
    return {node.name: item.steps for item in network.order if isinstance(item, Loop) for node in item.nodes}


def merged(x: torch.Tensor) -> torch.Tensor:
    """Return ``[T, N, *shape]`` as ``[N T, *shape]``, the steps of a sample one after another."""
    return x.transpose(0, 1).flatten(0, 1)


def parted(x: torch.Tensor, steps: int) -> torch.Tensor:
    """Return ``[N T, *shape]`` as ``[T, N, *shape]``."""
    return x.reshape(-1, steps, *x.shape[1:]).transpose(0, 1)
