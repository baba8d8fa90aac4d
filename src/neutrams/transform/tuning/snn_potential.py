"""Output neurons whose potential the host reads after the last step: they never fire, and lose nothing."""

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.hardware import Chip
from neutrams.neurons import NeuronModel
from neutrams.transform.tuning.unit import Fit
from neutrams.transform.tuning.weights import Grid, round_nearest

BELOW = 2
"""They begin at the lowest potential over this: as far below the threshold as from the lowest potential."""


def potential_fit(rows: FloatArray, bias: FloatArray, model: NeuronModel, chip: Chip, steps: int) -> Fit:
    """Return a unit that only adds up what it gets, T steps long.

    Args:
        rows: Its weights per input LSB, float64 ``[C, fan-in]``.
        bias: Its bias, float64 ``[C]``.
        model: Integrate-and-fire, with any reset.
        chip: Gives all widths.
        steps: T.
    """
    most_leak = (1 << (chip.neuron.leak_bits - 1)) - 1
    with np.errstate(divide="ignore"):
        factor = chip.core.weight_range[1] / np.abs(rows).max(axis=1, initial=0.0)
        factor = np.minimum(factor, most_leak / np.abs(bias))
    factor = np.where(np.isfinite(factor), factor, 1.0)
    low, high = chip.neuron.potential_range
    begin = low // BELOW
    one = np.ones(len(rows), dtype=np.int64)
    parameters = {
        "leak": np.rint(bias * factor).astype(np.int64),
        "threshold": one * min((1 << (chip.neuron.threshold_bits - 1)) - 1, high),
        "initial": one * begin,
    }
    return Fit(
        rows=round_nearest(rows, 1 / factor, Grid.of(chip.core)), model=model.name, parameters=parameters,
        weight_scale=1 / factor, scale=1 / factor, zero=-begin / factor / steps, readout="potential",
    )  # fmt: skip
