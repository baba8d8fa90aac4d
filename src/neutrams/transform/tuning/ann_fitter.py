"""The fitter of ann mode: output ranges, copies of decoded neurons, the closed-form fit and its polish."""

from dataclasses import replace

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.hardware import Chip
from neutrams.network import ops
from neutrams.transform.tuning.amplification import amplification
from neutrams.transform.tuning.ann import lay_out, solve_ann
from neutrams.transform.tuning.context import Context
from neutrams.transform.tuning.gradient import Task, polished
from neutrams.transform.tuning.ranges import (
    PLENTY_BITS,
    OutputRange,
    encoded_range,
    from_zero,
    positive_range,
    signal_bits,
    signed_range,
    tied_scale,
)
from neutrams.transform.tuning.signal import Signal
from neutrams.transform.tuning.tables import fit_table
from neutrams.transform.tuning.unit import Fit, Unit
from neutrams.transform.tuning.weights import FEW_BITS

COARSE_BITS = 8
"""Below this width of weights what is added up gets one scale: coarse weights could not make up for different ones."""

MOST_COPIES = 16
"""Most neurons that carry one decoded value; they cost nothing while they fit in the columns of one core."""

POLISH_EFFORT = 2
"""Effort from which units of few-bit weights are polished by gradients."""


class AnnFitter:
    """Fits units for ann mode (see `neutrams.transform.tuning.build.Fitter`)."""

    def __init__(self, chip: Chip, effort: int = 1, seed: int = 0, copies: int = 1) -> None:
        self.chip, self.effort, self.seed, self.copies = chip, effort, seed, copies

    @property
    def coarse(self) -> bool:
        """Whether weights are too coarse to make up for different scales of what is added."""
        return self.chip.core.weight_bits < COARSE_BITS

    @property
    def makes_up(self) -> bool:
        """Where weights or signals are coarse: then terms err enough for others to see it."""
        return self.coarse or self.chip.signal.output_bits < COARSE_BITS

    def encode(self, name: str, source: str, values: torch.Tensor, joined: bool) -> ops.Encode:
        """Return an encoder whose integers span the calibration values.

        Where it is joined with signals of the chip it has no more bits than they: a neuron's weights have one scale,
        and steps of 1 / 65535 beside some of 1 / 255 would leave those of one of them nothing.
        """
        signal = self.chip.signal
        high = (1 << (min(signal.input_bits, signal.output_bits) if joined else signal.input_bits)) - 1
        scale, zero = encoded_range(values, high)
        return ops.Encode(name=name, inputs=(source,), scale=scale, zero=zero, low=0, high=high)

    def fit(self, unit: Unit, context: Context) -> Fit:
        """Return the unit in integers."""
        if unit.function is not None:
            added_up = [e for e in context.tied if self.coarse or e.low.min() < 0] if len(context.tied) > 1 else []
            return fit_table(unit, self.chip, added_up, context.state)
        copies = context.copies(unit, self.chip, MOST_COPIES) if unit.decoded else 1
        if unit.cap is None and context.total is not None and not unit.decoded:
            copies = self.copies
        reach = self._reach(unit, context)
        solution = solve_ann(unit, reach, self.chip)
        if self.effort >= POLISH_EFFORT and self.chip.core.weight_bits < FEW_BITS and not unit.elementwise:
            slope = None if context.total is None else (context.total > 0).double().mean(0).numpy()
            readers = amplification(context.source, unit.name, slope)
            task = Task(reach=reach, chip=self.chip, copies=copies, amplification=readers, seed=self.seed)
            solution = polished(unit, solution, task)
        return lay_out(unit, solution, reach, self.chip, copies)

    def _reach(self, unit: Unit, context: Context) -> OutputRange:
        if context.state is not None:
            return context.state
        bits = signal_bits(self.chip, unit.decoded)
        if unit.cap is None:
            others = (e for e in context.tied if self.coarse or unit.decoded or e.low.min() < 0)
            tied = [context.extent, *others]
            scale = tied_scale(tied, self.chip, bits, shared=unit.decoded)
            if bits >= PLENTY_BITS and not (self.coarse or unit.decoded or context.level):
                scale = _finer(scale, tied_scale([context.extent], self.chip, bits, shared=False))
            return signed_range(context.extent, scale, self.chip, bits, unit.padded)
        if context.level and context.extent.high.max() > 0:
            return from_zero(context.extent.high / ((1 << bits) - 1), bits, fixed=True)
        kept = None if context.level else _kept_scale(unit, bits)
        if kept is not None:
            return from_zero(kept, bits)
        own = positive_range(unit.target, unit.cap, bits)
        if len(context.tied) == 1 or not self.coarse:
            return own
        if any(e.low.min() < 0 for e in context.tied):
            scale = tied_scale(context.tied, self.chip, bits, shared=False)
            return from_zero(np.array(np.broadcast_to(scale, own.scale.shape)), bits, fixed=True)
        return replace(own, scale=own.scale * _growth(context), fixed=True)

    def gain(self, unit: Unit, context: Context, fit: Fit, given: Signal) -> FloatArray:
        """Return the scale as it is: it is exact."""
        return fit.scale

    def decoded(self, value: torch.Tensor, target: torch.Tensor) -> tuple[FloatArray, FloatArray]:
        """Return gain 1 and shift 0: the decoder is exact."""
        return np.ones(value.shape[1]), np.zeros(value.shape[1])


def _finer(scale: FloatArray, own: FloatArray) -> FloatArray:
    """Return ``scale`` divided by the largest power of two that leaves at least ``own``: it still adds up exactly."""
    result: FloatArray = scale / 2.0 ** np.floor(np.log2(np.maximum(scale / own, 1.0)) + 1e-9)
    return result


def _growth(context: Context) -> float:
    """Return how much further the farthest of the tensors tied with a unit reaches than its own."""
    own = max(float(context.extent.high.max()), 1e-30)
    return max(1.0, *(float(e.high.max()) / own for e in context.tied))


def _kept_scale(unit: Unit, bits: int) -> FloatArray | None:
    """Return the scales ``[C]`` that all inputs of a sum share, if what it gives fits them too: then it is exact."""
    if not unit.elementwise or not (np.abs(unit.rows) == 1).all() or unit.accumulator.bias.any():
        return None
    known = [part for part in (s.per_channel() for s in unit.inputs) if part is not None]
    if len(known) < len(unit.inputs):
        return None
    first = known[0][0]
    alike = all(np.array_equal(scale, first) and not zero.any() for scale, zero in known)
    if not alike:
        return None
    return first if float(unit.sums(unit.rows).max()) < 1 << bits else None
