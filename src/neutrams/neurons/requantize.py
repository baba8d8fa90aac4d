"""The ANN neuron: scale the accumulator back to a few bits and clip (ReLU where low = 0).

A neuron with a look-up table (`neutrams.network.ops.Neuron`) gives ``table[y - low]``: its low and high are the ends of
the index, free of the output's width.
"""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.neurons.model import NeuronModel, Parameter, register_range


def step(
    acc: IntArray, state: IntArray, parameters: Mapping[str, IntArray], widths: Mapping[str, int]
) -> tuple[IntArray, IntArray]:
    """Y = clip((clamp(acc + bias) * m + 2^(s-1)) >> s, low, high); the shift rounds towards minus infinity."""
    total = np.clip(acc + parameters["bias"], *register_range("accumulator_bits", widths))
    shift = parameters["shift"]
    scaled = (total * parameters["multiplier"] + (1 << (shift - 1))) >> shift
    return np.clip(scaled, parameters["low"], parameters["high"]), state


MODEL = NeuronModel(
    name="requantize",
    mode="ann",
    equation="y = clip((clamp(acc + bias) * m + 2^(s-1)) >> s, low, high), then table[y - low] if there is a table",
    source="Jacob et al. (2018), eq. 5 and 7, with zero point 0. arXiv:1712.05877",
    parameters=(
        Parameter(name="bias", meaning="added to the accumulator [LSB of the accumulator]", width="bias_bits"),
        Parameter(name="multiplier", meaning="scale m [1]", width="multiplier_bits", least=0),
        Parameter(name="shift", meaning="right shift s [bit]", width="shift_bits", least=1),
        Parameter(name="low", meaning="smallest output, or index of a table [LSB of either]", width="output_bits"),
        Parameter(name="high", meaning="largest output, or index of a table [LSB of either]", width="output_bits"),
    ),
    states=(),
    output="level",
    step=step,
)
