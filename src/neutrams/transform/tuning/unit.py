"""What is tuned: one accumulator with its activation, the signals it reads and the target it is to hit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.evaluate import accumulate, count
from neutrams.network import ops


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a transformed tensor really delivers on the calibration samples.

    Attributes:
        values: Integers ``[T, N, n]`` or ``[1, N, n]``, as `neutrams.evaluate` has them.
        scale: float64 ``[n]``, source units per LSB (ann) or at one spike a step (snn).
        zero: float64 ``[n]``, source units; value = scale * mean over the steps + zero.
        steps: T.
        means: Mean integer over the steps, float32 ``[N, n]``.
    """

    values: torch.Tensor
    scale: FloatArray
    zero: FloatArray
    steps: int
    means: torch.Tensor

    @staticmethod
    def of(values: torch.Tensor, scale: FloatArray, zero: FloatArray, steps: int) -> "Signal":
        """Return the signal of ``values``."""
        return Signal(values=values, scale=scale, zero=zero, steps=steps, means=count(values, steps) / steps)

    def value(self) -> torch.Tensor:
        """Return the value in source units, float32 ``[N, n]``."""
        return self.means * torch.from_numpy(self.scale).float() + torch.from_numpy(self.zero).float()

    def sent(self, skip_zero: bool) -> FloatArray:
        """Return how many words or spikes each element sends per sample, float64 ``[n]``."""
        if self.steps > 1 and len(self.values) == self.steps:  # spikes
            return (self.means.mean(0) * self.steps).double().numpy()
        if not skip_zero:
            return np.full(len(self.scale), float(self.steps))
        result: FloatArray = (self.values != 0).float().mean((0, 1)).double().numpy() * self.steps
        return result

    def part(self, start: int, stop: int, step: int) -> "Signal":
        """Return elements ``start:stop:step``."""
        cut = slice(start, stop, step)
        return replace(
            self,
            values=self.values[..., cut],
            scale=self.scale[cut],
            zero=self.zero[cut],
            means=self.means[:, cut],
        )


def joined(signals: Sequence[Signal]) -> Signal:
    """Return several signals side by side."""
    longest = max(len(s.values) for s in signals)
    values = torch.cat([s.values.expand(longest, *s.values.shape[1:]) for s in signals], dim=-1)
    scale, zero = np.concatenate([s.scale for s in signals]), np.concatenate([s.zero for s in signals])
    means = torch.cat([s.means for s in signals], dim=-1)
    return Signal(values=values, scale=scale, zero=zero, steps=signals[0].steps, means=means)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One accumulator with its activation, as the split float network has it.

    Attributes:
        name: Name of the tensor it gives.
        accumulator: The float `Linear` or `Add`.
        cap: Largest value after the activation, source units; inf for ReLU; None without activation (a signed sum).
        decoded: Whether the host decodes what it gives.
        inputs: The signals it reads: one for a Linear, K for an Add.
        target: What the original gives before the activation, float32 ``[N, n]``.
    """

    name: str
    accumulator: ops.Linear | ops.Add
    cap: float | None
    decoded: bool
    inputs: tuple[Signal, ...]
    target: torch.Tensor

    @property
    def elementwise(self) -> bool:
        """Whether the accumulator is an Add."""
        return isinstance(self.accumulator, ops.Add)

    @property
    def rows(self) -> FloatArray:
        """Float weights of each neuron, source units in and out, ``[out, fan-in]``."""
        a = self.accumulator
        rows: FloatArray = a.coefficients.T if isinstance(a, ops.Add) else a.weights
        return rows

    def per_lsb(self) -> tuple[FloatArray, FloatArray]:
        """Return (rows per input LSB ``[out, fan-in]``, bias that holds what the inputs' zeros add ``[out]``)."""
        if self.elementwise:
            scale = np.stack([s.scale for s in self.inputs], axis=1)
            zero = np.stack([s.zero for s in self.inputs], axis=1)
            return self.rows * scale, self.accumulator.bias + (self.rows * zero).sum(axis=1)
        (signal,) = self.inputs
        return self.rows * signal.scale, self.accumulator.bias + self.rows @ signal.zero

    def sums(self, rows: AnyArray) -> torch.Tensor:
        """Return float32 ``[N, out]``: float rows per LSB applied to the mean integers delivered."""
        w = torch.from_numpy(np.array(rows, dtype=np.float32))
        if self.elementwise:
            return torch.stack([s.means * w[:, k] for k, s in enumerate(self.inputs)]).sum(0)
        return self.inputs[0].means @ w.T

    def accumulate(self, rows: IntArray) -> torch.Tensor:
        """Return the exact accumulator of integer rows, a signal ``[T, N, out]``."""
        weights = rows.T if self.elementwise else rows
        return accumulate(np.ascontiguousarray(weights), [s.values for s in self.inputs], self.elementwise)

    def activated(self, z: torch.Tensor) -> torch.Tensor:
        """Return the activation of ``z``."""
        return z if self.cap is None else z.clamp(0, self.cap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A unit in integers.

    Attributes:
        rows: int64 ``[neurons, fan-in]``; ``neurons`` is a multiple of the unit's n where copies carry one element.
        model: Neuron model.
        parameters: int64 ``[neurons]`` for each parameter of the model.
        weight_scale: float64 ``[neurons]``, source units per LSB of the accumulator (and step, in snn mode).
        scale: float64 ``[neurons]``, as `network.ops.Neuron`.
        zero: float64 ``[neurons]``.
        bias_weights: int64 ``[neurons, R]``, weights of R axons that carry the largest input for the bias; None
            without.
    """

    rows: IntArray
    model: str
    parameters: Mapping[str, IntArray]
    weight_scale: FloatArray
    scale: FloatArray
    zero: FloatArray
    bias_weights: IntArray | None = None

    @property
    def neurons(self) -> int:
        """How many neurons it takes."""
        return len(self.scale)
