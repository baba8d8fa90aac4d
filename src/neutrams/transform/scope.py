"""What a rewriting rule sees of a network, and the loop that applies rules until none fits."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from neutrams.network import Network, ops
from neutrams.transform.facts import head_of, tail_of


@dataclass(frozen=True)
class Scope:
    """A network under rewriting.

    Attributes:
        network: As it stands.
    """

    network: Network

    @cached_property
    def tail(self) -> frozenset[str]:
        """Names of what runs on the host after the chip."""
        return tail_of(self.network)

    @cached_property
    def head(self) -> frozenset[str]:
        """Names of what runs on the host before the chip."""
        return head_of(self.network)

    def source(self, node: ops.Node, k: int = 0) -> ops.Node:
        """Return the node that gives input ``k`` of ``node``."""
        return self.network.by_name[node.inputs[k]]

    def sole(self, name: str) -> bool:
        """Whether exactly one node reads tensor ``name``."""
        return len(self.network.consumers[name]) == 1

    def fresh(self, name: str) -> str:
        """Return ``name``, with a mark where the network has it already."""
        while name in self.network.by_name:
            name += "'"
        return name

    def without(self, node: ops.Node) -> "Rewritten":
        """Take ``node`` out: its readers read what it read."""
        rewired: dict[str, list[ops.Node]] = {node.name: []}
        for reader in self.network.consumers[node.name]:
            names = tuple(node.inputs[0] if name == node.name else name for name in reader.inputs)
            rewired[reader.name] = [replace(reader, inputs=names)]
        return rewired


Rewritten = dict[str, list[ops.Node]]
"""Nodes to stand in the place of each named node."""

Rule = Callable[[Scope, ops.Node], Rewritten | None]
"""(scope, node) -> what changes, or None where the rule does not apply."""


def rewritten(network: Network, rules: Iterable[Rule]) -> Network:
    """Return ``network`` after applying ``rules``, in order and again, until none applies to any node."""
    rules = tuple(rules)
    scope = Scope(network)
    changed = True
    while changed:
        changed = False
        for rule in rules:
            for name in [node.name for node in scope.network.nodes]:
                node = scope.network.by_name.get(name)
                replaced = None if node is None else rule(scope, node)
                if replaced is not None:
                    scope = Scope(scope.network.map(lambda n, r=replaced: r.get(n.name, n)).pruned())  # type: ignore[misc]
                    changed = True
    return scope.network
