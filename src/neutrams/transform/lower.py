"""Express activation functions by those a chip has: exact constructions from ReLU, or a message that names them all."""

import numpy as np

from neutrams.base.errors import InputError, UnsupportedError
from neutrams.network import Network, ops
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import ACCUMULATORS, functions_native, tail_of, units_are_simple


@network_pass(ensures=(functions_native, units_are_simple))
def lower_functions(network: Network) -> Network:
    """Return the network with only ReLU and clips from 0 before the host tail; its function stays the same.

    leaky_relu(z) = relu(z) - alpha relu(-z); clip(z, low, high) = low + clip(z - low, 0, high - low).
    Gains and offsets that this leaves fold into the Linear maps that follow.

    Raises:
        UnsupportedError: Functions or operators have no exact construction yet; lists them all with their names.
        InputError: A Linear works on a tensor with more than one axis.
    """
    network = canonicalize(network)
    check_supported(network)
    tail = tail_of(network)

    def lowered(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Activation) or node.name in tail:
            return [node]
        n = network.shapes[node.name][0]
        if node.function == "leaky_relu":
            return _leaky(node, n)
        if node.function == "clip" and node.parameters["low"] != 0:
            return _shifted_clip(node, n)
        return [node]

    return canonicalize(network.map(lowered))


def _leaky(node: ops.Activation, n: int) -> list[ops.Node]:
    plus = ops.Activation(name=f"{node.name} +", inputs=node.inputs, function="relu")
    negated = ops.Add(name=f"{node.name} - input", inputs=node.inputs, coefficients=-np.ones((1, n)), bias=np.zeros(n))
    minus = ops.Activation(name=f"{node.name} -", inputs=(negated.name,), function="relu")
    both = ops.Concat(name=f"{node.name} ±", inputs=(plus.name, minus.name))
    weights = np.concatenate([np.eye(n), -node.parameters["alpha"] * np.eye(n)], axis=1)
    joined = ops.Linear(name=node.name, inputs=(both.name,), weights=weights, bias=np.zeros(n))
    return [plus, negated, minus, both, joined]


def _shifted_clip(node: ops.Activation, n: int) -> list[ops.Node]:
    low, high = node.parameters["low"], node.parameters["high"]
    ones = np.ones((1, n))
    down = ops.Add(name=f"{node.name} shifted", inputs=node.inputs, coefficients=ones, bias=np.full(n, -low))
    cut = ops.Activation(
        name=f"{node.name} cut", inputs=(down.name,), function="clip", parameters={"low": 0.0, "high": high - low}
    )
    return [down, cut, ops.Add(name=node.name, inputs=(cut.name,), coefficients=ones, bias=np.full(n, low))]


def unsupported(network: Network) -> list[str]:
    """Return ``operator 'name'`` for every node of a canonical network that has no way onto a chip yet."""
    tail = tail_of(network)
    found = []
    for node in network.nodes:
        if node.name in tail or isinstance(node, (ops.Input, ops.Concat, ops.Slice, *ACCUMULATORS)):
            continue
        if isinstance(node, ops.Activation) and node.function not in ("sigmoid", "tanh"):
            continue
        if isinstance(node, ops.Reshape) and isinstance(network.by_name[node.inputs[0]], ops.Input):
            continue
        found.append(f"{node.function if isinstance(node, ops.Activation | ops.Host) else node.op} {node.name!r}")
    return found


def check_supported(network: Network) -> None:
    """Refuse a canonical network with anything that cannot go on a chip; one message for all of it."""
    tail = tail_of(network)
    found = unsupported(network)
    if found:
        raise UnsupportedError(
            f"these operators ({len(found)}) cannot be put on a chip yet: {', '.join(found)}",
            where="transform, lower_functions",
            fix="replace them by ReLU, LeakyReLU or clipping and retrain, or keep them for the end of the network",
        )
    for node in network.nodes:
        on_chip = isinstance(node, (*ACCUMULATORS, ops.Activation)) and node.name not in tail
        if on_chip and len(network.shapes[node.name]) != 1:
            raise InputError(
                f"it works on a tensor of shape {network.shapes[node.name]}, a chip needs a vector",
                where=f"transform, node {node.name!r}",
                fix="flatten the tensor before the first layer",
            )
