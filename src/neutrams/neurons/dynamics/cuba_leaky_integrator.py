"""CubaLI: a leaky integrator behind a synapse with a current."""

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.neurons.dynamics.model import NIR, DynamicsModel, Parameters, Rules, State
from neutrams.neurons.dynamics.steps import membrane, rested


def start(p: Parameters, rules: Rules, shape: tuple[int, ...]) -> State:
    """The first potential, 0 or ``initial``, and no current."""
    return *rested(p, shape)[:1], np.zeros(shape)


def step(x: FloatArray, state: State, p: Parameters, rules: Rules) -> tuple[FloatArray, State]:
    """The current and the potential leak, in the order of ``rules.current``; gives the new v."""
    v, i = membrane(state[0], state[1], x, p, rules)
    return v, (v, i)


MODEL = DynamicsModel(
    name="CubaLI", equation="tau_syn di/dt = -i + w_in x; tau_mem dv/dt = (v_leak - v) + r i; gives v", source=NIR,
    parameters=("tau_syn", "tau_mem", "r", "v_leak", "w_in"), optional=("initial",), start=start, step=step,
)  # fmt: skip
