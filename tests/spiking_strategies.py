"""Random float networks of spiking neurons, and chips that run them."""

from dataclasses import dataclass, field
from math import prod

import numpy as np
from hypothesis import strategies as st

from core_strategies import plain_chip
from neutrams.base.arrays import AnyArray
from neutrams.hardware import Chip
from neutrams.network import (
    Add,
    Concat,
    Constant,
    Conv,
    Input,
    Linear,
    Network,
    Node,
    Output,
    Pad,
    Reshape,
    Spiking,
    Stack,
    State,
    Transpose,
    Unstack,
    Update,
)

DT = 1.0
MODELS = ("if_soft", "if_hard", "lif_soft", "lif_hard", "lif_shift_soft", "cuba_lif_soft", "cuba_lif_hard")


@dataclass
class Spikers:
    """A network under construction: neurons of one kind, with whole weights or any.

    Attributes:
        model: The chip's model that is to run them.
        whole: Whether weights and thresholds are small whole numbers.
    """

    model: str
    whole: bool
    rng: np.random.Generator
    nodes: list[Node] = field(default_factory=list)

    def add(self, node: Node) -> str:
        self.nodes.append(node)
        return node.name

    def weights(self, *shape: int) -> AnyArray:
        if self.whole:
            return self.rng.integers(-3, 4, shape).astype(np.float64)
        return self.rng.normal(size=shape)

    def bias(self, n: int) -> AnyArray:
        chosen = self.rng.integers(-1, 2, n) if self.whole else self.rng.normal(size=n) * 0.2
        return np.asarray(chosen * (self.rng.random() < 0.5), dtype=np.float64)

    def neurons(self, name: str, source: str, shape: tuple[int, ...]) -> str:
        """Neurons with one set of parameters a channel."""

        def wide(values: AnyArray) -> AnyArray:
            column = np.asarray(values, dtype=np.float64).reshape(-1, *(1,) * (len(shape) - 1))
            return np.broadcast_to(column, shape).copy()

        n, rng = shape[0], self.rng
        one, zero = wide(np.ones(n)), wide(np.zeros(n))
        soft = self.model.endswith("soft")
        threshold = wide(rng.integers(1, 5, n) if self.whole else rng.uniform(0.5, 2, n))
        reset = zero if self.model.startswith("if") or self.whole else wide(-rng.random(n) / 4)
        p = {"v_threshold": threshold, "v_reset": reset, "r": one}
        kind = "IF"
        if self.model.startswith("lif"):
            kind, p = "LIF", p | {"tau": wide(2.0 ** rng.integers(1, 4, n)), "v_leak": zero}
        if self.model.startswith("cuba"):
            times = {"tau_mem": wide(rng.uniform(2, 9, n)), "tau_syn": wide(rng.uniform(2, 9, n))}
            kind, p = "CubaLIF", p | times | {"v_leak": zero, "w_in": 2 * one}
        if not self.model.startswith("if") and rng.random() < 0.3:
            p["refractory"] = wide(rng.integers(0, 3, n))
        late = rng.random() < 0.5
        return self.add(
            Spiking(
                name=name,
                inputs=(source,),
                model=kind,
                parameters=p,
                dt=DT,
                reset="subtract" if soft else "zero",
                strict=bool(rng.random() < 0.5),
                current="last" if late else "first",
            )
        )


@st.composite
def spiking_networks(
    draw: st.DrawFn, models: tuple[str, ...] = MODELS, whole: bool | None = None
) -> tuple[Network, str]:
    """A convolution or none, layers of neurons, with feedback and skips and delays; and the model that runs them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    model = draw(st.sampled_from(models))
    b = Spikers(model, draw(st.booleans()) if whole is None else whole, rng)
    steps, widths = draw(st.integers(1, 9)), draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    image = draw(st.booleans())
    shape = (2, 4, 4) if image else (int(rng.integers(1, 13)),)
    b.add(Input(name="x", shape=(steps, *shape)))
    source = b.add(Unstack(name="now", inputs=("x",)))
    if image:
        conv = Conv(
            name="conv", inputs=(source,), weights=b.weights(2, 2, 3, 3), bias=b.bias(2), stride=(1, 1), dilation=(1, 1)
        )
        source = b.neurons("spikes of conv", b.add(conv), (2, 2, 2))
        source = b.add(Reshape(name="flat", inputs=(source,), shape=(8,)))
    size = 8 if image else shape[0]
    fed_back = draw(st.sets(st.integers(0, len(widths) - 1), max_size=2))
    for k in sorted(fed_back):
        b.add(Constant(name=f"start {k}", values=np.zeros(widths[k])))
        b.add(State(name=f"before {k}", inputs=(f"start {k}",)))
    for k, n in enumerate(widths):
        if draw(st.integers(0, 4)) == 0 and k:
            delay = np.full(size, float(draw(st.integers(0, 3))))
            source = b.add(
                Spiking(name=f"late {k}", inputs=(source,), model="Delay", parameters={"delay": delay}, dt=DT)
            )
        total = b.add(Linear(name=f"fc {k}", inputs=(source,), weights=b.weights(n, size), bias=b.bias(n)))
        if k in fed_back:
            again = Linear(name=f"back {k}", inputs=(f"before {k}",), weights=b.weights(n, n), bias=np.zeros(n))
            total = b.add(
                Add(name=f"both {k}", inputs=(total, b.add(again)), coefficients=np.ones((2, n)), bias=np.zeros(n))
            )
        given = b.neurons(f"spikes {k}", total, (n,))
        if k in fed_back:
            b.add(Update(name=f"next {k}", inputs=(given,), state=f"before {k}"))
        if draw(st.booleans()) and k + 1 < len(widths):
            source, size = b.add(Concat(name=f"skip {k}", inputs=(source, given), axis=0)), size + n
        else:
            source, size = given, n
    b.add(Stack(name="all", inputs=(f"spikes {len(widths) - 1}",), steps=steps))
    b.add(Output(name="y", inputs=("all",)))
    return Network(tuple(b.nodes)), model


@st.composite
def event_networks(draw: st.DrawFn, models: tuple[str, ...] = MODELS, whole: bool | None = None) -> tuple[Network, str]:
    """As for an event camera: neurons on inputs or a convolution, pools, convolutions, layers after layers, outputs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    model = draw(st.sampled_from(models))
    b = Spikers(model, draw(st.booleans()) if whole is None else whole, rng)
    steps, side = draw(st.integers(1, 6)), draw(st.integers(4, 7))
    b.add(Input(name="x", shape=(steps, 2, side, side)))
    source, shape = b.add(Unstack(name="now", inputs=("x",))), (2, side, side)
    if draw(st.booleans()):
        source, shape = window(b, "first", source, shape, (3, 1, draw(st.integers(0, 1)), False))
    source = b.neurons("spikes 0", source, shape)
    for k in range(draw(st.integers(0, 3))):
        kernel, stride, border = draw(
            st.sampled_from([(2, 2, 0), (2, 2, 1), (3, 2, 1), (3, 1, 1), (2, 1, 0), (1, 1, 0)])
        )
        source, shape = window(b, f"window {k}", source, shape, (kernel, stride, border, draw(st.booleans())))
    end = draw(st.sampled_from(["image", "vector", "layer", "layers", "turned"]))
    if end == "turned":
        source, shape = b.add(Transpose(name="turned", inputs=(source,), axes=(1, 2, 0))), (*shape[1:], shape[0])
    elif end != "image":
        source, shape = b.add(Reshape(name="flat", inputs=(source,), shape=(prod(shape),))), (prod(shape),)
    for k in range({"layer": 1, "layers": 2}.get(end, 0)):
        weights = b.weights(3, shape[0])
        source = b.add(Linear(name=f"fc {k}", inputs=(source,), weights=weights, bias=b.bias(3)))
        shape = (3,)
    source = end_of(b, source, shape, draw(st.booleans()))
    b.add(Stack(name="all", inputs=(source,), steps=steps))
    b.add(Output(name="y", inputs=("all",)))
    return Network(tuple(b.nodes)), model


def end_of(b: Spikers, source: str, shape: tuple[int, ...], summed: bool) -> str:
    """Neurons on what there is, or the sum of theirs and of more neurons that read them."""
    given = b.neurons("spikes 1", source, shape)
    if not summed:
        return given
    again = b.neurons("spikes 2", given, shape)
    gains = b.rng.integers(-2, 3, (2, shape[0])).astype(np.float64)
    return b.add(Add(name="total", inputs=(given, again), coefficients=gains, bias=np.ones(shape[0])))


def window(
    b: Spikers, name: str, source: str, shape: tuple[int, ...], how: tuple[int, int, int, bool]
) -> tuple[str, tuple[int, ...]]:
    """A convolution with (kernel, stride, border), or the sums of its windows in each channel."""
    kernel, stride, border, pool = how
    channels, *size = shape
    kernel = min(kernel, min(size) + 2 * border)
    wide = (0, border, border)
    padded = b.add(Pad(name=f"{name} border", inputs=(source,), before=wide, after=wide))
    out, each = (channels, 1) if pool else (2, channels)
    weights = np.ones((out, each, kernel, kernel)) if pool else b.weights(out, each, kernel, kernel)
    bias = np.zeros(out) if pool else b.bias(out)
    conv = Conv(
        name=name, inputs=(padded,), weights=weights, bias=bias, stride=(stride,) * 2, dilation=(1, 1),
        groups=channels if pool else 1,
    )  # fmt: skip
    return b.add(conv), (out, *((n + 2 * border - kernel) // stride + 1 for n in size))


def chip_for(model: str, axons: int = 256, fan_out: int = 4, **neuron: int) -> Chip:
    """A chip with this neuron model and wide registers."""
    registers = {"decay_bits": 12, "decay_shift_bits": 3, "synaptic_bits": 24, "refractory_bits": 3, "exponent_bits": 3}
    return plain_chip(
        core={"axons": axons, "fan_out": fan_out, "neurons": 64},
        neuron={"models": ("requantize", model), **registers, **neuron},
    )


def spikes(network: Network, seed: int, n: int, rate: float = 0.5) -> dict[str, AnyArray]:
    """Random spikes for each input, float64 ``[N, T, *shape]``."""
    rng = np.random.default_rng(seed)
    return {node.name: (rng.random((n, *node.shape)) < rate).astype(np.float64) for node in network.inputs}
