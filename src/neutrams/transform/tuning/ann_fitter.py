"""The fitter of ann mode: output ranges, copies of decoded neurons, the closed-form fit and its polish."""

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.hardware import Chip
from neutrams.network import ops
from neutrams.transform.tuning.amplification import amplification
from neutrams.transform.tuning.ann import lay_out, solve_ann
from neutrams.transform.tuning.context import Context
from neutrams.transform.tuning.gradient import Task, polished
from neutrams.transform.tuning.ranges import OutputRange, positive_range, signal_bits, signed_ranges
from neutrams.transform.tuning.unit import Fit, Signal, Unit
from neutrams.transform.tuning.weights import FEW_BITS

MOST_COPIES = 16
"""Most neurons that carry one decoded value; they cost nothing while they fit in the columns of one core."""

POLISH_EFFORT = 2
"""Effort from which units of few-bit weights are polished by gradients."""


class AnnFitter:
    """Fits units for ann mode (see `neutrams.transform.tuning.build.Fitter`)."""

    def __init__(self, chip: Chip, effort: int = 1, seed: int = 0) -> None:
        self.chip, self.effort, self.seed = chip, effort, seed

    def encode(self, name: str, source: str, values: torch.Tensor) -> ops.Encode:
        """Return an encoder whose integers span the calibration values."""
        high = (1 << self.chip.signal.input_bits) - 1
        least, most = min(float(values.min()), 0.0), float(values.max())
        scale = (most - least) / high if most > least else 1.0
        return ops.Encode(name=name, inputs=(source,), scale=scale, zero=least, low=0, high=high)

    def fit(self, unit: Unit, context: Context) -> Fit:
        """Return the unit in integers."""
        copies = context.copies(unit, self.chip, MOST_COPIES) if unit.decoded else 1
        reach = self._reach(unit, context)
        solution = solve_ann(unit, reach, self.chip)
        if self.effort >= POLISH_EFFORT and self.chip.core.weight_bits < FEW_BITS and not unit.elementwise:
            slope = None if context.total is None else (context.total > 0).double().mean(0).numpy()
            readers = amplification(context.source, unit.name, slope)
            task = Task(reach=reach, chip=self.chip, copies=copies, amplification=readers, seed=self.seed)
            solution = polished(unit, solution, task)
        return lay_out(unit, solution, reach, self.chip, copies)

    def _reach(self, unit: Unit, context: Context) -> OutputRange:
        bits = signal_bits(self.chip, unit.decoded)
        if unit.cap is not None:
            return positive_range(unit.target, unit.cap, bits)
        ranges = signed_ranges(list(context.siblings.values()), self.chip, bits, shared=unit.decoded)
        return ranges[list(context.siblings).index(unit.accumulator.name)]

    def gain(self, unit: Unit, context: Context, given: Signal) -> FloatArray:
        """Return the scale as it is: it is exact."""
        return given.scale

    def decoded(self, value: torch.Tensor, target: torch.Tensor) -> tuple[FloatArray, FloatArray]:
        """Return gain 1 and shift 0: the decoder is exact."""
        return np.ones(value.shape[1]), np.zeros(value.shape[1])
