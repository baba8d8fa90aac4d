"""Refit the weights of a spiking unit to the rates really delivered."""

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.transform.tuning.unit import Unit
from neutrams.transform.tuning.weights import grouped, moments, refit
from neutrams.transform.tuning.windows import windows

SAMPLES_A_WEIGHT = 4
"""With fewer rows than this many for each weight of a neuron, a refit would learn the noise of the samples."""


def refitted(unit: Unit) -> tuple[FloatArray, FloatArray]:
    """Return (rows per input LSB ``[C, fan-in]``, bias ``[C]``) that give the target best on what is delivered.

    Ridge regression towards the weights as they are; the bias matches the means. A sum, and a unit with few samples,
    keeps what it has.
    """
    rows, bias = unit.per_lsb()
    if unit.elementwise:
        return rows, bias
    given, target = windows(unit)
    if given.shape[1] < SAMPLES_A_WEIGHT * rows.shape[1]:
        return rows, bias
    seen = moments(given, target)
    rows = refit(rows, seen)
    drawn = (grouped(rows, seen) * given.double().mean(1).numpy()[:, None]).sum(axis=2)
    shift: FloatArray = (target.double().mean(1).numpy() - drawn).reshape(-1)
    return rows, np.asarray(shift, dtype=np.float64)
