"""Random legal core networks with the chips they are legal on, and inputs for them."""

from dataclasses import dataclass, field
from itertools import pairwise
from math import prod

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import InputError
from neutrams.hardware import Chip, Figure
from neutrams.hardware.chip import TechnologySpec
from neutrams.network import Network, ops
from neutrams.network.shapes import Shape, places
from neutrams.neurons import find_model, models, register_range

STEPS = (1, 2, 3, 5)
SPIKING = ("if_hard", "if_soft") * 5 + tuple(sorted(name for name, model in models().items() if model.mode == "snn"))
LEAKY = {"decay_bits": 5, "decay_shift_bits": 3, "synaptic_bits": 9, "refractory_bits": 2}
"""Registers that the leaky models need."""
GRADED = ("li", "li_shift")


def plain_chip(**sections: dict[str, object]) -> Chip:
    """A small chip with every technology figure 1 (a link between chips: 4); sections override plain values."""
    units = {name: name.rsplit("_", 1)[1] for name in TechnologySpec.model_fields}
    units = {name: {"j": "J", "w": "W"}.get(unit, unit) for name, unit in units.items()}
    technology = {name: Figure(value=1, unit=unit, kind="user", source="test") for name, unit in units.items()}
    technology["chip_link_j"] = technology["chip_link_j"].model_copy(update={"value": 7})
    base = Chip.model_validate({
        "name": "small", "description": "for tests",
        "core": {"axons": 8, "neurons": 8, "fan_out": 2, "crossbar": "SRAM", "weight_bits": 8,
                 "sign_scheme": "twos_complement", "accumulator_bits": 24, "bias": "register"},
        "neuron": {"models": ("requantize", "if_hard", "if_soft"), "functions": (), "bias_bits": 16,
                   "multiplier_bits": 8, "shift_bits": 5, "scale": "neuron", "threshold_bits": 16, "leak_bits": 16,
                   "potential_bits": 24},
        "signal": {"input_bits": 8, "output_bits": 8, "partial_sums": "none", "current_bits": 8},
        "board": {"topology": "mesh", "rows": 2, "columns": 3, "chips": 4096, "max_delay": 1, "virtual_tiles": 1,
                  "multicast": "tree"},
        "noc": {"flit_bits": 32},
        "tick": {"ann_s": 0.0, "snn_s": 0.0},
        "technology": technology,
        "figures": {},
    })  # fmt: skip
    return base.with_values(**sections)


@st.composite
def chips(draw: st.DrawFn) -> Chip:
    """Tiny chips with limits near the ends of what is allowed."""

    def pick(*values: object) -> object:
        return draw(st.sampled_from(values))

    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    axons, weight_bits, memory = draw(st.integers(4, 16)), draw(st.sampled_from((1, 2, 4, 8))), draw(st.integers(0, 6))
    output_bits = pick(1, 4, 8)
    partial_sums = pick("none", "signed") if output_bits != 1 else "none"
    neurons, topology = (
        draw(st.integers(2, 16)),
        pick("mesh", "mesh", "mesh", "bus", "torus", "ring", "tree", "fat_tree"),
    )
    multicast = pick("tree", "copy")
    tables = multicast == "tree" and topology != "bus" and draw(st.booleans())
    return plain_chip(
        core={
            "axons": axons, "neurons": neurons, "fan_out": draw(st.integers(1, 4)),
            "weight_bits": weight_bits, "sign_scheme": pick("twos_complement", "pair"),
            "accumulator_bits": pick(8, 12, 24), "bias": pick("register", "row"),
            "synapses": pick("crossbar", "list"),
            "synapse_memory_bits": memory * 2 * axons * weight_bits,  # none, or room for at least one neuron
            "output_entries": pick(0, 0, neurons, neurons + 1, 2 * neurons),
        },
        neuron={
            "bias_bits": pick(1, 4, 16), "multiplier_bits": pick(1, 2, 8), "shift_bits": pick(1, 3, 5),
            "scale": pick("neuron", "core"), "threshold_bits": pick(2, 4, 8), "leak_bits": pick(1, 4, 8),
            "potential_bits": pick(8, 10, 24), "table_bits": pick(0, 0, 1, 3, 8),
        },
        signal={
            "input_bits": pick(1, 4, 8), "output_bits": output_bits, "partial_sums": partial_sums,
            "current_bits": pick(1, 4, 8),
        },
        board={
            "rows": rows, "columns": columns, "chips": 4096, "max_delay": draw(st.integers(1, 3)),
            "topology": topology, "multicast": multicast, "arity": pick(2, 3, 4),
            "cores_per_router": pick(1, 1, columns),
            "dead_cores": tuple(draw(st.sets(st.integers(0, 12), max_size=3))),
        },
        noc={"table_entries": 1 << 20, "default_route": topology == "mesh" and draw(st.booleans())} if tables else {},
    )  # fmt: skip


def _divided(size: int, rank: int, rng: np.random.Generator) -> Shape:
    """A shape of ``rank`` axes with ``size`` elements."""
    shape: list[int] = []
    for _ in range(rank - 1):
        shape.append(int(rng.choice([d for d in range(1, size + 1) if size % d == 0])))
        size //= shape[-1]
    return (*shape, size)


@dataclass
class _Builder:
    chip: Chip
    mode: str
    model: str
    steps: int
    rng: np.random.Generator
    nodes: list[ops.Node] = field(default_factory=list)
    pool: dict[str, Shape] = field(default_factory=dict)
    neurons: dict[str, Shape] = field(default_factory=dict)
    high: int = 1

    def add(self, node: ops.Node) -> str:
        self.nodes.append(node)
        return node.name

    def name(self, kind: str) -> str:
        return f"{kind}{len(self.nodes)}"

    def whole(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high, endpoint=True))

    def edge(self, low: int, high: int, size: int | tuple[int, ...]) -> AnyArray:
        """Integers of a range: its ends, their neighbours, zero or one, or anything, about as often."""
        favourites = np.clip(np.array([low, low + 1, 0, 1, high - 1, high, (low + high) // 2]), low, high)
        anything = self.rng.integers(low, high, size=size, endpoint=True)
        return np.where(self.rng.random(size) < 0.6, self.rng.choice(favourites, size=size), anything)

    def encode(self, source: str, shape: Shape) -> None:
        signal = self.chip.signal
        code = "level" if self.mode == "ann" else str(self.rng.choice(["level", "spread"]))
        bits = signal.input_bits if self.mode == "ann" else signal.current_bits
        top = (1 << bits) - 1
        high = self.steps if code == "spread" else int(self.rng.choice([1, top, max(1, top // 2)]))
        self.high = 1 if code == "spread" else high
        node = ops.Encode(
            name=self.name("encode"), inputs=(source,), scale=0.5, zero=float(self.rng.choice([0.0, -1.0])), low=0,
            high=high, code=code,
        )  # fmt: skip
        self.pool[self.add(node)] = shape

    def drawn(self, most: int) -> list[str]:
        """Some tensors of the pool; the last are taken more often, so that networks get deep."""
        names = list(self.pool)
        weights = np.arange(1, len(names) + 1, dtype=np.float64) ** 2
        return [str(c) for c in self.rng.choice(names, size=self.whole(1, most), p=weights / weights.sum())]

    def reshaped(self, name: str, shape: Shape, wanted: Shape) -> str:
        if shape == wanted:
            return name
        return self.add(ops.Reshape(name=self.name("reshape"), inputs=(name,), shape=wanted))

    def moved(self, most: int) -> tuple[str, int]:
        """One to three tensors of the pool as a vector, joined and cut to at most ``most`` elements."""
        chosen = [(self.reshaped(c, self.pool[c], (prod(self.pool[c]),)), prod(self.pool[c])) for c in self.drawn(3)]
        node, size = chosen[0][0], sum(n for _, n in chosen)
        if len(chosen) > 1:
            node = self.add(ops.Concat(name=self.name("concat"), inputs=tuple(c for c, _ in chosen)))
        step = self.whole(1, 2) if size > 1 else 1
        start = self.whole(0, min(step, size) - 1)
        stop = min(size, start + step * most)
        if (start, stop, step) != (0, size, 1):
            node = self.add(ops.Slice(name=self.name("slice"), inputs=(node,), start=start, stop=stop, step=step))
        return node, len(range(start, stop, step))

    def image(self, rank: int) -> tuple[str, Shape]:
        """A tensor of the pool with ``rank`` axes, after up to three movements."""
        (name,) = self.drawn(1)
        shape = self.pool[name]
        if len(shape) != rank:
            wanted = _divided(prod(shape), rank, self.rng)
            name, shape = self.reshaped(name, shape, wanted), wanted
        for kind in self.rng.choice(["transpose", "slice", "gather", "pad", "concat"], size=self.whole(0, 3)):
            name, shape = self.movement(str(kind), name, shape)
        axis = int(np.argmax(shape))
        if prod(shape) > 64:
            top = max(1, 64 * shape[axis] // prod(shape))
            name = self.add(ops.Slice(name=self.name("slice"), inputs=(name,), start=0, stop=top, axis=axis))
            shape = (*shape[:axis], top, *shape[axis + 1 :])
        return name, shape

    def movement(self, kind: str, name: str, shape: Shape) -> tuple[str, Shape]:
        axis = self.whole(0, len(shape) - 1)
        given, called = (name,), self.name(kind)
        node: ops.Node
        if kind == "transpose":
            axes = tuple(int(i) for i in self.rng.permutation(len(shape)))
            return self.add(ops.Transpose(name=called, inputs=given, axes=axes)), tuple(shape[i] for i in axes)
        if kind == "pad":
            before, after = (tuple(self.whole(0, 1) * int(s < 5) for s in shape) for _ in range(2))
            value = self.whole(0, 1) * self.high
            node = ops.Pad(name=called, inputs=given, before=before, after=after, value=float(value))
            return self.add(node), tuple(n + a + b for n, a, b in zip(shape, before, after, strict=True))
        if kind == "slice":
            start = self.whole(0, shape[axis] - 1)
            step = self.whole(1, 2)
            node = ops.Slice(name=called, inputs=given, start=start, stop=shape[axis], step=step, axis=axis)
            length = len(range(start, shape[axis], step))
        elif kind == "gather":
            indices = self.rng.integers(0, shape[axis], self.whole(1, shape[axis]))
            node, length = ops.Gather(name=called, inputs=given, indices=indices, axis=axis - len(shape)), len(indices)
        else:
            node, length = ops.Concat(name=called, inputs=given * 2, axis=axis), 2 * shape[axis]
        return self.add(node), (*shape[:axis], length, *shape[axis + 1 :])

    def linear(self) -> tuple[str, Shape]:
        row = self.mode == "ann" and self.chip.core.bias == "row" and self.rng.random() < 0.7
        source, fan_in = self.moved(self.chip.core.axons - int(row))
        if row:
            one = self.add(ops.Constant(name=self.name("one"), values=np.array([self.high], dtype=np.int64)))
            source = self.add(ops.Concat(name=self.name("concat"), inputs=(source, one)))
            fan_in += 1
        out = self.whole(1, 2 * self.chip.core.neurons + 1)
        weights = self.edge(*self.chip.core.weight_range, (out, fan_in)) * (self.rng.random((out, fan_in)) < 0.8)
        node = ops.Linear(
            name=self.name("linear"), inputs=(source,), weights=weights.astype(np.int64),
            bias=np.zeros(out, dtype=np.int64),
        )  # fmt: skip
        return self.add(node), (out,)

    def conv(self) -> tuple[str, Shape]:
        """A convolution in one or two dimensions whose neurons have no more inputs than a core has axons."""
        name, (channels, *size) = self.image(self.whole(2, 3))
        kernel, dilation, stride = [], [], []
        left = self.chip.core.axons
        for n in size:
            kernel.append(self.whole(1, min(n, 3, left)))
            left //= kernel[-1]
            dilation.append(self.whole(1, max(1, min(2, (n - 1) // max(kernel[-1] - 1, 1)))))
            stride.append(self.whole(1, 2))
        groups = int(
            self.rng.choice([g for g in range(1, channels + 1) if channels % g == 0 and channels // g <= left])
        )
        out = groups * self.whole(1, max(1, 4 // groups))
        form = (out, channels // groups, *kernel)
        weights = self.edge(*self.chip.core.weight_range, form) * (self.rng.random(form) < 0.9)
        node = ops.Conv(
            name=self.name("conv"), inputs=(name,), weights=weights.astype(np.int64),
            bias=np.zeros(out, dtype=np.int64), stride=tuple(stride), dilation=tuple(dilation), groups=groups,
        )  # fmt: skip
        return self.add(node), (out, *places(tuple(size), tuple(kernel), tuple(stride), tuple(dilation)))

    def sum(self) -> tuple[str, Shape]:
        k = self.whole(2, 4)
        if self.rng.random() < 0.4:
            name, shape = self.image(self.whole(2, 3))
            names = [name, *(self.like(shape) for _ in range(k - 1))]
        else:
            parts = [self.moved(12) for _ in range(k)]
            shape = (min(size for _, size in parts),)
            names = [
                name if size == shape[0] else self.add(
                    ops.Slice(name=self.name("slice"), inputs=(name,), start=0, stop=shape[0])
                )
                for name, size in parts
            ]  # fmt: skip
        coefficients = self.edge(*self.chip.core.weight_range, (k, shape[0])).astype(np.int64)
        node = ops.Add(
            name=self.name("add"), inputs=tuple(names), coefficients=coefficients,
            bias=np.zeros(shape[0], dtype=np.int64),
        )  # fmt: skip
        return self.add(node), shape

    def like(self, shape: Shape) -> str:
        """A tensor of the pool, its elements taken round and round until they fill ``shape``."""
        (name,) = self.drawn(1)
        size = prod(self.pool[name])
        flat = self.reshaped(name, self.pool[name], (size,))
        indices = (np.arange(prod(shape)) + self.whole(0, size - 1)) % size
        taken = self.add(ops.Gather(name=self.name("gather"), inputs=(flat,), indices=indices))
        return self.reshaped(taken, (prod(shape),), shape)

    def neuron(self, source: str, shape: Shape) -> None:
        n = shape[0]
        parameters = self.requantize(n) if self.mode == "ann" else self.integrate_fire(n)
        table = np.zeros(0, dtype=np.int64)
        if self.mode == "ann" and self.chip.neuron.table_bits and self.rng.random() < 0.5:
            table = self.table(parameters)
        node = ops.Neuron(
            name=self.name("neuron"), inputs=(source,), model=self.model,
            parameters={key: np.asarray(value, dtype=np.int64) for key, value in parameters.items()},
            scale=self.rng.random(n), zero=np.zeros(n), origin=f"layer{len(self.nodes)}",
            elements=np.arange(n, dtype=np.int64), part=str(self.rng.choice(["", "1/2 +"])), table=table,
        )  # fmt: skip
        self.neurons[self.add(node)] = shape
        self.pool[node.name] = shape

    def requantize(self, n: int) -> dict[str, AnyArray]:
        spec, signal = self.chip.neuron, self.chip.signal
        half = 1 << (spec.bias_bits - 1)
        top = min(signal.output_range[1], (1 << signal.input_bits) - 1)
        low, high = np.zeros(n, dtype=np.int64), self.edge(1, top, n)
        if signal.partial_sums == "signed" and self.rng.random() < 0.5:
            low, high = (np.full(n, end) for end in signal.partial_range)
        row = self.chip.core.bias == "row"
        return {
            "bias": np.zeros(n) if row else self.edge(-half, half - 1, n),
            "multiplier": self.edge(0, (1 << spec.multiplier_bits) - 1, n),
            "shift": np.minimum(self.edge(1, (1 << spec.shift_bits) - 1, n), 10),
            "low": low,
            "high": high,
        }

    def table(self, parameters: dict[str, AnyArray]) -> AnyArray:
        """A table of outputs that ``parameters`` allow, whose low and high become ends of its index."""
        entries, n = 1 << self.chip.neuron.table_bits, len(parameters["low"])
        table = self.edge(int(parameters["low"].min()), int(parameters["high"].min()), entries).astype(np.int64)
        table[0] = parameters["low"].min()  # a signed output stays one
        parameters["low"] = self.edge(-entries, entries - 1, n)
        parameters["high"] = np.minimum(parameters["low"] + self.edge(0, entries - 1, n), entries - 1)
        return table

    def integrate_fire(self, n: int) -> dict[str, AnyArray]:
        spec = self.chip.neuron
        leak, top = 1 << (spec.leak_bits - 1), (1 << (spec.threshold_bits - 1)) - 1
        threshold = self.edge(1, top, n)
        near = threshold + self.rng.integers(-2, 3, size=n)
        ends = self.edge(-(1 << (spec.potential_bits - 1)), (1 << (spec.potential_bits - 1)) - 1, n)
        initial = np.clip(np.where(self.rng.random(n) < 0.8, near, ends), ends.min(initial=-128), 127)
        found = {"leak": self.edge(-leak, leak - 1, n), "threshold": threshold, "initial": initial}
        parameters = find_model(self.model, "test").parameters
        others = {p.name: self.edge(*register_range(p.width, self.chip.widths), n) for p in parameters}
        return {p.name: found.get(p.name, others[p.name]) for p in parameters}

    def read_out(self, index: int) -> None:
        names = list(self.neurons)
        chosen = [names[-1]] if index == 0 else [str(self.rng.choice(names)), str(self.rng.choice(names))]
        flat = [self.reshaped(c, self.neurons[c], (prod(self.neurons[c]),)) for c in chosen]
        source, n = flat[0], sum(prod(self.neurons[c]) for c in chosen)
        if len(chosen) > 1:
            source = self.add(ops.Concat(name=self.name("concat"), inputs=tuple(flat)))
        out = int(self.rng.integers(1, n + 1))
        decode = ops.Decode(
            name=self.name("decode"), inputs=(source,), coefficient=self.rng.integers(-2, 3, n),
            element=self.rng.integers(0, out, n), scale=self.rng.random(out), offset=self.rng.random(out),
        )  # fmt: skip
        self.add(decode)
        source = decode.name
        if self.rng.random() < 0.3:
            source = self.add(ops.Host(name=self.name("host"), inputs=(source,), function="softmax"))
        self.add(ops.Output(name=f"y{index}", inputs=(source,)))


def with_model(chip: Chip, model: str) -> Chip:
    """The chip, with the registers of ``model`` where it lacks it."""
    if model in chip.neuron.models:
        return chip
    return chip.with_values(neuron={"models": (*chip.neuron.models, model), **LEAKY}, signal={"graded_bits": 32})


@st.composite
def core_networks(draw: st.DrawFn, mode: str | None = None, spiking: tuple[str, ...] = SPIKING) -> tuple[Network, Chip]:
    """A legal core network, in ann or snn mode (with one of these models), and a chip whose limits it keeps."""
    chip = draw(chips())
    mode = mode or draw(st.sampled_from(["ann", "snn"]))
    model = "requantize" if mode == "ann" else draw(st.sampled_from(spiking))
    chip = with_model(chip, model)
    steps = 1 if mode == "ann" else draw(st.sampled_from(STEPS))
    layers = draw(st.lists(st.sampled_from(["linear", "conv", "conv", "sum"]), min_size=1, max_size=5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    b = _Builder(chip=chip, mode=mode, model=model, steps=steps, rng=rng)
    for i in range(draw(st.integers(1, 2))):
        shape = tuple(int(n) for n in rng.integers(1, 5, rng.integers(1, 4)))
        given = shape if rng.random() < 0.5 else (1, prod(shape))
        source = b.add(ops.Input(name=f"x{i}", shape=given))
        source = b.reshaped(source, given, shape)
        for _ in range(rng.integers(1, 3)):
            b.encode(source, shape)
    for layer in layers:
        b.neuron(*{"linear": b.linear, "conv": b.conv, "sum": b.sum}[layer]())
    for i in range(draw(st.integers(1, 2))):
        b.read_out(i)
    return Network(tuple(b.nodes), steps), chip


@st.composite
def core_loops(draw: st.DrawFn, mode: str | None = None) -> tuple[Network, Chip]:
    """A core network with one loop: full layers that read inputs, each other, and what layers gave a step before."""
    chip = draw(chips())
    mode = mode or draw(st.sampled_from(["ann", "snn"]))
    model = "requantize" if mode == "ann" else draw(st.sampled_from(SPIKING))
    chip = with_model(chip, model)
    steps, widths = draw(st.integers(1, 5)), draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    fed_back = draw(st.sets(st.integers(0, len(widths) - 1), min_size=0, max_size=2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    b = _Builder(chip=chip, mode=mode, model=model, steps=1, rng=rng)
    size = int(rng.integers(1, 5))
    b.add(ops.Input(name="x", shape=(steps, size)))
    b.add(ops.Unstack(name="now", inputs=("x",)))
    bits = chip.signal.input_bits if mode == "ann" else chip.signal.current_bits
    b.high = (1 << bits) - 1
    b.add(ops.Encode(name="q", inputs=("now",), scale=0.5, zero=0.0, low=0, high=b.high))
    b.pool["q"] = (size,)
    for layer in sorted(fed_back):
        width = widths[layer]
        ends = (chip.signal.output_range[1], chip.signal.partial_range[1], (1 << chip.signal.input_bits) - 1)
        top = 1 if mode == "snn" else min(ends)
        if rng.random() < 0.3:
            b.add(ops.Input(name=f"h{layer}", shape=(width,)))
            high = min(top, b.high)
            b.add(ops.Encode(name=f"start{layer}", inputs=(f"h{layer}",), scale=0.5, zero=0.0, low=0, high=high))
        else:
            b.add(ops.Constant(name=f"start{layer}", values=rng.integers(0, top, width, endpoint=True)))
        b.pool[b.add(ops.State(name=f"state{layer}", inputs=(f"start{layer}",)))] = (width,)
    for layer, width in enumerate(widths):
        source, fan_in = b.moved(chip.core.axons)
        if layer in fed_back and rng.random() < 0.7 and fan_in + width <= chip.core.axons:
            source, fan_in = b.add(ops.Concat(name=f"both{layer}", inputs=(source, f"state{layer}"))), fan_in + width
        weights = b.edge(*chip.core.weight_range, (width, fan_in)).astype(np.int64)
        zeros = np.zeros(width, dtype=np.int64)
        b.add(ops.Linear(name=f"sum{layer}", inputs=(source,), weights=weights, bias=zeros))
        b.neuron(f"sum{layer}", (width,))
        if layer in fed_back:
            b.add(ops.Update(name=f"keep{layer}", inputs=(list(b.neurons)[-1],), state=f"state{layer}"))
    b.read_out(0)
    nodes = [node for node in b.nodes if not isinstance(node, ops.Host | ops.Output)]
    nodes += [
        ops.Stack(name="all", inputs=(next(node.name for node in nodes if isinstance(node, ops.Decode)),), steps=steps),
        ops.Output(name="y", inputs=("all",)),
    ]
    try:
        return Network(tuple(nodes)), chip
    except InputError:  # a state that nothing joins with what is stacked
        reject()


@st.composite
def core_inputs(draw: st.DrawFn, network: Network) -> dict[str, AnyArray]:
    """Two to four samples for every input: integers, halves between them, and values outside the encoders' ranges."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(2, 4))
    top = max(node.high for node in network.nodes if isinstance(node, ops.Encode))
    choices = np.array([-1, 0, 0.5, 1, 1.5, top - 0.5, top, top + 3])
    return {node.name: 0.5 * rng.choice(choices, size=(n, *node.shape)) for node in network.inputs}


def dense(sizes: list[int], high: int = 255) -> Network:
    """An ann network of full layers ``fc0``, ``fc1``, …: each weight 1, y = (acc + 1) >> 1 in 0 to ``high``."""
    nodes: list[ops.Node] = [
        ops.Input(name="x", shape=(sizes[0],)),
        ops.Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=255),
    ]
    source = "q"
    for i, (fan_in, n) in enumerate(pairwise(sizes)):
        zeros = np.zeros(n, dtype=np.int64)
        weights = np.ones((n, fan_in), dtype=np.int64)
        parameters = {"bias": 0, "multiplier": 1, "shift": 1, "low": 0, "high": high}
        nodes.append(ops.Linear(name=f"acc{i}", inputs=(source,), weights=weights, bias=zeros))
        source = f"fc{i}"
        nodes.append(
            ops.Neuron(
                name=source, inputs=(f"acc{i}",), model="requantize",
                parameters={key: zeros + value for key, value in parameters.items()}, scale=np.ones(n),
                zero=np.zeros(n), origin=source, elements=np.arange(n),
            )
        )  # fmt: skip
    n = sizes[-1]
    decode = ops.Decode(
        name="d", inputs=(source,), coefficient=np.ones(n, dtype=np.int64), element=np.arange(n), scale=np.ones(n),
        offset=np.zeros(n),
    )  # fmt: skip
    return Network((*nodes, decode, ops.Output(name="y", inputs=("d",))))
