"""What is tuned: one accumulator with its activation, the signals it reads and the target it is to hit."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.base.errors import UnsupportedError
from neutrams.evaluate import accumulate
from neutrams.evaluate.floats import float_value
from neutrams.evaluate.functions import apply_function
from neutrams.network import ops
from neutrams.transform.tuning.signal import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One accumulator with its activation, as the split float network has it.

    Attributes:
        name: Name of the tensor it gives.
        accumulator: The float `Linear`, `Conv` or `Add`, C channels.
        cap: Largest value after the activation, source units; inf for ReLU; None without activation (a signed sum) or
            with a function.
        function: The activation, where the neurons look it up in a table.
        decoded: Whether the host decodes what it gives.
        padded: Whether a border of zeros is put around what it gives.
        inputs: The signals it reads: one for a Linear or Conv, K for an Add.
        target: What the original gives before the activation, float32 ``[N, C, *size]``.
        importance: What an error in each value of the target counts, like it; None: all the same.
        channels: int64 ``[C]``, which channel of the original each one is, where some stand there several times; None:
            each is its own.
    """

    name: str
    accumulator: ops.Linear | ops.Conv | ops.Add
    cap: float | None
    decoded: bool
    padded: bool = False
    inputs: tuple[Signal, ...]
    target: torch.Tensor
    function: ops.Activation | None = None
    importance: torch.Tensor | None = None
    channels: IntArray | None = None

    @property
    def elementwise(self) -> bool:
        """Whether the accumulator is an Add."""
        return isinstance(self.accumulator, ops.Add)

    @property
    def groups(self) -> int:
        """How many groups of output channels read inputs of their own."""
        return self.accumulator.groups if isinstance(self.accumulator, ops.Conv) else 1

    @property
    def rows(self) -> FloatArray:
        """Float weights of each channel's neurons, source units in and out, ``[C, fan-in]``."""
        a = self.accumulator
        rows: FloatArray = a.coefficients.T if isinstance(a, ops.Add) else a.weights.reshape(len(a.weights), -1)
        return rows

    def per_lsb(self) -> tuple[FloatArray, FloatArray]:
        """Return (rows per input LSB ``[C, fan-in]``, bias that holds what the inputs' zeros add ``[C]``)."""
        scale, zero = self._of_inputs()
        return self.rows * scale, self.accumulator.bias + (self.rows * zero).sum(axis=1)

    def _of_inputs(self) -> tuple[FloatArray, FloatArray]:
        """Scale and zero of what each weight is multiplied with, both ``[C, fan-in]``.

        Raises:
            UnsupportedError: There is not one for each.
        """
        known = [signal.per_channel() for signal in self.inputs]
        parts = [part for part in known if part is not None]
        if len(parts) < len(known):
            raise UnsupportedError(
                f"{self.name!r} reads a tensor one channel of which holds values of several scales",
                where="transform, data movement",
                fix="join tensors along their channels only",
            )
        if isinstance(self.accumulator, ops.Add):
            return np.stack([s for s, _ in parts], axis=1), np.stack([z for _, z in parts], axis=1)
        ((scale, zero),) = parts
        shape = self.rows.shape
        if isinstance(self.accumulator, ops.Linear):
            return np.broadcast_to(scale, shape), np.broadcast_to(zero, shape)
        return self._per_weight(scale), self._per_weight(zero)

    def _per_weight(self, values: FloatArray) -> FloatArray:
        """Lay one value an input channel out along the weights ``[C, fan-in]`` of a convolution."""
        out, per_group, *kernel = self.accumulator.weights.shape  # type: ignore[union-attr]
        taps = int(np.prod(kernel))
        of_group = np.repeat(values.reshape(self.groups, per_group), taps, axis=1)
        return np.repeat(of_group, out // self.groups, axis=0)

    def with_rows(self, rows: AnyArray) -> ops.Linear | ops.Conv | ops.Add:
        """Return the accumulator with other weights ``[C, fan-in]`` and no bias."""
        a, zeros = self.accumulator, np.zeros(len(rows), dtype=rows.dtype)
        if isinstance(a, ops.Add):
            return replace(a, coefficients=np.ascontiguousarray(rows.T), bias=zeros)
        weights = np.ascontiguousarray(rows).reshape(len(rows), *a.weights.shape[1:])
        return replace(a, weights=weights, bias=zeros)

    def sums(self, rows: AnyArray) -> torch.Tensor:
        """Return float32 ``[N, C, *size]``: float rows per LSB applied to the mean integers delivered."""
        return float_value(self.with_rows(rows), [s.means for s in self.inputs])

    def accumulate(self, rows: IntArray) -> torch.Tensor:
        """Return the exact accumulator of integer rows, a signal ``[T, N, C, *size]``."""
        return accumulate(self.with_rows(rows), [s.values for s in self.inputs])

    def activated(self, z: torch.Tensor) -> torch.Tensor:
        """Return the activation of ``z``; 0 where a function is not finite."""
        if self.function is not None:
            found = apply_function(self.function.function, z, self.function.parameters)
            return found.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
        return z if self.cap is None else z.clamp(0, self.cap)

    def turns(self) -> FloatArray:
        """Return (k + 1/2) / K for the k-th of K channels that are the same in the original, float64 ``[C]``."""
        if self.channels is None:
            return np.full(self.target.shape[1], 0.5)
        count = np.bincount(self.channels)
        order = np.argsort(self.channels, kind="stable")
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
        found: FloatArray = (rank + 0.5) / count[self.channels]
        return found

    def on(self, chosen: torch.Tensor) -> "Unit":
        """Return the unit on some samples, int64 indices ``[n]``."""
        inputs = tuple(signal.on(chosen) for signal in self.inputs)
        importance = None if self.importance is None else self.importance[chosen]
        return replace(self, inputs=inputs, target=self.target[chosen], importance=importance)


def per_channel(values: AnyArray, like: torch.Tensor) -> torch.Tensor:
    """Return ``values`` ``[C]`` as float32 that broadcasts to ``like`` ``[N, C, *size]``."""
    return torch.from_numpy(np.array(values, dtype=np.float32)).reshape(-1, *(1,) * (like.ndim - 2))


def channel_mean(x: torch.Tensor) -> FloatArray:
    """Return the mean of each channel of ``[N, C, *size]``, float64 ``[C]``."""
    return x.double().mean([0, *range(2, x.ndim)]).numpy() if x.numel() < 1 << 22 else _chunked_mean(x)


def _chunked_mean(x: torch.Tensor) -> FloatArray:
    axes = [0, *range(2, x.ndim)]
    pieces = torch.split(x, max(1, (1 << 22) // max(1, x[0].numel())))
    total = torch.stack([piece.double().sum(axes) for piece in pieces]).sum(0)
    return (total / (x.numel() / x.shape[1])).numpy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A unit in integers.

    Attributes:
        rows: int64 ``[channels, fan-in]``; ``channels`` is a multiple of the unit's C where copies carry one element.
        model: Neuron model.
        parameters: int64 ``[channels]`` for each parameter of the model.
        weight_scale: float64 ``[channels]``, source units per LSB of the accumulator (and step, in snn mode).
        scale: float64 ``[channels]``, as `network.ops.Neuron`.
        zero: float64 ``[channels]``.
        bias_weights: int64 ``[channels, R]``, weights of R axons that carry the largest input for the bias; None
            without.
        table: int64 ``[entries]``, as `network.ops.Neuron`; empty without one.
        readout: Likewise.
    """

    rows: IntArray
    model: str
    parameters: Mapping[str, IntArray]
    weight_scale: FloatArray
    scale: FloatArray
    zero: FloatArray
    bias_weights: IntArray | None = None
    table: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    readout: str = "output"

    @property
    def channels(self) -> int:
        """How many channels of neurons it takes."""
        return len(self.scale)
