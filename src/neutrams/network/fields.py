"""Checks of field values that come from a file: types as declared, values an operator can work with."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from neutrams.network import ops
from neutrams.neurons import models
from neutrams.neurons.defined import PREFIX
from neutrams.neurons.dynamics import dynamics_models
from neutrams.neurons.model import POTENTIAL


def check_fields(kind: type[ops.Node], values: Mapping[str, object]) -> None:
    """Refuse ``values`` as the fields of an operator beside its name and inputs.

    Raises:
        ValueError: A field is missing or unknown, has another type than declared, or a value no node can have.
    """
    hints = _hints(kind)
    required = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING} - {"name"}
    if not required <= values.keys() <= hints.keys():
        odd = sorted((required - values.keys()) | (values.keys() - hints.keys()))
        raise ValueError(f"{kind.op} has the fields {', '.join(hints)}; missing or unknown is {odd[0]!r}")
    for name, value in values.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"the value of {name} is not of the declared type")
    if kind.op in RULES and not RULES[kind.op](values):
        raise ValueError(f"{kind.op} cannot work with these values")


def _hints(kind: type[ops.Node]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {f.name: hints[f.name] for f in fields(kind) if f.name not in ("name", "inputs")}


def _fits(value: object, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is np.ndarray:
        wanted = get_args(get_args(hint)[1])[0]
        return isinstance(value, np.ndarray) and (wanted is Any or np.dtype(wanted).kind == value.dtype.kind)
    if origin is tuple:
        return isinstance(value, tuple) and all(type(item) is get_args(hint)[0] for item in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(_fits(item, get_args(hint)[1]) for item in value.values())
    return type(value) is hint or (hint is float and type(value) is int)


def _activation(v: Mapping[str, Any]) -> bool:
    function = v["function"]
    return function in ops.FUNCTIONS and set(ops.FUNCTIONS[function]) <= v.get("parameters", {}).keys()


def _host(v: Mapping[str, Any]) -> bool:
    function = v["function"]
    parameters = v.get("parameters", {})
    known = function in ops.HOST_FUNCTIONS and set(ops.HOST_FUNCTIONS[function]) <= parameters.keys()
    return bool(known and all(n >= 1 and n % 1 == 0 for key, n in parameters.items() if key == "depth"))


def _kernel(v: Mapping[str, Any]) -> bool:
    weights = v["weights"]
    fits = weights.ndim >= 3 and weights.size > 0 and weights.dtype == v["bias"].dtype
    return bool(fits and v.get("groups", 1) >= 1 and len(v["stride"]) == len(v["dilation"]) == weights.ndim - 2)


def _window(v: Mapping[str, Any]) -> bool:
    rank = len(v["kernel"])
    return (
        rank >= 1
        and v["kind"] in ops.POOLS
        and all(len(v[key]) == rank for key in ("stride", "dilation", "before", "after"))
    )


def _encode(v: Mapping[str, Any]) -> bool:
    return v["scale"] > 0 and v["low"] <= v["high"] and v.get("code", "level") in ("level", "spread")


def _neuron(v: Mapping[str, Any]) -> bool:
    model, parameters = models().get(v["model"]), v["parameters"]
    if v.get("readout", "output") not in ("output", "potential"):
        return False
    if v.get("readout") == "potential" and (model is None or POTENTIAL not in model.states[:1]):
        return False
    if v["model"].startswith(PREFIX):  # the chip it is made for defines it
        return bool(v.get("table", np.zeros(0)).shape == (0,))
    if model is None or {p.name for p in model.parameters} != parameters.keys():
        return False
    table = v.get("table")
    if table is None or table.shape == (0,):
        return True
    if table.ndim != 1 or model.mode != "ann" or parameters["low"].shape != parameters["high"].shape:
        return False
    reach = parameters["high"] - parameters["low"]
    return bool((reach >= 0).all() and (reach < len(table)).all())


def _spiking(v: Mapping[str, Any]) -> bool:
    model = dynamics_models().get(v["model"])
    return model is not None and set(model.parameters) <= v["parameters"].keys()


def _decode(v: Mapping[str, Any]) -> bool:
    element = v["element"]
    return bool(((element >= 0) & (element < v["scale"].size)).all())


def _matrix(v: Mapping[str, Any]) -> bool:
    first = v["weights"] if "weights" in v else v["coefficients"]
    if first.ndim != 2:
        return False
    width = first.shape[0] if "weights" in v else first.shape[-1]
    return bool(v["bias"].shape == (width,) and first.dtype == v["bias"].dtype)


RULES: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "Activation": _activation,
    "Host": _host,
    "Conv": _kernel,
    "Pool": _window,
    "Slice": lambda v: 0 <= v["start"] < v["stop"] and v.get("step", 1) >= 1,
    "Gather": lambda v: v["indices"].ndim == 1 and v["indices"].size > 0,
    "Pad": lambda v: len(v["before"]) == len(v["after"]) >= 1,
    "Stack": lambda v: v["steps"] >= 1,
    "Spiking": _spiking,
    "Encode": _encode,
    "Neuron": _neuron,
    "Decode": _decode,
    "Linear": _matrix,
    "Add": _matrix,
}
