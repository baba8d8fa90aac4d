"""The transformation: canonicalise, lower, split, then fit unit by unit."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from neutrams.base.arrays import AnyArray, IntArray, check_finite
from neutrams.base.errors import CapacityError, InputError, SpecError, UnsupportedError
from neutrams.evaluate import float_values
from neutrams.hardware import Chip
from neutrams.network import Network
from neutrams.network.spiking import has_spiking
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.cost import macs_of
from neutrams.transform.lower import lower_functions
from neutrams.transform.names import plain_names
from neutrams.transform.options import CALIBRATION_SAMPLES, TransformOptions, neuron_model, partial_code
from neutrams.transform.pairs import padded_signed
from neutrams.transform.repeat import Repeated, repeat_channels
from neutrams.transform.repeat_inputs import repeat_inputs
from neutrams.transform.room import inputs_of_a_core
from neutrams.transform.samples import evenly, some_of
from neutrams.transform.split import SplitPlan, split_fan_in
from neutrams.transform.stepwise import units_for_states
from neutrams.transform.transformed import Transformed
from neutrams.transform.tuning.ablation import Ablation
from neutrams.transform.tuning.ann_fitter import COARSE_BITS, AnnFitter
from neutrams.transform.tuning.approximation import approximation_losses
from neutrams.transform.tuning.build import Build, Fitter
from neutrams.transform.tuning.constrain import Progress, constrain
from neutrams.transform.tuning.exact_products import check_digits
from neutrams.transform.tuning.originals import Originals, live_elements
from neutrams.transform.tuning.sensitivity import sensitivities
from neutrams.transform.tuning.snn_fitter import SnnFitter, SpikeRule
from neutrams.transform.tuning.spiking import spiking_core
from neutrams.transform.tuning.states import through_time
from neutrams.transform.tuning.steps import merged
from neutrams.transform.tuning.ties import meeting_tensors, tied_tensors
from neutrams.transform.tuning.weights import FEW_BITS
from neutrams.transform.two_ranges import in_two_ranges, wide_tensors


def transform(
    network: Network,
    chip: Chip,
    calibration: Mapping[str, AnyArray],
    options: TransformOptions,
    progress: Progress | None = None,
) -> Transformed:
    """Return an equivalent of ``network`` that obeys the limits of ``chip``.

    Args:
        network: A float network.
        chip: The chip.
        calibration: Each input ``[N, *shape]`` by name; sets value ranges and is what units are tuned on.
        options: Mode, steps, effort, seed.
        progress: Called with (units done, units in all).

    Raises:
        InputError: Calibration data are missing, empty, misshapen or not finite.
        UnsupportedError: The network holds what cannot go on a chip.
        SpecError: The chip does not have the mode.
        CapacityError: The chip's fan-in is too small for any split.
    """
    check_inputs(network, calibration, "calibration")
    if has_spiking(network):
        return _spike_for_spike(network, chip, calibration, options, progress)
    neuron_model(chip, options.mode)
    repeated = _repeated(canonicalize(plain_names(network)), chip, calibration, options)
    canonical = repeated.network
    check_loops(canonical, options)
    taken = _samples(canonical, chip, calibration, options)
    data, labels = some_of(calibration, taken), None if options.labels is None else options.labels[taken]
    few = some_of(data, evenly(data, LOWERING_SAMPLES))
    exact = options.state_bits == 16
    if exact:
        check_digits(chip)
    able = chip if options.mode == "ann" else chip.with_values(neuron={"table_bits": 0, "functions": ()})
    lowered = lower_functions(canonical, able, lambda n: _arrays(n, float_values(n, few)), exact)
    plan, copies = split_plan(chip, options, lowered.network)
    split = split_fan_in(lowered.network, plan)
    if options.mode == "ann":
        split = _ranged(split, plan, chip, few)
    split = units_for_states(split)
    ablation, importance = Ablation(split, data, labels), {}
    if _weighs_errors(chip, options):
        importance = sensitivities(split, data, options.seed)

    ties, meetings, originals = tied_tensors(split), meeting_tensors(split), Originals(split, data)

    def built(held: Mapping[str, torch.Tensor], accounts: bool) -> tuple[Network, Build]:
        build = Build(
            source=split, chip=chip, fitter=_fitter(chip, options, copies), steps=options.steps,
            values=originals.again(), ablation=ablation, ties=ties,
            meetings=meetings, repeats=repeated.channels, importance=importance, remembered=held,
            accounts=accounts,
        )  # fmt: skip
        build.ledger += approximation_losses(lowered, data, labels) if accounts else []
        return constrain(build, progress)[0], build

    core, build = through_time(built, split, data, chip, ROUNDS[options.effort])
    steps = max(split.loop_steps.values(), default=1)
    activity = {name: words * steps for name, words in build.activity.items()}
    samples = len(next(iter(data.values())))
    return Transformed(network=core, ledger=tuple(build.ledger), activity=activity, samples=samples)


def _spike_for_spike(
    network: Network,
    chip: Chip,
    calibration: Mapping[str, AnyArray],
    options: TransformOptions,
    progress: Progress | None,
) -> Transformed:
    """Return a network of spiking neurons in core operators, with the same steps."""
    if options.copies != 1:
        raise SpecError(
            f"copies is {options.copies} for a network of spiking neurons, which are what they are",
            where="option copies",
            fix="leave it at 1",
        )
    if options.state_bits != 8:
        raise SpecError(
            f"state_bits is {options.state_bits} for a network of spiking neurons, whose potentials are the chip's",
            where="option state_bits",
            fix="leave it at 8",
        )
    steps = max(network.loop_steps.values())
    if options.mode != "snn" or options.steps not in (1, steps):
        raise SpecError(
            f"a network of spiking neurons is compiled in mode {options.mode} with {options.steps} steps",
            where="option mode",
            fix=f"take mode snn; the network has {steps} steps of its own",
        )
    return spiking_core(plain_names(network), chip, calibration, options, progress)


ROUNDS = (1, 3, 4, 6)
"""How often a loop is fitted, by effort: first on what the original remembers, then on what the chip does."""


def check_loops(network: Network, options: TransformOptions) -> None:
    """Refuse loops in snn mode.

    Raises:
        UnsupportedError: There is one.
    """
    if options.mode == "snn" and network.loop_steps:
        raise UnsupportedError(
            "rates have no order in time, a loop has", where="option mode", fix="take mode ann for recurrent networks"
        )


MOST_RANGED = 4
"""Most rounds in which tensors are given two ranges: what reads their parts may need them too."""


def _ranged(split: Network, plan: SplitPlan, chip: Chip, data: Mapping[str, AnyArray]) -> Network:
    """Return a split network with two ranges for the tensors that need them."""
    settled: set[str] = set()
    for _ in range(MOST_RANGED):
        ends = wide_tensors(split, chip, data, settled)
        if not ends:
            break
        settled.update(split.by_name)
        split = split_fan_in(in_two_ranges(split, ends), plan)
    return split


def _weighs_errors(chip: Chip, options: TransformOptions) -> bool:
    """Whether errors are weighed by what they do to the answer: worth its time where weights have few bits."""
    return options.mode == "ann" and options.effort >= WEIGHING_EFFORT and chip.core.weight_bits < FEW_BITS


def _fewest_bits(chip: Chip) -> int:
    return min(chip.core.weight_bits, chip.signal.input_bits, chip.signal.output_bits)


def _arrays(network: Network, values: Mapping[str, torch.Tensor]) -> dict[str, AnyArray]:
    steps = network.loop_steps
    return {name: (merged(x) if name in steps else x).numpy() for name, x in values.items()}


def _fitter(chip: Chip, options: TransformOptions, copies: int) -> Fitter:
    if options.mode == "ann":
        return AnnFitter(chip, options.effort, options.seed, copies)
    model = neuron_model(chip, options.mode)
    rule = SpikeRule(model=model, steps=options.steps, balance=options.balance)
    return SnnFitter(chip, rule, copies)


WEIGHING_EFFORT = 2
"""Effort from which errors of few-bit weights are weighed by what they do to the answer."""

LOWERING_SAMPLES = 256
"""Calibration samples from which functions are approximated."""

CHEAP_MACS = 1 << 31
"""Up to this much work, twice as many samples are taken where few bits are fitted to them [MAC]."""

CALIBRATION_BYTES = 1 << 30
"""About how much memory tensors of calibration samples may take [byte]."""

BYTES_A_VALUE = 12
"""Memory for each value that is held at once: target, signal, accumulator [byte]."""

LOOP_SAMPLES = 256
"""No fewer samples are used of a network with loops, however long, where there are as many and memory allows."""

FEWEST_SAMPLES = 32
"""No fewer calibration samples are used, whatever they take."""

PART_COPIES = 4
"""Most neurons that carry a partial sum in ann mode."""

FEW_SIGNAL_BITS = 4
"""Up to this width of signals partial sums are carried by several neurons."""

RELAY_COPIES = 2
"""Relay neurons of staggered charge that carry a partial sum in snn mode, where the fan-in leaves room for them."""

MOST_RELAYS = 4
"""Most of them, where steps are few."""

RELAY_SPIKES = 32
"""Spikes that relays of a sum together can fire, up to that many relays."""


def split_plan(chip: Chip, options: TransformOptions, network: Network) -> tuple[SplitPlan, int]:
    """Return (how the layers of ``network`` are divided, how many copies carry each part).

    In snn mode a signed tensor within a border of zeros is carried by pairs: a rate with an offset has no zero there.

    Raises:
        CapacityError: The fan-in is too small for partial sums to be added up.
    """
    code = partial_code(chip, options)
    spiking = options.mode == "snn"
    if spiking and padded_signed(network):
        code = "pair"
    free = inputs_of_a_core(chip, options.mode)
    carriers = 2 if code == "pair" else 1
    wanted = relay_copies(code, options.steps) if spiking else part_copies(chip)
    copies = wanted if free >= 2 * carriers * wanted else 1
    terms = free // (carriers * copies)
    if terms < 2:
        raise CapacityError(
            f"a neuron of chip {chip.name!r} can have {free} inputs, adding partial sums takes {2 * carriers}",
            where="core.axons",
            fix=f"take a core with at least {2 * carriers + chip.core.axons - free} axons",
        )
    pairs = code == "pair"
    return SplitPlan(
        fan_in=free, terms=terms, neurons=chip.core.neurons, pairs=pairs, spread_bias=spiking and pairs
    ), copies


def relay_copies(code: str, steps: int) -> int:
    """Return how many relay neurons are to carry a partial sum in snn mode: with an offset, more where steps are few.

    Under reset to zero their threshold follows their number, and more of them gain nothing.
    """
    return RELAY_COPIES if code == "pair" else min(MOST_RELAYS, max(RELAY_COPIES, RELAY_SPIKES // steps))


def part_copies(chip: Chip) -> int:
    """Return how many neurons of staggered bias carry a partial sum in ann mode: more where signals have few bits.

    A whole activation that is added to them weighs as much as all copies together, which a weight must be able to.
    """
    few = min(chip.signal.output_bits, chip.signal.input_bits) <= FEW_SIGNAL_BITS
    return max(1, min(PART_COPIES, chip.core.weight_range[1])) if few else 1


def check_inputs(network: Network, arrays: Mapping[str, AnyArray], what: str) -> None:
    """Refuse arrays that are not the network's inputs.

    Raises:
        InputError: One is missing, unknown, empty, misshapen or not finite.
    """
    shapes = {node.name: node.shape for node in network.inputs}
    if set(arrays) != set(shapes):
        raise InputError(
            f"arrays are named {sorted(arrays)}, the inputs of the model are {sorted(shapes)}",
            where=what,
            fix="name each array as the model names its input (or give a single one as x)",
        )
    lengths = {len(a) if a.ndim else 0 for a in arrays.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise InputError(
            f"the arrays hold {sorted(lengths)} samples",
            where=what,
            fix="give at least one sample, as many of each input",
        )
    for name, array in arrays.items():
        if array.shape[1:] != shapes[name]:
            raise InputError(
                f"samples of {name!r} have shape {array.shape[1:]}, the model takes {shapes[name]}",
                where=what,
                fix="reshape them, the batch axis first",
            )
        if array.dtype.kind not in "fiub":
            raise InputError(f"{name!r} holds {array.dtype}", where=what, fix="give numbers")
        check_finite(np.asarray(array, dtype=np.float64), f"{what}, {name!r}")


def _repeated(network: Network, chip: Chip, calibration: Mapping[str, AnyArray], options: TransformOptions) -> Repeated:
    """Return the network with channels repeated if they are rates or have few bits, inputs if those have few."""
    if options.mode == "ann" and _fewest_bits(chip) >= COARSE_BITS:
        return Repeated(network=network, channels={})
    repeated = repeat_channels(network, chip, options.copies)
    if options.mode == "snn":
        return repeated
    some = some_of(calibration, evenly(calibration, LOWERING_SAMPLES))
    return replace(repeated, network=repeat_inputs(repeated.network, chip, some))


def _samples(network: Network, chip: Chip, calibration: Mapping[str, AnyArray], options: TransformOptions) -> IntArray:
    """Return which samples are used: as many as effort and memory allow, evenly spread."""
    most = CALIBRATION_SAMPLES[options.effort]
    if options.mode == "ann" and _fewest_bits(chip) < FEW_BITS:
        most = min(2 * most, max(most, CHEAP_MACS // max(1, sum(macs_of(network).values()))))
    steps = max(network.loop_steps.values(), default=1)
    most = min(most, max(LOOP_SAMPLES, 4 * most // steps))  # each step of a loop is one to tune on
    bytes_a_sample = live_elements(network) * (BYTES_A_VALUE + (options.steps if options.mode == "snn" else 0))
    return evenly(calibration, max(FEWEST_SAMPLES, min(most, CALIBRATION_BYTES // bytes_a_sample)))
