"""Largest values of windows: the `Max` of shifted views."""

from dataclasses import replace
from itertools import product
from math import prod

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import ACCUMULATORS, tail_of
from neutrams.transform.taps import clamped, taps_of


@network_pass()
def activations_before_pools(network: Network) -> Network:
    """Apply a ReLU or a clip that follows a largest value to what it is taken of: unsigned sooner.

    Both are monotone, so f(max(a, b)) = max(f(a), f(b)) and the network's function stays the same. Done where the
    largest value is taken of accumulators that nothing else reads.
    """
    tail = tail_of(network)
    new: dict[str, list[ops.Node]] = {}
    for node in network.nodes:
        if not isinstance(node, ops.Activation) or node.function not in ("relu", "clip") or node.name in tail:
            continue
        between, pool = _before(network, node)
        largest = isinstance(pool, ops.Max) or (isinstance(pool, ops.Pool) and pool.kind == "max")
        alone = all(len(network.consumers[name]) == 1 for name in (pool.name, *pool.inputs, *between))
        if largest and alone and all(isinstance(network.by_name[name], ACCUMULATORS) for name in pool.inputs):
            names = {name: f"{node.name} of {name}" for name in pool.inputs}
            new.update((name, []) for name in between)
            new[pool.name] = [replace(node, name=name, inputs=(given,)) for given, name in names.items()]
            new[node.name] = [replace(pool, name=node.name, inputs=tuple(names[name] for name in pool.inputs))]
    return network.map(lambda node: new.get(node.name, [node]))


def _before(network: Network, node: ops.Node) -> tuple[list[str], ops.Node]:
    """Return the names of the sums that pass on what ``node`` reads as it is, and the node they get it from."""
    source = network.by_name[node.inputs[0]]
    if (
        not isinstance(source, ops.Add)
        or len(source.inputs) > 1
        or source.bias.any()
        or (source.coefficients != 1).any()
    ):
        return [], source
    between, first = _before(network, source)
    return [source.name, *between], first


MOST_TAPS = 64
"""A larger window goes axis after axis in any case: its views would be too many."""


@network_pass()
def lower_max_pools(network: Network) -> Network:
    """Write each largest value of windows as the `Max` of views of the tensor, one for each tap; same function.

    Axis after axis where that takes fewer neurons. A tap in padding reads another tap of its window instead.
    """
    tail = tail_of(network)

    def lowered(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Pool) or node.kind != "max" or node.name in tail:
            return [node]
        size = network.shapes[node.inputs[0]][1:]
        taps = [clamped(axis, n) for axis, n in zip(taps_of(node, size), size, strict=True)]
        stages = _stages(taps, size)
        views = Views(node.name)
        source = node.inputs[0]
        for k, stage in enumerate(stages):
            name = node.name if k == len(stages) - 1 else f"{node.name} axis {stage[0]}"
            reach = product(*(taps[axis] for axis in stage))
            names = tuple(views.view(source, dict(zip(stage, chosen, strict=True))) for chosen in reach)
            views.nodes.append(ops.Max(name=name, inputs=names))
            source = name
        return views.nodes

    return network.map(lowered)


def _stages(taps: list[IntArray], size: tuple[int, ...]) -> list[list[int]]:
    """Return the axes to take the largest value over at a time: all together, or the last one first."""
    found = [len(axis[0]) for axis in taps]
    kernel = [len(axis) for axis in taps]
    together = prod(kernel) * prod(found)
    long = [axis for axis in reversed(range(len(taps))) if kernel[axis] > 1 or found[axis] < size[axis]]
    apart, now = 0, list(size)
    for axis in long:
        now[axis] = found[axis]
        apart += kernel[axis] * prod(now)
    if len(long) > 1 and (apart < together or prod(kernel) > MOST_TAPS):
        return [[axis] for axis in long]
    return [list(range(len(taps)))]


class Views:
    """Slices and gathers; equal ones are made once.

    Attributes:
        nodes: What has been made, in order.
    """

    def __init__(self, name: str) -> None:
        self.nodes: list[ops.Node] = []
        self._name = name
        self._made: dict[tuple[str, int, bytes], str] = {}

    def view(self, source: str, chosen: dict[int, IntArray]) -> str:
        """Return the name of tensor ``source`` ``[C, *size]`` with the elements ``chosen`` of each axis of size."""
        for axis, indices in sorted(chosen.items(), reverse=True):
            source = self._along(source, axis, indices)
        return source

    def _along(self, source: str, axis: int, indices: IntArray) -> str:
        key = (source, axis, indices.tobytes())
        if key not in self._made:
            name = f"{self._name} view {len(self._made) + 1}"
            self.nodes.append(_picked(name, source, axis + 1, indices))
            self._made[key] = name
        return self._made[key]


def _picked(name: str, source: str, axis: int, indices: IntArray) -> ops.Node:
    steps = np.unique(np.diff(indices))
    if len(steps) > 1 or (len(steps) == 1 and steps[0] < 1):
        return ops.Gather(name=name, inputs=(source,), indices=indices, axis=axis)
    step = int(steps[0]) if len(steps) else 1
    return ops.Slice(
        name=name, inputs=(source,), start=int(indices[0]), stop=int(indices[-1]) + 1, step=step, axis=axis
    )
