"""Fit a unit whose neurons look their function up: the range of the index, that of the output, the table's entries."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from neutrams.base.arrays import FloatArray, IntArray, spread
from neutrams.hardware import Chip
from neutrams.network import ops
from neutrams.reference.functions import apply_function
from neutrams.transform.tuning.ann import lay_out, solve_ann
from neutrams.transform.tuning.originals import Extent
from neutrams.transform.tuning.ranges import (
    OutputRange,
    from_zero,
    positive_range,
    signal_bits,
    signed_range,
    tied_scale,
)
from neutrams.transform.tuning.unit import Fit, Unit

CUTS = tuple(k / 16 for k in range(15))
"""Parts of the range of values that are tried as cut off at either end: a function may be flat there."""

ROUNDS = 2
"""How often both ends are tried."""

MARGIN = 0.02
"""Room left at both ends for values that calibration did not show, in parts of their range."""

MOST_VALUES = 1 << 14
"""Most values on which ends are tried."""


def fit_table(unit: Unit, chip: Chip, tied: Sequence[Extent], state: OutputRange | None = None) -> Fit:
    """Return a unit whose accumulator is requantised to an index of a table of its function.

    All neurons of the unit share the table, so index and output have one scale for all channels; the multipliers make
    up for the rest. Weights and biases are fitted to what the original gives before the function.

    Args:
        unit: A unit with a function.
        chip: Gives all widths.
        tied: Extents of the other tensors that are added up with the output and must have its scale.
        state: The range of the output, where a state remembers it.
    """
    assert unit.function is not None
    seen = _values_seen(unit)
    index = index_range(unit.function, seen, chip.index_bits(unit.function.function), unit.target.shape[1])
    solution = solve_ann(unit, index, chip)
    if (solution.scale != index.scale).any():  # the multipliers cannot go as low as the index is fine
        index = replace(index, scale=np.full_like(index.scale, solution.scale.max()), fixed=True)
        solution = solve_ann(unit, index, chip)
    output = _output_range(unit, seen, tied, chip) if state is None else state
    fit = lay_out(unit, solution, index, chip, 1)
    return replace(fit, scale=output.scale, zero=output.zero, table=entries(unit.function, index, output))


def index_range(function: ops.Activation, seen: FloatArray, bits: int, channels: int) -> OutputRange:
    """Return how values of z map to an index of ``bits`` bits, one way for all channels.

    The ends are those of the values seen, cut where that makes the mean squared error after the function least.

    Args:
        function: The function.
        seen: Values of z on calibration data at which it is finite, float64 ``[M]``.
        bits: Width of the index.
        channels: C.
    """
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 1.0)
    wide = max(high - low, 1e-3 * max(abs(low), abs(high), 1e-3))
    ends = [low - MARGIN * wide, high + MARGIN * wide]
    last = (1 << bits) - 1
    values = seen[spread(len(seen), MOST_VALUES)]
    wanted = _applied(function, values)

    def error(first: float, end: float) -> float:
        step = (end - first) / last
        table = _applied(function, first + np.arange(last + 1, dtype=np.float64) * step)
        got = table[np.clip(np.rint((values - first) / step), 0, last).astype(np.int64)]
        return float(np.mean((got - wanted) ** 2)) if len(values) else 0.0

    for _ in range(ROUNDS):
        least = ends[0]
        ends[0] = min((least + cut * (ends[1] - least) for cut in CUTS), key=lambda end: error(end, ends[1]))
        most = ends[1]
        ends[1] = min((most - cut * (most - ends[0]) for cut in CUTS), key=lambda end: error(ends[0], end))
    return _signed_index(ends[0], ends[1], last, channels)


def _signed_index(low: float, high: float, last: int, channels: int) -> OutputRange:
    """Return the index range from ``low`` to ``high``: an index of 0 stands for 0 where that lies between them."""
    scale = (high - low) / last
    first = int(np.clip(np.rint(low / scale), -last, 0))
    zero = low if low > 0 else (high if high < 0 else 0.0)
    return OutputRange(
        scale=np.full(channels, scale), zero=np.full(channels, zero), low=first, high=first + last, fixed=False
    )


def entries(function: ops.Activation, index: OutputRange, output: OutputRange) -> IntArray:
    """Return what a table holds, int64 ``[entries]`` [LSB of the output]: the function at each index, rounded."""
    at = float(index.zero[0]) + np.arange(index.low, index.high + 1, dtype=np.float64) * float(index.scale[0])
    steps = (_applied(function, at) - float(output.zero[0])) / float(output.scale[0])
    return np.clip(np.rint(steps), output.low, output.high).astype(np.int64)


def _applied(function: ops.Activation, at: FloatArray) -> FloatArray:
    """Return the function at some points; where it is not finite, what its neighbours in the list give."""
    values = apply_function(function.function, at, function.parameters)
    finite = np.isfinite(values)
    if finite.all():
        return values
    where = np.arange(len(at))
    return np.interp(where, where[finite], values[finite]) if finite.any() else np.zeros_like(values)


def _values_seen(unit: Unit) -> FloatArray:
    """Return values before the function at which it is finite, and the ends of them all, float64 ``[M]``."""
    assert unit.function is not None
    flat = unit.target.reshape(-1)
    picked = flat[spread(len(flat), 4 * MOST_VALUES)]
    z = torch.cat([picked, *(end[None] for end in flat.aminmax())]).double().numpy()
    found: FloatArray = z[np.isfinite(apply_function(unit.function.function, z, unit.function.parameters))]
    return found


def _output_range(unit: Unit, seen: FloatArray, tied: Sequence[Extent], chip: Chip) -> OutputRange:
    """Return the range of what the table gives, one for all channels: unsigned from 0 where nothing is negative."""
    assert unit.function is not None
    bits, channels = signal_bits(chip, decoded=False), unit.target.shape[1]
    values = _applied(unit.function, seen) if len(seen) else np.zeros(1)
    shared = float(tied_scale(tied, chip, bits, shared=True).max()) if tied else 0.0
    if values.min() >= 0:
        own = positive_range(torch.from_numpy(values)[:, None].float(), np.inf, bits)
        return from_zero(np.full(channels, max(float(own.scale[0]), shared)), bits, fixed=bool(tied))
    low, high = np.full(channels, values.min()), np.full(channels, values.max())
    extent = Extent(low=low, high=high, usual_low=low, usual_high=high)
    if not tied and not 0.5 < -low[0] / max(high[0], 1e-30) < 2.0:  # lopsided: an offset leaves no half unused
        chip = chip.with_values(signal={"partial_sums": "none"})
    scale = np.maximum(tied_scale([extent], chip, bits, shared=True), shared)
    return signed_range(extent, scale, chip, bits, unit.padded)
