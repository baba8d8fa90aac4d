"""Random core networks on images, for exact execution (not for mapping), and the chip they are for."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from core_strategies import plain_chip
from neutrams.base.arrays import AnyArray
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from strategies import _Images

WIDE = plain_chip(core={"accumulator_bits": 32}, neuron={"multiplier_bits": 16, "shift_bits": 6, "bias_bits": 24})


@dataclass
class _CoreImages(_Images):
    """The float builder with integer convolutions and sums, each followed by neurons; ``top`` is the largest weight."""

    model: str = "requantize"
    top: int = 127
    high: int = 255

    def numbers(self, *shape: int) -> AnyArray:
        ends = self.rng.choice([-self.top - 1, 0, 1, self.top], size=shape)
        anything = self.rng.integers(-self.top, self.top, size=shape, endpoint=True)
        return np.where(self.rng.random(shape) < 0.4, ends, anything).astype(np.int64)

    def bias(self, channels: int) -> AnyArray:
        return np.zeros(channels, dtype=np.int64)

    def pad(self) -> None:
        n = len(self.shape)
        widths = {"before": self.some(0, 2, n), "after": self.some(0, 1, n)}
        value = int(self.rng.choice([0, self.high]))
        self.put(ops.Pad(name=self.name("pad"), inputs=(self.at,), value=value, **widths))

    def weighted(self, kind: str) -> None:
        if kind == "conv":
            self.conv()
        else:
            given = (self.at, self.same(), self.at)
            n = self.shape[0]
            node = ops.Add(name=self.name("add"), inputs=given, coefficients=self.numbers(3, n), bias=self.bias(n))
            self.put(node)
        self.neuron()

    def neuron(self) -> None:
        n = self.shape[0]
        peak = 256 * self.top
        if self.model == "requantize":
            high = self.rng.integers(1, self.high, n, endpoint=True)
            parameters = {
                "bias": self.rng.integers(-peak, peak, n) // 4, "multiplier": self.rng.integers(64, 256, n),
                "shift": self.rng.integers(-2, 3, n) + (peak.bit_length() - 1), "high": high,
                "low": -high * self.rng.integers(0, 2, n),
            }  # fmt: skip
        else:
            threshold = self.rng.integers(1, 2 * self.top, n)
            parameters = {
                "leak": self.rng.integers(-self.top, self.top, n), "threshold": threshold,
                "initial": self.rng.integers(-peak, peak, n).clip(-threshold, threshold),
            }  # fmt: skip
        integers = {key: np.asarray(value, dtype=np.int64) for key, value in parameters.items()}
        table = np.zeros(0, dtype=np.int64)
        if self.model == "requantize" and self.rng.random() < 0.3:
            table = self.rng.integers(-self.high, self.high, int(2 * integers["high"].max()) + 1, endpoint=True)
        node = ops.Neuron(
            name=self.name("neuron"), inputs=(self.at,), model=self.model, parameters=integers, scale=np.ones(n),
            zero=np.zeros(n), origin="x", elements=np.arange(n, dtype=np.int64), table=table,
        )  # fmt: skip
        self.seen.append(self.put(node))

    def read_out(self) -> None:
        """All neurons, in their own units, folded back into an image."""
        shape, n = self.shape, int(np.prod(self.shape))
        self.put(ops.Reshape(name=self.name("flat"), inputs=(self.at,), shape=(n,)))
        self.put(ops.Linear(name=self.name("fc"), inputs=(self.at,), weights=self.numbers(n, n),
                            bias=np.zeros(n, dtype=np.int64)))  # fmt: skip
        self.neuron()
        self.put(ops.Decode(name="d", inputs=(self.at,), coefficient=self.numbers(n), element=np.arange(n),
                            scale=self.rng.random(n), offset=self.rng.random(n)))  # fmt: skip
        self.put(ops.Reshape(name="unfold", inputs=("d",), shape=shape))
        self.put(ops.Output(name="y", inputs=("unfold",)))


@st.composite
def core_images(draw: st.DrawFn, mode: str = "ann") -> tuple[Network, Chip]:
    """Up to three convolutions and sums on an image, with movement between, and a dense read-out; maybe a host head."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    model = "requantize" if mode == "ann" else draw(st.sampled_from(["if_hard", "if_soft"]))
    steps = 1 if mode == "ann" else draw(st.integers(2, 3))
    top = draw(st.sampled_from([1, 127, 32767])) if mode == "ann" else 127
    b = _CoreImages(rng, (), model=model, top=top, high=draw(st.sampled_from([255, 65535])) if mode == "ann" else 1)
    axes = draw(st.integers(1, 2))
    b.put(ops.Input(name="x", shape=(draw(st.integers(1, 3)), *b.some(3, 5, axes))))
    if draw(st.booleans()):
        channels = b.shape[0]
        b.put(ops.Add(name="shifted", inputs=("x",), coefficients=rng.normal(size=(1, channels)),
                      bias=rng.normal(size=channels)))  # fmt: skip
    if draw(st.booleans()):
        b.moved()
    code = "level" if mode == "ann" else draw(st.sampled_from(["level", "spread"]))
    high = steps if code == "spread" else b.high
    b.seen.append(b.put(ops.Encode(name="q", inputs=(b.at,), scale=0.01, zero=-0.5, low=0, high=high, code=code)))
    for kind in draw(st.lists(st.sampled_from(["conv", "conv", "sum"]), min_size=1, max_size=3)):
        b.weighted(kind)
        for part in draw(st.lists(st.sampled_from(["joined", "moved", "constant"]), max_size=2)):
            if part == "constant":
                shape = (1, *b.shape[1:])
                ones = b.put(ops.Constant(name=b.name("one"), values=np.full(shape, b.high, dtype=np.int64)))
                before = b.nodes[-2].name
                b.put(ops.Concat(name=b.name("row"), inputs=(before, ones), axis=0))
            else:
                getattr(b, part)()
    b.read_out()
    return Network(tuple(b.nodes), steps), WIDE


def beyond_float32(padded: bool) -> Network:
    """A convolution whose sum 257 * 65535 lies between two numbers of float32; y is 0, one more would make it 1.

    The 65535 is what x = 65535 encodes to or, if ``padded``, the border's; x itself is then at most 1.
    """
    width = int(padded)
    parameters = {"bias": -257 * 65535, "multiplier": 1, "shift": 1, "low": 0, "high": 255}
    one = np.ones(1)
    n = 1 + width
    return Network((
        ops.Input(name="x", shape=(1, 1)),
        ops.Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=1 if padded else 65535),
        ops.Pad(name="p", inputs=("q",), before=(0, width), after=(0, 0), value=65535),
        ops.Conv(name="a", inputs=("p",), weights=np.full((1, 1, 1), 257), bias=np.zeros(1, dtype=np.int64),
                 stride=(1,), dilation=(1,)),
        ops.Neuron(name="n", inputs=("a",), model="requantize", scale=one, zero=0 * one, origin="x",
                   parameters={key: np.array([value]) for key, value in parameters.items()}, elements=np.zeros(1, int)),
        ops.Reshape(name="f", inputs=("n",), shape=(n,)),
        ops.Decode(name="d", inputs=("f",), coefficient=np.ones(n, dtype=np.int64), element=np.arange(n),
                   scale=np.ones(n), offset=np.zeros(n)),
        ops.Output(name="y", inputs=("d",)),
    ))  # fmt: skip
