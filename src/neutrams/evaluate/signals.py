"""Exact integer arithmetic on batches of signals.

A signal is a tensor ``[T, N, n]`` of integers, or ``[1, N, n]`` where all steps agree. Integers
travel as float32 where every intermediate stays below 2^24, as float64 below 2^53: both are exact there.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.hardware import Chip
from neutrams.kernels.scaled_sum import add_scaled
from neutrams.kernels.spike_trains import spike_trains
from neutrams.neurons import NeuronModel

EXACT_FLOAT32 = 1 << 24
EXACT_FLOAT64 = 1 << 53


def _exact_type(bound: float) -> torch.dtype:
    assert bound < EXACT_FLOAT64, "an accumulator leaves the range in which float64 is exact"
    return torch.float32 if bound < EXACT_FLOAT32 else torch.float64


def accumulate(weights: AnyArray, given: Sequence[torch.Tensor], elementwise: bool) -> torch.Tensor:
    """Return the exact accumulator ``[T, N, out]``.

    Args:
        weights: int64 ``[out, in]`` of a Linear, or ``[K, n]`` of an elementwise Add.
        given: One signal ``[T, N, in]``, or K signals ``[T, N, n]``.
        elementwise: Whether this is an Add.
    """
    peak = max(float(x.max()) if x.numel() else 0.0 for x in (g.abs() if g.is_floating_point() else g for g in given))
    rows = np.abs(weights).sum(axis=0 if elementwise else 1).max(initial=0)
    kind = _exact_type(max(peak * float(rows), peak, 1.0))
    w = torch.from_numpy(np.array(weights)).to(kind)
    if not elementwise:
        return given[0].to(kind) @ w.T
    longest = max(given, key=len)
    total = torch.zeros(longest.shape, dtype=kind)
    for x, c in zip(given, w, strict=True):
        add_scaled(_rows(total), _rows(x.expand_as(total)), c.numpy())
    return total


def _rows(x: torch.Tensor) -> AnyArray:
    """Return a signal as rows ``[T * N, n]``."""
    rows: AnyArray = x.reshape(-1, x.shape[-1]).contiguous().numpy()
    return rows


def fire(
    model: NeuronModel, parameters: Mapping[str, IntArray], acc: torch.Tensor, steps: int, chip: Chip
) -> torch.Tensor:
    """Return what neurons give for accumulators ``[T or 1, N, n]``: integers ``[steps, N, n]``, float32 or uint8.

    Args:
        model: The neuron model.
        parameters: int64 ``[n]`` for each parameter.
        acc: Exact accumulators.
        steps: T.
        chip: Gives the widths of the registers.
    """
    width = chip.register_range(model.mode)
    p = {name: torch.from_numpy(np.array(value)) for name, value in parameters.items()}
    if model.mode == "ann":
        total = (acc.to(torch.float64) + p["bias"]).clamp(*width)
        power = torch.exp2(p["shift"].to(torch.float64))
        scaled = torch.floor((total * p["multiplier"] + power / 2) / power)
        return torch.minimum(torch.maximum(scaled, p["low"]), p["high"]).to(torch.float32)
    if model.reset is None:
        return _stepped(model, parameters, acc, steps, width)
    return _spikes(acc, p, steps, width, soft=model.reset == "subtract")


def _stepped(
    rule: NeuronModel, parameters: Mapping[str, IntArray], acc: torch.Tensor, steps: int, width: tuple[int, int]
) -> torch.Tensor:
    """Any spiking model, by its reference step: slow."""
    given = acc.to(torch.int64).numpy()
    state = np.broadcast_to(parameters.get("initial", np.zeros(1, dtype=np.int64)), given.shape[1:])
    out = np.empty((steps, *given.shape[1:]), dtype=np.uint8)
    for t in range(steps):
        out[t], state = rule.step(given[t if len(given) > 1 else 0], state, parameters, width)
    return torch.from_numpy(out)


def _spikes(
    acc: torch.Tensor, p: Mapping[str, torch.Tensor], steps: int, width: tuple[int, int], soft: bool
) -> torch.Tensor:
    peak = float(acc.abs().max()) + float(p["leak"].abs().max()) if acc.numel() else 0.0
    kind = _exact_type(abs(width[0]) + peak)
    v = p["initial"].to(kind).expand(acc.shape[1:]).contiguous().clone()
    out = torch.empty((steps, *acc.shape[1:]), dtype=torch.uint8)
    rule = (float(width[0]), float(width[1]), soft)
    leak, theta = p["leak"].to(kind).numpy(), p["threshold"].to(kind).numpy()
    spike_trains(acc.to(kind).contiguous().numpy(), leak, theta, v.numpy(), out.numpy(), rule)
    return out


def count(signal: torch.Tensor, steps: int) -> torch.Tensor:
    """Return the sum of a signal over T steps, ``[N, n]``."""
    return signal[0].float() * steps if len(signal) == 1 and steps > 1 else signal.sum(dim=0).float()
