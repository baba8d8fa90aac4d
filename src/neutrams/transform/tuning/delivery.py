"""What a fitted unit gives on the calibration inputs, bit for bit what the chip would."""

import torch

from neutrams.evaluate.signals import fire, look_up, potential
from neutrams.hardware import Chip
from neutrams.neurons import find_model
from neutrams.transform.tuning.signal import Signal
from neutrams.transform.tuning.unit import Fit, Unit, per_channel

CHUNK_VALUES = 1 << 26
"""Most accumulators computed at once, over steps and samples [count]."""


def delivered(unit: Unit, fit: Fit, chip: Chip, steps: int) -> Signal:
    """Return the signal of all samples, computed so many at a time that memory stays bounded."""
    n = len(unit.target)
    largest = max(unit.target[0].numel() * (fit.channels // unit.target.shape[1]), 1) * steps
    size = max(1, CHUNK_VALUES // largest)
    pieces = [
        _fired(unit.on(torch.arange(start, min(start + size, n))) if size < n else unit, fit, chip, steps)
        for start in range(0, n, size)
    ]
    return Signal.of(pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=1), fit.scale, fit.zero, steps)


def _fired(unit: Unit, fit: Fit, chip: Chip, steps: int) -> torch.Tensor:
    channels = unit.target.shape[1]
    acc = unit.accumulate(fit.rows[:channels])
    if fit.channels > channels:  # copies differ in bias or charge only
        acc = acc.repeat(1, 1, fit.channels // channels, *(1,) * (acc.ndim - 3))
    if fit.bias_weights is not None:
        level = (1 << chip.signal.input_bits) - 1
        acc = acc + per_channel(fit.bias_weights.sum(axis=1) * level, unit.target).to(acc.dtype)
    if fit.readout == "potential":
        return potential(find_model(fit.model, unit.name), fit.parameters, acc, steps, chip)
    fired = fire(find_model(fit.model, unit.name), fit.parameters, acc, steps, chip)
    return look_up(fit.table, fit.parameters["low"], fired) if fit.table.size else fired
