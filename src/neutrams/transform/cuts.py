"""Into how many groups of channels a convolution is divided: as many as take the fewest cores."""

from math import prod

import numpy as np

from neutrams.network import ops
from neutrams.network.shapes import Shape

MOST_FACTOR = 4
"""No more groups are tried than so many times the fewest that fit."""


def best_groups(node: ops.Conv, size: tuple[Shape, Shape], fewest: int, core: tuple[int, int, int]) -> int:
    """Return the number of groups whose tiles, with those of the sum, are fewest by estimate; of equals the smallest.

    A tile is a box of output places times some output channels; its axons are the inputs that the box sees. Smaller
    groups let more places share a tile, but every group adds a term to the sum.

    Args:
        node: A convolution without groups of its own.
        size: Output places along each axis, and inputs along each axis without padding, which takes no axons.
        fewest: Least number of groups that fit the axons.
        core: Axons and neurons of a core, and how many axons a term of the sum takes.
    """
    channels = node.weights.shape[1]
    tried = range(fewest, min(channels, MOST_FACTOR * fewest) + 1)
    return min(tried, key=lambda groups: (tiles(node, size, groups, core), groups))


def tiles(node: ops.Conv, size: tuple[Shape, Shape], groups: int, core: tuple[int, int, int]) -> float:
    """Return about how many tiles ``groups`` parts of a convolution and their sum take; see `best_groups`."""
    axons, neurons, term = core
    places, real = size
    out, channels, *kernel = node.weights.shape
    boxes = np.stack(np.meshgrid(*(np.arange(1, n + 1) for n in places), indexing="ij"), axis=-1)
    windows = (boxes - 1) * np.array(node.stride) + np.array(node.dilation) * (np.array(kernel) - 1) + 1
    windows = np.minimum(windows, np.array(real))
    rows = -(-channels // groups) * windows.prod(axis=-1)
    columns = neurons // boxes.prod(axis=-1)
    fits = (rows <= axons) & (columns >= 1)
    if not fits.any():
        return float("inf")
    cut = (-(-np.array(places) // boxes)).prod(axis=-1)
    fewest = np.where(fits, cut * -(-out // np.maximum(columns, 1)), np.inf).min()
    summed = max(1, min(neurons, axons // (groups * term)))
    return float(groups * fewest + out * prod(places) / summed)
