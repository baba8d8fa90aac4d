"""What a neuron model is, and how the models in this folder are found."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from neutrams.base.arrays import IntArray
from neutrams.base.errors import SpecError

Step = Callable[[IntArray, IntArray, Mapping[str, IntArray], tuple[int, int]], tuple[IntArray, IntArray]]
"""(acc [N, n], state [N, n], parameters [n] each, width (low, high)) -> (output [N, n], new state [N, n])."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One integer a neuron holds.

    Attributes:
        name: Its name in parameter tables.
        meaning: One sentence, with its unit.
        width: The chip key under ``neuron`` that gives its width [bit].
        least: Smallest allowed value whatever the width; None where the width alone decides.
    """

    name: str
    meaning: str
    width: str
    least: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NeuronModel:
    """A neuron model in exact integers.

    Attributes:
        name: The name chip files and programs use.
        mode: ``ann`` (an integer every step, no state) or ``snn`` (spikes, a potential).
        equation: The rule, in one line.
        source: Where it is from.
        parameters: The integers each neuron holds, in table order.
        reset: ``zero`` or ``subtract`` for the integrate-and-fire rule with that reset, which rate coding and the
            compiled loops know; None for any other rule, which runs by its ``step``.
        step: The reference rule for a batch of N samples of n neurons; int64 throughout. ``width`` is the
            accumulator's range for ``ann`` and the potential's range for ``snn``, both ends included.
    """

    name: str
    mode: str
    equation: str
    source: str
    parameters: tuple[Parameter, ...]
    step: Step
    reset: str | None = None


@cache
def models() -> dict[str, NeuronModel]:
    """Every model in this folder by name: each module's ``MODEL``, so a new file needs no list."""
    package = importlib.import_module("neutrams.neurons")
    found = (importlib.import_module(f"neutrams.neurons.{m.name}") for m in pkgutil.iter_modules(package.__path__))
    return {module.MODEL.name: module.MODEL for module in found if hasattr(module, "MODEL")}


def find_model(name: str, where: str) -> NeuronModel:
    """Return the model called ``name``.

    Raises:
        SpecError: There is none; the message lists those there are.
    """
    try:
        return models()[name]
    except KeyError:
        raise SpecError(
            f"there is no neuron model {name!r}", where=where, fix=f"take one of {', '.join(sorted(models()))}"
        ) from None
