"""How a chip runs each node of a float network."""

from collections.abc import Mapping
from typing import Literal

from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.transform.constructions import CONSTRUCTIONS
from neutrams.transform.facts import head_of, tail_of

How = Literal["native", "construction", "table", "approximator", "host"]

NATIVE = ("identity", "relu")
"""Functions of a neuron that clips, beside a clip from 0."""


def how_function_runs(function: str, parameters: Mapping[str, float], chip: Chip) -> How:
    """Return how a function before the host tail gets onto ``chip``.

    Returns:
        ``native`` (what a neuron that clips does), ``construction`` (exact, from ReLU), ``table`` (the neuron looks it
        up) or ``approximator`` (a small network, with a measured error).
    """
    if function in NATIVE or (function == "clip" and parameters["low"] == 0):
        return "native"
    if function in CONSTRUCTIONS:
        return "construction"
    return "table" if chip.index_bits(function) else "approximator"


def how_nodes_run(network: Network, chip: Chip) -> dict[str, How]:
    """Return how each computing node of a float network gets onto ``chip``; moves and constants are left out."""
    outside = tail_of(network) | head_of(network)
    found: dict[str, How] = {}
    for node in network.nodes:
        if isinstance(node, ops.Host) or (node.name in outside and isinstance(node, COMPUTING)):
            found[node.name] = "host"
        elif isinstance(node, ops.Activation):
            found[node.name] = how_function_runs(node.function, node.parameters, chip)
        elif isinstance(node, ops.Mul):
            signals = [name for name in node.inputs if not isinstance(network.by_name[name], ops.Constant)]
            squares = how_function_runs("power", {"exponent": 2.0}, chip)
            found[node.name] = "native" if len(signals) == 1 else squares
        elif isinstance(node, ops.Pool | ops.Max):
            found[node.name] = "construction"
        elif isinstance(node, COMPUTING):
            found[node.name] = "native"
    return found


COMPUTING = (ops.Linear, ops.Conv, ops.Add, ops.Mul, ops.Max, ops.Pool, ops.Activation)
"""What computes, and does not only move."""
