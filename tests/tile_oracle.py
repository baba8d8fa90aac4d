"""Convolutions, and how few tiles they need by brute force over rectangles of places, columns and groups."""

from itertools import product
from math import prod

import numpy as np

from neutrams.mapping.unit import Unit, unit_of_conv
from neutrams.network import ops


def neurons(channels: int) -> ops.Neuron:
    zeros = np.zeros(channels, dtype=np.int64)
    parameters = dict.fromkeys(("bias", "multiplier", "shift", "low", "high"), zeros)
    return ops.Neuron(
        name="n", model="requantize", parameters=parameters, scale=np.ones(channels), zero=np.zeros(channels),
        origin="conv", elements=np.arange(channels),
    )  # fmt: skip


def conv(
    channels: int, size: tuple[int, ...], out: int, kernel: int, padding: int = 0, *,
    stride: int = 1, dilation: int = 1, groups: int = 1,
) -> Unit:  # fmt: skip
    """A convolution of all different weights over an image whose signals are numbered from 0."""
    signals = np.arange(channels * int(np.prod(size)), dtype=np.int64).reshape(channels, *size)
    signals = np.pad(signals, [(0, 0), *[(padding, padding)] * len(size)], constant_values=-1)
    form = (out, channels // groups, *[kernel] * len(size))
    weights = np.arange(np.prod(form), dtype=np.int64).reshape(form) % 127 + 1
    node = ops.Conv(
        name="acc", inputs=("x",), weights=weights, bias=np.zeros(out, dtype=np.int64), stride=(stride,) * len(size),
        dilation=(dilation,) * len(size), groups=groups,
    )  # fmt: skip
    return unit_of_conv(node, neurons(out), 1 << 20, signals)


def fewest_tiles(unit: Unit, axons: int, neurons: int) -> int:
    """Tiles of the best regular grid; each tile's sources are gathered one by one and really counted."""
    best = 1 << 60
    groups, columns, _ = unit.weights.shape
    for patch in product(*(range(1, n + 1) for n in unit.size)):
        cells = list(grid(unit.size, patch))
        if (
            prod(patch) > neurons
            or len(cells) * -(-columns * groups * prod(unit.size) // (neurons * len(cells))) >= best
        ):
            continue
        for g in range(1, groups + 1):
            if prod(patch) * g > neurons or len(cells) * -(-groups // g) >= best:
                continue
            if not all(fits(unit, range(a, min(a + g, groups)), cells, axons) for a in range(0, groups, g)):
                break
            split = columns if g > 1 else min(columns, neurons // prod(patch))
            if prod(patch) * g * split <= neurons:
                best = min(best, len(cells) * -(-groups // g) * -(-columns // split))
    return best


def grid(size: tuple[int, ...], patch: tuple[int, ...]) -> "product[tuple[range, ...]]":
    """The rectangles of a grid of patches, as one range an axis."""
    return product(*([range(a, min(a + k, n)) for a in range(0, n, k)] for n, k in zip(size, patch, strict=True)))


def fits(unit: Unit, groups: range, cells: list[tuple[range, ...]], axons: int) -> bool:
    """Whether no tile reads more than ``axons`` different signals."""
    for cell in cells:
        at = np.array([np.ravel_multi_index(place, unit.size) for place in product(*cell)])
        sources = np.unique(unit.sources(np.array(groups), at))
        if (sources >= 0).sum() > axons:
            return False
    return True
