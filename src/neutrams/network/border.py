"""The border onto the chip: which float tensor each encoder carries over it."""

from neutrams.network import ops
from neutrams.network.graph import Network

MOVEMENT = (ops.Reshape, ops.Transpose, ops.Slice, ops.Gather, ops.Concat)
"""Operators that only move elements. A `Pad` is none: it adds some."""


def port_tensors(network: Network) -> dict[str, str]:
    """Return, for each `Encode` by name, the tensor whose elements it reads: its *port tensor*.

    That is the last node before it that does more than move elements: an `Input`, or a tensor computed on the host. A
    `Concat` of several such tensors is one itself. In a loop it is the tensor of all steps that an `Unstack` reads.
    """
    source: dict[str, str] = {}
    for node in network.nodes:
        sources = {source[name] for name in node.inputs}
        follows = isinstance(node, (*MOVEMENT, ops.Encode)) and len(sources) == 1
        source[node.name] = sources.pop() if follows else node.name
        if isinstance(node, ops.Unstack):
            source[node.name] = node.inputs[0]
    return {node.name: source[node.name] for node in network.nodes if isinstance(node, ops.Encode)}
