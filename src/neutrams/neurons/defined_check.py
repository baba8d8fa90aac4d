"""What a chip's register widths make of a user-defined neuron model: sums, states and outputs that would not fit."""

import itertools
from collections.abc import Mapping

import numpy as np

from neutrams.neurons.defined import Definition
from neutrams.neurons.expression_bounds import Bounds, bounds_of
from neutrams.neurons.model import NeuronModel, register_range

MOST_SUM = (1 << 53) - 1
"""Largest |acc| that any part of the tool set computes."""

RELAY_STEPS = 6
"""Steps of the spike trains that a relay is tried on: all there are of this length."""


def problems(definition: Definition, widths: Mapping[str, int]) -> list[str]:
    """Return what is wrong with a model on a chip of these register widths, a sentence each; best nothing."""
    model = definition.model
    try:
        values = _start_bounds(model, widths)
        for equation in definition.equations:
            values[equation.name] = bounds_of(equation.tree, values, widths)
    except ValueError as error:
        return [f"neuron model {model.name!r}: {error}"]
    ends = {state.name: (state.width, register_range(state.width, widths)) for state in model.states}
    ends.setdefault(definition.output, ("", (0, 1)))
    found = []
    for name, (width, (low, high)) in ends.items():
        least, most = values[name]
        if least < low or most > high:
            held = f"{width} holds" if width else "a spike is"
            fix = f"clamp({name}, {width})" if width else "a comparison"
            found.append(
                f"neuron model {model.name!r}: {name} may reach {least} to {most}, {held} {low} to {high}; use {fix}"
            )
    return found or _relay_problems(definition, widths)


def _start_bounds(model: NeuronModel, widths: Mapping[str, int]) -> dict[str, Bounds]:
    """What names may hold before the first equation."""
    values = {"acc": (-MOST_SUM, MOST_SUM)}
    for p in model.parameters:
        low, high = register_range(p.width, widths)
        values[p.name] = (low if p.least is None else max(low, p.least), high)
        if values[p.name][0] > high:
            raise ValueError(f"parameter {p.name} is at least {p.least}, {p.width} holds {low} to {high}")
    for state in model.states:
        low, high = values[state.name] = register_range(state.width, widths)
        if state.initial and not low <= values[state.initial][0] <= values[state.initial][1] <= high:
            raise ValueError(f"{state.initial} does not fit {state.width}, {low} to {high}, where {state.name} begins")
    return values


def _relay_problems(definition: Definition, widths: Mapping[str, int]) -> list[str]:
    """A relay gives on what it is given, whatever spikes come."""
    model = definition.model
    if model.relay is None:
        return []
    parameters = {name: np.array([value]) for name, value in model.relay.items()}
    for p in model.parameters:
        low, high = register_range(p.width, widths)
        if not low <= model.relay[p.name] <= high:
            return [
                f"neuron model {model.name!r}: relay.{p.name} is {model.relay[p.name]}, allowed are {low} to {high}"
            ]
    spikes = np.array(list(itertools.product((0, 1), repeat=RELAY_STEPS)), dtype=np.int64)
    state = model.start(parameters, (len(spikes), 1))
    for t in range(RELAY_STEPS):
        output, state = model.step(spikes[:, t : t + 1], state, parameters, widths)
        if (output != spikes[:, t : t + 1]).any():
            return [
                f"neuron model {model.name!r}: with the parameters of relay it does not repeat every spike in its step"
            ]
    return []
