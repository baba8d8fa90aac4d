"""What options change of neurons: of bare ones, and of those with what neutrams wrote beside them in a file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.importers.nir_file import Edge, Part
from neutrams.importers.nir_options import NirOptions
from neutrams.network.nir_record import RULES, Record
from neutrams.neurons.dynamics.steps import AT_SPIKES

Parameters = dict[str, FloatArray]
"""float64 ``[*shape]`` by name."""

NEUTRAL = {"r": 1.0, "w_in": 1.0}
"""What stands for a parameter that is ignored; 0 for others."""

INTEGRATORS = ("I", "IF")
"""Models without a leak, which ``integrators`` is about."""


def chosen(kind: str, parameters: Mapping[str, FloatArray], options: NirOptions) -> Parameters:
    """Return the parameters of a neuron that options change or add."""
    found = {
        name: np.full_like(values, NEUTRAL.get(name, 0.0))
        for name, values in parameters.items()
        if name in options.ignored or f"{kind}.{name}" in options.ignored
    }
    if options.initial == "leak" and "v_leak" in parameters:
        found["initial"] = found.get("v_leak", parameters["v_leak"])
    if "v_threshold" in parameters:
        if kind in options.bounded:
            found["v_min"] = -parameters["v_threshold"]
        rest = np.rint(options.refractory / options.dt)
        if rest:
            found["refractory"] = np.full_like(parameters["v_threshold"], rest)
    return found


@dataclass(frozen=True, slots=True)
class Recorded:
    """What neutrams wrote beside a graph, and which options are to change it.

    Attributes:
        record: What it wrote.
        named: Names of the options that the user gave; others say nothing here.
    """

    record: Record
    named: frozenset[str]

    def late(self, options: NirOptions) -> tuple[Edge, ...]:
        """Return the edges to delay: those on record, and those that are named."""
        return tuple(dict.fromkeys((*self.record.delayed, *options.delayed)))

    def changed(
        self, part: Part, parameters: Mapping[str, FloatArray], options: NirOptions
    ) -> tuple[dict[str, Any], Parameters]:
        """Return (rules, parameters) of a neuron: those on record, but for what options name.

        Raises:
            FormatError: What neutrams wrote about it is incomplete.
        """
        rules, more = self._kept(part, parameters)
        before = rules["dt"]
        rules |= {key: getattr(options, key) for key in self.named & {*RULES}}
        if part.kind in INTEGRATORS:
            rules["method"] = self._method(rules["method"], options)
        if "refractory" in more:  # a rest lasts as long as it did
            more["refractory"] = np.rint(more["refractory"] * (before / rules["dt"]))
        for option, name in (("initial", "initial"), ("bounded", "v_min"), ("refractory", "refractory")):
            if option in self.named and (option != "initial" or "v_leak" in parameters):
                more.pop(name, None)
        return rules, {**parameters, **more, **chosen(part.kind, parameters, replace(options, dt=rules["dt"]))}

    def _kept(self, part: Part, parameters: Mapping[str, FloatArray]) -> tuple[dict[str, Any], Parameters]:
        kept = self.record.neurons.get(part.name, {})
        shape = next(iter(parameters.values())).shape
        try:
            rules = {key: kept[key] for key in RULES} | {"dt": float(kept["dt"])}
            if not 0 < rules["dt"] < np.inf:
                raise ValueError(f"dt is {rules['dt']}")
            more = {
                name: np.asarray(kept[name], dtype=np.float64).reshape(shape)
                for name in AT_SPIKES
                if kept.get(name) is not None
            }
        except (KeyError, ValueError, TypeError) as error:
            raise part.damaged(f"what neutrams wrote about it is incomplete ({error})") from error
        return rules, more

    def _method(self, method: str, options: NirOptions) -> str:
        """Return the method of a neuron without a leak: all but ``impulse`` are the same there."""
        if "integrators" not in self.named:
            return method
        if options.integrators == "step":
            return "impulse"
        return "euler" if method == "impulse" and "method" not in self.named else method
