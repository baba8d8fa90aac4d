"""A spiking neuron in integers: one factor a channel scales weights, threshold and leak to fill their registers.

With S steps of the potential to its unit, weights are rint(S 2^-e gain w), the threshold S theta, and a leaky neuron's
exponent e lets S be larger than its weights' bits allow.

References:
    Ji et al. (2016), rounding tuning: one factor for W, leak and threshold. doi 10.1109/MICRO.2016.7783724
"""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import BoolArray, FloatArray, IntArray
from neutrams.hardware import Chip
from neutrams.neurons import NeuronModel, register_range
from neutrams.transform.tuning.spiking.stepped import Stepped
from neutrams.transform.tuning.unit import Fit
from neutrams.transform.tuning.weights import (
    DESCENTS,
    Grid,
    Moments,
    descend,
    feedback,
    round_nearest,
    round_with_feedback,
    squared_error,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Largest sizes on calibration data, float64 ``[C]`` each, in units of the potential.

    Attributes:
        potential: Of the potential before a reset.
        current: Of the synaptic current; 0 without one.
    """

    potential: FloatArray
    current: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How numbers of a unit become integers, float64 ``[C]`` each.

    Attributes:
        factor: S.
        exponent: e.
        limit: Largest S that all registers but those of weights allow.
    """

    factor: FloatArray
    exponent: FloatArray
    limit: FloatArray


def integers(
    rows: FloatArray,
    bias: FloatArray,
    real: Stepped,
    model: NeuronModel,
    chip: Chip,
    reach: Reach,
    seen: Moments | None = None,
) -> Fit:
    """Return a unit in integers.

    Args:
        rows: Its weights per input LSB, float64 ``[C, fan-in]``.
        bias: Its bias, float64 ``[C]``; goes into the leak, or where there is a current onto axons that carry 1.
        real: Its neurons.
        model: The chip's neuron model.
        chip: Gives all widths.
        reach: How far potentials and currents go.
        seen: Second moments of what inputs leave in a potential; None: weights are rounded to nearest.
    """
    held = {parameter.name for parameter in model.parameters}
    synaptic = real.keep_current is not None
    drive, leak = rows * real.gain[:, None], real.leak + (0.0 if synaptic else real.gain * bias)
    more = (real.gain * bias)[:, None] if synaptic and bias.any() else np.zeros((len(rows), 0))
    more, biggest = _bias_axons(more, np.abs(drive).max(axis=1, initial=0.0))
    found = _factor(biggest, leak, real, (model, chip), reach)
    weights, factor = _rounded(np.concatenate([drive, more], axis=1), found, chip, seen)
    exponent = found.exponent
    step = np.exp2(exponent) / factor
    tie = _ties(real)
    parameters = {
        "leak": np.rint(leak * factor),
        "threshold": np.rint(real.threshold * factor) + (0 if tie else real.strict),
        "initial": np.rint(real.initial * factor) - tie,
        "reset": np.rint(real.reset * factor),
        "refractory": real.refractory,
        "exponent": exponent,
        **_decays(real, held, chip),
    }
    return Fit(
        rows=weights[:, : rows.shape[1]],
        model=model.name,
        parameters={p.name: _held(parameters[p.name], p.width, p.least, chip) for p in model.parameters},
        weight_scale=_per_unit(step, real.gain),
        scale=np.ones(len(rows)),
        zero=np.zeros(len(rows)),
        bias_weights=weights[:, rows.shape[1] :] if more.shape[1] else None,
    )


def _per_unit(step: FloatArray, gain: FloatArray) -> FloatArray:
    """Return what a weight of 1 is worth; ``step`` where inputs add nothing, or too little for a float."""
    with np.errstate(divide="ignore", over="ignore"):
        found = step / gain
    return np.where(np.isfinite(found), found, step)


FACTORS = (1.3, 1.2, 1.12, 1.06, 1.0, 0.97, 0.94, 0.91, 0.88, 0.85)
"""Multiples of the factor among which weights are rounded best; above 1 the largest weights are cut off."""


def _rounded(drive: FloatArray, scaling: Scaling, chip: Chip, seen: Moments | None) -> tuple[IntArray, FloatArray]:
    """Return (integer weights, factor of each channel): those that change potentials least."""
    factor, exponent = scaling.factor, scaling.exponent
    grid = Grid.of(chip.core)
    whole, fits = _whole(drive, factor / np.exp2(exponent))
    whole = whole * np.exp2(exponent)
    if seen is None:
        return round_nearest(drive, np.exp2(exponent) / whole, grid), whole
    made_up = feedback(seen)
    found: list[tuple[FloatArray, IntArray, FloatArray]] = []
    for tried in (whole, *(np.minimum(share * factor, scaling.limit) for share in FACTORS)):
        step = np.exp2(exponent) / tried
        for start in (round_nearest(drive, step, grid), round_with_feedback(drive, step, grid, made_up)):
            weights = start
            for _ in range(DESCENTS):
                weights = descend(weights, drive, step, grid, seen)
            found.append((squared_error(weights * step[:, None], drive, seen), weights, tried))
    errors = np.array([error for error, _, _ in found])
    errors[0, fits] = -1.0  # whole weights lose nothing, and thresholds of such networks are whole as well
    best = errors.argmin(axis=0)
    each = np.arange(len(drive))
    return np.stack([w for _, w, _ in found])[best, each], np.stack([f for _, _, f in found])[best, each]


def _whole(drive: FloatArray, factor: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return (largest factor, up to ``factor``, at which all weights of a channel are whole; where there is one).

    Weights that were trained with few bits are multiples of one step: then nothing is lost.
    """
    unit, whole = whole_steps(drive)
    fits: BoolArray = np.asarray(whole & (factor * unit >= 1 - WHOLE))
    return np.where(fits, np.floor(factor * unit + WHOLE) / unit, factor), fits


def whole_steps(rows: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return (a step of each row, whether all its weights are multiples of that), float64 and bool ``[C]``.

    Steps that are tried are the smallest weight over a whole number up to `PARTS`.
    """
    size = np.abs(rows)
    least = np.where(size > 0, size, np.inf).min(axis=1, initial=np.inf)
    least = np.where(np.isfinite(least), least, 1.0)
    unit, found = least, np.zeros(len(rows), dtype=np.bool_)
    for part in range(1, PARTS + 1):
        steps = rows * part / least[:, None]
        whole = (np.abs(steps - np.rint(steps)) < WHOLE * part).all(axis=1)
        unit = np.where(whole & ~found, least / part, unit)
        found |= whole
    return unit, found


PARTS = 8
"""Most steps of which the smallest weight of a row may be made."""

WHOLE = 1e-6
"""What counts as a whole number: weights come in float32."""


def _bias_axons(bias: FloatArray, largest: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return (bias spread over as many axons as keep it from being the largest weight, largest weight ``[C]``)."""
    if not bias.shape[1]:
        return bias, largest
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(bias[:, 0]) / largest
    axons = int(np.clip(np.ceil(np.nanmax(np.where(np.isfinite(ratio), ratio, 1.0))), 1, MOST_BIAS_AXONS))
    spread = np.repeat(bias / axons, axons, axis=1)
    return spread, np.maximum(largest, np.abs(spread).max(axis=1))


MOST_BIAS_AXONS = 4
"""Most axons that carry a constant for a bias."""


def _factor(
    biggest: FloatArray, leak: FloatArray, real: Stepped, target: tuple[NeuronModel, Chip], reach: Reach
) -> Scaling:
    """Return how a unit is scaled: as large as every register allows."""
    model, chip = target
    widths = chip.widths
    top = register_range("threshold_bits", widths)[1] - 1
    potential = register_range("potential_bits", widths)[1]
    weight = max(chip.core.weight_range[1], 1)
    with np.errstate(divide="ignore", over="ignore"):
        limit = np.minimum(min(top, potential) / np.abs(real.threshold), potential / reach.potential)
        begins = np.maximum(0.0 if real.soft else np.abs(real.reset), np.abs(real.initial))
        limit = np.minimum(limit, potential / begins)
        limit = np.minimum(limit, register_range("leak_bits", widths)[1] / np.abs(leak))
        if real.keep_current is not None:
            limit = np.minimum(limit, register_range("synaptic_bits", widths)[1] / reach.current)
        own = weight / biggest
    own = np.where(np.isfinite(own), own, 1.0)
    limit = np.where(np.isfinite(limit), limit, own)
    exponent = np.zeros(len(own))
    if any(parameter.name == "exponent" for parameter in model.parameters):
        room = np.floor(np.log2(np.maximum(limit / own, 1.0)))
        exponent = np.minimum(room, register_range("exponent_bits", widths)[1])
    return Scaling(factor=np.minimum(own * np.exp2(exponent), limit), exponent=exponent, limit=limit)


def _decays(real: Stepped, held: set[str], chip: Chip) -> dict[str, FloatArray]:
    """Return what the model calls the decays of potential and current."""
    found: dict[str, FloatArray] = {"current_decay": np.zeros_like(real.keep)}
    if "decay" in held:
        whole = 1 << chip.neuron.decay_bits
        found["decay"] = np.clip(np.rint((1 - real.keep) * whole), 0, whole - 1)
        left = np.zeros_like(real.keep) if real.keep_current is None else real.keep_current
        found["current_decay"] = np.clip(np.rint((1 - left) * whole), 0, whole - 1)
    if "decay_shift" in held:
        deepest = (1 << chip.neuron.decay_shift_bits) - 1
        with np.errstate(divide="ignore"):
            found["decay_shift"] = np.clip(np.rint(-np.log2(1 - real.keep)), 0, deepest)
    return found


def _ties(real: Stepped) -> int:
    """Return 1 where firing above the threshold, not at it, is a potential one step lower: nothing else must change."""
    return int(real.strict and real.soft and bool((real.keep == 1).all()))


def _held(values: FloatArray, width: str, least: int | None, chip: Chip) -> IntArray:
    low, high = register_range(width, chip.widths)
    return np.clip(np.asarray(values, dtype=np.float64), low if least is None else max(low, least), high).astype(
        np.int64
    )
