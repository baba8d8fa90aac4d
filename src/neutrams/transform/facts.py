"""Facts about networks that passes require and ensure."""

from neutrams.network import Network, ops
from neutrams.transform.names import origin_of

ACCUMULATORS = (ops.Linear, ops.Conv, ops.Add)
"""What sums up on a chip."""

MOVES = (ops.Reshape, ops.Transpose, ops.Slice, ops.Gather, ops.Pad, ops.Concat)
"""Data movement: free on a chip, where it only says which axon reads what."""

CLIPPING = ("relu", "clip")
"""Functions of a neuron that clips; a clip starts at 0."""

PREPARING = ("one_hot", "clip", "softshrink")
"""Functions that the host computes before the chip."""

EXACT_FUNCTIONS = ("identity", "relu", "clip", "leaky_relu", "abs", "hard_sigmoid")
"""Functions that ReLU gives exactly; others run on the host where nothing on the chip needs them."""


def head_of(network: Network) -> frozenset[str]:
    """Names of the nodes that run on the host before the chip: inputs, what looks them up or scales them, constants."""
    tail = tail_of(network)
    before: set[str] = set()  # what depends on inputs only, through movement and head nodes
    head: set[str] = set()
    for node in network.nodes:
        if not all(name in before for name in node.inputs):
            continue
        scales = isinstance(node, ops.Add) and len(node.inputs) == 1 and _scales_for_chip(network, node, tail)
        prepares = isinstance(node, ops.Host) and node.function in PREPARING
        if isinstance(node, ops.Input | ops.Constant) or scales or prepares:
            before.add(node.name)
            head.update([node.name], (i for i in node.inputs if not isinstance(network.by_name[i], MOVES)))
            head.update(_moves_before(network, node))
        elif isinstance(node, ops.Unstack):
            before.add(node.name)
            head.update([node.name, *_moves_before(network, node)])
        elif isinstance(node, MOVES):
            before.add(node.name)
    return frozenset(head - tail)


def _scales_for_chip(network: Network, node: ops.Node, tail: frozenset[str]) -> bool:
    """Whether only units of the chip read the one-input sum ``node``, and none of them could do its work itself."""
    readers = network.consumers[node.name]
    itself = (ops.Activation, ops.Output, ops.Add, ops.Update, ops.Spiking)
    return bool(readers) and not any(isinstance(r, itself) or r.name in tail for r in readers)


def _moves_before(network: Network, node: ops.Node) -> list[str]:
    """Names of the moves between ``node`` and what computes its inputs."""
    found: list[str] = []
    for name in node.inputs:
        source = network.by_name[name]
        if isinstance(source, MOVES):
            found += [name, *_moves_before(network, source)]
    return found


def tail_of(network: Network) -> frozenset[str]:
    """Names of the nodes that run on the host after the chip: outputs, what only they need, what follows the host."""
    after_host: set[str] = set()
    for node in network.nodes:
        hosted = isinstance(node, ops.Host) and node.function not in PREPARING
        if hosted or any(name in after_host for name in node.inputs):
            after_host.add(node.name)
    tail: set[str] = set()
    for node in reversed(network.nodes):
        readers = network.consumers[node.name]
        only_tail = bool(readers) and all(r.name in tail for r in readers)
        inexact = isinstance(node, ops.Activation) and node.function not in EXACT_FUNCTIONS
        movable = isinstance(node, (*MOVES, ops.Mul, ops.Stack)) or inexact
        if isinstance(node, ops.Output) or node.name in after_host or (only_tail and movable):
            tail.add(node.name)
    return frozenset(tail)


def readers_of(network: Network, name: str, past: tuple[type[ops.Node], ...] = MOVES) -> list[ops.Node]:
    """Return what reads tensor ``name`` itself or what movement of the kinds ``past`` makes of it."""
    found: list[ops.Node] = []
    for reader in network.consumers[name]:
        found += readers_of(network, reader.name, past) if isinstance(reader, past) else [reader]
    return found


def is_joined_with_signals(network: Network, name: str) -> bool:
    """Whether a sum reads both ``name``, which the host gives, and what neurons of the chip give."""
    head = head_of(network)
    sums = (reader for reader in readers_of(network, name) if isinstance(reader, ACCUMULATORS))
    return any(source not in head for reader in sums for i in reader.inputs for source in _before_moves(network, i))


def _before_moves(network: Network, name: str) -> list[str]:
    """Return the tensors that movement makes tensor ``name`` of."""
    node = network.by_name[name]
    return [s for i in node.inputs for s in _before_moves(network, i)] if isinstance(node, MOVES) else [name]


def is_padded(network: Network, name: str) -> bool:
    """Whether a border is put around tensor ``name`` or what other movement makes of it."""
    moves = [reader for reader in network.consumers[name] if isinstance(reader, (*MOVES, ops.Unstack))]
    return any(isinstance(move, ops.Pad) or is_padded(network, move.name) for move in moves)


def summed_by_host(network: Network, node: ops.Node, tail: frozenset[str]) -> bool:
    """Whether ``node`` sums parts of a layer for the host alone: then the decoder adds them up itself."""
    return (
        isinstance(node, ops.Add)
        and all(r.name in tail for r in network.consumers[node.name])
        and bool((node.coefficients == 1).all())
        and all(origin_of(name)[1] != "" and network.consumers[name] == (node,) for name in node.inputs)
        and all(isinstance(network.by_name[name], ACCUMULATORS) for name in node.inputs)
    )


def units_are_simple(network: Network) -> str | None:
    """Every activation before the tail, but for those of scalars, reads an accumulator of its own."""
    tail = tail_of(network)
    for node in network.nodes:
        if isinstance(node, ops.Activation) and node.name not in tail and network.shapes[node.name]:
            source = network.by_name[node.inputs[0]]
            if not isinstance(source, ACCUMULATORS) or len(network.consumers[source.name]) != 1:
                return f"activation {node.name!r} does not have an accumulator of its own"
    return None


def functions_native(network: Network) -> str | None:
    """Every activation before the tail is what a neuron has: ReLU, a clip from 0, or a table of a curved function."""
    tail = tail_of(network)
    for node in network.nodes:
        if isinstance(node, ops.Activation) and node.name not in tail:
            capped = node.function == "clip" and node.parameters["low"] == 0
            looked_up = node.function not in EXACT_FUNCTIONS
            if node.function != "relu" and not capped and not looked_up:
                return f"{node.name!r} is {node.function}"
    return None
