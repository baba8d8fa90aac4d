"""What the original network gives on calibration data: extents of tensors, and tensors while units need them."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np
import torch

from neutrams.base.arrays import AnyArray, FloatArray, spread
from neutrams.evaluate.run import stream_values
from neutrams.network import Network, ops
from neutrams.transform.facts import ACCUMULATORS, head_of
from neutrams.transform.tuning.steps import merged

QUANTILE = 0.999
"""What counts as the full range of a spiking signal: the rest saturates."""

MOST_RANKED = 1 << 14
"""Most values of a channel from which its percentiles are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How far the values of a tensor reach on calibration data, float64 ``[C]`` each, source units.

    Attributes:
        low: Smallest value of each channel.
        high: Largest value.
        usual_low: 0.1 percentile.
        usual_high: 99.9 percentile.
    """

    low: FloatArray
    high: FloatArray
    usual_low: FloatArray
    usual_high: FloatArray

    @property
    def whole(self) -> "Extent":
        """The same with nothing left out as unusual."""
        return Extent(low=self.low, high=self.high, usual_low=self.low, usual_high=self.high)


def extent(x: torch.Tensor) -> Extent:
    """Return the extent of ``x`` ``[N, C, *size]``."""
    flat = x.reshape(*x.shape[:2], -1)
    ranked = flat.permute(0, 2, 1).reshape(-1, x.shape[1])
    ranked = ranked[spread(len(ranked), MOST_RANKED)]
    n = len(ranked)
    ends = (max(1, round(n * (1 - QUANTILE))), max(1, round(n * QUANTILE)))
    below, above = (torch.kthvalue(ranked, k, dim=0).values.double().numpy() for k in ends)
    return Extent(
        low=flat.amin((0, 2)).double().numpy(), high=flat.amax((0, 2)).double().numpy(),
        usual_low=below, usual_high=above,
    )  # fmt: skip


def joint(extents: Sequence[Extent], channels: int) -> Extent:
    """Return the extent of all ``extents`` together, the same for each of ``channels`` channels."""
    return Extent(
        low=np.full(channels, min(e.low.min() for e in extents)),
        high=np.full(channels, max(e.high.max() for e in extents)),
        usual_low=np.full(channels, min(e.usual_low.min() for e in extents)),
        usual_high=np.full(channels, max(e.usual_high.max() for e in extents)),
    )


class Originals:
    """The float tensors of a network on calibration data, computed in order and let go when they are released.

    Held are accumulators (targets of units), states, and what the host gives to the chip.

    They are computed twice: for their extents, then one after another. `again` does the second alone.

    Attributes:
        steps: How many steps each node of a loop has.
        samples: Rows of a tensor on the chip: samples, in a loop times steps.
        extents: How far each tensor reaches that a unit gives.
        beginnings: Smallest and largest value of each tensor that a state begins with.
    """

    def __init__(self, source: Network, inputs: Mapping[str, AnyArray]) -> None:
        self.steps = source.loop_steps
        self.samples = len(next(iter(inputs.values()))) * max(self.steps.values(), default=1)
        kept = (*ACCUMULATORS, ops.Activation)
        begins = {node.inputs[0] for node in source.nodes if isinstance(node, ops.State)}
        self.extents: dict[str, Extent] = {}
        self.beginnings: dict[str, FloatArray] = {}
        for node, x in self._stream_merged(source, inputs):
            if isinstance(node, kept) and x.ndim > 1:
                self.extents[node.name] = extent(x)
            if node.name in begins:
                self.beginnings[node.name] = np.array([float(x.min()), float(x.max())])
        self._given = source, inputs
        self._begin()

    def _begin(self) -> None:
        source, inputs = self._given
        self._stream = self._stream_merged(source, inputs)
        self._wanted = {n.name for n in source.nodes if isinstance(n, (*ACCUMULATORS, ops.State))} | head_of(source)
        self._held: dict[str, torch.Tensor] = {}

    def again(self) -> "Originals":
        """Return the same with no tensor taken or released yet."""
        fresh = copy(self)
        fresh._begin()
        return fresh

    def _stream_merged(
        self, source: Network, inputs: Mapping[str, AnyArray]
    ) -> Iterator[tuple[ops.Node, torch.Tensor]]:
        for node, x in stream_values(source, inputs):
            yield node, merged(x) if node.name in self.steps else x

    def __getitem__(self, name: str) -> torch.Tensor:
        """Return tensor ``name``, float32 ``[N, *shape]``, in a loop ``[N T, *shape]``; not if it was released."""
        while name not in self._held:
            node, value = next(self._stream)
            if node.name in self._wanted:
                self._held[node.name] = value
        return self._held[name]

    def release(self, name: str) -> None:
        """Let tensor ``name`` go."""
        self._held.pop(name, None)
        self._wanted.discard(name)


def live_elements(network: Network) -> int:
    """Return the most elements of a sample that are held at once when ``network`` is run in order [count]."""
    last = {name: node.name for node in network.nodes for name in node.inputs}
    live, most = 0, 0
    steps = network.loop_steps
    if steps:  # a loop gives all its tensors at once
        return sum(int(np.prod(network.shapes[node.name])) * steps.get(node.name, 1) for node in network.nodes)
    for node in network.nodes:
        live += int(np.prod(network.shapes[node.name]))
        most = max(most, live)
        for name in dict.fromkeys(node.inputs):
            if last[name] == node.name:
                live -= int(np.prod(network.shapes[name]))
    return most
