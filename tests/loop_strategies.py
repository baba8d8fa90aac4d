"""Random float networks with loops, and the same networks unrolled by hand."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from neutrams.network import (
    Activation,
    Add,
    Concat,
    Constant,
    Gather,
    Input,
    Linear,
    Mul,
    Network,
    Node,
    Output,
    Reshape,
    Slice,
    Stack,
    State,
    Unstack,
    Update,
)


@st.composite
def looped_networks(draw: st.DrawFn) -> Network:
    """One or two loops over an input ``x``, with two states each; outputs of all steps ``y`` and of the last ``z``.

    The first state may come from an input ``h``.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps, width, hidden = draw(st.integers(1, 4)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    given = draw(st.booleans())
    nodes: list[Node] = [Input(name="x", shape=(steps, width))]
    nodes += [Input(name="h", shape=(hidden,))] if given else []
    at, size = "x", width
    for k in range(draw(st.integers(1, 2))):
        if draw(st.booleans()):
            nodes.append(Gather(name=f"back{k}", inputs=(at,), indices=np.arange(steps)[::-1], axis=0))
            at = f"back{k}"
        start = "h" if given and k == 0 else f"start{k}"
        nodes += loop(rng, k, (at, start), (steps, size, hidden), draw(st.booleans()))
        at, size = f"steps{k}", hidden
    nodes.append(linear(rng, "head", at, hidden, 2))
    nodes.append(Output(name="y", inputs=("head",)))
    nodes.append(Slice(name="last", inputs=(at,), start=steps - 1, stop=steps, axis=0))
    nodes.append(Output(name="z", inputs=("last",)))
    return Network(tuple(nodes))


def loop(
    rng: np.random.Generator, k: int, given: tuple[str, str], sizes: tuple[int, int, int], gated: bool
) -> list[Node]:
    """A step: hidden = tanh(W [x, hidden]), or a leaky mean of it; sum = sum / 2 + hidden."""
    (source, start), (steps, width, hidden) = given, sizes
    nodes: list[Node] = [] if start == "h" else [Constant(name=start, values=rng.normal(size=hidden))]
    nodes += [
        Constant(name=f"zero{k}", values=np.zeros(hidden)),
        Unstack(name=f"x{k}", inputs=(source,)),
        State(name=f"h{k}", inputs=(start,)),
        State(name=f"sum{k}", inputs=(f"zero{k}",)),
        Concat(name=f"both{k}", inputs=(f"x{k}", f"h{k}")),
        linear(rng, f"fc{k}", f"both{k}", width + hidden, hidden),
        Activation(name=f"tanh{k}", inputs=(f"fc{k}",), function="tanh"),
    ]
    new = f"tanh{k}"
    if gated:
        nodes.append(linear(rng, f"gate{k}", f"both{k}", width + hidden, hidden))
        nodes.append(Activation(name=f"open{k}", inputs=(f"gate{k}",), function="sigmoid"))
        nodes.append(Mul(name=f"new{k}", inputs=(new, f"open{k}")))
        new = f"new{k}"
    halves = np.stack([np.full(hidden, 0.5), np.ones(hidden)])
    return [
        *nodes,
        Add(name=f"more{k}", inputs=(f"sum{k}", new), coefficients=halves, bias=np.zeros(hidden)),
        Update(name=f"keep{k}", inputs=(f"more{k}",), state=f"sum{k}"),
        Update(name=f"next{k}", inputs=(new,), state=f"h{k}"),
        Stack(name=f"steps{k}", inputs=(f"more{k}",), steps=steps),
    ]


def linear(rng: np.random.Generator, name: str, source: str, width: int, out: int) -> Linear:
    return Linear(name=name, inputs=(source,), weights=rng.normal(size=(out, width)), bias=rng.normal(size=out))


def unrolled(network: Network) -> Network:
    """Return the network without loops: every node of a loop once a step."""
    inside = {node.name for node in network.nodes} - {node.name for node in outside(network)}
    steps = network.inputs[0].shape[0]
    nodes: list[Node] = []
    for item in network.order:
        if isinstance(item, Node):
            nodes += stacked(item, network) if isinstance(item, Stack) else [item]
            continue
        updates = {node.state: node.inputs[0] for node in item.nodes if isinstance(node, Update)}
        renamed: dict[str, str] = {}
        for t in range(steps):
            before, renamed = renamed, {}
            for node in item.nodes:
                name = f"{node.name}@{t}"
                if isinstance(node, Unstack):
                    nodes.append(Slice(name=f"{name}.cut", inputs=node.inputs, start=t, stop=t + 1, axis=0))
                    nodes.append(Reshape(name=name, inputs=(f"{name}.cut",), shape=network.shapes[node.name]))
                elif isinstance(node, State):
                    name = node.inputs[0] if t == 0 else before[updates[node.name]]
                elif not isinstance(node, Update):
                    reads = tuple(renamed[i] if i in inside else i for i in node.inputs)
                    nodes.append(replace(node, name=name, inputs=reads))
                renamed[node.name] = name
    return Network(tuple(nodes))


def outside(network: Network) -> list[Node]:
    return [item for item in network.order if isinstance(item, Node)]


def stacked(node: Stack, network: Network) -> list[Node]:
    rows = [f"{node.name}.row{t}" for t in range(node.steps)]
    shape = (1, *network.shapes[node.inputs[0]])
    cut = [Reshape(name=row, inputs=(f"{node.inputs[0]}@{t}",), shape=shape) for t, row in enumerate(rows)]
    return [*cut, Concat(name=node.name, inputs=tuple(rows), axis=0)]
