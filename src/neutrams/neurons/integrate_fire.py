"""What the integrate-and-fire models share: integrate, compare, and reset as each says."""

from collections.abc import Callable, Mapping

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.neurons.model import Parameter, Step, register_range

SPIKE_RULE = "V <- clamp(V + acc + leak); fire if V >= theta"

PARAMETERS = (
    Parameter(name="leak", meaning="added to V every tick [LSB of the potential]", width="leak_bits"),
    Parameter(name="threshold", meaning="fires at or above [LSB of the potential]", width="threshold_bits", least=1),
    Parameter(name="initial", meaning="V before the first step [LSB of the potential]", width="potential_bits"),
)

RELAY = {"leak": 0, "threshold": 1, "initial": 0}


def integrate_fire(reset: Callable[[IntArray, IntArray], IntArray]) -> Step:
    """Return the step of an integrate-and-fire neuron; ``reset(v, theta)`` is the potential after a spike."""

    def step(
        acc: IntArray, state: IntArray, parameters: Mapping[str, IntArray], widths: Mapping[str, int]
    ) -> tuple[IntArray, IntArray]:
        theta = parameters["threshold"]
        v = np.clip(state[0] + acc + parameters["leak"], *register_range("potential_bits", widths))
        fired = v >= theta
        return fired.astype(np.int64), np.where(fired, reset(v, theta), v)[None]

    return step
