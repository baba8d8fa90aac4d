"""The named functions of the float network, in NumPy."""

from collections.abc import Mapping, Sequence
from math import erf, pi, sqrt

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, check_indices

_ERF = np.frompyfunc(erf, 1, 1)


def apply_function(name: str, x: FloatArray, parameters: Mapping[str, float]) -> FloatArray:
    """Return the activation ``name`` of each element of ``x``; outside its domain that is NaN or infinite."""
    with np.errstate(all="ignore"):
        return _simple(name, x, parameters)


def _simple(name: str, x: FloatArray, p: Mapping[str, float]) -> FloatArray:
    result: FloatArray
    match name:
        case "relu":
            result = np.maximum(x, 0)
        case "leaky_relu":
            result = np.where(x >= 0, x, p["alpha"] * x)
        case "clip":
            result = np.clip(x, p["low"], p["high"])
        case "elu":
            result = np.where(x >= 0, x, p["alpha"] * np.expm1(x))
        case "selu":
            result = p["gamma"] * _simple("elu", x, p)
        case "hard_sigmoid":
            result = np.clip(p["alpha"] * x + p["beta"], 0, 1)
        case "hard_swish":
            result = x * np.clip(x / 6 + 0.5, 0, 1)
        case "silu":
            result = x * _simple("sigmoid", x, p)
        case "gelu":
            result = 0.5 * x * (1 + _simple("erf", x / sqrt(2), p))
        case "gelu_tanh":
            result = 0.5 * x * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))
        case "mish":
            result = x * np.tanh(np.logaddexp(0, x))
        case _:
            result = _elementary(name, x, p)
    return result


def _elementary(name: str, x: FloatArray, p: Mapping[str, float]) -> FloatArray:
    result: FloatArray
    match name:
        case "identity":
            result = x
        case "sigmoid":
            result = 0.5 * (1 + np.tanh(0.5 * x))
        case "softplus":
            result = np.logaddexp(0, x)
        case "softsign":
            result = x / (1 + np.abs(x))
        case "erf":
            result = np.asarray(_ERF(x), dtype=np.float64)
        case "reciprocal":
            result = 1 / x
        case "power":
            result = x ** p["exponent"]
        case "exp" | "log" | "sqrt" | "tanh" | "abs":
            result = getattr(np, name)(x)
        case _:
            raise AssertionError(f"no function {name!r}")
    return result


def apply_host(name: str, given: Sequence[AnyArray], parameters: Mapping[str, float]) -> AnyArray:
    """Return the host function ``name`` of its tensors, which are aligned: one rank, batch axis first."""
    x = given[0]
    match name:
        case "softmax":
            e = np.exp(x - x.max(axis=-1, keepdims=True))
            result: AnyArray = e / e.sum(axis=-1, keepdims=True)
        case "argmax":
            result = np.argmax(x, axis=-1).astype(np.float64)
        case "one_hot":
            depth = int(parameters["depth"])
            if parameters.get("strict"):
                check_indices(x, depth, "look-up table")
            entry = np.where(x < 0, x + depth, x)
            result = (entry[..., np.newaxis] == np.arange(depth)).astype(np.float64)
        case "matmul":
            result = np.matmul(x, given[1])
        case "sum":
            result = x.sum(axis=1)
        case "clip":
            result = np.clip(x, parameters["low"], parameters["high"])
        case "softshrink":
            result = x - np.clip(x, -parameters["threshold"], parameters["threshold"])
        case _:
            raise AssertionError(f"no host function {name!r}")
    return result
