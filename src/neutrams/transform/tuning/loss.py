"""Measure what a unit and a layer lose on calibration data, to which limit, and what that costs at the outputs."""

from collections.abc import Iterator

import torch

from neutrams.base.arrays import IntArray
from neutrams.network import ops
from neutrams.neurons import find_model
from neutrams.transform.ledger import LedgerRow
from neutrams.transform.names import origin_of
from neutrams.transform.tuning.ablation import LIMIT_SAMPLES, MOST_SAMPLES, relative
from neutrams.transform.tuning.build import Build
from neutrams.transform.tuning.signal import Signal
from neutrams.transform.tuning.unit import Fit, Unit, channel_mean, per_channel


def layer_of(unit: str, accumulator: str) -> str:
    """Return the layer of the source network that a unit is of: the accumulator's own, or the one a part belongs to."""
    origin, part = origin_of(unit)
    return origin if part else accumulator


def record_unit(
    build: Build, unit: Unit, fit: Fit, given: Signal, exact: tuple[torch.Tensor, torch.Tensor | None]
) -> None:
    """Write the ledger's rows of one fitted unit.

    ``inherited`` compares float weights on what is delivered with the original, ``weight_bits`` integer weights with
    float ones on the same inputs, and the rest what the neurons give with the activation of what they integrate. The
    rest of a partial sum is there because of the fan-in limit and is booked there, that of a function that is looked
    up under ``activation``. All of it on as many samples as ablation takes.

    Args:
        build: The network under construction; gets the rows.
        unit: The unit, in floats.
        fit: The unit in integers.
        given: What it gives.
        exact: What the original gives, float32 ``[N, C, *size]``, and of a part the sum it goes into, against which its
            errors are measured.
    """
    if not build.accounts:
        return
    some = torch.arange(build.ablation.rows(unit.name))
    few = build.ablation.rows(unit.name, LIMIT_SAMPLES)
    target, total = (None if x is None else x[some] for x in exact)
    assert target is not None
    for constraint, error in _errors(unit.on(some), fit, given.on(some), target):
        row = LedgerRow(
            layer=layer_of(unit.name, unit.accumulator.name), unit=unit.name, constraint=constraint,
            relative_error=relative(
                _mean_of_repeats(error, unit.channels),
                _mean_of_repeats(target if total is None else total, unit.channels),
            ),
        )  # fmt: skip
        _book(build, row, target[:few] + error[:few], LIMIT_SAMPLES)


def record_input(build: Build, name: str, given: Signal) -> None:
    """Write the ledger's row of a tensor that the host gives to the chip, on as many samples as those of layers."""
    if not build.accounts:
        return
    rows = build.ablation.rows(name)
    value, target = given.value()[:rows], build.values[name][:rows]
    row = LedgerRow(
        layer=origin_of(name)[0], unit=name, constraint="input_bits", relative_error=relative(value - target, target)
    )
    _book(build, row, value, MOST_SAMPLES)


def _errors(unit: Unit, fit: Fit, given: Signal, target: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    channels = unit.target.shape[1]
    rows, bias = unit.per_lsb()
    exact = unit.sums(rows)
    exact += per_channel(bias, exact)
    yield "inherited", unit.activated(exact) - target
    integer = unit.sums(fit.rows[:channels])
    integer *= per_channel(fit.weight_scale[:channels], integer)
    integer += per_channel(channel_mean(unit.target) - channel_mean(integer), integer)
    between = integer - exact
    yield "weight_bits", between - per_channel(channel_mean(between), between)
    yield _carrier(fit, origin_of(unit.name)[1]), mean_of_copies(given.value(), channels) - unit.activated(integer)


def mean_of_copies(value: torch.Tensor, channels: int) -> torch.Tensor:
    """Return the mean ``[N, C, *size]`` of the copies in ``value`` ``[N, copies * C, *size]``."""
    return value.reshape(len(value), -1, channels, *value.shape[2:]).mean(1)


def _mean_of_repeats(x: torch.Tensor, channels: IntArray | None) -> torch.Tensor:
    """Return ``x`` ``[N, C, *size]`` with one channel, the mean, for all of a kind in ``channels`` ``[C]``."""
    if channels is None:
        return x
    taken = torch.from_numpy(channels)
    count = torch.bincount(taken).reshape(-1, *(1,) * (x.ndim - 2))
    return x.new_zeros(len(x), len(count), *x.shape[2:]).index_add_(1, taken, x) / count


def _carrier(fit: Fit, part: str) -> str:
    if part.strip("+-"):  # a half of a signed value is there whatever the fan-in
        return "fan_in"
    if fit.table.size:
        return "activation"
    return "signal_bits" if find_model(fit.model, part).mode == "ann" else "spikes"


def record_layer(build: Build, name: str, value: torch.Tensor, target: torch.Tensor) -> None:
    """Write the ledger's row ``all`` for a finished layer whose tensor ``name`` has ``value`` instead of ``target``."""
    if not build.accounts:
        return
    node, channels = build.source.by_name[name], build.repeats.get(name)
    rows = build.ablation.rows(name)
    value, target = value[:rows], target[:rows]
    error = relative(_mean_of_repeats(value - target, channels), _mean_of_repeats(target, channels))
    layer = node.inputs[0] if isinstance(node, ops.Activation) else name
    _book(build, LedgerRow(layer=layer, unit=name, constraint="all", relative_error=error), value, MOST_SAMPLES)


def _book(build: Build, row: LedgerRow, value: torch.Tensor, most: int) -> None:
    """Write ``row`` with what it costs that its unit has ``value``; in a loop once all are known (`settle`)."""
    if row.unit in build.ablation.steps:
        build.open.append((len(build.ledger), value))
        build.ledger.append(row)
    else:
        build.ledger.append(row.with_effect(build.ablation.effect(row.unit, value, most)))


def settle(build: Build) -> None:
    """Complete the ledger's rows of units in loops."""
    effects = build.ablation.effects([(build.ledger[place].unit, value) for place, value in build.open])
    for (place, _), effect in zip(build.open, effects, strict=True):
        build.ledger[place] = build.ledger[place].with_effect(effect)
    build.open.clear()
