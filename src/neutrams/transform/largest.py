"""The largest of several tensors from ReLU: max(a, b) = b + relu(a - b)."""

from collections.abc import Sequence

from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import tail_of
from neutrams.transform.shorthand import relu, weighted_sum
from neutrams.transform.signs import kept_unsigned, nonnegative_tensors

Terms = tuple[str, ...]
"""Tensors whose sum is a value."""


@network_pass()
def lower_max(network: Network) -> Network:
    """Write each `Max` before the host tail as a tree of ReLUs over sums with gains of 1 and -1; same function.

    A value of the tree is a list of tensors to be summed, so that only the last sum is a tensor of its own:
    r = relu(a - b), s = relu(c - d), u = relu((b + r) - (d + s)), max(a, b, c, d) = d + s + u. On one scale all of it
    is exact in integers. Where an input is never negative, neither is the result, and it is an unsigned signal.
    """
    tail, positive = tail_of(network), nonnegative_tensors(network)

    def lowered(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Max) or node.name in tail:
            return [node]
        channels = network.shapes[node.name][0]
        constants = [name for name in node.inputs if isinstance(network.by_name[name], ops.Constant)]
        names = [*(name for name in dict.fromkeys(node.inputs) if name not in constants), *dict.fromkeys(constants)]
        nodes, terms = _tree(node.name, [(name,) for name in names], channels)
        total = weighted_sum(node.name, dict.fromkeys(terms, 1.0), channels)
        return [*nodes, *(kept_unsigned(network, total, tail) if node.name in positive else [total])]

    return network.map(lowered)


def _tree(name: str, values: Sequence[Terms], channels: int) -> tuple[list[ops.Node], Terms]:
    """Return the nodes that compare ``values`` in pairs until one is left, and that one."""
    nodes: list[ops.Node] = []
    while len(values) > 1:
        winners = list(values[len(values) - len(values) % 2 :])
        for a, b in zip(values[0:-1:2], values[1::2], strict=True):
            k = len(nodes) // 2 + 1
            signs = {**dict.fromkeys(a, 1.0)}
            for term in b:
                signs[term] = signs.get(term, 0.0) - 1.0
            excess = weighted_sum(f"{name} excess {k}", {t: s for t, s in signs.items() if s}, channels)
            nodes += [excess, relu(f"{name} larger {k}", excess.name)]
            winners.append((*b, f"{name} larger {k}"))
        values = winners
    return nodes, values[0]
