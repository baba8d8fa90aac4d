"""The fitter of snn mode: encoders, relays with staggered charges, activations, decoded populations, gains."""

from dataclasses import replace

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.hardware import Chip
from neutrams.network import ops
from neutrams.neurons import NeuronModel
from neutrams.transform.tuning.context import Context
from neutrams.transform.tuning.snn import (
    DECODED_HEAD,
    activation_drive,
    equal_spikes_fit,
    integer_fit,
    offset_drive,
    relay_drive,
)
from neutrams.transform.tuning.unit import Fit, Signal, Unit

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

    def encode(self, name: str, source: str, values: torch.Tensor) -> ops.Encode:
        """Return an encoder: constant currents where the chip takes them, an even spread of spikes otherwise."""
        bits = min(CURRENT_BITS, self.chip.signal.current_bits)
        high, code = ((1 << bits) - 1, "level") if bits > 1 else (self.steps, "spread")
        least, most = min(float(values.min()), 0.0), float(values.max())
        scale = (most - least) / high if most > least else 1.0
        return ops.Encode(name=name, inputs=(source,), scale=scale, zero=least, low=0, high=high, code=code)

    def fit(self, unit: Unit, context: Context) -> Fit:
        """Return the unit in integers."""
        _, bias = unit.per_lsb()
        if unit.decoded:
            copies = context.copies(unit, self.chip, MOST_COPIES)
            if unit.cap is not None:
                drive = activation_drive(unit, bias, self.reset)
            else:
                drive = offset_drive(unit, bias, DECODED_HEAD[self.reset], list(context.siblings.values()))
            fit = integer_fit(unit, drive, self.model, self.chip, staggered(copies))
            return replace(fit, scale=np.tile(drive.threshold, copies))  # the same for all parts of a decoded sum
        if context.total is not None:
            if unit.cap is None:
                drive = offset_drive(unit, bias, 1.0, [])
            else:
                drive = relay_drive(bias, context.total, self.copies)
            return integer_fit(unit, drive, self.model, self.chip, staggered(self.copies))
        drive = activation_drive(unit, bias, self.reset)
        if unit.elementwise:
            return equal_spikes_fit(unit, drive, self.model, self.chip)
        return integer_fit(unit, drive, self.model, self.chip, staggered(1))

    def gain(self, unit: Unit, context: Context, given: Signal) -> FloatArray:
        """Return the value of rate 1 of each neuron: least squares of the target on the rates really given."""
        if unit.decoded or context.total is not None or unit.cap is None:
            return given.scale
        rate, target = given.means.double(), unit.activated(unit.target).double()
        power = (rate * rate).sum(0).clamp(min=1e-9)
        gain: FloatArray = ((rate * target).sum(0) / power).numpy()
        low, high = GAIN_LIMITS
        return np.where((gain > low * given.scale) & (gain < high * given.scale), gain, given.scale)

    def decoded(self, value: torch.Tensor, target: torch.Tensor) -> tuple[FloatArray, FloatArray]:
        """Return (gain, shift) of each decoded element that bring ``value`` nearest to ``target``, float64 ``[n]``."""
        v, t = value.double(), target.double()
        centred = v - v.mean(0)
        power = centred.square().mean(0)
        pull = DECODED_DAMPING * power.mean() + 1e-30
        gain = ((centred * (t - t.mean(0))).mean(0) + pull) / (power + pull)
        return gain.numpy(), (t.mean(0) - gain * v.mean(0)).numpy()


def staggered(copies: int) -> FloatArray:
    """Return initial charges evenly between 0 and the threshold, float64 ``[copies, 1]``: copies fire in turn."""
    return ((np.arange(copies) + 0.5) / copies)[:, None]
