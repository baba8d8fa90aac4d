"""Products with a gate by its binary digits, and sums of them that states remember in twice the bits of a signal.

A gate a = s A, A = 0 ... 2^n - 1, times x = t X + z is s t sum_k 2^k (b_k X) + s z A with the digits b_k of A. A
digit is a neuron that compares what higher digits leave of A, and b_k X = relu(X + 2^n (b_k - 1)). A state that adds
up such products counts in units u: each neuron gives what its term is worth in multiples of u, so that no weight of
the sum is rounded, only what the neuron gives, to its multiple. The state holds the sum in two signals, the high digits
and the rest: the second neuron reads, one tick later, the same sum and takes away the first. Eight bits would forget a
little at every step, however far the gate is open.

References:
    Baugh & Wooley (1973), A two's complement parallel array multiplication algorithm: sums of gated, shifted digits.
    doi 10.1109/T-C.1973.223648
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.base.errors import CapacityError, SpecError
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.transform.names import part_name
from neutrams.transform.tuning.ann import bias_parts
from neutrams.transform.tuning.build import Build
from neutrams.transform.tuning.decode import decode
from neutrams.transform.tuning.delivery import delivered
from neutrams.transform.tuning.emit import emit_unit
from neutrams.transform.tuning.loss import record_layer
from neutrams.transform.tuning.ranges import OutputRange, signal_bits
from neutrams.transform.tuning.reading import read
from neutrams.transform.tuning.signal import Signal
from neutrams.transform.tuning.unit import Fit, Unit

GATE_BITS = 8
"""Digits of a gate."""

TOP = (1 << GATE_BITS) - 1
LEVEL = 1 << (GATE_BITS - 1)
"""What a digit of 1 is sent as."""

AXONS_BACK = 3
"""Axons on which the second neuron of a sum takes the first one's steps away."""


def check_digits(chip: Chip) -> None:
    """Refuse a chip that has no products by digits.

    Raises:
        SpecError: It has none; names the key that is in the way.
    """
    core, neuron, signal = chip.core, chip.neuron, chip.signal
    limits = (
        ("signal.input_bits", signal.input_bits, f"{GATE_BITS} or more", signal.input_bits >= GATE_BITS),
        ("signal.output_bits", signal.output_bits, str(GATE_BITS), signal_bits(chip, decoded=False) == GATE_BITS),
        ("signal.partial_sums", signal.partial_sums, "none", signal.partial_sums == "none"),
        ("core.weight_bits", core.weight_bits, "weights up to 64", core.weight_range[1] >= LEVEL // 2),
        ("core.bias", core.bias, "register", core.bias == "register"),
        ("neuron.scale", neuron.scale, "neuron", neuron.scale == "neuron"),
        ("neuron.bias_bits", neuron.bias_bits, "16 or more", neuron.bias_bits >= 16),
        ("neuron.multiplier_bits", neuron.multiplier_bits, "16 or more", neuron.multiplier_bits >= 16),
        ("neuron.shift_bits", neuron.shift_bits, "5 or more", neuron.shift_bits >= 5),
    )
    for key, value, wanted, good in limits:
        if not good:
            raise SpecError(
                f"states of 16 bits take {wanted} of {key}, chip {chip.name!r} has {value}",
                where="option state_bits",
                fix="leave it at 8",
            )


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
    return [node, ops.Update(name=_rest(node.name), inputs=(_rest(node.inputs[0]),), state=_rest(node.state))]


def _rest(name: str) -> str:
    """Return what carries the rest of a tensor held in two signals; `_alone` is what the other stands for beside it."""
    return f"{name} rest"


def _alone(name: str) -> str:
    return f"{name} high"


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
    whole, level = np.ones(channels, dtype=np.int64), (1 << build.chip.signal.input_bits) - 1
    register, constant = bias_parts(np.rint(what.bias), build.chip, _bias_axons(what.bias, build.chip))
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
    build.nodes += emit_unit(unit, fit, names, what.name, level)
    signal = delivered(unit, fit, build.chip, build.steps)
    build.signals[what.name] = signal
    build.activity[what.name] = signal.sent(build.chip.signal.skip_zero)
    return signal


def _bias_axons(bias: AnyArray, chip: Chip) -> int:
    """Return how many axons with a constant hold what the bias registers do not."""
    beyond = float(np.abs(bias).max()) - (1 << (chip.neuron.bias_bits - 1)) + 1
    return max(0, int(np.ceil(beyond / (((1 << chip.signal.input_bits) - 1) * chip.core.weight_range[1]))))


def _multiply(build: Build, node: ops.Mul) -> None:
    """Append the digits of a product's gate, and the other factor gated by them."""
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
    """Append x where a digit is 1, for each digit and each signal that carries x; they carry the product together.

    In units of the sum that reads it, with the gain that it has there.
    """
    gate, factor = node.inputs
    (total,) = build.source.consumers[node.name]
    assert isinstance(total, ops.Add)
    gain = total.coefficients[total.inputs.index(node.name)]
    step, unit = gain * _known(build, gate)[0], build.ranges[total.name].scale / TOP
    names = []
    for part, carrier in enumerate(build.copies.get(factor, (factor,))):
        name = _carried(build, carrier)
        scale, zero = _known(build, name)
        label = "rest " if part else ""
        for k, digit in enumerate(digits):
            named = part_name(node.name, f"{label}digit {k}")
            names.append(_scaled(build, (named, (name, digit)), step * scale * (1 << k), unit))
        if zero.any():
            named = part_name(node.name, f"{label}offset")
            names.append(_scaled(build, (named, (gate,)), step * zero, unit))
    build.copies[node.name] = tuple(names)


def _carried(build: Build, tensor: str) -> str:
    """Return the core node that gives a tensor in 8 bits: what the host gives in more goes through neurons first."""
    name, bits = read(build, tensor), build.chip.signal.input_bits
    signal = build.signals[name]
    if float(signal.means.max()) <= TOP:
        return name
    narrow = part_name(name, "in 8 bits")
    if narrow not in build.signals:
        scale, zero = _known(build, name)
        shift, channels = 15 + bits - GATE_BITS, len(scale)
        multiplier = round((1 << shift) * TOP / ((1 << bits) - 1))
        _emit(build, _Sum(
            name=narrow, inputs=(name,), coefficients=_columns([1], channels), bias=np.zeros(channels),
            multiplier=np.full(channels, multiplier), shift=shift, high=TOP, scale=scale * (1 << shift) / multiplier,
            zero=zero,
        ))  # fmt: skip
    return narrow


def _known(build: Build, name: str) -> tuple[FloatArray, FloatArray]:
    """Return scale and zero of each channel of a signal."""
    known = build.signals[name].per_channel()
    assert known is not None
    return known


def _scaled(build: Build, named: tuple[str, tuple[str, ...]], worth: FloatArray, unit: FloatArray) -> str:
    """Append neurons each step of which is worth a whole number of units, near ``worth``; return their name.

    They read a signal as it is, or a signal and its digit.
    """
    name, inputs = named
    channels, rows = len(worth), (1, 2)[: len(inputs)]
    steps = np.maximum(np.ceil(np.abs(worth) / unit - 1e-9), 1.0)
    ratio = np.minimum(np.abs(worth) / (steps * unit), 1.0)
    bias = np.full(channels, -2 * LEVEL if len(rows) == 2 else 0)
    _emit(build, _Sum(
        name=name, inputs=inputs, coefficients=_columns(rows, channels), bias=bias,
        multiplier=np.rint(ratio * (1 << 15)), shift=15, high=TOP, scale=np.sign(worth) * steps * unit,
        zero=np.zeros(channels),
    ))  # fmt: skip
    return name


FEW_UNITS = 64
"""A signal worth fewer units a step is brought to a whole number of them first: its weight would be rounded too far."""


def _add(build: Build, node: ops.Add) -> None:
    """Append the sum that updates a state in two signals: floor(sum / 255) and what is left, in units of 1 / 255.

    Raises:
        CapacityError: A core has too few axons for it.
    """
    reach = build.ranges[node.name]
    unit, channels = reach.scale / TOP, len(reach.scale)
    inputs, rows, constant = _terms(build, node, unit)
    lead = np.rint(constant / unit).astype(np.int64)
    _check_room(build, node, rows, lead)
    one = np.ones(channels)
    high, rest = node.name, _rest(node.name)
    _emit(build, _Sum(
        name=high, inputs=tuple(inputs), coefficients=np.stack(rows), bias=lead - TOP // 2,
        multiplier=(1 << 23) // TOP * one, shift=23, high=TOP, scale=reach.scale, zero=reach.zero + reach.scale / 2,
    ))  # fmt: skip
    back = [-_share(np.full(channels, TOP), AXONS_BACK, j) for j in range(AXONS_BACK)]
    _emit(build, _Sum(
        name=rest, inputs=(*inputs, *(high,) * AXONS_BACK), coefficients=np.stack([*rows, *back]),
        bias=lead, multiplier=2 * one, shift=1, high=TOP, scale=unit, zero=0 * one,
    ))  # fmt: skip
    _alias(build, _alone(node.name), high, reach)
    build.copies[node.name] = (_alone(node.name), rest)


def _terms(build: Build, node: ops.Add, unit: FloatArray) -> tuple[list[str], list[IntArray], FloatArray]:
    """Return what a sum reads, an axon each, its weights in units ``[C]``, and the constant that offsets make."""
    most = build.chip.core.weight_range[1]
    names: list[str] = []
    rows: list[IntArray] = []
    constant = node.bias - build.ranges[node.name].zero
    for term, gain in zip(node.inputs, node.coefficients, strict=True):
        gated = isinstance(build.source.by_name[term], ops.Mul)  # in units and with its gain already
        for carrier in build.copies.get(term, (term,)):
            name = _carried(build, carrier)
            scale, zero = _known(build, name)
            worth = scale if gated else gain * scale
            constant = constant if gated else constant + gain * zero
            whole = np.allclose(worth / unit, np.rint(worth / unit), rtol=0, atol=1e-6)
            if not whole and np.abs(worth / unit).min() < FEW_UNITS:
                name = _scaled(build, (part_name(node.name, f"of {name}"), (name,)), worth, unit)
                worth = build.signals[name].scale
            weight = np.rint(worth / unit).astype(np.int64)
            axons = max(1, int(-(-np.abs(weight).max() // most)))
            names += [name] * axons
            rows += [_share(weight, axons, j) for j in range(axons)]
    return names, rows, constant


def _check_room(build: Build, node: ops.Add, rows: Sequence[IntArray], lead: IntArray) -> None:
    """Refuse a sum that does not fit into a core."""
    core = build.chip.core
    axons = len(rows) + AXONS_BACK + _bias_axons(lead, build.chip)
    largest = int((np.abs(lead) + TOP * (TOP + np.abs(rows).sum(axis=0))).max())
    if axons > core.axons or largest >> (core.accumulator_bits - 1):
        raise CapacityError(
            f"its sum of {len(node.inputs)} terms by digits takes {axons} axons and reaches {largest}; core.axons is "
            f"{core.axons}, core.accumulator_bits {core.accumulator_bits}",
            where=f"{node.name!r}, option state_bits",
            fix="leave state_bits at 8, or take larger cores",
        )


def _share(weight: IntArray, axons: int, j: int) -> IntArray:
    """Return share ``j`` of ``axons`` nearly equal ones of whole numbers."""
    return (np.abs(weight) + j) // axons * np.sign(weight)


def _alias(build: Build, name: str, source: str, reach: OutputRange) -> None:
    """Give the high part of a sum a name of its own: alone it stands for half a step more, with the rest for itself."""
    build.nodes.append(ops.Slice(name=name, inputs=(source,), start=0, stop=len(reach.scale), axis=0))
    build.signals[name] = Signal.of(build.signals[source].values, reach.scale, reach.zero, build.steps)


def hold_in_two(build: Build, node: ops.State, reach: OutputRange, begin: FloatArray) -> None:
    """Append a state that holds both signals of its sum, and what they are on calibration data."""
    rest = _rest(node.name)
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
    _alias(build, _alone(node.name), node.name, reach)
    build.copies[node.name] = (_alone(node.name), rest)
    build.values.release(node.name)
