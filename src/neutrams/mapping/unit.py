"""One accumulator with its neurons, as a linear map that places share.

G groups of columns stand at P places. Channel g * columns + j is column j of group g; the neuron of channel c at place
p gives signal first + c P + p, and adds up ``weights[g, j, r] * table[group[g] + place[p] + tap[r]]`` over its rows r.
A `Conv` is that with the windows of an image, an `Add` with one column a group, a `Linear` with one group and one
place. So no list of sources as long as neurons times rows is ever held.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.network import ops
from neutrams.network.shapes import places


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unit:
    """One accumulator and the neurons that read it.

    Attributes:
        name: Name of the accumulator's node.
        neuron: The neurons.
        first: Signal of neuron 0; the others follow.
        weights: int64 ``[G, columns, rows]``.
        table: int64 ``[entries]``, the signals it reads (-1: a constant zero, which needs no axon).
        group: int64 ``[G]``, where in the table a group starts.
        tap: int64 ``[rows]``, where a row is from there; all different.
        size: Places along each axis; (1,) where there is one.
        pitch: Entries of the table between neighbouring places, one an axis.
        lag: How many steps back it reads: 1 for a state.
    """

    name: str
    neuron: ops.Neuron
    first: int
    weights: IntArray
    table: IntArray
    group: IntArray
    tap: IntArray
    size: tuple[int, ...]
    pitch: tuple[int, ...]
    lag: int = 0

    @property
    def places(self) -> int:
        """P [count]."""
        return prod(self.size)

    @property
    def channels(self) -> int:
        """G times columns [count]."""
        return int(self.weights.shape[0] * self.weights.shape[1])

    def __len__(self) -> int:
        return self.channels * self.places

    def sources(self, groups: IntArray, at: IntArray) -> IntArray:
        """int64 ``[groups, places, rows]``: the signals that some groups read at some places (numbers in C order)."""
        where = np.unravel_index(at, self.size)
        place = sum((p * pitch for p, pitch in zip(where, self.pitch, strict=True)), np.zeros(len(at), dtype=np.int64))
        found: IntArray = self.table[self.group[groups][:, None, None] + place[:, None] + self.tap]
        return found


def unit_of_linear(node: ops.Linear, neuron: ops.Neuron, first: int, signals: IntArray) -> Unit:
    """Return the unit of a matrix on a vector of ``signals``, int64 ``[rows]``."""
    return Unit(
        name=node.name, neuron=neuron, first=first, weights=node.weights[None], table=signals,
        group=np.zeros(1, dtype=np.int64), tap=np.arange(len(signals), dtype=np.int64), size=(1,), pitch=(1,),
    )  # fmt: skip


def unit_of_add(node: ops.Add, neuron: ops.Neuron, first: int, signals: Sequence[IntArray]) -> Unit:
    """Return the unit of an elementwise sum of ``signals``, int64 ``[C, *size]`` each: a group a channel."""
    shape = signals[0].shape
    size = shape[1:] or (1,)
    n, channels = prod(size), shape[0]
    return Unit(
        name=node.name, neuron=neuron, first=first, weights=node.coefficients.T[:, None, :],
        table=np.concatenate([part.reshape(-1) for part in signals]), group=np.arange(channels, dtype=np.int64) * n,
        tap=np.arange(len(signals), dtype=np.int64) * n * channels, size=size, pitch=_pitch(size),
    )  # fmt: skip


def unit_of_conv(node: ops.Conv, neuron: ops.Neuron, first: int, signals: IntArray) -> Unit:
    """Return the unit of a convolution over ``signals``, int64 ``[in, *size]``."""
    out, per_group, *kernel = node.weights.shape
    size = signals.shape[1:]
    step = _pitch(size)
    tap = np.arange(per_group, dtype=np.int64) * prod(size)
    for length, dilation, entries in zip(kernel, node.dilation, step, strict=True):
        tap = (tap[:, None] + np.arange(length, dtype=np.int64) * dilation * entries).reshape(-1)
    return Unit(
        name=node.name, neuron=neuron, first=first,
        weights=node.weights.reshape(node.groups, out // node.groups, len(tap)),
        table=np.ascontiguousarray(signals).reshape(-1),
        group=np.arange(node.groups, dtype=np.int64) * per_group * prod(size), tap=tap,
        size=places(size, tuple(kernel), node.stride, node.dilation),
        pitch=tuple(s * entries for s, entries in zip(node.stride, step, strict=True)),
    )  # fmt: skip


def _pitch(size: tuple[int, ...]) -> tuple[int, ...]:
    """Elements between neighbours along each axis of an array in C order."""
    return tuple(prod(size[axis + 1 :]) for axis in range(len(size)))
