"""Inspect: what a model holds, and what of it a chip runs and how."""

from collections import Counter

from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.lower import unsupported


def inspect_network(network: Network, chip: Chip | None = None) -> dict[str, object]:
    """Return what ``network`` holds, and with ``chip`` how each operator gets there.

    Returns:
        ``operators`` (name → count), ``parameters``, ``macs`` (per sample), ``unsupported`` (operator and node names),
        ``placement`` (node name → native, construction, host or unsupported).
    """
    canonical = canonicalize(network)
    refused = unsupported(canonical)
    return {
        "operators": dict(sorted(Counter(_title(node) for node in network.nodes).items())),
        "parameters": sum(_parameters(node) for node in network.nodes),
        "macs": sum(int(node.weights.size) for node in network.nodes if isinstance(node, ops.Linear)),
        "unsupported": refused,
        "placement": None if chip is None else _placement(network, canonical, chip),
    }


def _title(node: ops.Node) -> str:
    return f"{node.op}.{node.function}" if isinstance(node, ops.Activation | ops.Host) else node.op


def _parameters(node: ops.Node) -> int:
    if isinstance(node, ops.Linear):
        return int(node.weights.size + node.bias.size)
    return int(node.values.size) if isinstance(node, ops.Constant) else 0


def _placement(network: Network, canonical: Network, chip: Chip) -> dict[str, str]:
    """Say of each computing node how it runs: natively, by an exact construction, on the host, or not at all."""
    refused = " ".join(unsupported(canonical))
    found = {}
    for node in network.nodes:
        if f"'{node.name}'" in refused:
            found[node.name] = "unsupported"
        elif isinstance(node, ops.Host):
            found[node.name] = "host"
        elif isinstance(node, ops.Linear):
            fits = node.weights.shape[1] <= chip.core.axons
            found[node.name] = (
                "native" if fits else f"construction: split, fan-in {node.weights.shape[1]} > {chip.core.axons}"
            )
        elif isinstance(node, ops.Activation):
            found[node.name] = _function_placement(node)
    return found


def _function_placement(node: ops.Activation) -> str:
    if node.function in ("sigmoid", "tanh"):
        return "host"
    exact = node.function in ("relu", "identity") or (node.function == "clip" and node.parameters["low"] == 0)
    return "native" if exact else "construction: from ReLU"
