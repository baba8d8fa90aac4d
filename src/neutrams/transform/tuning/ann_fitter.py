"""The fitter of ann mode: output ranges, copies of decoded neurons, and the closed-form fit."""

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.hardware import Chip
from neutrams.network import ops
from neutrams.transform.tuning.ann import fit_ann
from neutrams.transform.tuning.context import Context
from neutrams.transform.tuning.ranges import positive_range, signal_bits, signed_ranges
from neutrams.transform.tuning.unit import Fit, Signal, Unit

MOST_COPIES = 16
"""Most neurons that carry one decoded value; they cost nothing while they fit in the columns of one core."""


class AnnFitter:
    """Fits units for ann mode (see `neutrams.transform.tuning.build.Fitter`)."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip

    def encode(self, name: str, source: str, values: torch.Tensor) -> ops.Encode:
        """Return an encoder whose integers span the calibration values."""
        high = (1 << self.chip.signal.input_bits) - 1
        least, most = min(float(values.min()), 0.0), float(values.max())
        scale = (most - least) / high if most > least else 1.0
        return ops.Encode(name=name, inputs=(source,), scale=scale, zero=least, low=0, high=high)

    def fit(self, unit: Unit, context: Context) -> Fit:
        """Return the unit in integers."""
        copies = context.copies(unit, self.chip, MOST_COPIES) if unit.decoded else 1
        bits = signal_bits(self.chip, unit.decoded)
        if unit.cap is not None:
            return fit_ann(unit, positive_range(unit.activated(unit.target), unit.cap, bits), self.chip, copies)
        ranges = signed_ranges(list(context.siblings.values()), self.chip, bits, shared=unit.decoded)
        own = list(context.siblings).index(unit.accumulator.name)
        return fit_ann(unit, ranges[own], self.chip, copies)

    def gain(self, unit: Unit, context: Context, given: Signal) -> FloatArray:
        """Return the scale as it is: it is exact."""
        return given.scale

    def decoded(self, value: torch.Tensor, target: torch.Tensor) -> tuple[FloatArray, FloatArray]:
        """Return gain 1 and shift 0: the decoder is exact."""
        return np.ones(value.shape[1]), np.zeros(value.shape[1])
