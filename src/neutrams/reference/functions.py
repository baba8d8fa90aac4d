"""The named functions of the float network, in NumPy."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import AnyArray


def apply_function(name: str, x: AnyArray, parameters: Mapping[str, float]) -> AnyArray:
    """Return the activation or host function ``name`` of ``x``; softmax and argmax go over the last axis."""
    result: AnyArray
    match name:
        case "identity":
            result = x
        case "relu":
            result = np.maximum(x, 0)
        case "leaky_relu":
            result = np.where(x >= 0, x, parameters["alpha"] * x)
        case "clip":
            result = np.clip(x, parameters["low"], parameters["high"])
        case "sigmoid":
            result = 0.5 * (1 + np.tanh(0.5 * x))
        case "tanh":
            result = np.tanh(x)
        case "softmax":
            e = np.exp(x - x.max(axis=-1, keepdims=True))
            result = e / e.sum(axis=-1, keepdims=True)
        case "argmax":
            result = np.argmax(x, axis=-1).astype(np.float64)
        case _:
            raise AssertionError(f"no function {name!r}")
    return result
