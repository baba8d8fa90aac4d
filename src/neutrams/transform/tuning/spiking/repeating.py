"""Neurons that repeat spikes in the same step: what a state remembers must be what neurons give."""

import numpy as np

from neutrams.base.errors import UnsupportedError
from neutrams.network import ops
from neutrams.neurons import NeuronModel
from neutrams.transform.tuning.unit import Fit, Unit


def repeats(unit: Unit) -> bool:
    """Whether a unit gives what it reads."""
    a = unit.accumulator
    return isinstance(a, ops.Add) and len(a.inputs) == 1 and bool((a.coefficients == 1).all()) and not a.bias.any()


def repeating_fit(unit: Unit, model: NeuronModel) -> Fit:
    """Return neurons that repeat spikes.

    Raises:
        UnsupportedError: It is not spikes that they read.
    """
    (signal,) = unit.inputs
    if model.relay is None or signal.values.max() > 1 or (signal.scale != 1).any() or signal.zero.any():
        raise UnsupportedError(
            f"{unit.name!r} is to be delayed, but it is no spikes of neurons that a neuron of {model.name} can repeat",
            where="transform, delays",
            fix="delay the spikes of neurons, or inputs of 0 and 1",
        )
    channels = len(unit.rows)
    one = np.ones(channels, dtype=np.int64)
    parameters = {p.name: model.relay.get(p.name, 0) * one for p in model.parameters}
    return Fit(
        rows=one[:, None], model=model.name, parameters=parameters, weight_scale=np.ones(channels),
        scale=np.ones(channels), zero=np.zeros(channels),
    )  # fmt: skip
