"""Measure what a unit and a layer lose on calibration data, and to which limit."""

import numpy as np
import torch

from neutrams.base.arrays import AnyArray
from neutrams.evaluate import classes
from neutrams.neurons import find_model
from neutrams.transform.ledger import LedgerRow
from neutrams.transform.names import origin_of
from neutrams.transform.tuning.unit import Fit, Signal, Unit


def layer_of(unit: str, accumulator: str) -> str:
    """Return the layer of the source network that a unit is of: the accumulator's own, or the one a part belongs to."""
    origin, part = origin_of(unit)
    return origin if part else accumulator


def unit_rows(unit: Unit, fit: Fit, given: Signal, total: torch.Tensor | None) -> list[LedgerRow]:
    """Return the ledger rows of one fitted unit; a part's errors are measured against ``total``, the sum it is part of.

    ``inherited`` compares float weights on what is delivered with the target, ``weight_bits`` integer weights with
    float ones on the same inputs, and the rest what the neurons give with the activation of what they integrate. The
    rest of a partial sum is there because of the fan-in limit and is booked there.
    """
    layer, part = layer_of(unit.name, unit.accumulator.name), origin_of(unit.name)[1]
    n = unit.target.shape[1]
    rows, bias = unit.per_lsb()
    exact = unit.sums(rows) + torch.from_numpy(bias).float()
    step = torch.from_numpy(fit.weight_scale[:n]).float()
    integer = unit.sums(fit.rows[:n]) * step
    integer += (unit.target - integer).mean(0)
    value = given.value().reshape(len(integer), -1, n).mean(1)
    target = unit.activated(unit.target)
    size = target if total is None else total
    errors = {
        "inherited": unit.activated(exact) - target,
        "weight_bits": integer - integer.mean(0) - exact + exact.mean(0),
        _carrier(fit, part): value - unit.activated(integer),
    }
    return [
        LedgerRow(layer=layer, unit=unit.name, constraint=name, relative_error=relative(error, size))
        for name, error in errors.items()
    ]


def _carrier(fit: Fit, part: str) -> str:
    if part:
        return "fan_in"
    return "signal_bits" if find_model(fit.model, part).mode == "ann" else "spikes"


def relative(error: torch.Tensor, target: torch.Tensor) -> float:
    """Return the root mean square of ``error`` over that of ``target``; 0 where both are nothing."""
    size = float(target.square().mean().sqrt())
    return float(error.square().mean().sqrt()) / size if size > 0 else 0.0


def layer_row(
    layer: str,
    name: str,
    value: torch.Tensor,
    target: torch.Tensor,
    outputs: tuple[torch.Tensor, torch.Tensor, AnyArray | None],
) -> LedgerRow:
    """Return the row ``all`` of a finished layer; ``outputs`` are the network's outputs now and before, and labels."""
    now, was, labels = outputs
    chosen, wanted = classes(now.numpy()), classes(was.numpy())
    return LedgerRow(
        layer=layer,
        unit=name,
        constraint="all",
        relative_error=relative(value - target, target),
        agreement=float((chosen == wanted).mean()),
        accuracy=None if labels is None else float((chosen == np.asarray(labels)).mean()),
    )
