"""The fitter of snn mode: encoders, relays with staggered charges, activations, decoded populations, gains."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.hardware import Chip
from neutrams.network import ops
from neutrams.neurons import NeuronModel
from neutrams.transform.tuning.context import Context
from neutrams.transform.tuning.ranges import encoded_range
from neutrams.transform.tuning.signal import Signal
from neutrams.transform.tuning.snn import (
    DECODED_HEAD,
    Drive,
    activation_drive,
    equal_spikes_fit,
    integer_fit,
    offset_drive,
    relay_drive,
)
from neutrams.transform.tuning.snn_balance import balanced
from neutrams.transform.tuning.snn_counting import (
    adds_difference,
    counting_fit,
    counts_spikes,
    settles,
    steps_in_debt,
    takes_away,
)
from neutrams.transform.tuning.snn_potential import potential_fit
from neutrams.transform.tuning.snn_refit import refitted
from neutrams.transform.tuning.unit import Fit, Unit, channel_mean

CURRENT_BITS = 5
"""Width of a constant input current; more leaves less of the threshold's width to the weights."""

MOST_COPIES = 25
"""Most neurons that carry one decoded value."""

GAIN_LIMITS = (0.3, 5.0)
"""A measured gain outside these multiples of the threshold is not believed."""

DECODED_DAMPING = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class SpikeRule:
    """What spikes follow.

    Attributes:
        model: Neuron model.
        steps: T.
        balance: How thresholds are chosen, as `neutrams.transform.options` says.
    """

    model: NeuronModel
    steps: int
    balance: str


class SnnFitter:
    """Fits units for snn mode (see `neutrams.transform.tuning.build.Fitter`)."""

    def __init__(self, chip: Chip, rule: SpikeRule, copies: int) -> None:
        self.chip, self.rule, self.copies = chip, rule, copies
        self.model, self.steps = rule.model, rule.steps
        assert rule.model.reset is not None, "rates have a recipe for integrate-and-fire models only"
        self.reset = rule.model.reset

    makes_up = False

    def encode(self, name: str, source: str, values: torch.Tensor, joined: bool) -> ops.Encode:
        """Return an encoder: constant currents where the chip takes them, an even spread of spikes otherwise."""
        bits = min(CURRENT_BITS, self.chip.signal.current_bits)
        high, code = ((1 << bits) - 1, "level") if bits > 1 else (self.steps, "spread")
        scale, zero = encoded_range(values, high)
        return ops.Encode(name=name, inputs=(source,), scale=scale, zero=zero, low=0, high=high, code=code)

    def fit(self, unit: Unit, context: Context) -> Fit:
        """Return the unit in integers."""
        if self._counts_spikes(unit, context):
            in_debt = self.reset == "subtract" and settles(unit, context.source)
            channels = unit.target.shape[1]
            debt = steps_in_debt(self.chip, self.steps, channels) if in_debt else None
            return counting_fit(unit, self.model, debt)
        rows, bias = refitted(unit)
        if unit.decoded and self.chip.signal.read_potential:
            return potential_fit(rows, bias, self.model, self.chip, self.steps)
        if self.rule.balance == "max":
            context = replace(context, extent=context.extent.whole, tied=tuple(e.whole for e in context.tied))
        drive, copies = self._drive(unit, context, bias)
        adds = unit.elementwise and unit.cap is not None and context.total is None

        def fit_of(drive: Drive) -> Fit:
            if adds and not unit.decoded:
                return equal_spikes_fit(unit, drive, self.model, self.chip)
            return integer_fit(rows, drive, self.model, self.chip, staggered(copies, unit.turns()))

        if not unit.decoded:
            return fit_of(self._balanced(unit, context, drive, fit_of))
        return replace(fit_of(drive), scale=np.tile(drive.threshold, copies))  # one scale for all parts of a sum

    def _counts_spikes(self, unit: Unit, context: Context) -> bool:
        return counts_spikes(unit, self.reset == "subtract" and adds_difference(unit, context.source))

    def _balanced(self, unit: Unit, context: Context, drive: Drive, fit_of: Callable[[Drive], Fit]) -> Drive:
        """Return the drive with its thresholds chosen; relay spikes of one worth keep it."""
        if self.rule.balance != "error" or (self.reset == "zero" and context.total is not None):
            return drive
        return balanced(unit, drive, fit_of, (self.chip, self.steps, context.level))

    def _drive(self, unit: Unit, context: Context, bias: FloatArray) -> tuple[Drive, int]:
        """Return the unit in real numbers, and how many copies carry each of its values."""
        if unit.decoded:
            copies = context.copies(unit, self.chip, MOST_COPIES)
            if unit.cap is None:
                return offset_drive(bias, DECODED_HEAD[self.reset], context.extent, context.tied), copies
            return activation_drive(unit, bias, self.reset, context.extent), copies
        copies = 1 if context.total is None else self.copies
        if unit.cap is None:
            return offset_drive(bias, 1.0, context.extent, ()), copies
        if context.total is None:
            return activation_drive(unit, bias, self.reset, context.extent), copies
        return relay_drive(bias, context.total, self.copies), copies

    def gain(self, unit: Unit, context: Context, fit: Fit, given: Signal) -> FloatArray:
        """Return the value of rate 1 of each channel: least squares of the target on the rates really given.

        A difference of counted spikes keeps their worth: it is added to them.
        """
        scale = fit.scale
        if unit.decoded or context.total is not None or unit.cap is None:
            return scale
        if takes_away(unit) and self._counts_spikes(unit, context):
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


def staggered(copies: int, turns: FloatArray) -> FloatArray:
    """Return initial charges evenly between 0 and the threshold, float64 ``[copies, C]``: copies fire in turn.

    ``turns`` says where between 0 and 1 each channel stands among those that are the same, float64 ``[C]``.
    """
    return (np.arange(copies)[:, None] + turns) / copies
