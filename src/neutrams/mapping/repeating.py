"""Neurons that repeat what another gives: of relays, and of states."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware import Chip
from neutrams.neurons import NeuronModel, find_model


def relay_weight(chip: Chip, mode: str) -> int | None:
    """Weight of a relay's synapse; None where this chip has no exact relay.

    ann: y = (w x m + 1) >> 1 is x for w m = 2; snn: a spike of weight 1 meets threshold 1 and leaves no charge.
    """
    if mode == "snn" or chip.neuron.multiplier_bits > 1:
        return 1
    return 2 if chip.core.weight_range[1] >= 2 else None


def relay_parameters(chip: Chip, model: str, copied: Mapping[str, IntArray]) -> dict[str, IntArray]:
    """Return the parameters of relays.

    Args:
        chip: The chip.
        model: The program's neuron model.
        copied: The parameters of the neurons they repeat, of which low and high, the range of outputs, are kept.
    """
    rule = find_model(model, "mapping, model", chip.neuron.definitions)
    values = {"bias": 0, "shift": 1, "multiplier": 2 // (relay_weight(chip, rule.mode) or 1), **(rule.relay or {})}
    return {name: np.full_like(old, values[name]) if name in values else old for name, old in copied.items()}


def repeats_exactly(limits: tuple[int, int], chip: Chip, model: NeuronModel) -> bool:
    """Whether this chip can repeat every integer from ``limits[0]`` to ``limits[1]`` (ann) or a spike (snn)."""
    if model.mode == "snn":
        return model.relay is not None
    weight = relay_weight(chip, model.mode)
    if weight is None:
        return False
    low, high = chip.core.accumulator_range
    return low <= weight * limits[0] and weight * limits[1] <= high
