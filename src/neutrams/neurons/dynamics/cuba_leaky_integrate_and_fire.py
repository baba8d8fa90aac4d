"""CubaLIF: leaky integrate and fire behind a synapse with a current."""

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.neurons.dynamics.model import NIR, DynamicsModel, Parameters, Rules, State
from neutrams.neurons.dynamics.steps import AT_SPIKES, fired, membrane, rested


def start(p: Parameters, rules: Rules, shape: tuple[int, ...]) -> State:
    """The first potential, 0 or ``initial``, no rest and no current."""
    return *rested(p, shape), np.zeros(shape)


def step(x: FloatArray, state: State, p: Parameters, rules: Rules) -> tuple[FloatArray, State]:
    """The current and the potential leak, in the order of ``rules.current``, then fire and reset; gives spikes.

    A spike leaves the current as it is, and it goes on through a rest.
    """
    v, rest, i = state
    new, i = membrane(v, i, x, p, rules)
    spikes, kept = fired(v, new, rest, p, rules)
    return spikes, (*kept, i)


MODEL = DynamicsModel(
    name="CubaLIF",
    equation="tau_syn di/dt = -i + w_in x; tau_mem dv/dt = (v_leak - v) + r i; spike where v > v_threshold, then "
    "v <- v_reset",
    source=NIR,
    parameters=("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
    optional=AT_SPIKES,
    start=start,
    step=step,
)
