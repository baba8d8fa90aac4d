"""How much a float network computes."""

from math import prod

from neutrams.network import Network, ops


def macs_of(network: Network) -> dict[str, int]:
    """Return the multiply-accumulates a sample takes, by node: `Linear`, `Conv` and products of two tensors.

    Those of a loop count at each step.
    """
    found = {}
    for node in network.nodes:
        shape = network.shapes[node.name]
        if isinstance(node, ops.Linear):
            found[node.name] = int(node.weights.size) * prod(shape[:-1])
        elif isinstance(node, ops.Conv):
            found[node.name] = int(node.weights.size) * prod(shape[1:])
        elif isinstance(node, ops.Host) and node.function == "matmul":
            found[node.name] = prod(shape) * network.shapes[node.inputs[0]][-1]
    return {name: macs * network.loop_steps.get(name, 1) for name, macs in found.items()}
