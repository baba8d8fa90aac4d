"""States on a chip: neurons that repeat, in each step, what others gave in the step before."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import UnsupportedError
from neutrams.hardware import Chip
from neutrams.mapping.repeating import relay_parameters, relay_weight, repeats_exactly
from neutrams.mapping.unit import Unit, unit_of_add
from neutrams.network import ops
from neutrams.neurons import find_model


def state_unit(
    node: ops.State, source: IntArray, begin: ops.Node, units: Sequence[Unit], first: int, chip: Chip
) -> Unit:
    """Return the unit of a state.

    Args:
        node: The state.
        source: int64 ``[C, *size]``, the signals that its update reads.
        begin: What it reads at step 0, a `Constant` or an `Encode`.
        units: All units that may give them.
        first: Signal of its first neuron.
        chip: The chip.

    Raises:
        UnsupportedError: It remembers an input of the chip itself, or the chip has no neuron that repeats a value.
    """
    starts = np.array([unit.first for unit in units], dtype=np.int64)
    flat = source.reshape(-1)
    owner = np.searchsorted(starts, flat, side="right") - 1
    ends = np.array([unit.first + len(unit) for unit in units], dtype=np.int64)
    if (owner < 0).any() or (flat >= ends[owner]).any():
        raise _refusal("it remembers what enters the chip, or another state", node, "put a layer before it")
    used = [units[k] for k in np.unique(owner)]
    model = used[0].neuron.model
    rule = find_model(model, "mapping, model", chip.neuron.definitions)
    mode = rule.mode
    limits = (0, 1)
    if mode == "ann":
        each = [unit.neuron.output_limits for unit in used]
        each.append(_ends(begin))
        limits = (min(low for low, _ in each), max(high for _, high in each))
    if not repeats_exactly(limits, chip, rule):
        raise _refusal(f"no neuron of {chip.name} repeats values of {limits}", node, "take a chip with multipliers")
    channels = len(source)
    like = used[0].neuron
    kept = {"low": limits[0], "high": limits[1]}
    copied = {name: np.full(channels, kept.get(name, 0), dtype=np.int64) for name in like.parameters}
    neuron = ops.Neuron(
        name=node.name, inputs=node.inputs, model=model, parameters=relay_parameters(chip, model, copied),
        scale=np.full(channels, like.scale[0]), zero=np.full(channels, like.zero[0]), origin=like.origin,
        elements=np.arange(channels), part="state",
    )  # fmt: skip
    weight = np.full((1, channels), relay_weight(chip, mode), dtype=np.int64)
    add = ops.Add(name=node.name, inputs=node.inputs, coefficients=weight, bias=np.zeros(channels, dtype=np.int64))
    return replace(unit_of_add(add, neuron, first, [source]), lag=1)


def _ends(begin: ops.Node) -> tuple[int, int]:
    if isinstance(begin, ops.Encode):
        return begin.low, begin.high
    assert isinstance(begin, ops.Constant), f"a state begins with a {begin.op}"
    return int(begin.values.min()), int(begin.values.max())


def memories(states: Sequence[tuple[ops.State, IntArray, ops.Node, IntArray | None]]) -> IntArray:
    """Return what the signals that states repeat hold before the first step, int64 ``[3, n]``: signal, value, channel.

    Args:
        states: Each state with the signals it repeats, what it reads at step 0, and the channels of that, which is a
            `Constant` or an `Encode`; all of one shape.

    Raises:
        UnsupportedError: A signal would have to hold two values.
    """
    rows: dict[int, tuple[int, int]] = {}
    for node, source, initial, channels in states:
        if isinstance(initial, ops.Constant):
            values, given = initial.values.reshape(-1), np.full(source.size, -1, dtype=np.int64)
        else:
            assert channels is not None, f"state {node.name!r} begins with a {initial.op}"
            values, given = np.zeros(source.size, dtype=np.int64), channels.reshape(-1)
        for signal, value, channel in zip(source.reshape(-1).tolist(), values.tolist(), given.tolist(), strict=True):
            if rows.setdefault(signal, (value, channel)) != (value, channel):
                raise _refusal("another state of the same neurons begins with other values", node, "copy the layer")
    found = [(signal, value, channel) for signal, (value, channel) in rows.items() if (value, channel) != (0, -1)]
    return np.array(found, dtype=np.int64).reshape(-1, 3).T


def _refusal(what: str, node: ops.Node, fix: str) -> UnsupportedError:
    return UnsupportedError(what, where=f"mapping, state {node.name!r}", fix=fix)
