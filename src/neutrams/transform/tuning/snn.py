"""Fit a unit of an snn-mode network: integer weights, leak, threshold, initial charge. Rates carry values.

A neuron of real threshold Θ gives rate r = z / Θ for a drive of z per step. What is lost comes from few spikes and,
under reset to zero, from the charge thrown away at each of them. The rules below keep both small; each was chosen by
its measured gain (docs/explanation/spiking.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.hardware import Chip
from neutrams.neurons import NeuronModel
from neutrams.transform.tuning.originals import Extent, extent
from neutrams.transform.tuning.unit import Fit, Unit
from neutrams.transform.tuning.weights import Grid, round_nearest

HEAD = {"subtract": 1.0, "zero": 2.5}
"""By reset: threshold of an activation in units of its full range; room above it keeps rates low, and lost charge."""

EQUAL = 1.001
"""Spikes whose worths differ by no more than this factor count as equal."""

SPIKES_PER_SPIKE = 4
"""Under reset to zero: how many spikes of equal worth, summed, make one spike of the sum."""

DECODED_HEAD = {"subtract": 1.5, "zero": 12.0}
"""By reset: threshold of a decoded neuron in units of its range: many copies at low rates resolve the value."""

LEAST_SHARE = 0.01
"""No range of an activation is taken smaller than this share of its layer's mean range."""

LEAST_PART = 0.1
"""Likewise of a partial sum's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """A spiking unit in real numbers, source units.

    Attributes:
        threshold: float64 ``[n]``.
        leak: float64 ``[n]``, added every step.
        zero: float64 ``[n]``, value at rate 0.
    """

    threshold: FloatArray
    leak: FloatArray
    zero: FloatArray


def activation_drive(unit: Unit, bias: FloatArray, reset: str, reached: Extent) -> Drive:
    """Return the drive of a ReLU unit: its threshold is the full range of the activation times the model's headroom."""
    full = full_range(unit, reached)
    capped = full >= (np.inf if unit.cap is None else unit.cap)  # there the largest rate itself is the cap
    return Drive(threshold=full * np.where(capped, 1.0, HEAD[reset]), leak=bias, zero=np.zeros_like(bias))


def offset_drive(bias: FloatArray, head: float, reached: Extent, shared: Sequence[Extent]) -> Drive:
    """Return the drive of a signed sum carried by an offset: rate 0 stands for its least value.

    Args:
        bias: Its bias, inputs' zeros included, float64 ``[C]``.
        head: Threshold in units of the range.
        reached: How far it reaches.
        shared: Extents of what must have one threshold with it (what a decoder adds up); empty for one of its own.
    """
    low = reached.usual_low
    width = floored(reached.usual_high - low, LEAST_PART)
    if shared:
        width = np.full_like(width, max(float((e.usual_high - e.usual_low).max()) for e in shared) or 1.0)
    return Drive(threshold=width * head, leak=bias - low, zero=low)


def relay_drive(bias: FloatArray, total: torch.Tensor, copies: int) -> Drive:
    """Return the drive of one half of a ± pair under reset to zero: every relay spike of a sum is worth the same.

    The sum fires once for `SPIKES_PER_SPIKE` of them, and its potential then holds small integers only: nothing is
    thrown away unless spikes coincide.
    """
    reached = extent(total.clamp(min=0)).usual_high
    if not reached.any():
        reached = np.full_like(reached, float(total.abs().max()))
    full = floored(reached, LEAST_SHARE) * HEAD["zero"]
    return Drive(threshold=full * copies / SPIKES_PER_SPIKE, leak=bias, zero=np.zeros_like(bias))


def full_range(unit: Unit, reached: Extent) -> FloatArray:
    """Return the full range of each channel's activation, float64 ``[C]``, none below a share of their mean.

    Where none is ever active on calibration data, all have the size of what they add up.
    """
    cap = np.inf if unit.cap is None else unit.cap
    ranges = np.clip(reached.usual_high, 0, cap)
    if not ranges.any():
        ranges = np.full_like(ranges, min(float(unit.target.abs().max()), cap))
    return floored(ranges, LEAST_SHARE)


def floored(ranges: FloatArray, share: float) -> FloatArray:
    """Return ``ranges``, none smaller than ``share`` of their mean; 1 where there is nothing at all."""
    mean = float(ranges.mean())
    return np.maximum(ranges, mean * share) if mean > 0 else np.ones_like(ranges)


def integer_fit(rows: FloatArray, drive: Drive, model: NeuronModel, chip: Chip, charges: FloatArray) -> Fit:
    """Return a unit in integers: one factor a neuron scales weights, leak and threshold to fill their widths.

    Args:
        rows: Its weights per input LSB, ``[C, fan-in]``.
        drive: Its real threshold, leak and zero.
        model: Neuron model.
        chip: Gives all widths.
        charges: Initial potential of each copy in units of the threshold, float64 ``[copies, C]``.

    References:
        Ji et al. (2016), rounding tuning: one factor for W, leak and threshold. doi 10.1109/MICRO.2016.7783724
    """
    most_weight = chip.core.weight_range[1]
    most_threshold = (1 << (min(chip.neuron.threshold_bits, chip.neuron.potential_bits) - 1)) - 1
    most_leak = (1 << (chip.neuron.leak_bits - 1)) - 1
    with np.errstate(divide="ignore"):
        factor = np.minimum(most_weight / np.abs(rows).max(axis=1, initial=0.0), most_threshold / drive.threshold)
        factor = np.minimum(factor, np.maximum(most_leak, 1) / np.abs(drive.leak))
    weights = round_nearest(rows, 1 / factor, Grid.of(chip.core))
    threshold = np.clip(np.rint(drive.threshold * factor), 1, most_threshold).astype(np.int64)
    leak = np.clip(np.rint(drive.leak * factor), -most_leak - 1, most_leak).astype(np.int64)
    return spiking_fit(weights, threshold, leak, charges, (model, 1 / factor, drive))


def equal_spikes_fit(unit: Unit, drive: Drive, model: NeuronModel, chip: Chip) -> Fit:
    """Return the sum of relay spikes in integers; under reset to zero, spikes of equal worth get weights of ±1.

    Each input's offset is taken out by the leak, with the weight it really got.
    """
    rows, _ = unit.per_lsb()
    zeros = np.stack([s.zero.reshape(len(s.zero), -1)[:, 0] for s in unit.inputs], axis=1)
    most_weight = chip.core.weight_range[1]
    most_threshold = (1 << (min(chip.neuron.threshold_bits, chip.neuron.potential_bits) - 1)) - 1
    most_leak = (1 << (chip.neuron.leak_bits - 1)) - 1
    size = np.abs(rows)
    with np.errstate(divide="ignore"):
        factor = np.minimum(most_weight / size.max(axis=1, initial=0.0), most_threshold / drive.threshold)
        factor = np.minimum(factor, max(most_leak, 1) / np.abs(drive.leak))
    equal = np.zeros(len(size), dtype=bool)
    if model.reset == "zero":
        equal = size.max(axis=1) <= EQUAL * size.min(axis=1)
        factor = np.where(equal & (size.max(axis=1) > 0), np.minimum(factor, 1 / size.max(axis=1)), factor)
    weights = round_nearest(rows, 1 / factor, Grid.of(chip.core))
    threshold = np.clip(np.rint(drive.threshold * factor), 1, most_threshold).astype(np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        got = np.where(size > 0, weights / rows, 0.0)
    coefficients = unit.rows
    leak = np.rint(unit.accumulator.bias * factor + (got * coefficients * zeros).sum(axis=1))
    leak = np.clip(leak, -most_leak - 1, most_leak).astype(np.int64)
    charge = np.where(equal, 0.0, unit.turns())[None, :]
    return spiking_fit(weights, threshold, leak, charge, (model, 1 / factor, drive))


def spiking_fit(
    weights: IntArray,
    threshold: IntArray,
    leak: IntArray,
    charges: FloatArray,
    real: tuple[NeuronModel, FloatArray, Drive],
) -> Fit:
    """Return a fit of ``len(charges)`` copies that differ in their initial charge only."""
    model, step, drive = real
    copies = len(charges)
    initial = np.floor(charges * threshold).astype(np.int64).ravel()
    return Fit(
        rows=np.tile(weights, (copies, 1)),
        model=model.name,
        parameters={"leak": np.tile(leak, copies), "threshold": np.tile(threshold, copies), "initial": initial},
        weight_scale=np.tile(step, copies),
        scale=np.tile(threshold * step, copies),
        zero=np.tile(drive.zero, copies),
    )
