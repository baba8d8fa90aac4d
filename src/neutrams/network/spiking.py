"""Spiking neurons of a float network: their checks, and the memory of a loop that holds them."""

from typing import TYPE_CHECKING

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, check_finite
from neutrams.base.errors import InputError
from neutrams.network import ops
from neutrams.neurons.dynamics import State, dynamics_models
from neutrams.neurons.dynamics.model import CURRENTS, METHODS, RESETS

if TYPE_CHECKING:
    from neutrams.network.graph import Network

POSITIVE = ("tau", "tau_mem", "tau_syn")
COUNTS = ("refractory",)
LONGEST = 1 << 16
"""Steps that a delay may last."""


class SpikingMemory:
    """What the spiking neurons of a loop remember from step to step; new for every run of the loop."""

    def __init__(self) -> None:
        self._states: dict[str, State] = {}

    def step(self, node: ops.Spiking, x: AnyArray) -> FloatArray:
        """Return what ``node`` gives for its input ``[N, *shape]`` of the next step."""
        model = dynamics_models()[node.model]
        if node.name not in self._states:
            self._states[node.name] = model.start(node.parameters, node.rules, x.shape)
        given, self._states[node.name] = model.step(x, self._states[node.name], node.parameters, node.rules)
        return given


def has_spiking(network: "Network") -> bool:
    """Whether the network holds spiking neurons: its values are then float64 everywhere."""
    return any(isinstance(node, ops.Spiking) for node in network.nodes)


def check_spiking(node: ops.Spiking) -> None:
    """Refuse a model, parameters or rules that no neuron can have.

    Raises:
        InputError: One of these is wrong; says which and what is allowed.
    """
    where = f"node {node.name!r}"
    model = dynamics_models().get(node.model)
    if model is None:
        names = ", ".join(sorted(dynamics_models()))
        raise InputError(f"there is no dynamics model {node.model!r}", where=where, fix=f"take one of {names}")
    wanted, given = set(model.parameters), set(node.parameters)
    if not wanted <= given <= wanted | set(model.optional):
        odd = sorted((wanted - given) | (given - wanted - set(model.optional)))[0]
        may = f", and it may have {', '.join(model.optional)}" if model.optional else ""
        raise InputError(
            f"parameter {odd!r} of {node.model} is missing or unknown",
            where=where,
            fix=f"give {', '.join(model.parameters)}{may}",
        )
    _check_rules(node, where)
    for name, values in node.parameters.items():
        _check_values(node, name, values, where)


def _check_rules(node: ops.Spiking, where: str) -> None:
    choices = {"reset": RESETS, "current": CURRENTS, "method": METHODS}
    for field, allowed in choices.items():
        if getattr(node, field) not in allowed:
            raise InputError(
                f"{field} is {getattr(node, field)!r}", where=where, fix=f"take one of {', '.join(allowed)}"
            )
    if not (np.isfinite(node.dt) and node.dt > 0):
        raise InputError(f"a step of {node.dt} s", where=where, fix="give dt as a positive number of seconds")


def _check_values(node: ops.Spiking, name: str, values: FloatArray, where: str) -> None:
    check_finite(values, f"{name} of node {node.name!r}")
    wrong, fix = None, ""
    if name in POSITIVE or (name == "v_threshold" and node.many):
        wrong, fix = values <= 0, "give positive values"
    elif name in COUNTS:
        wrong, fix = (values < 0) | (values != np.rint(values)), "give whole numbers of steps, 0 for none"
    elif name == "delay":
        most = LONGEST * node.dt
        wrong, fix = (values < 0) | (values > most), f"give delays from 0 to {LONGEST} steps of {node.dt:g} s"
    if wrong is not None and wrong.any():
        raise InputError(f"{name} is {float(values[wrong].flat[0]):g}", where=where, fix=fix)
