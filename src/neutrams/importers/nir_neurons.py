"""NIR primitives with memory, and Threshold, as `Spiking` nodes; which parameters each has in a file."""

from typing import Any

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.importers.nir_file import Part
from neutrams.importers.nir_layers import SOURCE
from neutrams.importers.nir_options import NirOptions
from neutrams.importers.nir_recorded import INTEGRATORS, Recorded, chosen
from neutrams.network import Spiking
from neutrams.network.nir_record import RULES
from neutrams.network.shapes import Shape
from neutrams.neurons.dynamics import dynamics_models

DEFAULTS = {"v_reset": 0.0, "w_in": 1.0}
"""Parameters that a file may leave out."""


def own_shape(part: Part) -> Shape | None:
    """Return the shape of a neuron's parameters where they have one; None where all are scalars."""
    shape = np.broadcast_shapes(*(values.shape for values in _given(part).values()))
    return shape or None


def neuron(part: Part, shape: Shape, options: NirOptions, record: Recorded | None) -> Spiking:
    """Return a neuron primitive as a node; its parameters are broadcast to the shape of what it reads."""
    parameters = {name: _wide(part, name, values, shape) for name, values in _given(part).items()}
    if record is None:
        rules: dict[str, Any] = {key: getattr(options, key) for key in RULES}
        parameters |= chosen(part.kind, parameters, options)
        if part.kind in INTEGRATORS and options.integrators == "step":
            rules["method"] = "impulse"
    else:
        rules, parameters = record.changed(part, parameters, options)
    return Spiking(name=part.name, inputs=(SOURCE,), model=part.kind, parameters=parameters, **rules)


def _given(part: Part) -> dict[str, FloatArray]:
    """Return the parameters in the file, with defaults for those that may be missing."""
    names = dynamics_models()[part.kind].parameters
    found = {name: part.numbers(name, DEFAULTS.get(name)) for name in names}
    try:
        np.broadcast_shapes(*(values.shape for values in found.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in found.items())
        raise part.unfit(f"its parameters do not broadcast together: {shapes}", "give them one shape") from None
    return found


def _wide(part: Part, name: str, values: FloatArray, shape: Shape) -> FloatArray:
    try:
        return np.array(np.broadcast_to(values, shape))
    except ValueError:
        what = f"{name} of shape {values.shape} does not broadcast to its input of {shape}"
        raise part.unfit(what, "give a number, or one for each of its inputs") from None
