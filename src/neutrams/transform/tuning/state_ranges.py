"""How the values of units that update states, and of gates that products take by their digits, map to integers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray
from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.network import ops
from neutrams.transform.facts import CLIPPING
from neutrams.transform.tuning.build import Build
from neutrams.transform.tuning.exact_products import AXONS_BACK, GATE_BITS, TOP
from neutrams.transform.tuning.originals import Extent, joint
from neutrams.transform.tuning.ranges import OutputRange, from_zero, signal_bits, signed_range, tied_scale


def state_ranges(build: Build, tail: frozenset[str]) -> dict[str, OutputRange]:
    """Return how the values of each unit that updates a state, and of each gate, map to integers, by its name.

    The range of a state spans what the original gives and what the state begins with. Each channel has its own where
    nothing needs one for all and the state begins with zeros: one that grows far would leave others few steps.

    Raises:
        CapacityError: A core has too few axons, or too narrow a sum, for what updates a state of 16 bits.
    """
    source, chip = build.source, build.chip
    found = _gate_ranges(build, tail)
    for node in source.nodes:
        if not isinstance(node, ops.Update):
            continue
        unit, state = source.by_name[node.inputs[0]], source.by_name[node.state]
        begin = build.values.beginnings[state.inputs[0]]
        extent = build.values.extents[unit.name]
        constant = isinstance(source.by_name[state.inputs[0]], ops.Constant)
        if begin.any() or not constant or unit.name in build.meetings or not _a_scale_each(build, unit, state.name):
            extent = joint([extent], len(extent.low))
        if unit.name in build.exact:
            assert isinstance(unit, ops.Add)
            extent = _with_room(build, unit, state.name, extent, found)
        found[unit.name] = _range(unit, extent, begin, chip)
    return found


def _a_scale_each(build: Build, unit: ops.Node, read: str) -> bool:
    """Whether channels of what ``unit`` gives, read as tensor ``read``, may have scales of their own.

    All that reads it must read channel by channel: a matrix would have to make up for the differences. A table, an
    encoder, what meets in one channel, and neurons of a core that share a multiplier have one scale.
    """
    return (
        len(build.source.shapes[read]) == 1
        and all(isinstance(reader, ops.Add | ops.Mul) for reader in build.source.consumers[read])
        and (not isinstance(unit, ops.Activation) or unit.function in CLIPPING)
        and read not in build.meetings
        and build.chip.neuron.scale != "core"
    )


LEAST_WIDTH = 0.02
"""No channel's range is narrower than this share of the widest."""


def _range(unit: ops.Node, seen: Extent, begin: FloatArray, chip: Chip) -> OutputRange:
    bits = signal_bits(chip, decoded=False)
    low = np.minimum(seen.low, begin.min(initial=0.0))
    high = np.maximum(seen.high, begin.max(initial=0.0))
    high = np.maximum(high, low + max(LEAST_WIDTH * float((high - low).max()), 1e-30))
    positive = isinstance(unit, ops.Activation) and (unit.function in CLIPPING or seen.low.min() >= 0)
    if positive and low.min() >= 0:
        return from_zero(high / ((1 << bits) - 1), bits, fixed=True)
    ends = Extent(low=low, high=high, usual_low=low, usual_high=high)
    return signed_range(ends, tied_scale([ends], chip, bits, shared=False), chip, bits, padded=False)


LEAST_GATE = 2.0**-8
"""No gate's range ends below this."""


def _gate_ranges(build: Build, tail: frozenset[str]) -> dict[str, OutputRange]:
    """Return the ranges of the gates of products on the chip: each ends at a power of two, that of 1 at 1."""
    source, found = build.source, {}
    for node in source.nodes:
        if not isinstance(node, ops.Mul) or node.name in tail:
            continue
        gate = source.by_name[node.inputs[0]]
        reach = np.clip(build.values.extents[gate.name].high, LEAST_GATE, 1.0)
        if not _a_scale_each(build, gate, gate.name):
            reach = np.full_like(reach, reach.max())
        end = 2.0 ** np.ceil(np.log2(reach))
        found[gate.name] = from_zero(end / ((1 << GATE_BITS) - 1), GATE_BITS, fixed=True)
    return found


WIDER = 2.0 ** np.arange(-16, 5)
"""Shares of the widest of its terms that a state's range is widened to, until a sum of them fits into a core."""


def _with_room(build: Build, unit: ops.Add, state: str, seen: Extent, ranges: Mapping[str, OutputRange]) -> Extent:
    """Return the extent of a sum that updates ``state``, so wide that its terms, in its units, fit into a core.

    Raises:
        CapacityError: None is.
    """
    terms = [_term(build, unit, k, ranges) for k in range(len(unit.inputs))]
    widest = max((term.width for term in terms if not term.own), default=0.0) or 1.0
    chip = build.chip
    for least in widest * WIDER:
        more = np.maximum(least - (seen.high - seen.low), 0.0) / 2
        low, high = seen.low - more, seen.high + more
        axons, largest = _needs(terms, float((high - low).min()), chip)
        if axons <= chip.core.axons and largest < 1 << (chip.core.accumulator_bits - 1):
            return Extent(low=low, high=high, usual_low=low, usual_high=high)
    raise CapacityError(
        f"a sum of {len(terms)} terms by digits takes {axons} axons and reaches {largest}; core.axons is "
        f"{chip.core.axons}, core.accumulator_bits {chip.core.accumulator_bits}",
        where=f"state {state!r}, option state_bits",
        fix="leave state_bits at 8, or take larger cores",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    """A term of a sum that updates a state.

    Attributes:
        width: How far its values lie apart at most [source units], or in widths of the state.
        own: Whether it is that of the state itself, or of a product with it.
        product: Whether it is a product with a gate, in digits.
        held: Whether two signals carry it, or what the gate takes.
    """

    width: float
    own: bool
    product: bool
    held: bool


SLACK = 1.1
"""By how much scales may exceed what extents ask for."""


def _term(build: Build, total: ops.Add, place: int, ranges: Mapping[str, OutputRange]) -> _Term:
    """Return term ``place`` of the sum ``total``, in which a product has been given its gate's range."""
    source, name = build.source, total.inputs[place]
    share = float(np.abs(total.coefficients[place]).max()) * SLACK
    node = source.by_name[name]
    if isinstance(node, ops.Mul):
        gate, name = node.inputs
        share *= float(ranges[gate].scale.max()) * TOP
    updates = {n.state: n.inputs[0] for n in source.nodes if isinstance(n, ops.Update)}
    unit = updates.get(name, name)
    own = name in updates and unit == total.name
    return _Term(
        width=share * (1.0 if own else _width(build, unit, ranges)), own=own, product=isinstance(node, ops.Mul),
        held=unit in build.exact,
    )  # fmt: skip


def _width(build: Build, name: str, ranges: Mapping[str, OutputRange]) -> float:
    """Return how far the values of a tensor, and 0, lie apart [source units]."""
    if name in ranges:
        return float(ranges[name].scale.max()) * TOP
    known = build.values.extents.get(name)
    low, high = (known.low, known.high) if known else (build.values[name], build.values[name])
    return max(float(high.max()), 0.0) - min(float(low.min()), 0.0)


def _needs(terms: Sequence[_Term], width: float, chip: Chip) -> tuple[int, int]:
    """Return (axons, largest sum) of a sum of ``terms`` that updates a state of values ``width`` apart, at most."""
    most = chip.core.weight_range[1]
    digits = 2.0 ** np.arange(GATE_BITS)

    def axons(steps: AnyArray | float) -> int:
        return int(np.maximum(np.ceil(np.asarray(steps) / most), 1).sum())

    needed, size, constant = AXONS_BACK, 2.0, 1.0
    for term in terms:
        wide = term.width / (1.0 if term.own else width)
        size += 2 * wide
        constant += 0 if term.product else wide
        needed += (axons(wide * digits) if term.product else 0) + axons(wide * TOP)
        needed += axons(wide * digits / TOP if term.product else wide) if term.held else 0
    level = (1 << chip.signal.input_bits) - 1
    return needed + int(np.ceil(constant * TOP * TOP / (level * most))), int(size * TOP * TOP)
