"""How neuron models are found: those of this folder, and those that a chip brings along."""

import importlib
import pkgutil
from functools import cache

from neutrams.base.errors import SpecError
from neutrams.neurons.defined import define
from neutrams.neurons.model import NeuronModel


@cache
def _built_in() -> dict[str, NeuronModel]:
    """Each module's ``MODEL``, so a new file needs no list."""
    package = importlib.import_module("neutrams.neurons")
    found = (importlib.import_module(f"neutrams.neurons.{m.name}") for m in pkgutil.iter_modules(package.__path__))
    return {module.MODEL.name: module.MODEL for module in found if hasattr(module, "MODEL")}


def models(definitions: tuple[str, ...] = ()) -> dict[str, NeuronModel]:
    """Every model by name: those of this folder, and those of ``definitions`` (`neutrams.neurons.defined`)."""
    own = {define(text).model.name: define(text).model for text in definitions}
    return {**_built_in(), **own} if own else _built_in()


def find_model(name: str, where: str, definitions: tuple[str, ...] = ()) -> NeuronModel:
    """Return the model called ``name``; ``definitions`` are those of the chip.

    Raises:
        SpecError: There is none; the message lists those there are.
    """
    known = models(definitions)
    try:
        return known[name]
    except KeyError:
        raise SpecError(
            f"there is no neuron model {name!r}", where=where, fix=f"take one of {', '.join(sorted(known))}"
        ) from None
