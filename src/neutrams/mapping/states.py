"""States on a chip: neurons that repeat, in each step, what others gave in the step before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import UnsupportedError
from neutrams.hardware import Chip
from neutrams.mapping.repeating import relay_parameters, relay_weight, repeats_exactly
from neutrams.mapping.unit import Unit, unit_of_add
from neutrams.network import ops
from neutrams.neurons import find_model


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """A state as a mapper sees it.

    Attributes:
        node: The state.
        first: Signal of its first neuron.
        source: int64 ``[C, *size]``, the signals that its update reads, which it repeats.
        begin: What it reads at step 0, a `Constant` or an `Encode`.
        channels: int64 ``[C, *size]``, the channels of an `Encode`; None for a constant.
    """

    node: ops.State
    first: int
    source: IntArray
    begin: ops.Node
    channels: IntArray | None


def state_unit(held: Held, units: Sequence[Unit], chip: Chip) -> Unit:
    """Return the unit of a state.

    Args:
        held: The state.
        units: All units whose signals it may repeat, in the order of their signals.
        chip: The chip.

    Raises:
        UnsupportedError: It remembers an input of the chip itself, or the chip has no neuron that repeats a value.
    """
    node, flat = held.node, held.source.reshape(-1)
    owner = np.searchsorted([unit.first for unit in units], flat, side="right") - 1
    ends = np.array([unit.first + len(unit) for unit in units], dtype=np.int64)
    if (owner < 0).any() or (flat >= ends[owner]).any():
        raise _refusal("it remembers what enters the chip, or another state", node, "put a layer before it")
    given = [units[k].neuron for k in np.unique(owner)]
    model = find_model(given[0].model, "mapping, model", chip.neuron.definitions)
    limits = [neuron.output_limits for neuron in given] + [_ends(held.begin)] if model.mode == "ann" else [(0, 1)]
    low, high = min(least for least, _ in limits), max(most for _, most in limits)
    if not repeats_exactly((low, high), chip, model):
        raise _refusal(f"no neuron of {chip.name} repeats {low} ... {high}", node, "take a chip with multipliers")
    channels = len(held.source)
    weight = np.full((1, channels), relay_weight(chip, model.mode), dtype=np.int64)
    add = ops.Add(name=node.name, inputs=node.inputs, coefficients=weight, bias=np.zeros(channels, dtype=np.int64))
    neuron = _repeating(node, given[0], {"low": low, "high": high}, channels, chip)
    return replace(unit_of_add(add, neuron, held.first, [held.source]), lag=1)


def _repeating(node: ops.State, like: ops.Neuron, limits: Mapping[str, int], channels: int, chip: Chip) -> ops.Neuron:
    copied = {name: np.full(channels, limits.get(name, 0), dtype=np.int64) for name in like.parameters}
    return ops.Neuron(
        name=node.name, inputs=node.inputs, model=like.model, parameters=relay_parameters(chip, like.model, copied),
        scale=np.full(channels, like.scale[0]), zero=np.full(channels, like.zero[0]), origin=like.origin,
        elements=np.arange(channels), part="state",
    )  # fmt: skip


def _ends(begin: ops.Node) -> tuple[int, int]:
    if isinstance(begin, ops.Encode):
        return begin.low, begin.high
    assert isinstance(begin, ops.Constant), f"a state begins with a {begin.op}"
    return int(begin.values.min()), int(begin.values.max())


def memories(states: Sequence[Held]) -> IntArray:
    """Return what the signals that states repeat hold before the first step, int64 ``[3, n]``: signal, value, channel.

    Raises:
        UnsupportedError: A signal would have to hold two values.
    """
    rows: dict[int, tuple[int, int]] = {}
    for held in states:
        size = held.source.size
        values, channels = np.zeros(size, dtype=np.int64), np.full(size, -1, dtype=np.int64)
        if isinstance(held.begin, ops.Constant):
            values = held.begin.values.reshape(-1)
        else:
            assert held.channels is not None, f"state {held.node.name!r} begins with a {held.begin.op}"
            channels = held.channels.reshape(-1)
        for signal, *begins in zip(*(a.reshape(-1).tolist() for a in (held.source, values, channels)), strict=True):
            if rows.setdefault(signal, tuple(begins)) != tuple(begins):
                raise _refusal(
                    "another state of the same neurons begins with other values", held.node, "copy the layer"
                )
    found = [(signal, *begins) for signal, begins in rows.items() if begins != (0, -1)]
    return np.array(found, dtype=np.int64).reshape(-1, 3).T


def _refusal(what: str, node: ops.Node, fix: str) -> UnsupportedError:
    return UnsupportedError(what, where=f"mapping, state {node.name!r}", fix=fix)
