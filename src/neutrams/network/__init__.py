"""The hardware-independent representation of a network: graph, operators, checks, text, file."""

from neutrams.network.graph import Network
from neutrams.network.ops import (
    Activation,
    Add,
    Concat,
    Constant,
    Decode,
    Encode,
    Host,
    Input,
    Linear,
    Mul,
    Neuron,
    Node,
    Output,
    Reshape,
    Slice,
)

__all__ = [
    "Activation",
    "Add",
    "Concat",
    "Constant",
    "Decode",
    "Encode",
    "Host",
    "Input",
    "Linear",
    "Mul",
    "Network",
    "Neuron",
    "Node",
    "Output",
    "Reshape",
    "Slice",
]
