"""Random small float networks, dense and feed-forward, and inputs for them."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from neutrams.base.arrays import AnyArray
from neutrams.network import (
    Activation,
    Add,
    Concat,
    Host,
    Input,
    Linear,
    Network,
    Node,
    Output,
    Reshape,
    Slice,
)

ODD_NAMES = ("x", "input.1", "/0/Gemm_output_0", 'a "b"\\', "ünï ☃", "a\nb", "@w", "1", "a.weights")
FUNCTIONS = {
    "identity": {}, "relu": {}, "leaky_relu": {"alpha": 0.125}, "clip": {"low": 0.0, "high": 1.5}, "sigmoid": {},
    "tanh": {},
}  # fmt: skip
PLAIN = ("identity", "relu", "leaky_relu", "clip")


@dataclass
class _Layers:
    """Nodes so far; ``at`` is the vector that the next layer reads and ``seen`` are earlier ones."""

    rng: np.random.Generator
    nodes: list[Node] = field(default_factory=list)
    at: str = ""
    width: int = 0
    seen: list[tuple[str, int]] = field(default_factory=list)

    def put(self, node: Node, width: int) -> None:
        self.nodes.append(node)
        self.at, self.width = node.name, width

    def name(self, kind: str) -> str:
        return f"{kind}{len(self.nodes)}"

    def numbers(self, *shape: int) -> AnyArray:
        """Weights as float32 holds them, now and then exactly 0 or a power of two."""
        drawn = self.rng.normal(0, 1 / np.sqrt(max(shape)), shape)
        special = self.rng.choice([0.0, 0.5, -1.0], size=shape)
        return np.where(self.rng.random(shape) < 0.1, special, drawn).astype(np.float32).astype(np.float64)

    def linear(self, out: int) -> None:
        bias = self.numbers(out) * self.rng.integers(0, 2)
        weights = self.numbers(out, self.width)
        self.put(Linear(name=self.name("fc"), inputs=(self.at,), weights=weights, bias=bias), out)

    def activation(self, function: str) -> None:
        parameters = dict(FUNCTIONS[function])
        if function == "clip" and self.rng.random() < 0.5:
            parameters["low"] = -0.5
        node = Activation(name=self.name("act"), inputs=(self.at,), function=function, parameters=parameters)
        self.put(node, self.width)
        self.seen.append((self.at, self.width))

    def residual(self) -> None:
        """Add an earlier vector of the same width, or this one to itself."""
        same = [name for name, width in self.seen if width == self.width] + [self.at]
        other = same[self.rng.integers(len(same))]
        plain = self.rng.random() < 0.5
        factors = np.ones((2, self.width)) if plain else self.numbers(2, self.width)
        bias = np.zeros(self.width) if plain else self.numbers(self.width)
        self.put(Add(name=self.name("add"), inputs=(self.at, other), coefficients=factors, bias=bias), self.width)

    def scaled(self) -> None:
        """One elementwise gain and shift, as a batch normalisation is."""
        gain, shift = self.numbers(1, self.width), self.numbers(self.width)
        self.put(Add(name=self.name("bn"), inputs=(self.at,), coefficients=gain, bias=shift), self.width)

    def joined(self) -> None:
        """Join an earlier vector, and cut a piece out again."""
        other, width = self.seen[self.rng.integers(len(self.seen))] if self.seen else (self.at, self.width)
        total = self.width + width
        self.put(Concat(name=self.name("cat"), inputs=(self.at, other)), total)
        start, step = int(self.rng.integers(0, total)), int(self.rng.integers(1, 3))
        stop = int(self.rng.integers(start + 1, total + 1))
        length = len(range(start, stop, step))
        self.put(Slice(name=self.name("cut"), inputs=(self.at,), start=start, stop=stop, step=step), length)


@st.composite
def float_networks(
    draw: st.DrawFn, functions: tuple[str, ...] = PLAIN, tails: tuple[str, ...] = ("", "softmax", "argmax")
) -> Network:
    """A network of 1 to 4 dense layers with activations, residual additions, scalings, joins; maybe a host tail.

    Its one input is called ``x``, its output ``y``.
    """
    b = _Layers(np.random.default_rng(draw(st.integers(0, 2**32 - 1))))
    width = draw(st.integers(1, 6))
    b.put(Input(name="x", shape=(width,)), width)
    if draw(st.booleans()):
        b.nodes = [Input(name="x", shape=(1, width))]
        b.put(Reshape(name="flat", inputs=("x",), shape=(width,)), width)
    b.seen.append((b.at, width))
    for _ in range(draw(st.integers(1, 4))):
        b.linear(draw(st.integers(1, 6)))
        for extra in draw(st.sets(st.sampled_from(["residual", "scaled", "joined"]), max_size=2).map(sorted)):
            getattr(b, extra)()
        b.activation(draw(st.sampled_from(functions)))
    tail = draw(st.sampled_from(tails))
    if tail:
        b.put(Host(name=b.name("tail"), inputs=(b.at,), function=tail), b.width)
    b.put(Output(name="y", inputs=(b.at,)), b.width)
    return Network(tuple(b.nodes))


@st.composite
def float_inputs(draw: st.DrawFn, network: Network) -> dict[str, AnyArray]:
    """One to five samples for every input, float32: normal numbers, some of them exactly 0 or large."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 5))

    def values(shape: tuple[int, ...]) -> AnyArray:
        drawn = rng.normal(size=(n, *shape))
        return np.where(rng.random(drawn.shape) < 0.2, rng.choice([0.0, 1.0, -8.0], drawn.shape), drawn)

    return {node.name: values(node.shape).astype(np.float32) for node in network.inputs}
