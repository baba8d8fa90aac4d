"""Loops of a network: the nodes that are computed once a step, and when they can be."""

from collections.abc import Sequence
from dataclasses import dataclass

from neutrams.base.errors import InputError
from neutrams.network import ops
from neutrams.network.shapes import Shape


@dataclass(frozen=True, slots=True)
class Loop:
    """Nodes that are computed together, step by step.

    Attributes:
        nodes: In an order in which they can be computed within a step.
        steps: How many steps.
    """

    nodes: tuple[ops.Node, ...]
    steps: int

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the tensors it reads from outside."""
        own = {node.name for node in self.nodes}
        return tuple(dict.fromkeys(name for node in self.nodes for name in node.inputs if name not in own))


def in_order(nodes: Sequence[ops.Node], shapes: dict[str, Shape]) -> tuple[ops.Node | Loop, ...]:
    """Return ``nodes`` in an order in which they can be computed, those of a loop together.

    Args:
        nodes: Each after those that it reads.
        shapes: Per-sample shape of each.

    Raises:
        InputError: A loop has no length, or several, or reads a stack of its own; a state has no update, or several.
    """
    inside = _inside(nodes)
    for node in nodes:
        _check_border(node, inside)
    if not inside:
        return tuple(nodes)
    leader = _leaders(nodes, inside)
    groups: dict[str, list[ops.Node]] = {}
    for node in nodes:
        groups.setdefault(leader[node.name], []).append(node)
    _check_states(nodes, shapes)
    steps = _steps(nodes, leader, shapes)
    waiting = {name: {leader[i] for node in group for i in node.inputs} - {name} for name, group in groups.items()}
    order: list[ops.Node | Loop] = []
    while waiting:
        ready = [name for name, before in waiting.items() if not before]
        if not ready:
            stuck = next(groups[name][0] for name in waiting if name in inside)
            raise _wrong(
                stuck, "its loop reads what it stacks itself", "stack all steps before another loop reads them"
            )
        for name in ready:
            del waiting[name]
            order.append(Loop(tuple(groups[name]), steps[name]) if name in inside else groups[name][0])
        for before in waiting.values():
            before.difference_update(ready)
    return tuple(order)


def _inside(nodes: Sequence[ops.Node]) -> set[str]:
    """Return the names of the nodes that are computed once a step."""
    inside: set[str] = set()
    for node in nodes:
        enters = isinstance(node, ops.Unstack | ops.State)
        if enters or (not isinstance(node, ops.Stack) and not inside.isdisjoint(node.inputs)):
            inside.add(node.name)
    return inside


def _leaders(nodes: Sequence[ops.Node], inside: set[str]) -> dict[str, str]:
    """Return, for each node, the first node of its loop; itself outside."""
    leader = {node.name: node.name for node in nodes}

    def first(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for node in nodes:
        linked = [name for name in node.inputs if name in inside] if node.name in inside else []
        linked += [node.state] if isinstance(node, ops.Update) and node.state in inside else []
        for name in linked:
            leader[first(node.name)] = first(name)
    return {name: first(name) for name in leader}


def _check_border(node: ops.Node, inside: set[str]) -> None:
    within = [name for name in node.inputs if name in inside]
    if isinstance(node, ops.Unstack | ops.State) and within:
        raise _wrong(node, f"it reads {within[0]!r} of a loop, loops do not nest", "stack that tensor first")
    if isinstance(node, ops.Output) and within:
        raise _wrong(node, f"it reads {within[0]!r}, which has another value at each step", "stack that tensor first")
    if isinstance(node, ops.Stack | ops.Update | ops.Spiking) and not within:
        raise _wrong(node, "what it reads is in no loop", "read a tensor that depends on an Unstack or a State")


def _check_states(nodes: Sequence[ops.Node], shapes: dict[str, Shape]) -> None:
    states = {node.name: 0 for node in nodes if isinstance(node, ops.State)}
    for node in nodes:
        if isinstance(node, ops.Update):
            if node.state not in states or shapes[node.state] != shapes[node.name]:
                raise _wrong(
                    node, f"there is no state {node.state!r} of its shape", "name a State of one shape with it"
                )
            states[node.state] += 1
    for node in nodes:
        if states.get(node.name, 1) != 1:
            raise _wrong(node, f"it has {states[node.name]} updates", "give every State one Update")


def _steps(nodes: Sequence[ops.Node], leader: dict[str, str], shapes: dict[str, Shape]) -> dict[str, int]:
    """Return how many steps each loop has, by its leader."""
    steps: dict[str, int] = {}
    for node in nodes:
        if isinstance(node, ops.Unstack | ops.Stack):
            name = leader[node.name if isinstance(node, ops.Unstack) else node.inputs[0]]
            found = node.steps if isinstance(node, ops.Stack) else shapes[node.inputs[0]][0]
            if steps.setdefault(name, found) != found:
                raise _wrong(node, f"its loop has {steps[name]} steps, not {found}", "give a loop one number of steps")
    endless = [node for node in nodes if isinstance(node, ops.State) and leader[node.name] not in steps]
    if endless:
        raise _wrong(endless[0], "nothing says how many steps its loop has", "stack a tensor of it")
    return steps


def _wrong(node: ops.Node, what: str, fix: str) -> InputError:
    return InputError(what, where=f"node {node.name!r}", fix=fix)
