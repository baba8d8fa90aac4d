"""Random NIR graphs of all primitives, on a grid of small dyadic numbers, so that sums are exact in any order."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import nir
import numpy as np
from hypothesis import strategies as st

from neutrams.base.arrays import FloatArray
from nir_oracle import NEURONS, PARAMETERS

DT = 2.0**-10


@dataclass
class Drawn:
    """A graph, one sample of its input ``[T, *shape]``, and the edges that a cycle needs late."""

    graph: nir.NIRGraph
    x: FloatArray
    spikes: tuple[tuple[str, str], ...] = ()
    currents: tuple[tuple[str, str], ...] = ()


def numbers(rng: np.random.Generator, *shape: int) -> FloatArray:
    return rng.integers(-4, 5, shape) / 4


def neuron(rng: np.random.Generator, kind: str, shape: tuple[int, ...], scalar: bool = False) -> nir.NIRNode:
    size = () if scalar else shape

    def values(name: str) -> FloatArray:
        if name.startswith("tau"):
            return np.asarray(DT * 2.0 ** rng.integers(0, 3, size))
        if name == "delay":
            return np.asarray(DT * rng.integers(0, 4, size))
        if name == "r":
            return np.asarray(rng.integers(1, 9, size) / 4 * (1 / DT if kind in ("I", "IF") else 1))
        return np.asarray(rng.integers(1 if name in ("v_threshold", "w_in") else -2, 5, size) / 4)

    return getattr(nir, kind)(**{name: values(name) for name in PARAMETERS[kind]})


@st.composite
def chains(draw: st.DrawFn) -> Drawn:
    """A few primitives one after the other, of any kind, on an image, a sequence or a vector."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from([(3,), (2, 5), (2, 5, 4), (1, 4, 6)]))
    steps = draw(st.integers(1, 5))
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input(np.array(shape))}
    start = shape
    for k in range(draw(st.integers(1, 5))):
        kinds = ["Scale", "Flatten", *NEURONS] if len(shape) > 1 else ["Scale", "Linear", "Affine", *NEURONS]
        kinds += {2: ["Conv1d"], 3: ["Conv2d", "Conv2d", "SumPool2d", "AvgPool2d"]}.get(len(shape), [])
        kind = draw(st.sampled_from(kinds))
        nodes[f"{k}.{kind}"], shape = primitive(rng, kind, shape)
    nodes["output"] = nir.Output(np.array(shape))
    names = list(nodes)
    graph = nir.NIRGraph(nodes, list(pairwise(names)), type_check=False)
    return Drawn(graph, numbers(rng, steps, *start))


def primitive(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> tuple[nir.NIRNode, tuple[int, ...]]:
    """A node of ``kind`` that reads ``shape``, and the shape it gives."""
    if kind in NEURONS:
        return neuron(rng, kind, shape, scalar=bool(rng.random() < 0.3)), shape
    if kind in ("Linear", "Affine"):
        out = int(rng.integers(1, 4))
        weight = numbers(rng, out, *shape)
        return (nir.Affine(weight, numbers(rng, out)) if kind == "Affine" else nir.Linear(weight)), (out,)
    if kind == "Scale":
        return nir.Scale(numbers(rng, *shape)), shape
    if kind == "Flatten":
        start = int(rng.integers(0, len(shape)))
        end = int(rng.integers(start, len(shape)))
        flat = (*shape[:start], int(np.prod(shape[start : end + 1])), *shape[end + 1 :])
        low = end - len(shape) if rng.random() < 0.5 else end
        return nir.Flatten({"input": np.array(shape)}, start, low), flat
    return window(rng, kind, shape)


def window(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> tuple[nir.NIRNode, tuple[int, ...]]:
    size = shape[1:]
    most = 2 if kind == "AvgPool2d" else 3  # a mean of 3 is on no grid
    kernel = [int(rng.integers(1, min(most, n) + 1)) for n in size]
    stride = [int(n) for n in rng.integers(1, 3, len(size))]
    dilation = [int(rng.integers(1, 3)) if 2 * (k - 1) < n else 1 for k, n in zip(kernel, size, strict=True)]
    padding: Any = [int(rng.integers(0, k)) for k in kernel]
    if kind.endswith("Pool2d"):
        dilation = [1] * len(size)
    elif rng.random() < 0.4:
        padding = str(rng.choice(["same", "valid"]))
        stride = [1] * len(size) if padding == "same" else stride
    wide = {"same": [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)], "valid": [0] * len(size)}
    extra = wide[padding] if isinstance(padding, str) else [2 * n for n in padding]
    axes = zip(size, extra, kernel, stride, dilation, strict=True)
    found = tuple((n + e - d * (k - 1) - 1) // s + 1 for n, e, k, s, d in axes)
    if kind.endswith("Pool2d"):
        pool = getattr(nir, kind)(np.array(kernel), np.array(stride), np.array(padding))
        return pool, (shape[0], *found)
    groups = int(rng.choice([1, shape[0]]))
    out = groups * int(rng.integers(1, 3))
    weight, bias = numbers(rng, out, shape[0] // groups, *kernel), numbers(rng, out) * rng.integers(0, 2)
    if kind == "Conv1d":
        one = padding if isinstance(padding, str) else padding[0]
        return nir.Conv1d(size[0], weight, stride[0], one, dilation[0], groups, bias), (out, *found)
    both = padding if isinstance(padding, str) else tuple(padding)
    if rng.random() < 0.3 and stride[0] == stride[1]:
        stride = stride[0]  # type: ignore[assignment]
    conv = nir.Conv2d(None, weight, stride, both, tuple(dilation), groups, bias)
    return conv, (out, *found)


@st.composite
def recurrent(draw: st.DrawFn) -> Drawn:
    """Layers of neurons one after the other, with skips ahead and with feedback through Affine nodes, any to any."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layers, width, steps = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 6))
    kinds = [k for k in NEURONS if k != "Delay"]
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input(np.array([width]))}
    edges: list[tuple[str, str]] = []
    last = "input"
    for k in range(layers):
        nodes[f"fc{k}"] = nir.Affine(numbers(rng, width, width), numbers(rng, width))
        nodes[f"lif{k}"] = neuron(rng, draw(st.sampled_from(kinds)), (width,))
        edges += [(last, f"fc{k}"), (f"fc{k}", f"lif{k}")]
        last = f"lif{k}"
    nodes["output"] = nir.Output(np.array([width]))
    edges.append((last, "output"))
    spikes, currents = [], []
    pairs = [(a, b) for a in range(layers) for b in range(layers) if abs(a - b) != 1 or a > b]
    for a, b in draw(st.lists(st.sampled_from(pairs), unique=True, max_size=3)):
        name = f"w{a}{b}"
        nodes[name] = nir.Affine(numbers(rng, width, width), numbers(rng, width))
        edges += [(f"lif{a}", name), (name, f"lif{b}")]
        if a >= b:
            spikes.append((f"lif{a}", name))
            currents.append((name, f"lif{b}"))
    graph = nir.NIRGraph(nodes, edges, type_check=False)
    return Drawn(graph, numbers(rng, steps, width), tuple(spikes), tuple(currents))
