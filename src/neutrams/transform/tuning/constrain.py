"""Build the core network unit by unit, in topological order, each fitted on what those before it really deliver."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import torch

from neutrams.base.arrays import AnyArray
from neutrams.evaluate import float_values
from neutrams.evaluate.run import encode_signal
from neutrams.evaluate.signals import fire
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.transform.facts import ACCUMULATORS, tail_of
from neutrams.transform.ledger import LedgerRow
from neutrams.transform.names import origin_of
from neutrams.transform.tuning.loss import layer_row, unit_rows
from neutrams.transform.tuning.unit import Fit, Signal, Unit, joined

Progress = Callable[[int, int], None]


class Fitter(Protocol):
    """How a mode turns inputs and units into integers."""

    def encode(self, name: str, source: str, values: torch.Tensor) -> ops.Encode:
        """Return the encoder of an input vector with calibration values float32 ``[N, n]``."""
        ...

    def fit(self, unit: Unit, siblings: Mapping[str, torch.Tensor]) -> Fit:
        """Return the unit in integers; ``siblings`` are the targets of the sums that are added to its own."""
        ...


@dataclass
class Build:
    """The core network so far.

    Attributes:
        source: The split float network.
        chip: The chip.
        fitter: The mode's fitter.
        steps: T.
        values: What the original gives on calibration data, by tensor.
        inputs: The calibration inputs.
        labels: Their classes, or None.
        nodes: Core nodes so far.
        signals: What they deliver on calibration data.
        renamed: Tensor of the source → node that gives it to the host tail.
        ledger: Losses so far.
    """

    source: Network
    chip: Chip
    fitter: Fitter
    steps: int
    values: dict[str, torch.Tensor]
    inputs: Mapping[str, AnyArray]
    labels: AnyArray | None
    nodes: list[ops.Node] = field(default_factory=list)
    signals: dict[str, Signal] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    ledger: list[LedgerRow] = field(default_factory=list)


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
        elif not isinstance(build.source.consumers[node.name][0], ops.Activation):
            if _decodes_parts(build, node, tail):
                _decode(build, node.name, node.inputs, node.bias)  # type: ignore[attr-defined]
            else:
                _add_unit(build, node.name, node, None, tail)
    return Network(tuple(build.nodes), build.steps).pruned(), build.ledger


def _shapes_input(network: Network, node: ops.Node) -> bool:
    return isinstance(node, ops.Reshape) and isinstance(network.by_name[node.inputs[0]], ops.Input)


def _decodes_parts(build: Build, node: ops.Node, tail: frozenset[str]) -> bool:
    """Whether the decoder itself adds up the partial sums that ``node`` would."""
    return (
        isinstance(node, ops.Add)
        and all(r.name in tail for r in build.source.consumers[node.name])
        and bool((node.coefficients == 1).all())
        and all(origin_of(name)[1] != "" and build.source.consumers[name] == (node,) for name in node.inputs)
        and all(isinstance(build.source.by_name[name], ACCUMULATORS) for name in node.inputs)
    )


def _read(build: Build, name: str) -> str:
    """Return the core node that gives tensor ``name``, encoding it if it is an input."""
    node = build.source.by_name[name]
    if name in build.signals or not (isinstance(node, ops.Input) or _shapes_input(build.source, node)):
        return name
    encoded = f"{name} encoded"
    if encoded not in build.signals:
        encoder = build.fitter.encode(encoded, name, build.values[name])
        n = build.source.shapes[name][0]
        values = encode_signal(encoder, build.values[name], build.steps)
        span = build.steps if encoder.code == "spread" else 1
        scale, zero = np.full(n, encoder.scale * span), np.full(n, encoder.zero)
        build.signals[encoded] = Signal(values=values, scale=scale, zero=zero, steps=build.steps)
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


def _siblings(build: Build, accumulator: ops.Node, cap: float | None) -> dict[str, torch.Tensor]:
    """Targets of the signed sums that one Add reads beside this one, itself included."""
    readers = build.source.consumers[accumulator.name]
    if cap is not None or len(readers) != 1 or not isinstance(readers[0], ops.Add):
        return {accumulator.name: build.values[accumulator.name]}
    found = [n for n in readers[0].inputs if isinstance(build.source.by_name[n], ACCUMULATORS)]
    return {name: build.values[name] for name in found}


def _add_unit(build: Build, name: str, accumulator: ops.Node, cap: float | None, tail: frozenset[str]) -> None:
    assert isinstance(accumulator, ACCUMULATORS)
    readers = build.source.consumers[name]
    sums_of_parts = [r for r in readers if _decodes_parts(build, r, tail)]
    unit = Unit(
        name=name,
        accumulator=accumulator,
        cap=cap,
        decoded=all(r.name in tail for r in readers) or bool(sums_of_parts),
        inputs=tuple(build.signals[_read(build, i)] for i in accumulator.inputs),
        target=build.values[accumulator.name],
    )
    fit = build.fitter.fit(unit, _siblings(build, accumulator, cap))
    neurons = f"{name} neurons" if unit.decoded and not sums_of_parts else name
    build.signals[neurons] = _emit(build, unit, fit, neurons)
    build.ledger += unit_rows(unit, fit, build.signals[neurons])
    if any(r.name in tail for r in readers):
        _decode(build, name, (neurons,), np.zeros(unit.target.shape[1]))
    elif cap is not None and origin_of(name)[1] == "":
        _record_layer(build, name, build.signals[neurons].value())


def _emit(build: Build, unit: Unit, fit: Fit, name: str) -> Signal:
    """Append the accumulator and the neurons; return what they deliver."""
    names = tuple(_read(build, i) for i in unit.accumulator.inputs)
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
    return delivered(unit, fit, build.chip, build.steps)


def delivered(unit: Unit, fit: Fit, chip: Chip, steps: int) -> Signal:
    """Return what the fitted unit gives on the calibration inputs, bit for bit what the chip would."""
    acc = unit.accumulate(fit.rows)
    if fit.bias_weights is not None:
        acc = acc + torch.from_numpy(fit.bias_weights.sum(axis=1) * ((1 << chip.signal.input_bits) - 1)).to(acc.dtype)
    bits = chip.core.accumulator_bits if fit.model == "requantize" else chip.neuron.potential_bits
    values = fire(fit.model, fit.parameters, acc, steps, (-(1 << (bits - 1)), (1 << (bits - 1)) - 1))
    return Signal(values=values, scale=fit.scale, zero=fit.zero, steps=steps)


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


def _decode(build: Build, name: str, sources: tuple[str, ...], bias: AnyArray) -> None:
    """Append the decoder that gives tensor ``name`` from the neurons of ``sources``, which add up to it."""
    given = [build.signals[s] for s in sources]
    n = len(bias)
    copies = [len(s.scale) // n for s in given]
    element = np.concatenate([np.tile(np.arange(n), c) for c in copies])
    offset = bias + sum(s.zero.reshape(-1, n).mean(axis=0) for s in given)
    scale = given[0].scale[:n] / copies[0] / build.steps
    assert all(
        c == copies[0] and np.array_equal(s.scale[:n], given[0].scale[:n]) for c, s in zip(copies, given, strict=True)
    )
    inputs = sources
    if len(sources) > 1:
        build.nodes.append(ops.Concat(name=f"{name} parts", inputs=sources))
        inputs = (f"{name} parts",)
    node_name = name if not build.signals.keys() & {name} else f"{name} decoded"
    ones = np.ones(len(element), dtype=np.int64)
    build.nodes.append(
        ops.Decode(name=node_name, inputs=inputs, coefficient=ones, element=element, scale=scale, offset=offset)
    )
    build.renamed[name] = node_name
    value = torch.stack([s.mean().reshape(-1, copies[0], n).mean(1) for s in given]).sum(0)
    _record_layer(build, name, value * torch.from_numpy(given[0].scale[:n]).float() + torch.from_numpy(offset).float())


def _record_layer(build: Build, name: str, value: torch.Tensor) -> None:
    """Write the ledger's row for a finished layer: what the network would give with the rest of it in float."""
    outputs = [node.name for node in build.source.outputs]
    continued = float_values(build.source, build.inputs, {name: value})
    now, was = continued[outputs[0]], build.values[outputs[0]]
    build.ledger.append(layer_row(name, value, build.values[name], (now, was, build.labels)))


def _copy_tail(build: Build, node: ops.Node) -> None:
    build.nodes.append(replace(node, inputs=tuple(build.renamed.get(name, name) for name in node.inputs)))
