"""Networks to measure the mapper with: sheets, stacked convolutions, uniformly random nets, reservoirs."""

from collections.abc import Callable

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.mapping.clusters.nets import Nets

CHUNK = 1 << 15
"""Sources that are drawn at a time: keeps memory small [count]."""


def sheet(side: int = 317, *, fan_out: int = 49, sigma: float = 10.0, seed: int = 1) -> Nets:
    """Return a square sheet of neurons, each with distinct targets at Gaussian offsets.

    Args:
        side: Neurons along an edge [count].
        fan_out: Targets of each [count], at most half of the neurons.
        sigma: Standard deviation of an offset, in neurons.
        seed: Of the offsets.
    """
    n, rng = side * side, np.random.default_rng(seed)
    target = np.empty((n, fan_out), dtype=np.int32)
    for begin in range(0, n, CHUNK):
        chosen = target[begin : begin + CHUNK]
        chosen[:] = -1
        source = np.arange(begin, begin + len(chosen))
        while True:
            row, column = np.nonzero(chosen < 0)
            if not len(row):
                break
            y, x = (source[row] // side, source[row] % side)
            y = y + np.rint(rng.normal(0.0, sigma, len(row))).astype(np.int64)
            x = x + np.rint(rng.normal(0.0, sigma, len(row))).astype(np.int64)
            drawn = np.where((y >= 0) & (y < side) & (x >= 0) & (x < side), y * side + x, -1)
            chosen[row, column] = np.where(drawn == source[row], -1, drawn)
            chosen.sort(axis=1)
            chosen[:, 1:][chosen[:, 1:] == chosen[:, :-1]] = -1  # drawn twice: once more
    return _even(np.arange(n, dtype=np.int32), target, n)


def conv(height: int = 40, *, channels: int = 16, layers: int = 4, kernel: int = 5, group: int = 2) -> Nets:
    """Return stacked, grouped convolutions that keep their size, neuron by neuron; the last layer sends nothing.

    Args:
        height: Rows and columns of each layer [count].
        channels: Channels of each layer [count].
        layers: Layers, the input among them [count].
        kernel: Rows and columns of the kernel, odd [count].
        group: Channels that are connected with each other [count].
    """
    radius, per_layer = kernel // 2, height * height * channels
    source = np.arange((layers - 1) * per_layer, dtype=np.int64)
    layer, rest = np.divmod(source, per_layer)
    place, channel = np.divmod(rest, channels)
    offset = np.arange(-radius, radius + 1)
    y = (place // height)[:, None] + np.repeat(offset, kernel)
    x = (place % height)[:, None] + np.tile(offset, kernel)
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < height)
    first = ((layer[:, None] + 1) * height * height + y * height + x) * channels + (channel // group * group)[:, None]
    target = (first[:, :, None] + np.arange(group))[inside].reshape(-1)
    start = np.concatenate(([0], np.cumsum(inside.sum(axis=1) * group)))
    return Nets(
        neurons=layers * per_layer, source=source, start=start, target=target, weight=np.ones(len(source))
    )  # fmt: skip


def uniform(neurons: int = 100_000, *, fan_out: int = 49, seed: int = 2) -> Nets:
    """Return uniformly random targets, repeats included: what no mapper can do much about."""
    target = np.random.default_rng(seed).integers(0, neurons, (neurons, fan_out), dtype=np.int32)
    return _even(np.arange(neurons, dtype=np.int32), target, neurons)


def reservoir(neurons: int = 16_384, *, fan_out: float = 128.0, length: float = 0.01, seed: int = 192) -> Nets:
    """Return a reservoir in the unit cube, after the recipe published with AxonCUDA (arXiv 2604.14411).

    Spikes a tick are lognormal (median 1, coefficient of variation 1.58), fan-out is Poisson; 1 % of targets are
    uniform, the rest drawn without replacement with p ~ exp(-d^2 / (2 length^2)) among the neurons on one side along z,
    which is up for nine of ten.

    Args:
        neurons: How many [count].
        fan_out: Mean number of targets [count].
        length: Range of connections, in edges of the cube.
        seed: Of places, rates and targets.
    """
    rng = np.random.default_rng(seed)
    place, upward = rng.random((neurons, 3)), rng.random(neurons) < 0.9
    rate = rng.lognormal(0.0, np.sqrt(np.log(1 + 1.58**2)), neurons)
    found: list[IntArray] = []
    for s in range(neurons):
        count = max(1, int(rng.poisson(fan_out)))
        far = rng.integers(0, neurons, max(1, round(0.01 * count)))
        higher = place[:, 2] > place[s, 2]
        ahead = np.flatnonzero(higher if upward[s] else place[:, 2] < place[s, 2])
        near = ((place[ahead] - place[s]) ** 2).sum(axis=1) / (-2 * length**2) + rng.gumbel(size=len(ahead))
        take = min(max(0, count - len(far)), len(ahead))
        chosen = ahead[np.argpartition(-near, take - 1)[:take]] if take else ahead[:0]
        targets = np.unique(np.concatenate((chosen, far)))
        found.append(targets[targets != s])
    lengths = np.array([len(t) for t in found], dtype=np.int64)
    return Nets(
        neurons=neurons,
        source=np.arange(neurons, dtype=np.int32),
        start=np.concatenate(([0], np.cumsum(lengths))),
        target=np.concatenate(found).astype(np.int32),
        weight=rate,
    )


def _even(source: AnyArray, target: AnyArray, neurons: int) -> Nets:
    start = np.arange(len(target) + 1, dtype=np.int64) * target.shape[1]
    return Nets(neurons=neurons, source=source, start=start, target=target.reshape(-1), weight=np.ones(len(target)))


WORKLOADS: dict[str, Callable[[], Nets]] = {
    "sheet100k": lambda: sheet(317, seed=1),
    "sheet20k": lambda: sheet(142, seed=3),
    "conv100k": conv,
    "rand100k": uniform,
    "reservoir16k": reservoir,
}
"""The networks that figures are given for, by name."""
