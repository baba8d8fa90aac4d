"""What a float model of a neuron's dynamics is, what is left open by its equation, and how the models are found."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from neutrams.base.arrays import FloatArray

Parameters = Mapping[str, FloatArray]
"""float64 ``[*shape]`` by name."""

State = tuple[FloatArray, ...]
"""What a model remembers from step to step: float64 ``[N, *shape]`` each (a delay line ``[D, N, *shape]``)."""

RESETS = ("zero", "subtract")
CURRENTS = ("first", "last")
METHODS = ("euler", "exponential", "impulse")
NIR = "Pedersen et al. (2024), Nat. Commun. 15, 8122. doi:10.1038/s41467-024-52259-9"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a model's equation becomes steps, and what happens at a spike.

    Attributes:
        dt: Length of a step [s].
        reset: What a spike does to the potential: ``zero`` sets it to ``v_reset``, ``subtract`` takes ``v_threshold``
            off (``v_reset`` is then not read).
        strict: Whether a neuron fires above its threshold only, or also at it.
        many: Whether a neuron gives floor(v / v_threshold) spikes in a step, or at most one.
        current: Whether a synaptic current is updated ``first``, so the potential reads the new one, or ``last``.
        method: How a leak of time constant tau becomes a step; see `neutrams.neurons.dynamics.steps`.
    """

    dt: float
    reset: str = "zero"
    strict: bool = True
    many: bool = False
    current: str = "last"
    method: str = "euler"


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicsModel:
    """A neuron model in float64.

    Attributes:
        name: Its name in networks; NIR's name for it.
        equation: The rule, in one line.
        source: Where it is from.
        parameters: Names of the parameters it must have.
        optional: Names of those it may have.
        start: (parameters, rules, shape ``[N, *shape]``) -> the state before the first step.
        step: (x ``[N, *shape]``, state, parameters, rules) -> (output ``[N, *shape]``, new state).
    """

    name: str
    equation: str
    source: str
    parameters: tuple[str, ...]
    optional: tuple[str, ...] = ()
    start: Callable[[Parameters, Rules, tuple[int, ...]], State]
    step: Callable[[FloatArray, State, Parameters, Rules], tuple[FloatArray, State]]


@cache
def dynamics_models() -> dict[str, DynamicsModel]:
    """Every model in this folder by name: each module's ``MODEL``, so a new file needs no list."""
    package = importlib.import_module("neutrams.neurons.dynamics")
    names = (f"neutrams.neurons.dynamics.{m.name}" for m in pkgutil.iter_modules(package.__path__))
    found = (importlib.import_module(name) for name in names)
    return {module.MODEL.name: module.MODEL for module in found if hasattr(module, "MODEL")}
