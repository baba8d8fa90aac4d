"""Random small float networks, dense or on images, feed-forward, and inputs for them."""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from neutrams.base.arrays import AnyArray
from neutrams.network import (
    Activation,
    Add,
    Concat,
    Conv,
    Gather,
    Host,
    Input,
    Linear,
    Max,
    Mul,
    Network,
    Node,
    Output,
    Pad,
    Pool,
    Reshape,
    Slice,
    Transpose,
)
from neutrams.network.shapes import RULES

ODD_NAMES = ("x", "input.1", "/0/Gemm_output_0", 'a "b"\\', "ünï ☃", "a\nb", "@w", "1", "a.weights")
FUNCTIONS: dict[str, dict[str, float]] = {
    "identity": {}, "relu": {}, "leaky_relu": {"alpha": 0.125}, "clip": {"low": 0.0, "high": 1.5}, "sigmoid": {},
    "tanh": {}, "elu": {"alpha": 0.5}, "selu": {"alpha": 1.5, "gamma": 1.25},
    "hard_sigmoid": {"alpha": 0.25, "beta": 0.5}, "hard_swish": {}, "silu": {}, "gelu": {}, "gelu_tanh": {}, "mish": {},
    "softplus": {}, "softsign": {}, "erf": {}, "abs": {},
}  # fmt: skip
PLAIN = ("identity", "relu", "leaky_relu", "clip")
PARTS = ("pool", "residual", "scaled", "joined", "largest", "gated", "moved")


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


@dataclass
class _Images:
    """Nodes so far; ``at`` is the image that the next layer reads and ``seen`` are earlier ones."""

    rng: np.random.Generator
    functions: tuple[str, ...]
    nodes: list[Node] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    at: str = ""
    seen: list[str] = field(default_factory=list)

    def put(self, node: Node) -> str:
        self.nodes.append(node)
        self.shapes[node.name] = RULES[node.op](node, [self.shapes[name] for name in node.inputs])
        self.at = node.name
        return node.name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.shapes[self.at]

    def name(self, kind: str) -> str:
        return f"{kind}{len(self.nodes)}"

    def some(self, low: int, high: int, n: int) -> tuple[int, ...]:
        return tuple(self.rng.integers(low, high, n, endpoint=True).tolist())

    def window(self) -> dict[str, tuple[int, ...]]:
        """A window with stride and dilation that is no larger than the image."""
        size = self.shape[1:]
        dilation = self.some(1, 2, len(size))
        kernel = tuple(
            min(k, (n - 1) // d + 1) for k, n, d in zip(self.some(1, 3, len(size)), size, dilation, strict=True)
        )
        return {"kernel": kernel, "stride": self.some(1, 2, len(size)), "dilation": dilation}

    def numbers(self, *shape: int) -> AnyArray:
        fan_in = int(np.prod(shape[1:]))
        return self.rng.normal(0, 1 / np.sqrt(fan_in), shape).astype(np.float32).astype(np.float64)

    def bias(self, channels: int) -> AnyArray:
        return self.numbers(channels) * self.rng.integers(0, 2)

    def pad(self) -> None:
        before, after = (self.some(0, 1, len(self.shape) - 1) for _ in range(2))
        self.put(Pad(name=self.name("pad"), inputs=(self.at,), before=(0, *before), after=(0, *after)))

    def conv(self) -> None:
        """A convolution, plain, grouped or depthwise, maybe with padding."""
        if self.rng.random() < 0.6:
            self.pad()
        channels, window = self.shape[0], self.window()
        groups = int(self.rng.choice([g for g in range(1, channels + 1) if channels % g == 0]))
        out = groups * int(self.rng.integers(1, max(1, 4 // groups), endpoint=True))
        weights = self.numbers(out, channels // groups, *window.pop("kernel"))
        bias = self.bias(out)
        self.put(Conv(name=self.name("conv"), inputs=(self.at,), weights=weights, bias=bias, groups=groups, **window))

    def activation(self) -> None:
        function = str(self.rng.choice(self.functions))
        parameters = FUNCTIONS[function]
        node = Activation(name=self.name("act"), inputs=(self.at,), function=function, parameters=parameters)
        self.seen.append(self.put(node))

    def pool(self) -> None:
        window = self.window()
        before, after = (
            tuple(min(p, k - 1) for p, k in zip(self.some(0, 1, len(window["kernel"])), window["kernel"], strict=True))
            for _ in range(2)
        )
        kind = str(self.rng.choice(["max", "average"]))
        counted = kind == "average" and bool(self.rng.random() < 0.5)
        node = Pool(name=self.name(kind), inputs=(self.at,), kind=kind, before=before, after=after,
                    count_padding=counted, **window)  # fmt: skip
        self.put(node)

    def same(self) -> str:
        """An earlier image of the same shape, or this one."""
        return str(self.rng.choice([name for name in self.seen if self.shapes[name] == self.shape] or [self.at]))

    def residual(self) -> None:
        channels = self.shape[0]
        plain = self.rng.random() < 0.5
        factors = np.ones((2, channels)) if plain else self.numbers(2, channels)
        bias = np.zeros(channels) if plain else self.numbers(channels)
        self.put(Add(name=self.name("add"), inputs=(self.at, self.same()), coefficients=factors, bias=bias))

    def scaled(self) -> None:
        """One gain and shift a channel, as a batch normalisation is."""
        gain, shift = self.numbers(1, self.shape[0]), self.numbers(self.shape[0])
        self.put(Add(name=self.name("bn"), inputs=(self.at,), coefficients=gain, bias=shift))

    def joined(self) -> None:
        """Join an earlier image of the same size along the channels, and cut some of them out again."""
        fitting = [name for name in self.seen if self.shapes[name][1:] == self.shape[1:]] or [self.at]
        other = str(self.rng.choice(fitting))
        axis = int(self.rng.choice([0, -len(self.shape)]))
        self.put(Concat(name=self.name("cat"), inputs=(self.at, other), axis=axis))
        stop = int(self.rng.integers(1, min(4, self.shape[0]), endpoint=True))
        self.put(Slice(name=self.name("cut"), inputs=(self.at,), start=0, stop=stop, axis=axis))

    def largest(self) -> None:
        self.put(Max(name=self.name("max"), inputs=(self.at, self.same())))

    def gated(self) -> None:
        """Multiply each channel by a number made of all of them, as squeeze-and-excite does."""
        image, channels, axes = self.at, self.shape[0], len(self.shape) - 1
        ones, nones = (1,) * axes, (0,) * axes
        self.put(Pool(name=self.name("mean"), inputs=(image,), kind="average", kernel=self.shape[1:], stride=ones,
                      dilation=ones, before=nones, after=nones))  # fmt: skip
        weights = self.numbers(channels, channels, *ones)
        self.put(Conv(name=self.name("mix"), inputs=(self.at,), weights=weights, bias=np.zeros(channels), stride=ones,
                      dilation=ones))  # fmt: skip
        self.activation()
        self.put(Mul(name=self.name("mul"), inputs=(self.at, image)))

    def moved(self) -> None:
        """Transposed, mirrored, enlarged to the nearest, cropped, or cut into channels of another order."""
        axis = int(self.rng.integers(0, len(self.shape)))
        n = self.shape[axis]
        match self.rng.integers(4):
            case 0:
                axes = tuple(self.rng.permutation(len(self.shape)).tolist())
                self.put(Transpose(name=self.name("turn"), inputs=(self.at,), axes=axes))
            case 1:
                indices = np.arange(n)[::-1] if self.rng.random() < 0.5 or n > 3 else np.repeat(np.arange(n), 2)
                self.put(Gather(name=self.name("take"), inputs=(self.at,), indices=indices, axis=axis))
            case 2:
                start = int(self.rng.integers(0, n))
                node = Slice(name=self.name("crop"), inputs=(self.at,), start=start, stop=n, step=2, axis=axis)
                self.put(node)
            case _:
                self.put(Reshape(name=self.name("fold"), inputs=(self.at,), shape=(self.shape[1], self.shape[0],
                                 *self.shape[2:])))  # fmt: skip

    def head(self, tail: str) -> None:
        self.put(Reshape(name=self.name("flat"), inputs=(self.at,), shape=(int(np.prod(self.shape)),)))
        out = int(self.rng.integers(1, 5))
        self.put(Linear(name=self.name("fc"), inputs=(self.at,), weights=self.numbers(out, *self.shape),
                        bias=self.numbers(out)))  # fmt: skip
        if tail:
            self.put(Host(name=self.name("tail"), inputs=(self.at,), function=tail))


@st.composite
def image_networks(
    draw: st.DrawFn,
    functions: tuple[str, ...] = PLAIN,
    parts: tuple[str, ...] = PARTS,
    tails: tuple[str, ...] = ("", "softmax", "argmax"),
) -> Network:
    """A network of 1 to 3 convolutions over one or two axes, each followed by an activation and up to two ``parts``.

    Its one input is called ``x``, its output ``y``, which is an image or the vector of a dense layer.

    Args:
        draw: Hypothesis's.
        functions: What its activations may be.
        parts: What may stand between the convolutions.
        tails: What may stand behind a dense layer at the end.
    """
    b = _Images(np.random.default_rng(draw(st.integers(0, 2**32 - 1))), functions)
    axes = draw(st.integers(1, 2))
    b.seen.append(b.put(Input(name="x", shape=(draw(st.integers(1, 4)), *b.some(3, 7, axes)))))
    for _ in range(draw(st.integers(1, 3))):
        b.conv()
        for part in draw(st.lists(st.sampled_from(parts), max_size=2, unique=True)) if parts else ():
            getattr(b, part)()
        b.activation()
    if draw(st.booleans()):
        b.head(draw(st.sampled_from(tails)))
    b.put(Output(name="y", inputs=(b.at,)))
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
