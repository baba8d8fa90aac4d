"""Build the core network unit by unit, in topological order, each fitted on what those before it really deliver."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from neutrams.base.arrays import AnyArray
from neutrams.evaluate.run import encode_signal
from neutrams.evaluate.signals import fire
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.neurons import find_model
from neutrams.transform.facts import ACCUMULATORS, tail_of
from neutrams.transform.ledger import LedgerRow
from neutrams.transform.names import origin_of
from neutrams.transform.tuning.build import Build
from neutrams.transform.tuning.context import Context
from neutrams.transform.tuning.decode import decode, decodes_parts, record_layer
from neutrams.transform.tuning.loss import unit_rows
from neutrams.transform.tuning.unit import Fit, Signal, Unit, joined

Progress = Callable[[int, int], None]


def constrain(build: Build, progress: Progress | None = None) -> tuple[Network, list[LedgerRow]]:
    """Return the core network and the loss ledger.

    Every accumulator with its activation becomes a core Linear or Add and a Neuron; inputs are encoded where a unit
    first reads them; what the host tail reads is decoded.
    """
    tail = tail_of(build.source)
    nodes = build.source.nodes
    for done, node in enumerate(nodes):
        if progress is not None:
            progress(done, len(nodes))
        if node.name in tail:
            _copy_tail(build, node)
        elif isinstance(node, ops.Input) or _shapes_input(build.source, node):
            build.nodes.append(node)
        elif isinstance(node, ops.Slice | ops.Concat):
            _move(build, node)
        elif isinstance(node, ops.Activation):
            accumulator = build.source.by_name[node.inputs[0]]
            cap = np.inf if node.function == "relu" else node.parameters["high"]
            _add_unit(build, node.name, accumulator, cap, tail)
        elif not _has_activation(build.source, node, tail):
            if decodes_parts(build, node, tail):
                decode(build, node.name, node.inputs, node.bias)  # type: ignore[attr-defined]
            else:
                _add_unit(build, node.name, node, None, tail)
    return Network(tuple(build.nodes), build.steps).pruned(), build.ledger


def _has_activation(network: Network, node: ops.Node, tail: frozenset[str]) -> bool:
    """Whether the accumulator ``node`` has an activation on the chip, with which it makes one unit."""
    return any(isinstance(r, ops.Activation) and r.name not in tail for r in network.consumers[node.name])


def _shapes_input(network: Network, node: ops.Node) -> bool:
    return isinstance(node, ops.Reshape) and isinstance(network.by_name[node.inputs[0]], ops.Input)


def _read(build: Build, name: str) -> str:
    """Return the core node that gives tensor ``name``, encoding it if it is an input."""
    if name in build.signals:
        return name
    encoded = f"{name} encoded"
    if encoded not in build.signals:
        encoder = build.fitter.encode(encoded, name, build.values[name])
        n = build.source.shapes[name][0]
        values = encode_signal(encoder, build.values[name], build.steps)
        span = build.steps if encoder.code == "spread" else 1
        scale, zero = np.full(n, encoder.scale * span), np.full(n, encoder.zero)
        build.signals[encoded] = Signal.of(values, scale, zero, build.steps)
        build.activity[encoded] = build.signals[encoded].sent(build.chip.signal.skip_zero)
        build.nodes.append(encoder)
    return encoded


def _move(build: Build, node: ops.Slice | ops.Concat) -> None:
    names = tuple(_read(build, name) for name in node.inputs)
    build.nodes.append(replace(node, inputs=names))
    given = [build.signals[name] for name in names]
    if isinstance(node, ops.Slice):
        build.signals[node.name] = given[0].part(node.start, node.stop, node.step)
    else:
        build.signals[node.name] = joined(given)


def _context(build: Build, unit_name: str, accumulator: ops.Node) -> Context:
    """Return what the unit's output is added to: the other parts of the sum that reads it, and that sum."""
    own = {accumulator.name: build.values[accumulator.name]}
    readers = build.source.consumers[unit_name]
    if not origin_of(unit_name)[1] or not all(isinstance(r, ops.Add) for r in readers):
        return Context(siblings=own, total=None, source=build.source)
    found = [n for n in readers[0].inputs if isinstance(build.source.by_name[n], ACCUMULATORS)]
    siblings = {name: build.values[name] for name in found} if accumulator.name in found else own
    return Context(siblings=siblings, total=build.values[readers[0].name], source=build.source)


def _unit(build: Build, name: str, accumulator: ops.Node, cap: float | None, decoded: bool) -> Unit:
    """Return the unit with the signals it reads; a sum reads every copy of its terms."""
    assert isinstance(accumulator, ACCUMULATORS)
    if isinstance(accumulator, ops.Add):
        shares = [build.copies.get(name, (name,)) for name in accumulator.inputs]
        gains = np.repeat(accumulator.coefficients, [len(s) for s in shares], axis=0)
        names = tuple(name for share in shares for name in share)
        accumulator = replace(accumulator, inputs=names, coefficients=gains)
    return Unit(
        name=name,
        accumulator=accumulator,
        cap=cap,
        decoded=decoded,
        inputs=tuple(build.signals[_read(build, i)] for i in accumulator.inputs),
        target=build.values[accumulator.name],
    )


def _add_unit(build: Build, name: str, accumulator: ops.Node, cap: float | None, tail: frozenset[str]) -> None:
    readers = build.source.consumers[name]
    of_decoded_sum = any(decodes_parts(build, r, tail) for r in readers)
    unit = _unit(build, name, accumulator, cap, of_decoded_sum or all(r.name in tail for r in readers))
    context = _context(build, name, accumulator)
    fit = build.fitter.fit(unit, context)
    neurons = f"{name} neurons" if unit.decoded and not of_decoded_sum else name
    given = delivered(unit, fit, build.chip, build.steps)
    fit = replace(fit, scale=build.fitter.gain(unit, context, given))
    given = replace(given, scale=fit.scale)
    _emit(build, unit, fit, neurons)
    build.signals[neurons] = given
    build.activity[neurons] = given.sent(build.chip.signal.skip_zero)
    build.ledger += unit_rows(unit, fit, given, context.total)
    if not unit.decoded and fit.neurons > unit.target.shape[1]:
        _share(build, name, unit.target.shape[1])
    if any(r.name in tail for r in readers):
        decode(build, name, (neurons,), np.zeros(unit.target.shape[1]))
    elif cap is not None and origin_of(name)[1] == "":
        record_layer(build, name, given.value())


def _repeated(build: Build, name: str, copies: int, reader: str) -> str:
    """Return a node that gives tensor ``name`` as often as a sum that is computed ``copies`` times reads it."""
    if copies == 1:
        return name
    repeated = ops.Concat(name=f"{name} for {reader}", inputs=(name,) * copies)
    build.nodes.append(repeated)
    return repeated.name


def _share(build: Build, name: str, n: int) -> None:
    """Give each of the copies that carry tensor ``name`` in equal shares a node of its own."""
    signal = build.signals[name]
    copies = len(signal.scale) // n
    names = []
    for k in range(copies):
        cut = ops.Slice(name=f"{name} copy {k + 1}", inputs=(name,), start=k * n, stop=(k + 1) * n)
        part = signal.part(cut.start, cut.stop, 1)
        build.signals[cut.name] = replace(part, scale=part.scale / copies, zero=part.zero / copies)
        build.nodes.append(cut)
        names.append(cut.name)
    build.copies[name] = tuple(names)


def _emit(build: Build, unit: Unit, fit: Fit, name: str) -> None:
    """Append the accumulator and the neurons."""
    names = tuple(_read(build, i) for i in unit.accumulator.inputs)
    if unit.elementwise:
        names = tuple(_repeated(build, i, fit.neurons // unit.target.shape[1], name) for i in names)
    zeros = np.zeros(fit.neurons, dtype=np.int64)
    rows, names = _with_bias_row(build, unit, fit, names)
    acc_name = f"{name} sum"
    if unit.elementwise:
        build.nodes.append(ops.Add(name=acc_name, inputs=names, coefficients=rows.T, bias=zeros))
    else:
        build.nodes.append(ops.Linear(name=acc_name, inputs=names, weights=rows, bias=zeros))
    origin, part = origin_of(unit.name)
    n = unit.target.shape[1]
    build.nodes.append(
        ops.Neuron(
            name=name, inputs=(acc_name,), model=fit.model, parameters=fit.parameters, scale=fit.scale, zero=fit.zero,
            origin=origin, elements=np.tile(np.arange(n), fit.neurons // n), part=part,
        )
    )  # fmt: skip


def delivered(unit: Unit, fit: Fit, chip: Chip, steps: int) -> Signal:
    """Return what the fitted unit gives on the calibration inputs, bit for bit what the chip would."""
    n = unit.target.shape[1]
    acc = unit.accumulate(fit.rows[:n]).repeat(1, 1, fit.neurons // n)  # copies differ in bias or charge only
    if fit.bias_weights is not None:
        acc = acc + torch.from_numpy(fit.bias_weights.sum(axis=1) * ((1 << chip.signal.input_bits) - 1)).to(acc.dtype)
    values = fire(find_model(fit.model, unit.name), fit.parameters, acc, steps, chip)
    return Signal.of(values, fit.scale, fit.zero, steps)


def _with_bias_row(build: Build, unit: Unit, fit: Fit, names: tuple[str, ...]) -> tuple[AnyArray, tuple[str, ...]]:
    """Append the axons that carry a constant for the bias, where the fit has some."""
    if fit.bias_weights is None:
        return fit.rows, names
    rows = np.concatenate([fit.rows, fit.bias_weights], axis=1)
    width = fit.neurons if unit.elementwise else fit.bias_weights.shape[1]
    constant = ops.Constant(
        name=f"{unit.name} bias", values=np.full(width, (1 << build.chip.signal.input_bits) - 1, dtype=np.int64)
    )
    build.nodes.append(constant)
    if unit.elementwise:
        return rows, (*names, constant.name)
    both = ops.Concat(name=f"{unit.name} rows", inputs=(*names, constant.name))
    build.nodes.append(both)
    return rows, (both.name,)


def _copy_tail(build: Build, node: ops.Node) -> None:
    build.nodes.append(replace(node, inputs=tuple(build.renamed.get(name, name) for name in node.inputs)))
