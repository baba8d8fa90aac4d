"""NIR graphs run neuron by neuron in plain Python numbers, from the formulas of docs/reference/nir.md alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import exp, floor
from typing import Any

import nir
import numpy as np

from neutrams.base.arrays import FloatArray


@dataclass
class Ways:
    """How steps are made; the names are those of `NirOptions`."""

    dt: float = 1e-4
    reset: str = "zero"
    strict: bool = True
    many: bool = False
    current: str = "last"
    method: str = "euler"
    refractory: int = 0


@dataclass
class Cell:
    """One neuron: its parameters as numbers, and what it remembers."""

    kind: str
    p: Mapping[str, float]
    ways: Ways
    v: float = 0.0
    i: float = 0.0
    rest: int = 0
    past: list[float] = field(default_factory=list)

    def step(self, x: float) -> float:
        p, kind = self.p, self.kind
        if kind == "Threshold":
            return self.above(x, p["threshold"])
        if kind == "Delay":
            self.past.append(x)
            k = round(p["delay"] / self.ways.dt)
            return self.past[-1 - k] if k < len(self.past) else 0.0
        before = self.v
        if kind in ("I", "IF"):
            self.v += p["r"] * x * (1.0 if self.ways.method == "impulse" else self.ways.dt)
        elif kind in ("LI", "LIF"):
            self.v = self.leak(self.v, p["v_leak"], p["r"] * x, p["tau"])
        else:
            old = self.i
            if self.ways.method == "impulse":
                self.i = (self.i + p["w_in"] * x) * exp(-self.ways.dt / p["tau_syn"])
            else:
                self.i = self.leak(self.i, 0.0, p["w_in"] * x, p["tau_syn"])
            read = self.i if self.ways.current == "first" else old
            self.v = self.leak(self.v, p["v_leak"], p["r"] * read, p["tau_mem"])
        return self.v if kind in ("I", "LI", "CubaLI") else self.fire(before)

    def leak(self, y: float, rest: float, drive: float, tau: float) -> float:
        if self.ways.method == "euler":
            return y + self.ways.dt * (rest - y + drive) / tau
        a = exp(-self.ways.dt / tau)
        gain = 1.0 if self.ways.method == "impulse" else 1 - a
        return a * y + (1 - a) * rest + gain * drive

    def above(self, v: float, theta: float) -> float:
        return float(v > theta if self.ways.strict else v >= theta)

    def fire(self, before: float) -> float:
        if self.rest > 0:
            self.rest -= 1
            self.v = before
            return 0.0
        theta = self.p["v_threshold"]
        if not self.above(self.v, theta):
            return 0.0
        n = float(floor(self.v / theta)) if self.ways.many else 1.0
        self.v = self.p["v_reset"] if self.ways.reset == "zero" else self.v - n * theta
        self.rest = self.ways.refractory
        return n


NEURONS = ("I", "LI", "CubaLI", "IF", "LIF", "CubaLIF", "Threshold", "Delay")
PARAMETERS = {
    "I": ("r",), "LI": ("tau", "r", "v_leak"), "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak", "w_in"),
    "IF": ("r", "v_threshold", "v_reset"), "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"), "Threshold": ("threshold",),
    "Delay": ("delay",),
}  # fmt: skip


def simulate(
    graph: nir.NIRGraph, inputs: Mapping[str, FloatArray], ways: Ways, delayed: Sequence[tuple[str, str]] = ()
) -> dict[str, FloatArray]:
    """Return what each Output gives, ``[T, ...]``, for one sample ``[T, ...]`` of each Input.

    Every value is asked for by name and step: an edge in ``delayed`` asks for the step before, 0 before the first.
    """
    steps = len(next(iter(inputs.values())))
    cells: dict[tuple[Any, ...], Cell] = {}
    known: dict[tuple[str, int], FloatArray] = {}

    def value(name: str, t: int) -> FloatArray:
        if (name, t) not in known:
            node = graph.nodes[name]
            if isinstance(node, nir.Input):
                known[name, t] = inputs[name][t]
            else:
                known[name, t] = give(name, node, read(name, t))
        return known[name, t]

    def read(name: str, t: int) -> FloatArray:
        total: Any = 0.0
        for a, b in graph.edges:
            late = (a, b) in delayed
            if b == name and (t or not late):
                total = total + value(a, t - 1 if late else t)
        return np.asarray(total, dtype=float)

    def give(name: str, node: nir.NIRNode, x: FloatArray) -> FloatArray:
        kind = type(node).__name__
        if kind == "Output":
            return x
        if kind not in NEURONS:
            return LAYERS[kind](node, x)
        shape = np.shape(getattr(node, PARAMETERS[kind][0])) or x.shape
        x = np.broadcast_to(x, shape)
        y = np.empty(shape)
        for at in product(*map(range, shape)):
            if (name, *at) not in cells:
                p = {key: float(np.broadcast_to(getattr(node, key), shape)[at]) for key in PARAMETERS[kind]}
                cells[name, *at] = Cell(kind, p, ways)
            y[at] = cells[name, *at].step(float(x[at]))
        return y

    for t in range(steps):  # in order: cells remember
        for name in graph.nodes:
            value(name, t)
    outputs = [name for name, node in graph.nodes.items() if isinstance(node, nir.Output)]
    return {name: np.stack([value(name, t) for t in range(steps)]) for name in outputs}


def pair(n: Any) -> tuple[int, ...]:
    found = tuple(int(k) for k in np.asarray(n).reshape(-1))
    return found if len(found) == 2 else found * 2


def windows(x: FloatArray, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> FloatArray:
    """Return each window of an image ``[C, H, W]``: ``[C, places, places, *kernel]``."""
    rows, columns = (
        [[s * p + d * k for k in range(n)] for p in range((size - d * (n - 1) - 1) // s + 1)]
        for size, n, s, d in zip(x.shape[1:], kernel, stride, dilation, strict=True)
    )
    return np.array([[[[[plane[r, c] for c in cs] for r in rs] for cs in columns] for rs in rows] for plane in x])


def conv2d(x: FloatArray, node: nir.Conv2d, weight: FloatArray) -> FloatArray:
    stride, dilation = pair(node.stride), pair(node.dilation)
    if isinstance(node.padding, str):
        total = [d * (k - 1) if node.padding == "same" else 0 for d, k in zip(dilation, weight.shape[2:], strict=True)]
        border = [(n // 2, n - n // 2) for n in total]
    else:
        border = [(n, n) for n in pair(node.padding)]
    cut = windows(np.pad(x, [(0, 0), *border]), weight.shape[2:], stride, dilation)
    each = len(weight) // node.groups
    wide = weight.shape[1]
    return np.array(
        [
            sum((cut[(o // each) * wide + c] * weight[o, c]).sum(axis=(-2, -1)) for c in range(wide)) + node.bias[o]
            for o in range(len(weight))
        ]
    )


def conv1d(x: FloatArray, node: nir.Conv1d) -> FloatArray:
    wide = lambda n, other: n if isinstance(n, str) else (other, int(np.asarray(n).reshape(-1)[0]))  # noqa: E731
    image = nir.Conv2d(
        None, node.weight[:, :, None], wide(node.stride, 1), wide(node.padding, 0), wide(node.dilation, 1), node.groups,
        node.bias,
    )  # fmt: skip
    return conv2d(x[:, None], image, image.weight)[:, 0]


def pooled(x: FloatArray, node: Any) -> FloatArray:
    border = [(n, n) for n in pair(node.padding)]
    return windows(np.pad(x, [(0, 0), *border]), pair(node.kernel_size), pair(node.stride), (1, 1))


def flattened(x: FloatArray, node: nir.Flatten) -> FloatArray:
    start, end = node.start_dim % x.ndim, node.end_dim % x.ndim
    return x.reshape(*x.shape[:start], -1, *x.shape[end + 1 :])


LAYERS: dict[str, Callable[[Any, FloatArray], FloatArray]] = {
    "Linear": lambda node, x: node.weight @ np.broadcast_to(x, node.weight.shape[1:]),
    "Affine": lambda node, x: node.weight @ np.broadcast_to(x, node.weight.shape[1:]) + node.bias,
    "Scale": lambda node, x: node.scale * x,
    "Conv1d": lambda node, x: conv1d(x, node),
    "Conv2d": lambda node, x: conv2d(x, node, node.weight),
    "SumPool2d": lambda node, x: pooled(x, node).sum(axis=(-2, -1)),
    "AvgPool2d": lambda node, x: pooled(x, node).mean(axis=(-2, -1)),
    "Flatten": lambda node, x: flattened(x, node),
}
