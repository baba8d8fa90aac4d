"""Products with a gate by its binary digits, and sums of them that states remember in twice the bits of a signal.

A gate a = s A, A = 0 ... 2^n - 1, times x = t X + z is s t sum_k 2^k (b_k X) + s z A with the digits b_k of A. A
digit is a neuron that compares what higher digits leave of A, and b_k X = relu(X + 2^n (b_k - 1)): whole numbers all
along, and nothing is rounded. A state that adds up such products holds its sum in two signals, the high digits and
the rest: the second neuron reads, one tick later, the same sum and takes away the first. Eight bits would forget a
little at every step, however far the gate is open.

References:
    Baugh & Wooley (1973), A two's complement parallel array multiplication algorithm: sums of gated, shifted digits.
    doi 10.1109/T-C.1973.223648
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.base.errors import SpecError
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.transform.names import part_name
from neutrams.transform.tuning.ann import bias_parts
from neutrams.transform.tuning.build import Build
from neutrams.transform.tuning.decode import decode
from neutrams.transform.tuning.delivery import delivered
from neutrams.transform.tuning.emit import emit_unit
from neutrams.transform.tuning.loss import record_layer
from neutrams.transform.tuning.ranges import OutputRange, from_zero, signal_bits
from neutrams.transform.tuning.signal import Signal
from neutrams.transform.tuning.unit import Fit, Unit

GATE_BITS = 8
"""Digits of a gate."""

TOP = (1 << GATE_BITS) - 1
LEVEL = 1 << (GATE_BITS - 1)
"""What a digit of 1 is sent as."""

BIAS_AXONS = 2
"""Axons with a constant for what a bias register does not hold."""

LEAST_AXONS = 64
"""A core with fewer has no room for the digits of two products."""


def has_digits(chip: Chip) -> bool:
    """Whether products by digits can go on ``chip``: signals and weights of 8 bits, unsigned, a scale a neuron."""
    return (
        signal_bits(chip, decoded=False) == GATE_BITS
        and chip.core.weight_range[1] >= LEVEL // 2
        and chip.signal.partial_sums != "signed"
        and (chip.core.bias, chip.neuron.scale) == ("register", "neuron")
        and min(chip.neuron.bias_bits, chip.neuron.multiplier_bits) >= 16
        and chip.neuron.shift_bits >= 5
        and chip.core.accumulator_bits >= 20
        and chip.core.axons >= LEAST_AXONS
    )


def check_digits(chip: Chip) -> None:
    """Refuse a chip that has no products by digits.

    Raises:
        SpecError: It has none.
    """
    if not has_digits(chip):
        raise SpecError(
            f"chip {chip.name!r} cannot hold states in 16 bits: that takes unsigned signals and weights of 8 bits, a "
            f"bias register and a multiplier of 16 bits a neuron, and {LEAST_AXONS} axons a core",
            where="option state_bits",
            fix="leave it at 8",
        )


def gate_ranges(source: Network, tail: frozenset[str]) -> dict[str, OutputRange]:
    """Return how the gate of each product on the chip maps to integers: 1 is the largest."""
    return {
        node.inputs[0]: from_zero(np.full(source.shapes[node.name][0], 1.0 / TOP), GATE_BITS, fixed=True)
        for node in source.nodes
        if isinstance(node, ops.Mul) and node.name not in tail
    }


def sums_of_products(source: Network) -> frozenset[str]:
    """Return the sums that update a state and have a product among their terms."""
    updates = (source.by_name[node.inputs[0]] for node in source.nodes if isinstance(node, ops.Update))
    return frozenset(
        unit.name
        for unit in updates
        if isinstance(unit, ops.Add) and any(isinstance(source.by_name[term], ops.Mul) for term in unit.inputs)
    )


def take_exactly(build: Build, node: ops.Mul | ops.Add, tail: frozenset[str]) -> None:
    """Append a product with a gate, or the sum of such that updates a state."""
    if isinstance(node, ops.Mul):
        _multiply(build, node)
        return
    original = build.values[node.name]
    _add(build, node)
    if any(reader.name in tail for reader in build.source.consumers[node.name]):
        decode(build, node.name, build.copies[node.name], np.zeros(original.shape[1]), original)
    else:
        high, rest = (build.signals[name].value() for name in build.copies[node.name])
        record_layer(build, node.name, high + rest, original)
    build.values.release(node.name)


def updates_of_two(node: ops.Node) -> list[ops.Node]:
    """Return the updates of both signals of a state."""
    assert isinstance(node, ops.Update)
    rest = ops.Update(name=f"{node.name} rest", inputs=(f"{node.inputs[0]} rest",), state=f"{node.state} rest")
    return [node, rest]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sum:
    """A sum of signals in whole numbers: coefficients int64 ``[K, C]``, and what its neurons make of it."""

    name: str
    inputs: tuple[str, ...]
    coefficients: IntArray
    bias: FloatArray | IntArray
    multiplier: FloatArray
    shift: int
    high: int
    scale: FloatArray
    zero: FloatArray


def _emit(build: Build, what: _Sum) -> Signal:
    """Append the neurons of a sum; return what they give."""
    channels = what.coefficients.shape[1]
    signals = tuple(build.signals[name] for name in what.inputs)
    kept = np.flatnonzero(what.coefficients.any(axis=1)).tolist()
    names, given = tuple(what.inputs[k] for k in kept), tuple(signals[k] for k in kept)
    rows = np.ascontiguousarray(what.coefficients[kept].T)
    accumulator = ops.Add(
        name=f"{what.name} sum", inputs=names, coefficients=rows.T.astype(np.float64), bias=np.zeros(channels)
    )
    unit = Unit(
        name=what.name, accumulator=accumulator, cap=None, decoded=False, inputs=given,
        target=torch.zeros((build.values.samples, channels)),
    )  # fmt: skip
    whole = np.ones(channels, dtype=np.int64)
    register, constant = bias_parts(np.rint(what.bias), build.chip, BIAS_AXONS)
    parameters = {
        "bias": register, "multiplier": what.multiplier.astype(np.int64), "shift": whole * what.shift,
        "low": 0 * whole, "high": whole * what.high,
    }  # fmt: skip
    fit = Fit(
        rows=rows,
        model="requantize",
        parameters=parameters,
        weight_scale=np.ones(channels),
        scale=what.scale,
        zero=what.zero,
        bias_weights=constant,
    )
    build.nodes += emit_unit(unit, fit, names, what.name, TOP)
    signal = delivered(unit, fit, build.chip, build.steps)
    build.signals[what.name] = signal
    build.activity[what.name] = signal.sent(build.chip.signal.skip_zero)
    return signal


def _multiply(build: Build, node: ops.Mul) -> None:
    """Append the digits of a product's gate, and note its factors: the sums that read it gate them."""
    gate, channels = node.inputs[0], build.source.shapes[node.name][0]
    digits = [part_name(gate, f"digit {k}") for k in range(GATE_BITS)]
    for k in reversed(range(GATE_BITS)):
        if digits[k] in build.signals:
            continue
        higher = range(k + 1, GATE_BITS)
        rows = [LEVEL // 2, *(-(1 << (j - 1)) for j in higher)]
        one = np.ones(channels)
        _emit(build, _Sum(
            name=digits[k], inputs=(gate, *(digits[j] for j in higher)), coefficients=_columns(rows, channels),
            bias=np.full(channels, LEVEL // 2 * (1 - (1 << k))), multiplier=4 * one, shift=1, high=LEVEL, scale=one,
            zero=0 * one,
        ))  # fmt: skip
    _gated(build, node, digits)


def _columns(rows: Sequence[int], channels: int) -> IntArray:
    return np.repeat(np.array(rows, dtype=np.int64)[:, None], channels, axis=1)


def _gated(build: Build, node: ops.Mul, digits: Sequence[str]) -> None:
    """Append x where a digit is 1, for each digit and each signal that carries x; they carry the product together."""
    gate, factor = node.inputs
    unit = _least(build, node)
    names = []
    for part, name in enumerate(build.copies.get(factor, (factor,))):
        signal = build.signals[name]
        known = signal.per_channel()
        assert known is not None
        scale, zero = known
        label = "rest " if part else ""
        for k, digit in enumerate(digits):
            worth = scale * (1 << k) / TOP
            names.append(
                _scaled(build, (part_name(node.name, f"{label}digit {k}"), (name, digit)), worth, unit, (1, 2))
            )
        if zero.any():
            worth = zero / TOP
            names.append(_scaled(build, (part_name(node.name, f"{label}offset"), (gate,)), worth, unit, (1,)))
    build.copies[node.name] = tuple(names)


def _least(build: Build, node: ops.Mul) -> FloatArray:
    """Return the unit in which the sums that read a product count, ``[C]``: that of the state they update."""
    for reader in build.source.consumers[node.name]:
        if reader.name in build.ranges:
            return build.ranges[reader.name].scale / TOP
    raise AssertionError(f"no state adds up product {node.name!r}")


def _scaled(
    build: Build, named: tuple[str, tuple[str, ...]], worth: FloatArray, unit: FloatArray, rows: tuple[int, ...]
) -> str:
    """Append neurons each step of which is worth a whole number of units, near ``worth``; return their name.

    ``rows`` are (1,) for a signal as it is, or (1, 2) for a signal and its digit.
    """
    name, inputs = named
    channels = len(worth)
    steps = np.maximum(np.ceil(np.abs(worth) / unit - 1e-9), 1.0)
    ratio = np.minimum(np.abs(worth) / (steps * unit), 1.0)
    multiplier = np.rint(ratio * (1 << 15))
    bias = np.full(channels, -2 * LEVEL if len(rows) == 2 else 0)
    _emit(build, _Sum(
        name=name, inputs=inputs, coefficients=_columns(rows, channels), bias=bias, multiplier=multiplier, shift=15,
        high=TOP, scale=np.sign(worth) * steps * unit, zero=np.zeros(channels),
    ))  # fmt: skip
    return name


def _add(build: Build, node: ops.Add) -> None:
    """Append the sum that updates a state in two signals: floor(sum / 255) and what is left, in units of 1 / 255."""
    reach = build.ranges[node.name]
    unit, channels = reach.scale / TOP, len(reach.scale)
    most = build.chip.core.weight_range[1]
    inputs: list[str] = []
    rows: list[IntArray] = []
    constant = node.bias - reach.zero
    for term, gain in zip(node.inputs, node.coefficients, strict=True):
        for name in build.copies.get(term, (term,)):
            known = build.signals[name].per_channel()
            assert known is not None
            scale, zero = known
            constant = constant + gain * zero
            weight = np.rint(gain * scale / unit).astype(np.int64)
            axons = max(1, int(-(-np.abs(weight).max() // most)))
            inputs += [name] * axons
            rows += [_share(weight, axons, j) for j in range(axons)]
    lead = np.rint(constant / unit).astype(np.int64)
    one = np.ones(channels)
    high, rest, whole = node.name, f"{node.name} rest", f"{node.name} high"
    _emit(build, _Sum(
        name=high, inputs=tuple(inputs), coefficients=np.stack(rows), bias=lead - TOP // 2,
        multiplier=np.rint((1 << 23) / TOP) * one, shift=23, high=TOP, scale=reach.scale,
        zero=reach.zero + reach.scale / 2,
    ))  # fmt: skip
    back = [-_share(np.full(channels, TOP), 3, j) for j in range(3)]
    _emit(build, _Sum(
        name=rest, inputs=(*inputs, *(high,) * 3), coefficients=np.stack([*rows, *back]),
        bias=lead, multiplier=2 * one, shift=1, high=TOP, scale=unit, zero=0 * one,
    ))  # fmt: skip
    _alias(build, whole, high, reach)
    build.copies[node.name] = (whole, rest)


def _share(weight: IntArray, axons: int, j: int) -> IntArray:
    """Return share ``j`` of ``axons`` nearly equal ones of whole numbers."""
    return (np.abs(weight) + j) // axons * np.sign(weight)


def _alias(build: Build, name: str, source: str, reach: OutputRange) -> None:
    """Give the high part of a sum a name of its own: alone it stands for half a step more, with the rest for itself."""
    build.nodes.append(ops.Slice(name=name, inputs=(source,), start=0, stop=len(reach.scale), axis=0))
    build.signals[name] = Signal.of(build.signals[source].values, reach.scale, reach.zero, build.steps)


def hold_in_two(build: Build, node: ops.State, reach: OutputRange, begin: FloatArray) -> None:
    """Append a state that holds both signals of its sum, and what they are on calibration data."""
    rest, whole = f"{node.name} rest", f"{node.name} high"
    unit = reach.scale / TOP

    def parts(x: FloatArray) -> tuple[IntArray, IntArray]:
        steps = np.clip(np.rint((x - reach.zero) / unit), 0, TOP * (TOP + 1) - 1).astype(np.int64)
        return steps // TOP, steps % TOP

    for name, first in zip((node.name, rest), parts(begin), strict=True):
        build.nodes.append(ops.Constant(name=f"{name} begins", values=first))
        build.nodes.append(ops.State(name=name, inputs=(f"{name} begins",)))
    held: Mapping[str, torch.Tensor] = build.remembered
    if node.name in held:
        high, low = held[node.name], held[rest]
    else:
        exact = parts(build.values[node.name].double().numpy())
        high, low = (torch.from_numpy(part.astype(np.float32)) for part in exact)
    build.signals[node.name] = Signal.of(high[None], reach.scale, reach.zero + reach.scale / 2, build.steps)
    build.signals[rest] = Signal.of(low[None], unit, np.zeros_like(unit), build.steps)
    _alias(build, whole, node.name, reach)
    build.copies[node.name] = (whole, rest)
    build.values.release(node.name)
