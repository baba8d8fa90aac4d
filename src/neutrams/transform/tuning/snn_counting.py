"""Sums of spikes that are counted one for one: what a largest value is made of loses nothing, whatever the reset."""

import numpy as np
import torch

from neutrams.base.arrays import IntArray
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.neurons import NeuronModel
from neutrams.transform.facts import MOVES, readers_of
from neutrams.transform.tuning.snn import EQUAL
from neutrams.transform.tuning.unit import Fit, Unit

PAID_BY = (0.55, 0.95)
"""Share of the steps in which channels pay their debts back, the earliest and the latest: spikes that come late must
find their way, and not come all at once."""

GOLDEN = (5**0.5 - 1) / 2

MOST_LEFT = 0.03
"""Largest share of spikes that may still wait after the last step."""

LOOKED_AT = 64
"""Calibration samples on which it is seen whether a step ever adds more than one spike."""


def counts_spikes(unit: Unit, may_wait: bool = False) -> bool:
    """Whether a unit only adds and subtracts spikes of equal worth, and no step ever adds more than one.

    Such are all parts of a largest value of tensors of one scale. With a threshold of one spike, r = relu(a - b) fires
    only in a step in which a does and b does not, so b + r is at most one spike a step again, and so on up the tree.

    Args:
        unit: A spiking unit.
        may_wait: Whether spikes that come together may wait for a step without any, if few are left in the end.
    """
    if not unit.elementwise or unit.cap != np.inf or unit.decoded or unit.accumulator.bias.any():
        return False
    if any(len(signal.values) == 1 or signal.zero.any() for signal in unit.inputs):
        return False  # constant currents, or rates with an offset
    rows, _ = unit.per_lsb()
    worth = np.abs(rows)
    if not worth.all() or not (worth.max(axis=1) <= EQUAL * worth.min(axis=1)).all():
        return False
    seen = unit.on(torch.arange(min(LOOKED_AT, len(unit.target))))
    added = seen.accumulate(_signs(unit))
    return bool(added.max() <= 1) or (may_wait and _share_left(added) <= MOST_LEFT)


def _share_left(added: torch.Tensor) -> float:
    """Return the share of spikes left of what each step adds, ``[T, ...]``, where no more than one is sent a step."""
    left = torch.zeros_like(added[0])
    for now in added:
        left = (left + now - 1).clamp(min=0)
    return float(left.sum() / added.clamp(min=0).sum())


def takes_away(unit: Unit) -> bool:
    """Whether a unit subtracts any of its inputs."""
    return bool((unit.rows < 0).any())


def settles(unit: Unit, source: Network) -> bool:
    """Whether a unit is the last difference of a largest value: none of the sums of ``source`` after it subtracts.

    Those of the largest value itself are meant, one stage after the other, up to the layer that reads it.
    """
    return takes_away(unit) and not _subtracted_later(source, unit.name)


def _subtracted_later(source: Network, name: str) -> bool:
    sums = [reader for reader in readers_of(source, name) if isinstance(reader, ops.Add)]
    after = [reader for total in sums for reader in source.consumers[total.name] if isinstance(reader, ops.Activation)]
    return any(_subtracts(total) for total in sums) or any(_subtracted_later(source, node.name) for node in after)


def adds_difference(unit: Unit, source: Network) -> bool:
    """Whether a unit adds a difference of spikes of ``source`` to others, and subtracts nothing."""
    terms = [_moved_from(source, name) for name in source.by_name[unit.accumulator.name].inputs]
    sums = [source.by_name[term.inputs[0]] for term in terms if isinstance(term, ops.Activation)]
    return not takes_away(unit) and any(_subtracts(node) for node in sums)


def _moved_from(source: Network, name: str) -> ops.Node:
    """Return what gives the tensor that movement brings as ``name``; a joined one as it is joined."""
    node = source.by_name[name]
    return _moved_from(source, node.inputs[0]) if isinstance(node, MOVES) and len(node.inputs) == 1 else node


def _subtracts(node: ops.Node) -> bool:
    return isinstance(node, ops.Add) and bool((node.coefficients < 0).any())


def counting_fit(unit: Unit, model: NeuronModel, debt_steps: IntArray | None = None) -> Fit:
    """Return a unit that counts spikes: a threshold of one spike, and no charge before the first step.

    What is left of the error are passing leads: relu(a - b) has fired max over t of A(t) - B(t) times, no less than the
    final difference of counts. Under reset by subtraction a difference may begin one spike in debt, which its leak pays
    back: a lead of one does not count until then.

    Args:
        unit: One that `counts_spikes`.
        model: Integrate-and-fire, with any reset.
        debt_steps: Steps in which each channel pays a debt of one spike back, int64 ``[C]``; 0: it has none.
    """
    rows, _ = unit.per_lsb()
    worth = np.abs(rows).max(axis=1)
    debt = np.zeros(len(rows), dtype=np.int64) if debt_steps is None else debt_steps
    spike = np.maximum(debt, 1)
    return Fit(
        rows=spike[:, None] * _signs(unit), model=model.name,
        parameters={"leak": np.minimum(debt, 1), "threshold": spike, "initial": -debt},
        weight_scale=worth / spike, scale=worth, zero=np.zeros(len(rows)),
    )  # fmt: skip


def steps_in_debt(chip: Chip, steps: int, channels: int) -> IntArray:
    """Return in how many of T ``steps`` each channel pays a debt back at one LSB a step, int64 ``[channels]``.

    All 0 where widths do not allow it: what is paid after that must not add up to a spike.
    """
    neuron, (first, last) = chip.neuron, PAID_BY
    most = min(chip.core.weight_range[1], (1 << (neuron.threshold_bits - 1)) - 1)
    shares = first + (last - first) * (np.arange(channels) * GOLDEN % 1)
    found = np.ceil(shares * steps).clip(max=min(most, neuron.potential_range[1] // (steps + 1))).astype(np.int64)
    return found if neuron.leak_bits > 1 and (2 * found > steps).all() else np.zeros_like(found)


def _signs(unit: Unit) -> IntArray:
    return np.sign(unit.rows).astype(np.int64)
