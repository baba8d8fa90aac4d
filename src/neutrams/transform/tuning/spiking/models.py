"""Which neuron model of a chip runs the neurons of a spiking network."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neutrams.base.errors import UnsupportedError
from neutrams.hardware import Chip
from neutrams.network import ops
from neutrams.neurons import NeuronModel, find_model, register_range
from neutrams.transform.tuning.spiking.stepped import Stepped, stepped


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a neuron model of a chip can do.

    Attributes:
        soft: Whether a spike takes the threshold off, or resets to a value; None where nothing is remembered.
        decays: Whether potentials decay.
        current: ``first`` or ``last``, when it updates its synaptic current; empty without one.
        settable: Whether the value after a reset is a parameter; 0 otherwise.
    """

    soft: bool | None
    decays: bool = True
    current: str = ""
    settable: bool = True


KINDS = {
    "if_soft": Kind(soft=True, decays=False),
    "if_hard": Kind(soft=False, decays=False, settable=False),
    "lif_soft": Kind(soft=True),
    "lif_hard": Kind(soft=False),
    "lif_shift_soft": Kind(soft=True),
    "lif_shift_hard": Kind(soft=False),
    "cuba_lif_soft": Kind(soft=True, current="first"),
    "cuba_lif_hard": Kind(soft=False, current="first"),
    "cuba_lif_soft_late": Kind(soft=True, current="last"),
    "cuba_lif_hard_late": Kind(soft=False, current="last"),
    "threshold": Kind(soft=None, decays=False),
}
"""Models that run neurons of a spiking network, by name."""

SLOW = 1 / 1024
"""What a potential may lose of itself in a step on a chip whose potentials keep everything."""

RUNS = ("IF", "LIF", "CubaLIF", "Threshold")
"""Dynamics that become neurons of a chip."""


def spiking_model(nodes: Sequence[ops.Spiking], chip: Chip, remembers: bool) -> NeuronModel:
    """Return the first neuron model of ``chip`` that runs all of ``nodes``: a program has one.

    Args:
        nodes: The neurons, delays aside.
        chip: The chip.
        remembers: Whether the network has states: then neurons must be able to repeat spikes.

    Raises:
        UnsupportedError: None does; says for each what it lacks. Or steps are longer than what they decay in.
    """
    dynamics = [node for node in nodes if node.model not in RUNS]
    if dynamics:
        listed = ", ".join(f"{node.name!r} ({node.model})" for node in dynamics)
        raise UnsupportedError(
            f"these nodes give potentials or delays, not spikes of a threshold: {listed}",
            where="transform, spiking neurons",
            fix=f"take {', '.join(RUNS)} neurons and read their spikes",
        )
    for node in nodes:
        _check_decays(node)
    lacks = []
    for name in chip.neuron.models:
        kind = KINDS.get(name)
        if kind is None:
            continue
        model = find_model(name, f"chip {chip.name!r}, neuron.models")
        reason = next((reason for node in nodes if (reason := _lacking(node, kind, model, chip))), None)
        if reason is None and remembers and model.relay is None:
            reason = "it cannot repeat spikes for what is read a step late"
        if reason is None:
            return model
        lacks.append(f"{name}: {reason}")
    told = "; ".join(lacks) or f"it has {', '.join(chip.neuron.models)}"
    raise UnsupportedError(
        f"no neuron model of chip {chip.name!r} runs all neurons of this network ({told})",
        where="transform, spiking neurons",
        fix="set neuron.models to one that does, such as lif_soft or cuba_lif_hard, and the widths of its registers, "
        "or train with neurons that the chip has",
    )


def _lacking(node: ops.Spiking, kind: Kind, model: NeuronModel, chip: Chip) -> str | None:
    """Return what a model lacks for ``node``; None where it runs it."""
    real = stepped(node)
    held = {parameter.name for parameter in model.parameters}
    wanted = {
        "the potential decays": (real.keep < 1 - SLOW).any() and not kind.decays and kind.soft is not None,
        "the potential is remembered": (real.keep != 0).any() and kind.soft is None,
        "a spike takes the threshold off": real.soft and kind.soft is False,
        "a spike resets the potential": not real.soft and kind.soft is True and (real.keep != 0).any(),
        "a spike resets to another value than 0": _resets(real) and not kind.settable,
        "there is a synaptic current": real.keep_current is not None and not kind.current,
        "the current is updated first": real.keep_current is not None and kind.current == "last" and not real.late,
        "the current would come a step late": real.keep_current is None and kind.current == "last",
        _resting(real, chip): real.refractory.max(initial=0.0) > _longest_rest(held, chip),
        "potentials have a lower bound": "v_min" in node.parameters,
        "a threshold is not positive": (real.threshold <= 0).any() and kind.soft is not None,
    }
    return next((f"{what} in {node.name!r}" for what, lacking in wanted.items() if lacking), None)


def _check_decays(node: ops.Spiking) -> None:
    """Refuse potentials and currents of which a step does not leave a share of 0 to 1: they would swing.

    Raises:
        UnsupportedError: There is one.
    """
    real = stepped(node)
    names = {"tau": real.keep} if node.model == "LIF" else {"tau_mem": real.keep, "tau_syn": real.keep_current}
    for name, kept in names.items():
        if name not in node.parameters or kept is None:
            continue
        wrong = np.flatnonzero((kept < 0) | (kept > 1))
        if wrong.size:
            tau = node.parameters[name].reshape(len(kept), -1)[wrong[0], 0]
            raise UnsupportedError(
                f"a step of dt = {node.dt:g} s leaves {kept[wrong[0]]:g} times what was there in {node.name!r}, "
                f"channel {wrong[0]}, where {name} is {tau:g} s: chips keep 0 to 1 times",
                where="transform, spiking neurons",
                fix="take steps no longer than the time constant (--nir dt=...), or --nir method=exponential",
            )


def _longest_rest(held: set[str], chip: Chip) -> int:
    """Return the longest rest after a spike that a model with the parameters ``held`` can have [step]."""
    if "refractory" not in held or chip.neuron.refractory_bits == 0:
        return 0
    return register_range("refractory_bits", chip.widths)[1]


def _resting(real: Stepped, chip: Chip) -> str:
    steps = real.refractory.max(initial=0.0)
    return f"neurons rest {steps:g} steps after a spike (refractory_bits is {chip.neuron.refractory_bits})"


def _resets(real: Stepped) -> bool:
    return not real.soft and bool(real.reset.any())
