"""Move what surrounds loops into them: on a chip that takes a sequence, everything happens step by step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from neutrams.network import Network, ops
from neutrams.network.shapes import Shape
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import MOVES, head_of, tail_of


@dataclass(frozen=True, slots=True)
class _Picked:
    """What a tensor outside a loop is of one inside: the values of some steps, side by side, or of one step.

    Attributes:
        source: Name of the tensor inside.
        steps: Which steps.
        single: Whether it is that of one step, without an axis for steps.
        length: How many steps the loop has.
    """

    source: str
    steps: tuple[int, ...]
    single: bool
    length: int


@network_pass()
def into_loops(network: Network) -> Network:
    """Return the network with what the chip computes of a loop's steps, or for them, inside the loop; same function.

    What reads the same step or steps of loops, and does the same with each, is computed at each step and picked
    afterwards; so what only reads the last step is computed at every one. What an `Unstack` reads is computed from
    the steps of the inputs. A loop that reads all that another stacks joins it.
    """
    if not network.loop_steps:
        return network
    return _Mover(network).moved().pruned()


def stepwise(network: Network) -> Network:
    """Return the network with what the chip computes in loops, and what the host computes after them, outside."""
    return tail_out_of_loops(into_loops(network))


class _Mover:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.tail, self.head = tail_of(network), head_of(network)
        self.picked: dict[str, _Picked] = {}
        self.step_of: dict[str, str] = {}
        self.nodes: list[ops.Node] = []
        self.renamed: dict[str, str] = {}

    def moved(self) -> Network:
        for node in self.network.nodes:
            self._take(node)
        return Network(tuple(self.nodes), self.network.steps)

    def _take(self, node: ops.Node) -> None:
        if isinstance(node, ops.Unstack):
            self.renamed[node.name] = self._step(node.inputs[0], node.name)
            return
        if isinstance(node, ops.Stack):
            self.picked[node.name] = _Picked(self._now(node.inputs[0]), tuple(range(node.steps)), False, node.steps)
        elif node.name not in self.network.loop_steps and node.name not in self.tail:
            found = self._followed(node)
            if found is not None:
                self.picked[node.name] = found
                return
        if isinstance(node, ops.Stack):
            self.nodes.append(replace(node, inputs=(self._now(node.inputs[0]),)))
            return
        for name in node.inputs:
            self._laid_out(name)
        self.nodes.append(replace(node, inputs=tuple(self._now(name) for name in node.inputs)))

    def _now(self, name: str) -> str:
        return self.renamed.get(name, name)

    def _step(self, name: str, wanted: str) -> str:
        """Return the tensor inside a loop that is, at each step, the element of tensor ``name`` for it."""
        if name in self.step_of:
            return self.step_of[name]
        found = self.picked.get(name)
        if found is not None and not found.single and found.steps == tuple(range(found.length)):
            return found.source
        node = self.network.by_name[name]
        shapes = [self.network.shapes[i] for i in node.inputs]
        inner = None if self._by_host(node) or found is not None else _inner(node, shapes, self.network.shapes[name])
        if inner is None:
            self._laid_out(name)
            self.nodes.append(ops.Unstack(name=wanted, inputs=(self._now(name),)))
            self.step_of[name] = wanted
            return wanted
        read = tuple(self._step(i, f"{i} step") for i in node.inputs)
        self.nodes.append(inner(f"{name} step", read))
        self.step_of[name] = f"{name} step"
        return f"{name} step"

    def _by_host(self, node: ops.Node) -> bool:
        """Whether the host computes ``node`` before the chip: inputs, what it makes of them, moves of those."""
        if node.name in self.head or isinstance(node, ops.Input | ops.Constant):
            return True
        return isinstance(node, MOVES) and all(self._by_host(self.network.by_name[name]) for name in node.inputs)

    def _followed(self, node: ops.Node) -> _Picked | None:
        """Return what ``node`` is of a tensor inside, computed there; None where it is none, or cannot be."""
        found = [self.picked.get(name) for name in node.inputs]
        if not found or found[0] is None or any(f is None for f in found):
            return None
        first = found[0]
        if any(replace(f, source=first.source) != first for f in found if f is not None):
            return None
        narrowed = _narrowed(node, first, self.network.shapes[node.inputs[0]])
        if narrowed is not None:
            return narrowed
        sources = tuple(f.source for f in found if f is not None)
        if first.single:
            self.nodes.append(replace(node, inputs=sources))
            return replace(first, source=node.name)
        shapes = [self.network.shapes[name] for name in node.inputs]
        out = self.network.shapes[node.name]
        if isinstance(node, ops.Reshape) and len(first.steps) == 1 and out[:1] != (1,):
            self.nodes.append(ops.Reshape(name=node.name, inputs=sources, shape=out))
            return replace(first, source=node.name, single=True)
        inner = _inner(node, shapes, out)
        if inner is None:
            return None
        self.nodes.append(inner(node.name, sources))
        return replace(first, source=node.name)

    def _laid_out(self, name: str) -> None:
        """Let tensor ``name`` stand outside the loop, if it was only picked so far."""
        found = self.picked.get(name)
        if found is None or name in self.renamed or isinstance(self.network.by_name[name], ops.Stack):
            return
        title = f"{name} at all steps"
        self.nodes.append(ops.Stack(name=title, inputs=(found.source,), steps=found.length))
        self.nodes.append(ops.Gather(name=f"{name} picked", inputs=(title,), indices=np.array(found.steps), axis=0))
        self.renamed[name] = f"{name} picked"
        if found.single:
            self.renamed[name] = f"{name} outside"
            shape = self.network.shapes[name]
            self.nodes.append(ops.Reshape(name=f"{name} outside", inputs=(f"{name} picked",), shape=shape))


def _narrowed(node: ops.Node, found: _Picked, shape: Shape) -> _Picked | None:
    """Return what a slice or gather along the axis of steps leaves; None for any other node."""
    if found.single or not isinstance(node, ops.Slice | ops.Gather) or node.axis % len(shape) != 0:
        return None
    chosen = range(node.start, node.stop, node.step) if isinstance(node, ops.Slice) else node.indices.tolist()
    return replace(found, steps=tuple(found.steps[i] for i in chosen))


Made = Callable[[str, tuple[str, ...]], ops.Node]
"""(name, inputs) -> the node of one step."""


def _inner(node: ops.Node, shapes: Sequence[Shape], out: Shape) -> Made | None:
    """Return how ``node``, whose first axis is of steps, is computed for one step; None where steps mix."""
    if len(out) < 2 or any(len(shape) < 2 or shape[0] != out[0] for shape in shapes):
        return None
    rank = len(shapes[0])
    changed: ops.Node | None = None
    match node:
        case ops.Linear():
            changed = node
        case ops.Activation() | ops.Mul() | ops.Max():
            changed = node if len({len(shape) for shape in shapes}) == 1 else None
        case ops.Add():
            same = (node.coefficients == node.coefficients[:, :1]).all() and (node.bias == node.bias[0]).all()
            if same:
                channels = shapes[0][1]
                gains = np.repeat(node.coefficients[:, :1], channels, axis=1)
                changed = replace(node, coefficients=gains, bias=np.full(channels, node.bias[0]))
        case ops.Reshape():
            changed = replace(node, shape=out[1:])
        case ops.Transpose() if node.axes[0] == 0:
            changed = replace(node, axes=tuple(axis - 1 for axis in node.axes[1:]))
        case ops.Slice() | ops.Gather() | ops.Concat() if node.axis % rank != 0:
            changed = replace(node, axis=node.axis % rank - 1)
        case ops.Pad() if node.before[0] == node.after[0] == 0:
            changed = replace(node, before=node.before[1:], after=node.after[1:])
    if changed is None:
        return None
    return lambda name, inputs: replace(changed, name=name, inputs=inputs)


UNITS = (ops.Linear, ops.Conv, ops.Add, ops.Activation, ops.Spiking)
"""What gives what neurons give."""


@network_pass()
def units_for_states(network: Network) -> Network:
    """Put a pass-through accumulator before each `Update` that does not read a unit of its own; same function."""
    tail = tail_of(network)
    taken: set[str] = set()

    def changed(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Update) or node.name in tail:
            return [node]
        source = network.by_name[node.inputs[0]]
        readers = network.consumers[source.name]
        activated = any(isinstance(r, ops.Activation | ops.Spiking) and r.name not in tail for r in readers)
        unit = isinstance(source, UNITS) and not activated
        if unit and source.name not in taken:
            taken.add(source.name)
            return [node]
        name = f"{node.name} kept"
        channels = network.shapes[source.name][0]
        passed = ops.Add(name=name, inputs=(source.name,), coefficients=np.ones((1, channels)), bias=np.zeros(channels))
        return [passed, replace(node, inputs=(name,))]

    return network.map(changed)


@network_pass()
def tail_out_of_loops(network: Network) -> Network:
    """Let what the host computes of a loop's steps stand behind the loop, on all steps at once; same function."""
    tail = tail_of(network)
    steps = network.loop_steps
    moved = {name for name in steps if name in tail}
    if not moved:
        return network
    nodes: list[ops.Node] = []
    stacked: dict[str, str] = {}

    def at_all_steps(name: str) -> str:
        if name not in stacked:
            stacked[name] = f"{name} at all steps"
            nodes.append(ops.Stack(name=stacked[name], inputs=(name,), steps=steps[name]))
        return stacked[name]

    for node in network.nodes:
        if isinstance(node, ops.Stack) and node.inputs[0] in moved:
            stacked[node.name] = stacked[node.inputs[0]]
            continue
        if node.name not in moved:
            nodes.append(replace(node, inputs=tuple(stacked.get(i, i) if i not in steps else i for i in node.inputs)))
            continue
        outer = _outer(node, steps[node.name], len(network.shapes[node.inputs[0]]))
        inside = all(name in steps for name in node.inputs)
        if outer is None or not inside:
            return network  # it is refused later, by its name
        name = f"{node.name} at all steps"
        nodes.append(replace(outer, name=name, inputs=tuple(at_all_steps(i) for i in node.inputs)))
        stacked[node.name] = name
    return Network(tuple(nodes), network.steps)


def _outer(node: ops.Node, steps: int, rank: int) -> ops.Node | None:
    """Return ``node`` for all steps at once; None where it cannot be."""
    match node:
        case ops.Activation() | ops.Host() | ops.Mul():
            return node
        case ops.Reshape():
            return replace(node, shape=(steps, *node.shape))
        case ops.Slice() | ops.Gather() | ops.Concat():
            return replace(node, axis=node.axis % rank + 1)
        case ops.Transpose():
            return replace(node, axes=(0, *(axis + 1 for axis in node.axes)))
    return None
