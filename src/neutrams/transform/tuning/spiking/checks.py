"""What a spiking network must not have to go onto a chip spike for spike."""

from collections.abc import Mapping

import torch

from neutrams.base.errors import UnsupportedError
from neutrams.network import Network, ops


def check_between_neurons(network: Network) -> None:
    """Refuse what reads potentials of no neuron: functions between layers, which only rates could carry."""
    curved = [node for node in network.nodes if isinstance(node, ops.Activation | ops.Mul | ops.Max | ops.Pool)]
    inside = [node for node in curved if node.name in network.loop_steps]
    if inside:
        listed = ", ".join(f"{node.op} {node.name!r}" for node in inside)
        raise UnsupportedError(
            f"a spiking network has functions between its neurons: {listed}",
            where="transform, spiking neurons",
            fix="leave them out: neurons of a chip read sums of spikes only",
        )


def check_one_spike(network: Network, values: Mapping[str, torch.Tensor]) -> None:
    """Refuse neurons that give several spikes in a step on calibration data: those of a chip give one at most.

    Args:
        network: A spiking network.
        values: Its tensors on calibration data.
    """
    most = {
        node.name: float(values[node.name].max())
        for node in network.nodes
        if isinstance(node, ops.Spiking) and node.many and values[node.name].numel()
    }
    several = {name: count for name, count in most.items() if count > 1}
    if several:
        listed = ", ".join(f"{name!r} ({count:g})" for name, count in several.items())
        raise UnsupportedError(
            f"neurons give several spikes in a step on calibration data, those of a chip give one at most: {listed}",
            where="transform, spiking neurons",
            fix="let them give one (--nir many=false) and look at what that changes, train them so, or take shorter "
            "steps and more of them",
        )
