"""Neuron models that a user defines in a TOML text: registers and equations (`neutrams.neurons.expression`), no code.

Known as ``user:NAME``, so that they never hide a model of this folder. The text travels with the chip it is made for,
and so with every program.
"""

import keyword
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import SpecError
from neutrams.neurons.expression import ARITY, WIDTHS, Equation, names_in, parse, value_of
from neutrams.neurons.model import NeuronModel, Parameter, State

PREFIX = "user:"
LONGEST = 1 << 14
"""Characters of a definition."""
KEYS = {"name": str, "source": str, "step": list, "output": str, "parameters": dict, "states": dict, "relay": dict}
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition, its names checked.

    Attributes:
        model: The model it makes.
        equations: One after another, each step.
        output: Which name the neuron gives.
    """

    model: NeuronModel
    equations: tuple[Equation, ...]
    output: str


@lru_cache(maxsize=256)
def define(text: str) -> Definition:
    """Read a definition.

    Raises:
        SpecError: It is no TOML, or a key, a name or an equation is wrong; says which.
    """
    name = "?"
    try:
        data = _read(text)
        name = data["name"]
        parameters = tuple(_parameter(key, entry) for key, entry in data.get("parameters", {}).items())
        states = tuple(_state(key, entry, parameters) for key, entry in data.get("states", {}).items())
        equations = tuple(parse(_text(line, "an equation")) for line in data["step"])
        relay = _relay(data.get("relay"), parameters)
        _check_names(equations, parameters, states, data["output"])
    except ValueError as error:
        raise SpecError(
            str(error), where=f"neuron model {name!r}", fix="correct it; docs/reference/neurons.md has an example"
        ) from None
    model = NeuronModel(
        name=PREFIX + name,
        mode="snn",
        equation="; ".join(equation.text for equation in equations),
        source=data.get("source", "defined by the user"),
        parameters=parameters,
        states=states,
        output=data["output"] if data["output"] in {state.name for state in states} else "spike",
        relay=relay,
        step=_Step(equations, tuple(state.name for state in states), data["output"]),
    )
    return Definition(model, equations, data["output"])


@dataclass(frozen=True, slots=True)
class _Step:
    """The step of a user-defined model."""

    equations: tuple[Equation, ...]
    states: tuple[str, ...]
    output: str

    def __call__(
        self, acc: IntArray, state: IntArray, parameters: Mapping[str, IntArray], widths: Mapping[str, int]
    ) -> tuple[IntArray, IntArray]:
        """Compute the equations one after another."""
        values = {**parameters, "acc": acc, **dict(zip(self.states, state, strict=True))}
        for equation in self.equations:
            values[equation.name] = value_of(equation.tree, values, widths)
        after = np.empty_like(state)
        for i, name in enumerate(self.states):
            after[i] = values[name]
        return np.broadcast_to(values[self.output], acc.shape), after


def _read(text: str) -> dict[str, Any]:
    if len(text) > LONGEST:
        raise ValueError(f"a definition has {len(text)} characters, allowed are {LONGEST}")
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    _keys(data, KEYS, {"name", "step", "output"}, "a definition")
    _name(data["name"])
    return data


def _keys(entry: Any, kinds: Mapping[str, type], required: set[str], what: str) -> None:
    """Refuse a table with other keys, or values of another type."""
    if not isinstance(entry, dict):
        raise ValueError(f"{what} is {str(entry)[:40]!r}, it must be a table with {', '.join(kinds)}")
    for key in sorted(required - entry.keys()):
        raise ValueError(f"{what} has no {key}")
    for key, value in entry.items():
        if key not in kinds:
            raise ValueError(f"{what} has an unknown key {key!r}, there are {', '.join(kinds)}")
        if type(value) is not kinds[key]:
            raise ValueError(f"{what}: {key} is {str(value)[:40]!r}, it must be of type {kinds[key].__name__}")


def _parameter(name: str, entry: Any) -> Parameter:
    _keys(entry, {"meaning": str, "width": str, "least": int}, {"width"}, f"parameter {_name(name)}")
    return Parameter(
        name=name, meaning=entry.get("meaning", ""), width=_width(entry["width"], name), least=entry.get("least")
    )


def _state(name: str, entry: Any, parameters: tuple[Parameter, ...]) -> State:
    _keys(entry, {"width": str, "initial": str}, {"width"}, f"state {_name(name)}")
    known = [p.name for p in parameters]
    if name in known:
        raise ValueError(f"{name} is a parameter and a state")
    initial = entry.get("initial", "")
    if initial and initial not in known:
        raise ValueError(f"state {name} begins as {initial!r}, there are the parameters {', '.join(known)}")
    return State(name=name, width=_width(entry["width"], name), initial=initial)


def _width(width: str, name: str) -> str:
    if width not in WIDTHS or width == "accumulator_bits":
        known = ", ".join(w for w in WIDTHS if w != "accumulator_bits")
        raise ValueError(f"{name} has the width {width!r}, there are {known}")
    return width


def _name(name: str) -> str:
    taken = name == "acc" or name in WIDTHS or name in ARITY or keyword.iskeyword(name)
    if taken or not NAME.fullmatch(name):
        raise ValueError(
            f"{name[:40]!r} cannot be a name: letters, digits and _ up to 32, and not a word of the language"
        )
    return name


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{what} is {str(value)[:40]!r}, it must be a text")
    return value


def _relay(entry: Any, parameters: tuple[Parameter, ...]) -> Mapping[str, int] | None:
    if entry is None:
        return None
    names = {p.name for p in parameters}
    _keys(entry, dict.fromkeys((p.name for p in parameters), int), names, "relay")
    return dict(entry)


def _check_names(
    equations: tuple[Equation, ...], parameters: tuple[Parameter, ...], states: tuple[State, ...], output: str
) -> None:
    """Every name is known where it is read; parameters are not set; the output is."""
    fixed = {p.name for p in parameters} | {"acc"}
    known = fixed | {state.name for state in states}
    for equation in equations:
        for name in names_in(equation):
            if name not in known and name not in WIDTHS:
                raise ValueError(f"{equation.text!r} reads {name!r}, known there are {', '.join(sorted(known))}")
        if equation.name in fixed:
            raise ValueError(f"{equation.text!r} sets {equation.name}, which stays as it is")
        known.add(_name(equation.name))
    if output not in {equation.name for equation in equations}:
        raise ValueError(f"output is {output!r}, no equation sets it")
