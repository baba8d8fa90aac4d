"""Sums of spikes that are counted one for one: what a largest value is made of loses nothing, whatever the reset."""

import numpy as np
import torch

from neutrams.base.arrays import IntArray
from neutrams.neurons import NeuronModel
from neutrams.transform.tuning.snn import EQUAL
from neutrams.transform.tuning.unit import Fit, Unit

LOOKED_AT = 64
"""Calibration samples on which it is seen whether a step ever adds more than one spike."""


def counts_spikes(unit: Unit) -> bool:
    """Whether a unit only adds and subtracts spikes of equal worth, and no step ever adds more than one.

    Such are all parts of a largest value of tensors of one scale. With a threshold of one spike, r = relu(a - b) fires
    only in a step in which a does and b does not, so b + r is at most one spike a step again, and so on up the tree.
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
    return bool(seen.accumulate(_signs(unit)).max() <= 1)


def takes_away(unit: Unit) -> bool:
    """Whether a unit subtracts any of its inputs."""
    return bool((unit.rows < 0).any())


def counting_fit(unit: Unit, model: NeuronModel) -> Fit:
    """Return a unit that counts spikes: weights of 1 and -1, a threshold of 1, no charge before the first step.

    Its potential never passes the threshold, so neither reset throws anything away. What is left of the error are
    passing leads: relu(a - b) has fired max over t of A(t) - B(t) times, no less than the final difference of counts.
    """
    rows, _ = unit.per_lsb()
    worth = np.abs(rows).max(axis=1)
    one = np.ones(len(rows), dtype=np.int64)
    return Fit(
        rows=_signs(unit), model=model.name, parameters={"leak": 0 * one, "threshold": one, "initial": 0 * one},
        weight_scale=worth, scale=worth, zero=np.zeros(len(rows)),
    )  # fmt: skip


def _signs(unit: Unit) -> IntArray:
    return np.sign(unit.rows).astype(np.int64)
