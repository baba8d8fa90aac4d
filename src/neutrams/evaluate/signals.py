"""Exact integer arithmetic on batches of signals.

A signal is a tensor ``[T, N, *shape]`` of integers, or ``[1, N, *shape]`` where all steps agree. Integers travel as
float32 where every intermediate stays below 2^24, as float64 below 2^53: both are exact there.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import prod

import numpy as np
import torch

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.codec import encode, spread_step
from neutrams.evaluate.windows import convolve
from neutrams.hardware import Chip
from neutrams.kernels.scaled_sum import add_scaled
from neutrams.kernels.spike_trains import spike_trains
from neutrams.network import ops
from neutrams.neurons import NeuronModel, find_model

EXACT_FLOAT32 = 1 << 24
EXACT_FLOAT64 = 1 << 53


def _exact_type(bound: float) -> torch.dtype:
    assert bound < EXACT_FLOAT64, "an accumulator leaves the range in which float64 is exact"
    return torch.float32 if bound < EXACT_FLOAT32 else torch.float64


def encode_signal(node: ops.Encode, x: torch.Tensor, steps: int) -> torch.Tensor:
    """Return the encoded tensor as a signal: ``[1, N, *shape]`` for levels, ``[T, N, *shape]`` for spikes."""
    q = encode(x.to(torch.float64).numpy(), node.scale, node.zero, (node.low, node.high))
    if node.code == "level":
        return torch.from_numpy(q.astype(np.float32))[None]
    return torch.stack([torch.from_numpy(spread_step(q, t, steps).astype(np.float32)) for t in range(steps)])


def accumulate(node: ops.Linear | ops.Conv | ops.Add, given: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the exact accumulator ``[T or 1, N, out]``, of a Conv ``[T or 1, N, out, *places]``.

    Args:
        node: A core node; its weights are int64.
        given: One signal, or the K signals of an Add.
    """
    weights = node.coefficients.T if isinstance(node, ops.Add) else node.weights
    rows = np.abs(weights).reshape(len(weights), -1).sum(axis=1).max(initial=0)
    peak = max(_peak(x) for x in given)
    kind = _exact_type(max(peak * float(rows), peak, 1.0))
    match node:
        case ops.Linear():
            return given[0].to(kind) @ torch.from_numpy(node.weights.copy()).to(kind).T
        case ops.Conv():
            total = convolve(node, given[0].flatten(0, 1).to(kind))
            return total.reshape(*given[0].shape[:2], *total.shape[1:])
    return _added(node.coefficients, given, kind)


def _peak(x: torch.Tensor) -> float:
    low, high = (float(end) for end in x.aminmax()) if x.numel() else (0.0, 0.0)
    return max(-low, high)


def _added(coefficients: AnyArray, given: Sequence[torch.Tensor], kind: torch.dtype) -> torch.Tensor:
    longest = max(given, key=len)
    total = torch.zeros(longest.shape, dtype=kind)
    for x, gains in zip(given, coefficients, strict=True):
        gain = _each_neuron(torch.from_numpy(gains.copy()).to(kind), total).numpy()
        add_scaled(_rows(total, len(gain)), _rows(x.expand_as(total), len(gain)), gain)
    return total


def _rows(x: torch.Tensor, n: int) -> AnyArray:
    """Return a signal as rows ``[T * N, n]``."""
    rows: AnyArray = x.reshape(-1, n).contiguous().numpy()
    return rows


def _each_neuron(values: torch.Tensor, signal: torch.Tensor) -> torch.Tensor:
    """Repeat one value a channel ``[C]`` for every element ``[n]`` of a sample of ``signal`` ``[T, N, C, *size]``."""
    return values.repeat_interleave(prod(signal.shape[3:]))


def fire(
    model: NeuronModel, parameters: Mapping[str, IntArray], acc: torch.Tensor, steps: int, chip: Chip
) -> torch.Tensor:
    """Return what neurons give for accumulators: integers ``[steps, N, C, *size]``, float32, float64 or uint8.

    Args:
        model: The neuron model.
        parameters: int64 ``[C]`` for each parameter.
        acc: Exact accumulators ``[T or 1, N, C, *size]``.
        steps: T.
        chip: Gives the widths of the registers.
    """
    width = chip.register_range(model.mode)
    if model.mode == "ann":
        return _requantized(parameters, acc, width)
    if model.reset is None:
        return _stepped(model, parameters, acc, steps, chip)
    p = {name: _each_neuron(torch.from_numpy(np.array(value)), acc) for name, value in parameters.items()}
    fired = _spikes(acc.flatten(2), p, steps, width, soft=model.reset == "subtract")
    return fired.reshape(steps, *acc.shape[1:])


def potential(
    model: NeuronModel, parameters: Mapping[str, IntArray], acc: torch.Tensor, steps: int, chip: Chip
) -> torch.Tensor:
    """Return neurons read as potentials: in the last step theirs, before it 0, float64 ``[steps, N, C, *size]``.

    Arguments are those of :func:`fire`.
    """
    out = torch.zeros((steps, *acc.shape[1:]), dtype=torch.float64)
    for _, state in _each_step(model, parameters, acc, steps, chip):
        out[-1] = torch.from_numpy(state[0])
    return out


def fire_once(node: ops.Neuron, acc: torch.Tensor, state: AnyArray | None, chip: Chip) -> tuple[torch.Tensor, AnyArray]:
    """Return (outputs of one step, states after it) of spiking neurons in a loop; graded outputs are float64.

    Args:
        node: The neurons.
        acc: Exact accumulators ``[1, N, C, *size]``.
        state: int64 ``[S, N, C, *size]``; None before the first step.
        chip: Gives the widths of the registers.
    """
    model = find_model(node.model, node.name, chip.neuron.definitions)
    parameters = {
        name: np.asarray(value).reshape(-1, *(1,) * (acc.ndim - 3)) for name, value in node.parameters.items()
    }
    given = acc[0].numpy().astype(np.int64)
    if state is None:
        state = model.start(parameters, given.shape)
    output, after = model.step(given, state, parameters, chip.widths)
    if node.readout == "potential":
        return torch.from_numpy(after[0].astype(np.float64))[None], after
    return torch.from_numpy(output.astype(np.float32 if model.output == "spike" else np.float64))[None], after


def _requantized(parameters: Mapping[str, IntArray], acc: torch.Tensor, width: tuple[int, int]) -> torch.Tensor:
    shape = (-1, *(1,) * (acc.ndim - 3))
    p = {name: torch.from_numpy(np.array(value)).double().reshape(shape) for name, value in parameters.items()}
    power = torch.exp2(p["shift"])
    x = (acc.to(torch.float64) + p["bias"]).clamp_(*width)  # in place from here: this is the largest tensor there is
    x.mul_(p["multiplier"]).add_(power / 2).div_(power).floor_()
    torch.maximum(x, p["low"], out=x)
    return torch.minimum(x, p["high"], out=x).to(torch.float32)


def look_up(table: IntArray, low: IntArray, index: torch.Tensor) -> torch.Tensor:
    """Return what neurons with a look-up table give, float32 ``[1, N, C, *size]``; without one, what they have.

    Args:
        table: int64 ``[entries]``; empty for neurons without one.
        low: int64 ``[C]``, the index of its first entry.
        index: What `fire` gives.
    """
    if not table.size:
        return index
    at = index - torch.from_numpy(np.array(low)).reshape(-1, *(1,) * (index.ndim - 3))
    return torch.from_numpy(table.astype(np.float32)).take(at.to(torch.int64))


def _stepped(
    rule: NeuronModel, parameters: Mapping[str, IntArray], acc: torch.Tensor, steps: int, chip: Chip
) -> torch.Tensor:
    """Any spiking model, by its reference step: slow. A graded output is float64, the others uint8."""
    out = np.empty((steps, *acc.shape[1:]), dtype=np.uint8 if rule.output == "spike" else np.float64)
    for t, (given, _) in enumerate(_each_step(rule, parameters, acc, steps, chip)):
        out[t] = given
    return torch.from_numpy(out)


def _each_step(
    rule: NeuronModel, parameters: Mapping[str, IntArray], acc: torch.Tensor, steps: int, chip: Chip
) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield output and states after each step, by the model's reference step."""
    given = acc.to(torch.int64).numpy()
    p = {name: value.reshape(-1, *(1,) * (acc.ndim - 3)) for name, value in parameters.items()}
    state = rule.start(p, given.shape[1:])
    for t in range(steps):
        output, state = rule.step(given[t if len(given) > 1 else 0], state, p, chip.widths)
        yield output, state


def _spikes(
    acc: torch.Tensor, p: Mapping[str, torch.Tensor], steps: int, width: tuple[int, int], soft: bool
) -> torch.Tensor:
    peak = _peak(acc) + float(p["leak"].abs().max()) if acc.numel() else 0.0
    kind = _exact_type(abs(width[0]) + peak)
    v = p["initial"].to(kind).expand(acc.shape[1:]).contiguous().clone()
    out = torch.empty((steps, *acc.shape[1:]), dtype=torch.uint8)
    rule = (float(width[0]), float(width[1]), soft)
    leak, theta = p["leak"].to(kind).numpy(), p["threshold"].to(kind).numpy()
    spike_trains(acc.to(kind).contiguous().numpy(), leak, theta, v.numpy(), out.numpy(), rule)
    return out


def count(signal: torch.Tensor, steps: int) -> torch.Tensor:
    """Return the sum of a signal over T steps, ``[N, *shape]``, float32, of float64 float64."""
    kind = torch.promote_types(signal.dtype, torch.float32)
    return signal[0].to(kind) * steps if len(signal) == 1 and steps > 1 else signal.sum(dim=0).to(kind)
