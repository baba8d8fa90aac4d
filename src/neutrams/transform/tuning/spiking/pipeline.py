"""From a float network of spiking neurons to one in core operators that spikes in the same steps."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.errors import CapacityError
from neutrams.evaluate.run import node_values
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.neurons import NeuronModel
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.lower import check_supported, lower_exactly
from neutrams.transform.options import TransformOptions
from neutrams.transform.room import inputs_of_a_core
from neutrams.transform.samples import evenly, some_of
from neutrams.transform.split import SplitPlan, split_fan_in
from neutrams.transform.stepwise import stepwise, units_for_states
from neutrams.transform.transformed import Transformed
from neutrams.transform.tuning.ablation import Ablation
from neutrams.transform.tuning.spiking.build import Progress, SpikingBuild
from neutrams.transform.tuning.spiking.checks import check_between_neurons, check_one_spike
from neutrams.transform.tuning.spiking.delays import delays_as_states, spikes_in_states
from neutrams.transform.tuning.spiking.integers import MOST_BIAS_AXONS
from neutrams.transform.tuning.spiking.linear_chains import fold_linear_chains
from neutrams.transform.tuning.spiking.losses import losses
from neutrams.transform.tuning.spiking.models import KINDS, spiking_model

CARRIERS = (4, 16)
"""Fewest and most neurons that carry a partial sum, in as many levels a step and one more."""

CALIBRATION_BYTES = 1 << 30
"""About how much memory the original's tensors of all steps may take [byte]."""

MOST_SAMPLES = (64, 128, 256, 512)
"""Most calibration samples, by effort; each has all its steps."""


def spiking_core(
    network: Network,
    chip: Chip,
    calibration: Mapping[str, AnyArray],
    options: TransformOptions,
    progress: Progress | None = None,
) -> Transformed:
    """Return ``network``, whose neurons spike, in what ``chip`` has.

    Args:
        network: A float network with `Spiking` nodes in a loop.
        chip: The chip.
        calibration: Each input ``[N, T, *shape]`` by name.
        options: Effort and labels.
        progress: Called with (nodes done, nodes in all).

    Raises:
        UnsupportedError: The network, or a neuron in it, has no way onto the chip.
        CapacityError: The fan-in is too small.
    """
    prepared = canonicalize(spikes_in_states(stepwise(network)))
    prepared = lower_exactly(canonicalize(stepwise(prepared)))
    check_supported(prepared)
    check_between_neurons(prepared)
    neurons = [node for node in prepared.nodes if isinstance(node, ops.Spiking) and node.model != "Delay"]
    model = spiking_model(neurons, chip, any(_remembers(node) for node in prepared.nodes))
    prepared = canonicalize(spikes_in_states(delays_as_states(prepared, KINDS[model.name].current == "first")))
    prepared = units_for_states(fold_linear_chains(prepared))
    plan, copies = _plan(chip, prepared, model)
    split = split_fan_in(prepared, plan)
    chosen = _samples(split, calibration, options)
    data, labels = some_of(calibration, chosen), None if options.labels is None else options.labels[chosen]
    values = node_values(split, data, None)
    check_one_spike(split, values)
    build = SpikingBuild(source=split, chip=chip, model=model, fan_in=plan.fan_in, copies=copies, values=values)
    core = build.built(progress)
    rows = losses(build, Ablation(split, data, labels))
    return Transformed(network=core, ledger=rows, activity=build.activity, samples=len(chosen))


def _remembers(node: ops.Node) -> bool:
    return isinstance(node, ops.State) or (isinstance(node, ops.Spiking) and node.model == "Delay")


def _widest(network: Network) -> int:
    """Return the largest fan-in of a layer."""
    layers = [node for node in network.nodes if isinstance(node, ops.Linear | ops.Conv)]
    return max((int(np.prod(node.weights.shape[1:])) for node in layers), default=1)


def _plan(chip: Chip, network: Network, model: NeuronModel) -> tuple[SplitPlan, int]:
    """Return (how layers are divided, how many neurons carry each part: as many as one neuron can add up)."""
    free = inputs_of_a_core(chip, "snn")
    biased = any(node.bias.any() for node in network.nodes if isinstance(node, ops.Linear | ops.Conv | ops.Add))
    if biased and KINDS[model.name].current:
        free -= MOST_BIAS_AXONS
    parts = -(-_widest(network) // max(free, 1))
    copies = max(1, min(CARRIERS[1], free // 2, max(CARRIERS[0], free // parts)))
    if free < 2:
        raise CapacityError(
            f"a neuron of chip {chip.name!r} can have {free} inputs",
            where="core.axons",
            fix="take a core with at least 2 axons more",
        )
    return SplitPlan(fan_in=free, terms=max(2, free // copies), neurons=chip.core.neurons), copies


def _samples(network: Network, calibration: Mapping[str, AnyArray], options: TransformOptions) -> IntArray:
    """Return which samples are used: as many as effort and memory allow."""
    steps = network.loop_steps
    values = sum(int(np.prod(shape)) * steps.get(name, 1) for name, shape in network.shapes.items())
    return evenly(calibration, int(max(1, min(MOST_SAMPLES[options.effort], CALIBRATION_BYTES // (8 * values)))))
