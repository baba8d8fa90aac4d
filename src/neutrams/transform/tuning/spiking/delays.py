"""What comes a step late, in states: delays, and currents that the potential reads a step late.

A neuron whose current is updated last gives s(t) = f(t - 1) with f a neuron whose current is updated first: V(t) reads
U(t - 1) there, and V(t - 1) reads it here. So chips with one order run networks of both.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from neutrams.base.errors import UnsupportedError
from neutrams.network import Network, ops
from neutrams.neurons.dynamics.delay import steps_of
from neutrams.transform.contract import network_pass
from neutrams.transform.tuning.spiking.stepped import stepped


@network_pass()
def delays_as_states(network: Network, early: bool) -> Network:
    """Return the network with chains of states for `Delay` nodes; same function.

    Args:
        network: A spiking network.
        early: Whether neurons whose current is updated last become such whose current is updated first, too.

    Raises:
        UnsupportedError: A delay differs within a node, or a neuron would fire before the first step.
    """

    def changed(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Spiking):
            return [node]
        if node.model == "Delay":
            return _chain(network, node, node.inputs[0], _length(node))
        if early and node.model == "CubaLIF" and node.current == "last":
            first = replace(_begun(node), name=f"{node.name} early", current="first")
            return [first, *_chain(network, node, first.name, 1)]
        return [node]

    return _states_first([each for node in network.nodes for each in changed(node)], network.steps)


def _chain(network: Network, node: ops.Node, source: str, steps: int) -> list[ops.Node]:
    """Return nodes, the last one (a state) named as ``node``, that give ``source`` some steps later."""
    zeros = np.zeros(network.shapes[node.name])
    if steps == 0:
        return [ops.Reshape(name=node.name, inputs=(source,), shape=zeros.shape)]
    found: list[ops.Node] = []
    for k in range(1, steps + 1):
        name = node.name if k == steps else f"{node.name} after {k}"
        start = ops.Constant(name=f"{name} start", values=zeros)
        found += [start, ops.State(name=name, inputs=(start.name,))]
        found.append(ops.Update(name=f"{name} next", inputs=(source,), state=name))
        source = name
    return found


def _states_first(nodes: Sequence[ops.Node], steps: int) -> Network:
    """Return a network of ``nodes``, whose states and what they begin with stand before all that reads them."""
    states = {node.name for node in nodes if isinstance(node, ops.State)}
    begins = {node.inputs[0] for node in nodes if isinstance(node, ops.State)}
    first = [node for node in nodes if node.name in begins and isinstance(node, ops.Constant)]
    held = [node for node in nodes if node.name in states]
    moved = {node.name for node in (*first, *held)}
    return Network((*first, *held, *(node for node in nodes if node.name not in moved)), steps)


def _length(node: ops.Spiking) -> int:
    steps = np.unique(steps_of(node.parameters["delay"], node.dt))
    if len(steps) > 1:
        raise UnsupportedError(
            f"delays of node {node.name!r} are from {steps.min()} to {steps.max()} steps",
            where="transform, delays",
            fix="give each length a Delay node of its own",
        )
    return int(steps[0])


def _begun(node: ops.Spiking) -> ops.Spiking:
    """Return the neuron a step on: no current has reached it."""
    real = stepped(node)
    after = real.keep * real.initial + real.leak
    fires = after > real.threshold if real.strict else after >= real.threshold
    if fires.any():
        raise UnsupportedError(
            f"neurons of {node.name!r} fire in the first step, before any input reaches them",
            where="transform, delays",
            fix="take neurons whose current is updated first, or a lower initial potential or leak",
        )
    if not after.any():
        return node
    shape = node.parameters["v_threshold"].shape
    wide = np.broadcast_to(after.reshape(-1, *(1,) * (len(shape) - 1)), shape).copy()
    return replace(node, parameters={**node.parameters, "initial": wide})


@network_pass()
def spikes_in_states(network: Network) -> Network:
    """Return the network with states of spikes in place of states of currents, weighed after they are remembered.

    A map without bias of what began with zeros may come before or after its state; others stay.
    """
    for node in network.nodes:
        if not isinstance(node, ops.Update):
            continue
        source, state = network.by_name[node.inputs[0]], network.by_name[node.state]
        begin = network.by_name[state.inputs[0]]
        maps = isinstance(source, ops.Linear | ops.Conv) and not source.bias.any()
        if maps and isinstance(begin, ops.Constant) and not begin.values.any():
            return spikes_in_states(_weighed_after(network, node, source))
    return network


def _weighed_after(network: Network, update: ops.Update, source: ops.Node) -> Network:
    held = f"{update.state} spikes"
    zeros = np.zeros(network.shapes[source.inputs[0]])
    start = ops.Constant(name=f"{held} start", values=zeros)
    nodes: list[ops.Node] = []
    for node in network.nodes:
        if node.name == update.state:
            state = ops.State(name=held, inputs=(start.name,))
            nodes += [start, state, replace(source, name=node.name, inputs=(held,))]
        elif node is update:
            nodes.append(replace(update, inputs=source.inputs, state=held))
        else:
            nodes.append(node)
    return _states_first(nodes, network.steps).pruned()
