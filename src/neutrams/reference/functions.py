"""The named functions of the float network, in NumPy."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import AnyArray


def apply_function(name: str, x: AnyArray, parameters: Mapping[str, float]) -> AnyArray:
    """Return the activation or host function ``name`` of ``x``; softmax and argmax go over the last axis."""
    match name:
        case "identity":
            return x
        case "relu":
            return np.maximum(x, 0)
        case "leaky_relu":
            return np.where(x >= 0, x, parameters["alpha"] * x)
        case "clip":
            return np.clip(x, parameters["low"], parameters["high"])
        case "sigmoid":
            return 0.5 * (1 + np.tanh(0.5 * x))
        case "tanh":
            return np.tanh(x)
        case "softmax":
            e = np.exp(x - x.max(axis=-1, keepdims=True))
            return e / e.sum(axis=-1, keepdims=True)
        case "argmax":
            return np.argmax(x, axis=-1).astype(np.float64)
    raise AssertionError(f"no function {name!r}")
