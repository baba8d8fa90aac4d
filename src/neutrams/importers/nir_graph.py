"""From a NIR graph to a network with a loop: shapes, cycles, and the nodes in order."""

from dataclasses import dataclass, field, replace

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.importers.builder import Builder, Tensor
from neutrams.importers.nir_cycles import delayed_edges
from neutrams.importers.nir_file import Graph, Part
from neutrams.importers.nir_layers import LAYERS, SOURCE
from neutrams.importers.nir_neurons import neuron, own_shape
from neutrams.importers.nir_options import NirOptions
from neutrams.importers.nir_recorded import Recorded
from neutrams.network import Input, Network, Node, Output, Spiking, Stack, State, Unstack, Update
from neutrams.network.shapes import RULES, Shape
from neutrams.neurons.dynamics import dynamics_models
from neutrams.neurons.dynamics.delay import steps_of


@dataclass
class _Work:
    """A graph on its way.

    Attributes:
        graph: The NIR graph.
        options: How it runs.
        record: What neutrams wrote beside it, where that shall be used.
        builder: The nodes so far.
        made: The nodes of each NIR node, reading `SOURCE`; the last one bears its name.
        shapes: What each NIR node gives, per step.
        delayed: Edges that carry what was one step before.
    """

    graph: Graph
    options: NirOptions
    record: Recorded | None
    builder: Builder
    made: dict[str, list[Node]] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    delayed: frozenset[tuple[str, str]] = frozenset()

    def sources(self, name: str) -> list[str]:
        """The NIR nodes that ``name`` reads, in the order of the edges."""
        return [a for a, b in self.graph.edges if b == name]


def network_of(graph: Graph, options: NirOptions, record: Recorded | None) -> Network:
    """Return the float network that runs ``graph`` for ``options.steps`` steps."""
    work = _Work(graph, options, record, Builder(graph.parts))
    _infer(work)
    work.delayed = frozenset(_delayed(work))
    order = _ordered(work)
    for part in graph.parts.values():
        if part.kind == "Input":
            _enter(work, part)
    for name in dict.fromkeys(a for a, b in graph.edges if (a, b) in work.delayed):
        start = work.builder.constant(f"{name}.start", np.zeros(work.shapes[name]))
        state = work.builder.fresh(f"{name}.before")
        work.builder.emit(State(name=state, inputs=(start.name,)))
        work.made[f"\0{name}"] = [work.builder.nodes[state]]
    for name in order:
        _place(work, graph.parts[name])
    for name in dict.fromkeys(a for a, b in graph.edges if (a, b) in work.delayed):
        tensor, state = _tensor(work, name), work.made[f"\0{name}"][0].name
        work.builder.emit(Update(name=work.builder.fresh(f"{name}.next"), inputs=(tensor,), state=state))
    for part in graph.parts.values():
        if part.kind == "Output":
            _leave(work, part)
    return work.builder.network()


def _infer(work: _Work) -> None:
    """Find the nodes and shapes of all parts: along the edges, and where cycles are not fed, from their parameters."""
    waiting = dict(work.graph.parts)
    while waiting:
        ready = [part for part in waiting.values() if part.kind == "Input" or _known(work, part)]
        if not ready:
            ready = [part for part in waiting.values() if _own(part)][:1]
        if not ready:
            part = next(iter(waiting.values()))
            raise part.unfit("the shape of what it reads is not known", "connect it to an Input")
        for part in ready:
            del waiting[part.name]
            shape = _input_shape(part) if part.kind == "Input" else (_known(work, part) or _own(part) or ())
            work.made[part.name] = _nodes(work, part, shape)
            work.shapes[part.name] = _given(work.made[part.name], shape)


def _known(work: _Work, part: Part) -> Shape | None:
    return next((work.shapes[name] for name in work.sources(part.name) if name in work.shapes), None)


def _own(part: Part) -> Shape | None:
    """Return the shape that a node alone says it reads."""
    if part.kind in dynamics_models():
        return own_shape(part)
    if part.kind in ("Affine", "Linear"):
        weights = part.numbers("weight")
        return weights.shape[1:] if weights.ndim == 2 else None
    return None


def _input_shape(part: Part) -> Shape:
    shape = part.whole("shape") or (1,)
    if min(shape) < 1:
        raise part.damaged(f"its shape is {shape}")
    return shape


def _nodes(work: _Work, part: Part, shape: Shape) -> list[Node]:
    if part.kind in LAYERS:
        return LAYERS[part.kind](part, shape, work.builder.fresh)
    if part.kind in dynamics_models():
        return [neuron(part, shape, work.options, work.record)]
    return []  # Input, Output, Identity


def _given(nodes: list[Node], shape: Shape) -> Shape:
    """Return the shape that a chain of nodes gives for a source of ``shape``."""
    shapes = {SOURCE: shape}
    last = SOURCE
    for node in nodes:
        shapes[node.name] = RULES[node.op](node, [shapes[name] for name in node.inputs])
        last = node.name
    return shapes[last]


def _delayed(work: _Work) -> tuple[tuple[str, str], ...]:
    parts = work.graph.parts

    def delays(name: str) -> bool:
        node = work.made[name][-1] if work.made[name] else None
        return isinstance(node, Spiking) and node.model == "Delay" and bool(_steps(node).min(initial=1) >= 1)

    def passes(name: str) -> bool:
        return parts[name].kind not in dynamics_models() and parts[name].kind != "Input"

    starts = [part.name for part in parts.values() if part.kind == "Input"]
    move = passes if work.options.feedback == "spikes" and work.record is None else None
    given = work.options.delayed if work.record is None else work.record.late(work.options)
    found = delayed_edges(work.graph.edges, starts, given, delays, move)
    for name in dict.fromkeys(b for a, b in found if (a, b) not in given and delays(b)):
        node = work.made[name][-1]
        assert isinstance(node, Spiking)
        less = np.asarray((_steps(node) - 1) * node.dt, dtype=np.float64)  # the delayed edge is one step of its delay
        work.made[name] = [replace(node, parameters={"delay": less})]
    return found


def _steps(node: Spiking) -> IntArray:
    return steps_of(node.parameters["delay"], node.dt)


def _ordered(work: _Work) -> list[str]:
    """Return the nodes but Inputs and Outputs, each behind those it reads in the same step."""
    skipped = {part.name for part in work.graph.parts.values() if part.kind in ("Input", "Output")}
    waiting = {
        name: {a for a in work.sources(name) if (a, name) not in work.delayed} - skipped
        for name in work.graph.parts
        if name not in skipped
    }
    order: list[str] = []
    while waiting:
        ready = [name for name, before in waiting.items() if not before]
        assert ready, "delayed edges leave no cycle"
        order += ready
        for name in ready:
            del waiting[name]
        for before in waiting.values():
            before.difference_update(ready)
    return order


def _enter(work: _Work, part: Part) -> None:
    shape = (work.options.steps, *work.shapes[part.name])
    work.builder.emit(Input(name=part.name, shape=shape))
    step = work.builder.emit(Unstack(name=work.builder.fresh(f"{part.name}.step"), inputs=(part.name,)))
    work.made[part.name] = [work.builder.nodes[step.name]]


def _tensor(work: _Work, name: str) -> str:
    """Return the node that gives what NIR node ``name`` gives."""
    return work.made[name][-1].name


def _read(work: _Work, part: Part) -> Tensor:
    """Return what ``part`` reads: one tensor, or the sum of several."""
    builder = work.builder
    names = [
        work.made[f"\0{a}"][0].name if (a, part.name) in work.delayed else _tensor(work, a)
        for a in work.sources(part.name)
    ]
    given = [Tensor(name, builder.shapes[name]) for name in names]
    if len({x.shape for x in given}) > 1:
        shapes = ", ".join(f"{x.name!r} {x.shape}" for x in given)
        raise part.unfit(f"what it reads has several shapes: {shapes}", "make all edges to it carry one shape")
    return given[0] if len(given) == 1 else builder.total(builder.fresh(f"{part.name}.sum"), [(x, 1.0) for x in given])


def _place(work: _Work, part: Part) -> None:
    given = _read(work, part)
    if not work.made[part.name]:  # a port of a sub-graph passes on what it reads
        work.made[part.name] = [work.builder.nodes[given.name]]
        return
    for node in work.made[part.name]:
        reads = tuple(given.name if name == SOURCE else name for name in node.inputs)
        work.builder.emit(replace(node, inputs=reads))


def _leave(work: _Work, part: Part) -> None:
    given, builder = _read(work, part), work.builder
    _check_output(part, given.shape)
    stack = Stack(name=builder.fresh(f"{part.name}.steps"), inputs=(given.name,), steps=work.options.steps)
    found = builder.emit(stack)
    if work.options.read == "count":
        found = builder.host(builder.fresh(f"{part.name}.count"), [found], "sum")
    builder.emit(Output(name=part.name, inputs=(found.name,)))


def _check_output(part: Part, shape: Shape) -> None:
    wanted = part.whole("shape") or (1,)
    if wanted != shape:
        raise part.unfit(f"its shape is {wanted}, what it reads has {shape}", "correct the shape of the Output")
