"""Build the core network unit by unit, in topological order, each fitted on what those before it really deliver."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from neutrams.network import Network, ops
from neutrams.transform.facts import ACCUMULATORS, CLIPPING, MOVES, head_of, is_padded, summed_by_host, tail_of
from neutrams.transform.ledger import LedgerRow
from neutrams.transform.names import origin_of
from neutrams.transform.tuning.build import Build
from neutrams.transform.tuning.context import Context
from neutrams.transform.tuning.decode import decode
from neutrams.transform.tuning.delivery import delivered
from neutrams.transform.tuning.emit import emit_unit
from neutrams.transform.tuning.exact_products import sums_of_products, take_exactly, updates_of_two
from neutrams.transform.tuning.loss import mean_of_copies, record_layer, record_unit, settle
from neutrams.transform.tuning.originals import Extent, joint
from neutrams.transform.tuning.reading import read
from neutrams.transform.tuning.signal import Signal, carried
from neutrams.transform.tuning.state_ranges import state_ranges
from neutrams.transform.tuning.states import add_state
from neutrams.transform.tuning.unit import Unit, per_channel

Progress = Callable[[int, int], None]


def constrain(build: Build, progress: Progress | None = None) -> tuple[Network, list[LedgerRow]]:
    """Return the core network and the loss ledger.

    Every accumulator with its activation becomes a core Linear, Conv or Add and a Neuron; what the host gives to the
    chip is encoded where a unit first reads it; what the host tail reads is decoded. What nothing reads any more goes.
    """
    tail, head = tail_of(build.source), head_of(build.source)
    nodes = build.source.nodes
    build.exact = sums_of_products(build.source)
    build.ranges = state_ranges(build, tail)
    last = _last_readers(build.source, tail)
    for done, node in enumerate(nodes):
        if progress is not None:
            progress(done, len(nodes))
        _take(build, node, head, tail)
        for name in last.get(node.name, ()):
            _let_go(build, name)
    settle(build)
    return Network(tuple(build.nodes), build.steps).pruned(), build.ledger


def _take(build: Build, node: ops.Node, head: frozenset[str], tail: frozenset[str]) -> None:
    """Append what stands for ``node`` of the source."""
    match node:
        case _ if node.name in tail:
            _copy_tail(build, node)
        case ops.State():
            add_state(build, node)
        case ops.Constant() if not _read_by_host(build, node, head, tail):
            if not _begins_state(build, node):
                _add_zeros(build, node)
        case _ if node.name in head or isinstance(node, ops.Update):
            build.nodes += updates_of_two(node) if set(node.inputs) & build.exact else [node]
        case _ if isinstance(node, MOVES):
            _move(build, node)
        case ops.Mul() | ops.Add() if isinstance(node, ops.Mul) or node.name in build.exact:
            take_exactly(build, node, tail)
        case ops.Activation():
            _add_unit(build, node.name, build.source.by_name[node.inputs[0]], node, tail)
        case ops.Linear() | ops.Conv() | ops.Add() if not _has_activation(build.source, node, tail):
            if summed_by_host(build.source, node, tail):
                decode(build, node.name, node.inputs, node.bias, build.values[node.name])
                build.values.release(node.name)
            else:
                _add_unit(build, node.name, node, None, tail)


def _begins_state(build: Build, node: ops.Node) -> bool:
    return all(isinstance(reader, ops.State) for reader in build.source.consumers[node.name])


def _last_readers(network: Network, tail: frozenset[str]) -> dict[str, list[str]]:
    """Return, by node, the tensors that no unit reads after it: a unit is made at its activation, where it has one."""
    place = {node.name: k for k, node in enumerate(network.nodes)}
    last: dict[str, str] = {}
    for node in network.nodes:
        at = next((r.name for r in network.consumers[node.name] if _has_activation(network, node, tail)), node.name)
        last.update((name, max(last.get(name, at), at, key=place.__getitem__)) for name in node.inputs)
    found: dict[str, list[str]] = {}
    for name, at in last.items():
        found.setdefault(at, []).append(name)
    return found


def _let_go(build: Build, name: str) -> None:
    """Free the signals that carry tensor ``name``: nothing reads it any more."""
    build.owed.pop(name, None)
    for key in (name, f"{name} encoded", f"{name} neurons", *build.copies.pop(name, ())):
        build.signals.pop(key, None)


def _read_by_host(build: Build, node: ops.Node, head: frozenset[str], tail: frozenset[str]) -> bool:
    return any(r.name in head or r.name in tail for r in build.source.consumers[node.name])


def _has_activation(network: Network, node: ops.Node, tail: frozenset[str]) -> bool:
    """Whether the accumulator ``node`` has an activation on the chip, with which it makes one unit."""
    return any(isinstance(r, ops.Activation) and r.name not in tail for r in network.consumers[node.name])


def _add_zeros(build: Build, node: ops.Constant) -> None:
    """Append a constant that stands for the missing half of what is joined with signed tensors."""
    assert not node.values.any(), f"constant {node.name!r} is left on the chip"
    zeros = node.values.astype(np.int64)
    build.nodes.append(replace(node, values=zeros))
    values = torch.zeros((1, build.values.samples, *zeros.shape))
    channels = len(zeros)
    build.signals[node.name] = Signal.of(values, np.ones(channels), np.zeros(channels), build.steps)


def _move(build: Build, node: ops.Node) -> None:
    names = tuple(read(build, name) for name in node.inputs)
    given = [build.signals[name] for name in names]
    moved = replace(node, inputs=names)
    if isinstance(moved, ops.Pad):
        moved = replace(moved, value=given[0].zero_point())
    build.nodes.append(moved)
    build.signals[node.name] = carried(moved, given)


def _context(build: Build, unit_name: str, accumulator: ops.Node) -> Context:
    """Return what the unit's output is added to: all that shares sums with it, and the sum that it is a part of."""
    tied = tuple(
        _extent(build, name) for name in build.ties.get(unit_name, (unit_name,)) if name in build.values.extents
    )
    readers = build.source.consumers[unit_name]
    part = bool(origin_of(unit_name)[1]) and all(isinstance(r, ops.Add) for r in readers)
    total = build.values[readers[0].name] if part else None
    level = unit_name in build.meetings
    return Context(
        extent=_extent(build, unit_name), tied=tied, total=total, source=build.source, level=level,
        state=build.ranges.get(unit_name),
    )  # fmt: skip


def _extent(build: Build, name: str) -> Extent:
    """Return how far a tensor reaches, together with what it meets in one channel."""
    own = build.values.extents[name]
    met = build.meetings.get(name)
    return own if met is None else joint([build.values.extents.get(other, own) for other in met], len(own.low))


def _unit(build: Build, name: str, accumulator: ops.Node, activation: ops.Activation | None, decoded: bool) -> Unit:
    """Return the unit with the signals it reads; a sum reads every copy of its terms."""
    assert isinstance(accumulator, ACCUMULATORS)
    if isinstance(accumulator, ops.Add):
        shares = [build.copies.get(name, (name,)) for name in accumulator.inputs]
        gains = np.repeat(accumulator.coefficients, [len(s) for s in shares], axis=0)
        names = tuple(name for share in shares for name in share)
        accumulator = replace(accumulator, inputs=names, coefficients=gains)
    cap, function = _clipping(activation), None
    if activation is not None and cap is None:
        function = activation
    return Unit(
        name=name,
        accumulator=accumulator,
        cap=cap,
        decoded=decoded,
        padded=is_padded(build.source, name),
        inputs=tuple(build.signals[read(build, i)] for i in accumulator.inputs),
        importance=build.importance.get(accumulator.name),
        target=_made_up(build, accumulator.name) if activation is None else build.values[accumulator.name],
        function=function,
        channels=build.repeats.get(name.split(maxsplit=1)[0]),  # passes name parts after a blank
    )


def _clipping(activation: ops.Activation | None) -> float | None:
    """Return the largest value of a ReLU or a clip from 0; None for any other function, or none."""
    if activation is None or activation.function not in CLIPPING:
        return None
    return np.inf if activation.function == "relu" else activation.parameters["high"]


def _made_up(build: Build, name: str) -> torch.Tensor:
    """Return the target of a signed tensor: what the original gives, and what other terms of its sum lack by now."""
    target = build.values[name]
    readers = build.source.consumers[name]
    if len(readers) != 1 or not isinstance(readers[0], ops.Add):
        return target
    gains = dict(zip(readers[0].inputs, readers[0].coefficients, strict=True))
    own = gains.pop(name)
    if (own == 0).any():
        return target
    for term, gain in gains.items():
        if term in build.owed:
            target = target + build.owed[term] * per_channel(gain / own, target)
    return target


def _add_unit(
    build: Build, name: str, accumulator: ops.Node, activation: ops.Activation | None, tail: frozenset[str]
) -> None:
    readers = build.source.consumers[name]
    of_decoded_sum = any(summed_by_host(build.source, r, tail) for r in readers)
    unit = _unit(build, name, accumulator, activation, of_decoded_sum or all(r.name in tail for r in readers))
    context = _context(build, name, accumulator)
    fit = build.fitter.fit(unit, context)
    neurons = f"{name} neurons" if unit.decoded and not of_decoded_sum else name
    given = delivered(unit, fit, build.chip, build.steps)
    scale = build.fitter.gain(unit, context, fit, given)
    fit = replace(fit, scale=np.full_like(scale, scale.mean()) if context.level else scale)
    given = Signal.of(given.values, fit.scale, fit.zero, build.steps)
    names = tuple(read(build, i) for i in unit.accumulator.inputs)
    build.nodes += emit_unit(unit, fit, names, neurons, (1 << build.chip.signal.input_bits) - 1)
    build.signals[neurons] = given
    sent = given.sent(build.chip.signal.skip_zero)
    build.activity[neurons] = np.zeros_like(sent) if fit.readout == "potential" else sent
    original = unit.activated(build.values[accumulator.name])
    record_unit(build, unit, fit, given, (original, context.total))
    channels = unit.target.shape[1]
    if build.fitter.makes_up and any(isinstance(r, ops.Add) for r in readers):
        build.owed[name] = original - mean_of_copies(given.value(), channels)
    if not unit.decoded and fit.channels > channels:
        _share(build, name, channels)
    if any(r.name in tail for r in readers):
        decode(build, name, (neurons,), np.zeros(channels), original)
    elif activation is not None and origin_of(name)[1] == "":
        record_layer(build, name, given.value(), original)
    build.values.release(accumulator.name)


def _share(build: Build, name: str, channels: int) -> None:
    """Give each of the copies that carry tensor ``name`` in equal shares a node of its own."""
    signal = build.signals[name]
    copies = len(signal.scale) // channels
    names = []
    for k in range(copies):
        cut = ops.Slice(
            name=f"{name} copy {k + 1}", inputs=(name,), start=k * channels, stop=(k + 1) * channels, axis=0
        )
        part = carried(cut, [signal])
        build.signals[cut.name] = replace(part, scale=part.scale / copies, zero=part.zero / copies)
        build.nodes.append(cut)
        names.append(cut.name)
    build.copies[name] = tuple(names)


def _copy_tail(build: Build, node: ops.Node) -> None:
    build.nodes.append(replace(node, inputs=tuple(build.renamed.get(name, name) for name in node.inputs)))
