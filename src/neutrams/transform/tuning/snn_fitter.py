"""The fitter of snn mode: encoders, relays with staggered charges, activations, decoded populations, gains."""

from dataclasses import replace

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.hardware import Chip
from neutrams.network import ops
from neutrams.neurons import NeuronModel
from neutrams.transform.tuning.context import Context
from neutrams.transform.tuning.ranges import zero_point
from neutrams.transform.tuning.signal import Signal
from neutrams.transform.tuning.snn import (
    DECODED_HEAD,
    activation_drive,
    equal_spikes_fit,
    integer_fit,
    offset_drive,
    relay_drive,
)
from neutrams.transform.tuning.unit import Fit, Unit, channel_mean

CURRENT_BITS = 5
"""Width of a constant input current; more leaves less of the threshold's width to the weights."""

MOST_COPIES = 25
"""Most neurons that carry one decoded value."""

GAIN_LIMITS = (0.3, 5.0)
"""A measured gain outside these multiples of the threshold is not believed."""

DECODED_DAMPING = 0.001


class SnnFitter:
    """Fits units for snn mode (see `neutrams.transform.tuning.build.Fitter`)."""

    def __init__(self, chip: Chip, model: NeuronModel, reset: str, steps: int, copies: int) -> None:
        self.chip, self.model, self.reset, self.steps, self.copies = chip, model, reset, steps, copies

    makes_up = False

    def encode(self, name: str, source: str, values: torch.Tensor) -> ops.Encode:
        """Return an encoder: constant currents where the chip takes them, an even spread of spikes otherwise."""
        bits = min(CURRENT_BITS, self.chip.signal.current_bits)
        high, code = ((1 << bits) - 1, "level") if bits > 1 else (self.steps, "spread")
        least, most = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
        point = zero_point(least, most, high)
        scale = max(-least / max(point, 0.5), most / max(high - point, 0.5)) or 1.0
        return ops.Encode(name=name, inputs=(source,), scale=scale, zero=-point * scale, low=0, high=high, code=code)

    def fit(self, unit: Unit, context: Context) -> Fit:
        """Return the unit in integers."""
        _, bias = unit.per_lsb()
        if unit.decoded:
            copies = context.copies(unit, self.chip, MOST_COPIES)
            if unit.cap is not None:
                drive = activation_drive(unit, bias, self.reset, context.extent)
            else:
                drive = offset_drive(bias, DECODED_HEAD[self.reset], context.extent, context.tied)
            fit = integer_fit(unit, drive, self.model, self.chip, staggered(copies))
            return replace(fit, scale=np.tile(drive.threshold, copies))  # the same for all parts of a decoded sum
        if context.total is not None:
            if unit.cap is None:
                drive = offset_drive(bias, 1.0, context.extent, ())
            else:
                drive = relay_drive(bias, context.total, self.copies)
            return integer_fit(unit, drive, self.model, self.chip, staggered(self.copies))
        if unit.cap is None:
            drive = offset_drive(bias, 1.0, context.extent, ())
            return integer_fit(unit, drive, self.model, self.chip, staggered(1))
        drive = activation_drive(unit, bias, self.reset, context.extent)
        if unit.elementwise:
            return equal_spikes_fit(unit, drive, self.model, self.chip)
        return integer_fit(unit, drive, self.model, self.chip, staggered(1))

    def gain(self, unit: Unit, context: Context, fit: Fit, given: Signal) -> FloatArray:
        """Return the value of rate 1 of each channel: least squares of the target on the rates really given."""
        scale = fit.scale
        if unit.decoded or context.total is not None or unit.cap is None:
            return scale
        rate, target = given.means, unit.activated(unit.target)
        power = np.maximum(channel_mean(rate * rate), 1e-9 / len(rate))
        gain: FloatArray = channel_mean(rate * target) / power
        low, high = GAIN_LIMITS
        return np.where((gain > low * scale) & (gain < high * scale), gain, scale)

    def decoded(self, value: torch.Tensor, target: torch.Tensor) -> tuple[FloatArray, FloatArray]:
        """Return (gain, shift) of each decoded element that bring ``value`` nearest to ``target``, float64 ``[n]``."""
        v, t = value.double(), target.double()
        axes = [0, *range(2, v.ndim)]
        centred = v - v.mean(axes, keepdim=True)
        power = centred.square().mean(axes)
        pull = DECODED_DAMPING * power.mean() + 1e-30
        gain = ((centred * (t - t.mean(axes, keepdim=True))).mean(axes) + pull) / (power + pull)
        return gain.numpy(), (t.mean(axes) - gain * v.mean(axes)).numpy()


def staggered(copies: int) -> FloatArray:
    """Return initial charges evenly between 0 and the threshold, float64 ``[copies, 1]``: copies fire in turn."""
    return ((np.arange(copies) + 0.5) / copies)[:, None]
