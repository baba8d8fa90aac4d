"""The named functions of the float network, in PyTorch."""

from collections.abc import Mapping, Sequence
from math import pi, sqrt

import torch
from torch.nn import functional

from neutrams.base.arrays import check_indices


def apply_function(name: str, x: torch.Tensor, parameters: Mapping[str, float]) -> torch.Tensor:
    """Return the activation ``name`` of each element of ``x``; outside its domain that is NaN or infinite."""
    p = parameters
    match name:
        case "identity":
            return x
        case "leaky_relu":
            return torch.where(x >= 0, x, p["alpha"] * x)
        case "clip":
            return x.clamp(p["low"], p["high"])
        case "elu":
            return torch.where(x >= 0, x, p["alpha"] * torch.expm1(x))
        case "selu":
            return p["gamma"] * torch.where(x >= 0, x, p["alpha"] * torch.expm1(x))
        case "hard_sigmoid":
            return (p["alpha"] * x + p["beta"]).clamp(0, 1)
        case "hard_swish":
            return x * (x / 6 + 0.5).clamp(0, 1)
        case "gelu_tanh":
            return 0.5 * x * (1 + torch.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))
        case "softplus":
            return torch.logaddexp(x, torch.zeros_like(x))
        case "mish":
            return x * torch.tanh(torch.logaddexp(x, torch.zeros_like(x)))
        case "softsign":
            return x / (1 + x.abs())
        case "power":
            return torch.pow(x, p["exponent"])
    return _PLAIN[name](x)


_PLAIN = {
    "relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "silu": functional.silu, "gelu": functional.gelu,
    "erf": torch.erf, "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "reciprocal": torch.reciprocal,
    "abs": torch.abs,
}  # fmt: skip


def apply_host(name: str, given: Sequence[torch.Tensor], parameters: Mapping[str, float]) -> torch.Tensor:
    """Return the host function ``name`` of its tensors, which are aligned: one rank, batch axis first."""
    x = given[0]
    match name:
        case "softmax":
            return torch.softmax(x, dim=-1)
        case "argmax":
            return x.argmax(dim=-1).to(x.dtype)
        case "one_hot":
            depth = int(parameters["depth"])
            if parameters.get("strict"):
                check_indices(x.detach().numpy(), depth, "look-up table")
            entry = torch.where(x < 0, x + depth, x)
            return (entry[..., None] == torch.arange(depth)).to(x.dtype)
        case "sum":
            return x.sum(dim=1)
        case "clip":
            return x.clamp(parameters["low"], parameters["high"])
        case "softshrink":
            return x - x.clamp(-parameters["threshold"], parameters["threshold"])
    assert name == "matmul", f"no host function {name!r}"
    return x @ given[1]
