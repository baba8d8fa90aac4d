"""From a network of one step, whose states go in and out, to one of a sequence."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from neutrams.base.errors import InputError
from neutrams.network import ops
from neutrams.network.graph import Network


def as_sequence(network: Network, steps: int, feedback: Mapping[str, str]) -> Network:
    """Return the network over ``steps`` steps: each takes inputs of its own, and the states of the step before.

    A model made for streams, such as a voice detector, takes a frame and its state and gives the next state. Here the
    states begin with zeros and are neither inputs nor outputs any more; the other inputs and outputs get a first axis
    of steps. A state joined of several tensors becomes several states. Inputs that nothing reads go.

    Args:
        network: Of one step, without loops.
        steps: How many, at least 1.
        feedback: Output → the input that takes it in the next step, of the same shape.

    Raises:
        InputError: There is no such output or input, shapes differ, or ``steps`` is below 1.
    """
    _check(network, steps, feedback)
    outputs = {node.name: node for node in network.outputs}
    states = {given: outputs[name].inputs[0] for name, given in feedback.items()}
    nodes: list[ops.Node] = []
    updates: list[ops.Node] = []
    for node in network.nodes:
        if isinstance(node, ops.Input) and node.name in states:
            joined, source = _state(network, node.name, states[node.name])
            nodes += joined
            updates += source
        elif isinstance(node, ops.Input):
            if network.consumers[node.name]:
                whole = f"{node.name} at all steps"
                nodes += [ops.Input(name=node.name, shape=(steps, *node.shape))]
                nodes += [ops.Unstack(name=whole, inputs=(node.name,))]
        elif isinstance(node, ops.Output):
            if node.name not in feedback:
                nodes.append(ops.Stack(name=f"{node.name} stacked", inputs=node.inputs, steps=steps))
                nodes.append(replace(node, inputs=(f"{node.name} stacked",)))
        else:
            nodes.append(node)
    entered = {node.name for node in network.inputs if node.name not in states}
    first_output = next(k for k, node in enumerate(nodes) if isinstance(node, ops.Stack))
    nodes[first_output:first_output] = updates
    return Network(tuple(_reading_steps(node, entered) for node in nodes))


def _reading_steps(node: ops.Node, entered: set[str]) -> ops.Node:
    if isinstance(node, ops.Unstack):
        return node
    return replace(node, inputs=tuple(f"{name} at all steps" if name in entered else name for name in node.inputs))


def _state(network: Network, name: str, source: str) -> tuple[list[ops.Node], list[ops.Node]]:
    """Return (the nodes that give a state under ``name``, the updates of what it is joined of)."""
    join = network.by_name[source]
    parts = join.inputs if isinstance(join, ops.Concat) else (source,)
    nodes: list[ops.Node] = []
    updates: list[ops.Node] = []
    names: list[str] = []
    for k, part in enumerate(parts):
        made = network.by_name[part]
        while isinstance(made, ops.Reshape):
            made = network.by_name[made.inputs[0]]
        title = f"{name} part {k}"
        nodes.append(ops.Constant(name=f"{title} begins", values=np.zeros(network.shapes[made.name])))
        nodes.append(ops.State(name=f"{title} held", inputs=(f"{title} begins",)))
        nodes.append(ops.Reshape(name=title, inputs=(f"{title} held",), shape=network.shapes[part]))
        updates.append(ops.Update(name=f"{title} next", inputs=(made.name,), state=f"{title} held"))
        names.append(title)
    if isinstance(join, ops.Concat):
        nodes.append(ops.Concat(name=name, inputs=tuple(names), axis=join.axis))
    else:
        nodes.append(ops.Reshape(name=name, inputs=(names[0],), shape=network.shapes[name]))
    return nodes, updates


def _check(network: Network, steps: int, feedback: Mapping[str, str]) -> None:
    shapes = network.shapes
    outputs, inputs = {node.name for node in network.outputs}, {node.name for node in network.inputs}
    if steps < 1:
        raise InputError(f"steps is {steps}", where="sequence", fix="take at least 1")
    for name, given in feedback.items():
        if name not in outputs or given not in inputs:
            raise InputError(
                f"output {name!r} shall go to input {given!r}; outputs are {sorted(outputs)}, inputs {sorted(inputs)}",
                where="sequence, feedback",
                fix="name an output and the input that takes it",
            )
        if shapes[name] != shapes[given]:
            raise InputError(
                f"output {name!r} has shape {shapes[name]}, input {given!r} {shapes[given]}",
                where="sequence, feedback",
                fix="feed back what has the shape of the input",
            )
    if outputs == set(feedback):
        raise InputError("every output is fed back", where="sequence, feedback", fix="leave one to be read")
