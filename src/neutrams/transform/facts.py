"""Facts about networks that passes require and ensure."""

from neutrams.network import Network, ops

ACCUMULATORS = (ops.Linear, ops.Add)
CHIP_FUNCTIONS = ("relu", "clip")
TAIL_FUNCTIONS = ("sigmoid", "tanh")


def tail_of(network: Network) -> frozenset[str]:
    """Names of the nodes that run on the host after the chip: outputs and what only outputs need."""
    tail: set[str] = set()
    for node in reversed(network.nodes):
        readers = network.consumers[node.name]
        only_tail = bool(readers) and all(r.name in tail for r in readers)
        movable = isinstance(node, ops.Host | ops.Reshape | ops.Slice | ops.Concat) or (
            isinstance(node, ops.Activation) and node.function in TAIL_FUNCTIONS
        )
        if isinstance(node, ops.Output) or (only_tail and movable):
            tail.add(node.name)
    return frozenset(tail)


def units_are_simple(network: Network) -> str | None:
    """Every activation of a vector before the tail reads an accumulator of its own."""
    tail = tail_of(network)
    for node in network.nodes:
        if isinstance(node, ops.Activation) and node.name not in tail and len(network.shapes[node.name]) == 1:
            source = network.by_name[node.inputs[0]]
            if not isinstance(source, ACCUMULATORS) or len(network.consumers[source.name]) != 1:
                return f"activation {node.name!r} does not have an accumulator of its own"
    return None


def functions_native(network: Network) -> str | None:
    """Every activation before the tail is one that a requantising or spiking neuron has: ReLU, or a clip from 0."""
    tail = tail_of(network)
    for node in network.nodes:
        if isinstance(node, ops.Activation) and node.name not in tail:
            capped = node.function == "clip" and node.parameters["low"] == 0
            if node.function != "relu" and not capped:
                return f"{node.name!r} is {node.function}"
    return None
