"""NIR primitives with memory, and Threshold, as `Spiking` nodes; which parameters each has in a file."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.importers.nir_file import Part
from neutrams.importers.nir_layers import SOURCE
from neutrams.importers.nir_options import NirOptions
from neutrams.network import Spiking
from neutrams.network.nir_record import RULES, Record
from neutrams.network.shapes import Shape
from neutrams.neurons.dynamics import dynamics_models
from neutrams.neurons.dynamics.steps import AT_SPIKES

DEFAULTS = {"v_reset": 0.0, "w_in": 1.0}
"""Parameters that a file may leave out."""

NEUTRAL = {"r": 1.0, "w_in": 1.0}
"""What stands for a parameter that is ignored; 0 for others."""


def own_shape(part: Part) -> Shape | None:
    """Return the shape of a neuron's parameters where they have one; None where all are scalars."""
    shape = np.broadcast_shapes(*(values.shape for values in _given(part).values()))
    return shape or None


def neuron(part: Part, shape: Shape, options: NirOptions, record: Record | None) -> Spiking:
    """Return a neuron primitive as a node; its parameters are broadcast to the shape of what it reads."""
    parameters = {name: _wide(part, name, values, shape) for name, values in _given(part).items()}
    if record is None:
        rules: dict[str, Any] = {key: getattr(options, key) for key in RULES}
        parameters |= _chosen(part, parameters, options)
    else:
        rules, more = _recorded(part, shape, record)
        parameters |= more
    if record is None and part.kind in ("I", "IF") and options.integrators == "step":
        rules["method"] = "impulse"
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


def _chosen(part: Part, parameters: Mapping[str, FloatArray], options: NirOptions) -> dict[str, FloatArray]:
    """Return the parameters that options change or add."""
    found = {
        name: np.full_like(values, NEUTRAL.get(name, 0.0))
        for name, values in parameters.items()
        if name in options.ignored or f"{part.kind}.{name}" in options.ignored
    }
    if options.initial == "leak" and "v_leak" in parameters:
        found["initial"] = found.get("v_leak", parameters["v_leak"])
    if "v_threshold" in parameters:
        if part.kind in options.bounded:
            found["v_min"] = -parameters["v_threshold"]
        rest = np.rint(options.refractory / options.dt)
        if rest:
            found["refractory"] = np.full_like(parameters["v_threshold"], rest)
    return found


def _recorded(part: Part, shape: Shape, record: Record) -> tuple[dict[str, Any], dict[str, FloatArray]]:
    kept = record.neurons.get(part.name, {})
    try:
        rules = {key: kept[key] for key in RULES}
        more = {
            name: np.asarray(kept[name], dtype=np.float64).reshape(shape)
            for name in AT_SPIKES
            if kept.get(name) is not None
        }
    except (KeyError, ValueError, TypeError) as error:
        raise part.damaged(f"what neutrams wrote about it is incomplete ({error})") from error
    return rules, more
