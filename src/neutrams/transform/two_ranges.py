"""Carry tensors whose small values matter on two neurons an element: fine steps near zero, coarse ones for the rest.

The steps of one 8-bit signal are 1 / 255 of the largest value ever seen: all that is left of a whisper where a shout
sets the scale. With a threshold a, x = clip(x, -a, a) + softshrink(x, a); a layer is linear, so it reads both parts by
neurons of its own, and quiet ones see steps of a / 255 while the coarse part is exactly zero.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from neutrams.base.arrays import AnyArray
from neutrams.evaluate.run import stream_values
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import (
    ACCUMULATORS,
    CLIPPING,
    MOVES,
    functions_native,
    head_of,
    is_padded,
    readers_of,
    tail_of,
    units_are_simple,
)
from neutrams.transform.names import part_name
from neutrams.transform.shorthand import clip_from_zero
from neutrams.transform.tuning.ablation import Ablation
from neutrams.transform.tuning.ranges import PLENTY_BITS, signal_bits
from neutrams.transform.tuning.steps import merged

LEAST_ERROR = 0.03
"""Tensors with less rounding error than this share of a sample's size, in the mean, are left alone."""

LEAST_EFFECT = 0.05
"""Share of a sample's answer, in the mean, whose loss to the rounding of one tensor is worth a second neuron."""

RATIOS = (4, 8, 16, 32, 64)
"""Shares of the largest value that are tried as the end of the fine range."""


def wide_tensors(
    network: Network, chip: Chip, data: Mapping[str, AnyArray], settled: Container[str] = ()
) -> dict[str, float]:
    """Return the tensors that need two ranges, and where the fine one ends [source units].

    They are those whose rounding to one signal alone changes any answer by more than `LEAST_EFFECT`. On a chip of few
    bits that is so of all, and none is returned: copies are the better means there (`neutrams.transform.repeat`).

    Args:
        network: A lowered network.
        chip: Gives the width of signals.
        data: Calibration samples ``[N, *shape]`` by input.
        settled: Tensors that are not looked at.
    """
    bits = signal_bits(chip, decoded=False)
    candidates = [name for name in _candidates(network) if name not in settled] if bits >= PLENTY_BITS else []
    if not candidates:
        return {}
    rounded: list[tuple[str, torch.Tensor]] = []
    ends: dict[str, float] = {}
    ablation: Ablation | None = None
    for node, value in stream_values(network, data):
        if node.name not in candidates:
            continue
        x = merged(value) if node.name in network.loop_steps else value
        step = (float(x.max()) - min(float(x.min()), 0.0)) / ((1 << bits) - 1)
        if _error(x, np.inf, step) < LEAST_ERROR:
            continue
        ablation = ablation or Ablation(network, data, None)
        rounded.append((node.name, (x[: ablation.rows(node.name)] / step).round() * step))
        peak = float(x.abs().max())
        ends[node.name] = min((peak / ratio for ratio in RATIOS), key=lambda end: _error(x, end, step))
    lost = [] if ablation is None else ablation.errors_of_samples(rounded)
    return {name: ends[name] for (name, _), error in zip(rounded, lost, strict=True) if error >= LEAST_EFFECT}


def _error(x: torch.Tensor, end: float, step: float) -> float:
    """Return the rounding error of samples relative to their size, root mean square, none counted beyond 1.

    Args:
        x: ``[N, *shape]``.
        end: Largest size of the fine range; infinite without one.
        step: Of values beyond it, or of all.
    """
    flat = x.reshape(len(x), -1)
    peak = float(flat.abs().max())
    fine = step if np.isinf(end) else step * end / peak
    square = (flat.abs() > end).float() * step**2 + fine**2
    noise, power = square.mean(1) / 12, flat.square().mean(1)
    return float((noise / power.clamp(min=1e-30)).clamp(max=1.0).mean().sqrt())


def _candidates(network: Network) -> list[str]:
    """Return inputs, ReLUs, clips from 0 and sums that only layers and sums of the chip read, through movement."""
    head, tail = head_of(network), tail_of(network)
    found = []
    for node in network.nodes:
        clips = isinstance(node, ops.Activation) and node.function in CLIPPING and node.name not in tail
        readers = readers_of(network, node.name, MOVING_ONE)
        on_chip = bool(readers) and not any(r.name in head or r.name in tail for r in readers)
        if (isinstance(node, ops.Input) and node.shape) or clips:
            taken = on_chip and all(isinstance(r, ACCUMULATORS) for r in readers)
        else:  # its fine part carries an offset, which sums take out
            unit = isinstance(node, ACCUMULATORS) and node.name not in head | tail and not is_padded(network, node.name)
            taken = unit and on_chip and all(isinstance(r, ops.Add) for r in readers)
        if taken:
            found.append(node.name)
    return found


MOVING_ONE = (*(move for move in MOVES if move is not ops.Concat), ops.Unstack)
"""What moves one tensor, and so its parts alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A part of a tensor, which is the sum of gain * part + shift over its parts."""

    name: str
    gain: float = 1.0
    shift: float = 0.0


@network_pass(requires=(units_are_simple, functions_native), ensures=(units_are_simple, functions_native))
def in_two_ranges(network: Network, ends: Mapping[str, float]) -> Network:
    """Return the network with some tensors in parts, and what reads them with a term for each; same function.

    An input x is clip(x, -a, a) + softshrink(x, a), which the host computes; a ReLU of z clip(z, 0, a) + relu(z - a); a
    sum z clip(z + a, 0, 2 a) - a + relu(z - a) - relu(-z - a).

    Args:
        network: A lowered network.
        ends: Where the fine part of each tensor ends, a (`wide_tensors`).
    """
    parted: dict[str, list[_Part]] = {}
    made: dict[str, ops.Node] = {}

    def changed(node: ops.Node) -> list[ops.Node]:
        nodes = [node]
        if isinstance(node, MOVING_ONE) and node.inputs[0] in parted:
            nodes = []
            for part in parted[node.inputs[0]]:
                nodes.append(replace(node, name=f"{node.name} of {part.name}", inputs=(part.name,)))
                parted.setdefault(node.name, []).append(replace(part, name=nodes[-1].name))
        elif any(name in parted for name in node.inputs):
            nodes = _read_in_parts(node, parted)
        made[node.name] = nodes[-1]
        if node.name in ends:
            nodes, parted[node.name] = _parts(nodes, made, ends[node.name])
        return nodes

    return network.map(changed).pruned()


def _parts(nodes: list[ops.Node], made: Mapping[str, ops.Node], end: float) -> tuple[list[ops.Node], list[_Part]]:
    """Return the nodes with their last one, or what it clips, in parts; and the parts."""
    node = nodes[-1]
    if isinstance(node, ops.Input):
        fine, coarse = part_name(node.name, "fine"), part_name(node.name, "coarse")
        host = (
            ops.Host(name=fine, inputs=(node.name,), function="clip", parameters={"low": -end, "high": end}),
            ops.Host(name=coarse, inputs=(node.name,), function="softshrink", parameters={"threshold": end}),
        )
        return [*nodes, *host], [_Part(name=fine), _Part(name=coarse)]
    if isinstance(node, ops.Activation):
        accumulator = made[node.inputs[0]]
        top = np.inf if node.function == "relu" else node.parameters["high"]
        cut = min(end, top)
        cuts = [("fine", 1.0, 0.0, cut, 0.0), ("coarse", 1.0, cut, top - cut, 0.0)]
    else:
        accumulator = node
        cuts = [("fine", 1.0, -end, 2 * end, -end), ("above", 1.0, end, np.inf, 0.0), ("below", -1.0, end, np.inf, 0.0)]
    found, parts = nodes[:-1], []
    for label, gain, start, height, shift in cuts:
        name = part_name(node.name, label)
        found += [_times(accumulator, f"{name} input", gain, start), clip_from_zero(name, f"{name} input", height)]
        parts.append(_Part(name=name, gain=gain, shift=shift))
    return found, parts


def _times(accumulator: ops.Node, name: str, gain: float, start: float) -> ops.Node:
    """Return gain * z - start of an accumulator that gives z."""
    if isinstance(accumulator, ops.Add):
        bias = gain * accumulator.bias - start
        return replace(accumulator, name=name, coefficients=gain * accumulator.coefficients, bias=bias)
    assert isinstance(accumulator, ops.Linear | ops.Conv)
    return replace(accumulator, name=name, weights=gain * accumulator.weights, bias=gain * accumulator.bias - start)


def _read_in_parts(node: ops.Node, parted: Mapping[str, list[_Part]]) -> list[ops.Node]:
    """Return an accumulator that reads parts: an Add with more terms, a layer as the sum of one for each part."""
    if isinstance(node, ops.Add):
        shares = [parted.get(name, [_Part(name=name)]) for name in node.inputs]
        rows = [part.gain * row for row, share in zip(node.coefficients, shares, strict=True) for part in share]
        shift = sum(
            (part.shift * row for row, share in zip(node.coefficients, shares, strict=True) for part in share),
            start=node.bias,
        )
        names = tuple(part.name for share in shares for part in share)
        return [replace(node, inputs=names, coefficients=np.stack(rows), bias=shift)]
    assert isinstance(node, ops.Linear | ops.Conv)
    parts, channels = parted[node.inputs[0]], len(node.bias)
    terms = [
        replace(node, name=part_name(node.name, label), inputs=(part.name,), bias=np.zeros(channels))
        for label, part in zip(("of fine", "of coarse"), parts, strict=True)
    ]
    names, gains = tuple(term.name for term in terms), np.ones((len(terms), channels))
    return [*terms, ops.Add(name=node.name, inputs=names, coefficients=gains, bias=node.bias)]
