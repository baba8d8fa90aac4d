"""Run a network one node at a time in NumPy: float64 for float nodes, int64 for core nodes."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray
from neutrams.base.codec import decode, encode, spread_step
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.network.border import port_tensors
from neutrams.network.loops import Loop
from neutrams.network.spiking import SpikingMemory
from neutrams.neurons import find_model
from neutrams.reference.functions import apply_function, apply_host
from neutrams.reference.shared import shared_node
from neutrams.reference.windows import per_channel, pool

Item = ops.Node | Loop


def run(network: Network, inputs: Mapping[str, AnyArray], chip: Chip | None = None) -> dict[str, FloatArray]:
    """Return the output tensors of ``network`` by name.

    Args:
        network: A float network, or a transformed one (then ``chip`` gives the register widths).
        inputs: Each input tensor ``[N, *shape]`` by name.
        chip: The chip a transformed network was made for.

    Returns:
        float64 ``[N, ...]`` for each output.
    """
    n = len(next(iter(inputs.values())))
    values: dict[str, AnyArray] = {}
    states: dict[str, AnyArray] = {}
    counts: dict[str, AnyArray] = {}
    before, inside, after = _stages(network)
    for item in before:
        values |= _float_values(item, values, inputs, n)
    for step in range(network.steps if inside else 0):
        for item in inside:
            if isinstance(item, Loop):
                values |= _loop_values(item, values, (inputs, n), chip)
            else:
                values[item.name] = _core_node(item, values, states, (step, network.steps, n), chip)
        for node in after:
            if isinstance(node, ops.Decode):
                given = values[node.inputs[0]]
                counts[node.name] = counts.get(node.name, np.zeros_like(given)) + given
    for node in after:
        if isinstance(node, ops.Decode):
            given = np.broadcast_to(counts[node.name], (n, len(node.coefficient)))
            values[node.name] = decode(given, node.coefficient, node.element, node.scale, node.offset)
        else:
            values |= _float_values(node, values, inputs, n)
    return {node.name: values[node.name] for node in network.outputs}


def prepare(network: Network, inputs: Mapping[str, AnyArray]) -> dict[str, FloatArray]:
    """Return every port tensor of a transformed network by name, float64 ``[N, *shape]``: runs the host head only.

    Args:
        network: A transformed network; `neutrams.network.border` says what its port tensors are.
        inputs: Each input tensor ``[N, *shape]`` by name.
    """
    n = len(next(iter(inputs.values())))
    values: dict[str, AnyArray] = {}
    for item in _stages(network)[0]:
        values |= _float_values(item, values, inputs, n)
    return {name: values[name] for name in dict.fromkeys(port_tensors(network).values())}


def finish(network: Network, decoded: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the outputs of a transformed network by name, given what its `Decode` nodes give: runs the host tail only.

    Args:
        network: A transformed network.
        decoded: float64 ``[N, elements]`` for each Decode node, in a loop ``[N, T, elements]``.
    """
    values: dict[str, AnyArray] = dict(decoded)
    n = len(next(iter(decoded.values())))
    before, inside, after = _stages(network)
    for item in inside:
        values |= _moved_at_each_step(item, values) if isinstance(item, Loop) else {}
    for node in (*before, *after):  # of what comes before the chip, constants and what is made of them
        known = not isinstance(node, ops.Input) and all(name in values for name in node.inputs)
        if known and (isinstance(node, Loop) or node.name not in values):
            values |= _float_values(node, values, {}, n)
    return {node.name: values[node.name] for node in network.outputs}


def _moved_at_each_step(loop: Loop, values: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """Return what a loop makes of what it decodes, ``[N, T, *shape]``: each step is like a sample."""
    known = dict(values)
    for node in loop.nodes:
        if node.inputs and node.name not in known and all(name in known for name in node.inputs):
            n, steps = known[node.inputs[0]].shape[:2]
            flat = {name: known[name].reshape(n * steps, *known[name].shape[2:]) for name in node.inputs}
            found = _float_node(node, flat, {}, n * steps)
            known[node.name] = found.reshape(n, steps, *found.shape[1:])
    return known


def _stages(network: Network) -> tuple[list[Item], list[Item], list[Item]]:
    """Split the nodes into those before the chip, on it, and after it (all *before* for a float network)."""
    place: dict[str, int] = {}
    stages: tuple[list[Item], list[Item], list[Item]] = ([], [], [])
    readers = network.consumers
    transformed = any(isinstance(node, ops.Encode) for node in network.nodes)
    for node in network.order:
        stage = max((place[name] for name in node.inputs), default=0)
        if isinstance(node, ops.Encode):
            stage = 1
        elif isinstance(node, ops.Decode):
            stage = 2
        elif isinstance(node, ops.Constant) and node.values.dtype.kind == "i":
            stage = 1 if transformed and readers[node.name] else 0
        elif isinstance(node, Loop) and any(isinstance(each, ops.Encode | ops.Decode) for each in node.nodes):
            stages[1].append(node)
            place |= {each.name: 2 for each in node.nodes}
            continue
        place |= {each.name: stage for each in (node.nodes if isinstance(node, Loop) else (node,))}
        stages[stage].append(node)
    return stages


def _float_values(
    item: Item, values: Mapping[str, AnyArray], inputs: Mapping[str, AnyArray], n: int
) -> dict[str, AnyArray]:
    """Return what a node gives, or each node of a loop at all its steps, ``[N, T, *shape]``."""
    if isinstance(item, Loop):
        return _loop_values(item, values, (inputs, n), None)
    return {item.name: _float_node(item, values, inputs, n)}


def _loop_values(
    item: Loop, values: Mapping[str, AnyArray], given: tuple[Mapping[str, AnyArray], int], chip: Chip | None
) -> dict[str, AnyArray]:
    """Return what each node of a loop, of floats or on a chip, gives at all its steps, ``[N, T, *shape]``."""
    inputs, n = given
    potentials: dict[str, AnyArray] = {}
    states = {node.name: values[node.inputs[0]] for node in item.nodes if isinstance(node, ops.State)}
    memory = SpikingMemory()
    found: list[dict[str, AnyArray]] = []
    for step in range(item.steps):
        now = {name: values[name] for name in item.inputs}
        for node in item.nodes:
            match node:
                case ops.Unstack():
                    now[node.name] = now[node.inputs[0]][:, step]
                case ops.State():
                    now[node.name] = states[node.name]
                case ops.Update():
                    now[node.name] = now[node.inputs[0]]
                case ops.Encode() | ops.Neuron():
                    now[node.name] = _core_node(node, now, potentials, (0, 1, n), chip)
                case ops.Decode():
                    counts = now[node.inputs[0]]
                    now[node.name] = decode(counts, node.coefficient, node.element, node.scale, node.offset)
                case ops.Spiking():
                    now[node.name] = memory.step(node, now[node.inputs[0]])
                case _:
                    now[node.name] = _float_node(node, now, inputs, n)
        states = {node.state: now[node.name] for node in item.nodes if isinstance(node, ops.Update)}
        found.append(now)
    return {node.name: np.stack([now[node.name] for now in found], axis=1) for node in item.nodes}


def _float_node(node: ops.Node, values: Mapping[str, AnyArray], inputs: Mapping[str, AnyArray], n: int) -> AnyArray:
    given = [values[name] for name in node.inputs]
    match node:
        case ops.Input():
            return np.asarray(inputs[node.name], dtype=np.float64)
        case ops.Pool():
            return pool(node, given[0])
        case ops.Mul():
            product: AnyArray = np.multiply.reduce(np.broadcast_arrays(*_aligned(given)))
            return product
        case ops.Max():
            largest: AnyArray = np.maximum.reduce(given)
            return largest
        case ops.Activation():
            return apply_function(node.function, given[0], node.parameters)
        case ops.Host():
            return apply_host(node.function, _aligned(given), node.parameters)
        case ops.Output() | ops.Stack():
            return given[0]
    return shared_node(node, given, n)


def _aligned(given: list[AnyArray]) -> list[AnyArray]:
    """Give all tensors one rank: new axes stand behind the batch axis."""
    rank = max(x.ndim for x in given)
    return [x.reshape(len(x), *(1,) * (rank - x.ndim), *x.shape[1:]) for x in given]


def _core_node(
    node: ops.Node,
    values: Mapping[str, AnyArray],
    states: dict[str, AnyArray],
    clock: tuple[int, int, int],
    chip: Chip | None,
) -> AnyArray:
    step, steps, n = clock
    given = [values[name] for name in node.inputs]
    if isinstance(node, ops.Encode):
        q = encode(given[0], node.scale, node.zero, (node.low, node.high))
        return spread_step(q, step, steps) if node.code == "spread" else q
    if not isinstance(node, ops.Neuron):
        return shared_node(node, given, n)
    assert chip is not None, "a transformed network runs on a chip"
    model = find_model(node.model, node.name, chip.neuron.definitions)
    parameters = {name: per_channel(value, given[0].ndim) for name, value in node.parameters.items()}
    if node.name not in states:
        states[node.name] = model.start(parameters, given[0].shape)
    output, states[node.name] = model.step(given[0], states[node.name], parameters, chip.widths)
    if node.readout == "potential":
        return np.asarray(states[node.name][0] * int(step == steps - 1))
    return node.table[output - parameters["low"]] if node.table.size else output
