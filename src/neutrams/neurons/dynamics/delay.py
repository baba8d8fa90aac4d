"""Delay: what came some time before, 0 before the first step."""

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.neurons.dynamics.model import NIR, DynamicsModel, Parameters, Rules, State


def steps_of(delay: FloatArray, dt: float) -> IntArray:
    """Return how many steps of ``dt`` [s] each delay [s] takes: the nearest whole number, half to even."""
    return np.rint(delay / dt).astype(np.int64)


def start(p: Parameters, rules: Rules, shape: tuple[int, ...]) -> State:
    """A line of zeros as long as the longest delay, the latest input first."""
    return (np.zeros((int(steps_of(p["delay"], rules.dt).max(initial=0)), *shape)),)


def step(x: FloatArray, state: State, p: Parameters, rules: Rules) -> tuple[FloatArray, State]:
    """Give what came delay / dt steps before, element by element."""
    line = np.concatenate([x[np.newaxis], state[0]])
    which = np.broadcast_to(steps_of(p["delay"], rules.dt), x.shape)
    given: FloatArray = np.take_along_axis(line, which[np.newaxis], axis=0)[0]
    return given, (line[: len(state[0])],)


MODEL = DynamicsModel(
    name="Delay", equation="y(t) = x(t - delay)", source=NIR, parameters=("delay",), start=start, step=step,
)  # fmt: skip
