"""Which tensors are never negative: an unsigned signal carries them in all its bits."""

from dataclasses import replace

from neutrams.network import Network, ops
from neutrams.transform.facts import MOVES
from neutrams.transform.shorthand import relu

NONNEGATIVE = ("relu", "sigmoid", "hard_sigmoid", "softplus", "exp", "sqrt", "abs")
"""Functions whose value is never negative."""


def nonnegative_tensors(network: Network) -> frozenset[str]:
    """Names of the tensors that are at least 0 for every input, as far as their operators show."""
    found: set[str] = set()
    for node in network.nodes:
        if _never_negative(node, [name in found for name in node.inputs]):
            found.add(node.name)
    return frozenset(found)


def _never_negative(node: ops.Node, given: list[bool]) -> bool:
    match node:
        case ops.Activation():
            even = node.function == "power" and node.parameters["exponent"] % 2 == 0
            cut = node.function == "clip" and node.parameters["low"] >= 0
            return even or cut or node.function in NONNEGATIVE
        case ops.Constant():
            return bool((node.values >= 0).all())
        case ops.Max():
            return any(given)
        case ops.Pad():
            return all(given) and node.value >= 0
        case ops.Linear() | ops.Conv():
            return all(given) and bool((node.weights >= 0).all() and (node.bias >= 0).all())
        case ops.Add():
            return all(given) and bool((node.coefficients >= 0).all() and (node.bias >= 0).all())
        case ops.Pool() | ops.Mul():
            return all(given)
    return isinstance(node, MOVES) and all(given)


def kept_unsigned(network: Network, node: ops.Linear | ops.Conv | ops.Add, tail: frozenset[str]) -> list[ops.Node]:
    """Return ``node``, which is never negative, with a ReLU that takes its name where another unit would read it.

    The ReLU changes no value; it tells that the signal needs no sign. Where an activation follows it is left out.
    """
    readers = network.consumers[node.name]
    if all(r.name in tail or isinstance(r, ops.Activation) for r in readers):
        return [node]
    inner = replace(node, name=f"{node.name} sum")
    return [inner, relu(node.name, inner.name)]
