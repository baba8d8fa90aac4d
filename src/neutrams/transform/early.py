"""Stop a network of rates early: what it says after fewer steps than it was made for."""

from dataclasses import replace

import numpy as np

from neutrams.base.errors import SpecError
from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass


@network_pass()
def stopped_early(network: Network, steps: int) -> Network:
    """Return a transformed network of snn mode that is read after ``steps`` steps, its values those of a whole run.

    Counts, and what potentials have gained, are worth T / ``steps`` times as much then.

    Raises:
        SpecError: It has fewer steps, or inputs that are spread over all of them.
    """
    whole = network.steps
    if not 1 <= steps <= whole:
        raise SpecError(f"steps is {steps}, it runs for {whole}", where="option steps", fix=f"take 1 to {whole}")
    if any(isinstance(node, ops.Encode) and node.code == "spread" for node in network.nodes):
        raise SpecError(
            "its input spikes are spread over all steps",
            where="early stopping",
            fix="compile it for each number of steps, or take a chip with currents (signal.current_bits above 1)",
        )

    def read_early(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Decode):
            return [node]
        scale = node.scale * (whole / steps)
        begun = np.zeros(len(scale))
        np.add.at(begun, node.element, node.coefficient * _before(network, node.inputs[0]))
        return [replace(node, scale=scale, offset=node.offset + (node.scale - scale) * begun)]

    return Network(network.map(read_early).nodes, steps)


def _before(network: Network, name: str) -> np.ndarray:
    """Return what each element of a core tensor says before the first step: its potential, if that is read."""
    node = network.by_name[name]
    if isinstance(node, ops.Neuron):
        channels = node.parameters["initial"] if node.readout == "potential" else np.zeros(len(node.scale))
        size = int(np.prod(network.shapes[name][1:]))
        return np.repeat(channels, size).astype(np.float64)
    assert isinstance(node, ops.Concat | ops.Reshape), f"a decoder reads a {node.op}"
    return np.concatenate([_before(network, each) for each in node.inputs])
