"""Threshold: a spike where the input is above a threshold; nothing is remembered."""

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.neurons.dynamics.model import NIR, DynamicsModel, Parameters, Rules, State


def start(p: Parameters, rules: Rules, shape: tuple[int, ...]) -> State:
    """Nothing."""
    return ()


def step(x: FloatArray, state: State, p: Parameters, rules: Rules) -> tuple[FloatArray, State]:
    """1 where x > threshold, or x >= threshold unless strict; else 0."""
    above = x > p["threshold"] if rules.strict else x >= p["threshold"]
    return above.astype(np.float64), state


MODEL = DynamicsModel(
    name="Threshold", equation="y = 1 where x > threshold, else 0", source=NIR, parameters=("threshold",),
    start=start, step=step,
)  # fmt: skip
