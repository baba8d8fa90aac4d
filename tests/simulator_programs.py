"""Random core programs, timed legally or oddly, and a literal oracle that runs them tick by tick in plain NumPy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from neutrams.base.codec import encode, spread_step
from neutrams.hardware import Chip, load_chip
from neutrams.neurons import find_model
from neutrams.program import AxonTable, InputPort, NeuronTable, OutputPort, Program, RouteTable, TileTable
from routing import routed

LEAKY = {"decay_bits": 6, "decay_shift_bits": 3, "synaptic_bits": 9, "refractory_bits": 2, "exponent_bits": 2}
NONE = np.zeros(0, dtype=np.int64)


def a_chip(**neuron: object) -> Chip:
    """TIANJI with narrow registers, so that saturation happens."""
    return load_chip("tianji").with_values(neuron=neuron)


def assemble(model: str, chip: Chip, blocks: list[Any], start: list[int], source: list[Any], **more: Any) -> Program:
    """A program of one block a tile; ``more`` holds delay, parameters, inputs, outputs, steps, ticks_per_step."""
    widths = [b.shape[1] for b in blocks]
    neurons = sum(widths)
    zeros = np.zeros(1, dtype=np.int64)
    program = Program(
        chip=chip,
        model=model,
        steps=more["steps"],
        ticks_per_step=more["ticks_per_step"],
        blocks=tuple(more.get("shared", blocks)),
        tiles=TileTable(
            block=np.array(more.get("block", range(len(blocks)))),
            core=np.arange(len(blocks)),
            start=np.array(start),
            axons=np.cumsum([0, *map(len, source)]),
            neurons=np.cumsum([0, *widths]),
        ),
        axons=AxonTable(source=np.concatenate(source).astype(np.int64), delay=more["delay"]),
        neurons=NeuronTable(
            parameters=more["parameters"],
            scale=np.ones(neurons),
            zero=np.zeros(neurons),
            origin=np.zeros(neurons, dtype=np.int64),
            element=np.arange(neurons),
            table=more.get("table", NONE),
        ),
        origins=("all",),
        tables=more.get("tables", np.zeros((0, 0), dtype=np.int64)),
        inputs=tuple(more["inputs"]),
        outputs=tuple(more["outputs"]),
        routes=RouteTable(tile=NONE, links=zeros, link_from=NONE, link_to=NONE, sources=zeros, source=NONE),
    )
    return routed(program)


def _parameters(rng: np.random.Generator, model: str, n: int) -> dict[str, Any]:
    if model == "requantize":
        low = rng.integers(-8, 1, n)
        return {
            "bias": rng.integers(-40, 41, n),
            "multiplier": rng.integers(0, 16, n),
            "shift": rng.integers(1, 6, n),
            "low": low,
            "high": low + rng.integers(0, 200, n),
        }
    ranges = {
        "leak": (-9, 10), "threshold": (1, 60), "initial": (-60, 60), "reset": (-9, 10), "refractory": (0, 4),
        "decay": (0, 64), "current_decay": (0, 64), "decay_shift": (0, 8), "exponent": (0, 4),
    }  # fmt: skip
    return {p.name: rng.integers(*ranges[p.name], n) for p in find_model(model, "test").parameters}


def _ports(rng: np.random.Generator, steps: int, mode: str) -> list[InputPort]:
    ports, first = [], 0
    for name in ("left", "right")[: rng.integers(1, 3)]:
        code = rng.choice(["level", "spread"]) if mode == "snn" else "level"
        element = rng.integers(-1, 6, rng.integers(1, 40))
        low, high = (0, steps) if code == "spread" else (int(rng.integers(-4, 1)), int(rng.integers(1, 30)))
        ports.append(
            InputPort(
                name=name,
                shape=(2, 3),
                first=first,
                element=element,
                scale=0.25,
                zero=0.1,
                low=low,
                high=high,
                code=code,
            )
        )
        first += len(element)
    return ports


def _grouped(rng: np.random.Generator, columns: int, neurons: tuple[int, int]) -> tuple[Any, Any]:
    """A block that sums 1 to 3 groups of neighbouring neurons into neighbouring columns, and their sources."""
    blocks, sources = [], []
    n = int(rng.integers(1, 1 + min(columns, neurons[1] - neurons[0])))
    first = neurons[0]
    for _ in range(rng.integers(1, 4)):
        column = int(rng.integers(0, columns - n + 1))
        block = np.zeros((n, columns), dtype=np.int8)
        block[np.arange(n), column + np.arange(n)] = rng.integers(-60, 61, n)
        blocks.append(block)
        sources.append(first + np.arange(n))
        follows = first + 2 * n <= neurons[1]  # else read some of the neurons again
        first = first + n if follows else int(rng.integers(neurons[0], neurons[1] - n + 1))
    return np.concatenate(blocks), np.concatenate(sources)


def random_program(seed: int, model: str, steps: int, period: int, wide: bool = False) -> Program:
    """1 to 6 tiles wired at random: any start ticks, delays 1 … 5, loops, unread and unwritten registers."""
    rng = np.random.default_rng(seed)
    mode = find_model(model, "test").mode
    tiles = int(rng.integers(1, 7))
    rows, columns = rng.integers(0, 30, tiles), rng.integers(1, 90, tiles)
    inputs = _ports(rng, steps, mode)
    channels, neurons = sum(len(p.element) for p in inputs), int(columns.sum())
    peak = 32767 if wide else 127
    blocks = []
    for r, c in zip(rows, columns, strict=True):
        dense = rng.integers(-peak - 1, peak + 1, (r, c)) if wide else rng.integers(-20, 21, (r, c))
        density = rng.choice([0.0, 0.03, 0.5, 1.0])
        kind = np.int16 if wide else np.int8
        blocks.append(np.where(rng.random((r, c)) < density, dense, 0).astype(kind))
    source = [
        rng.integers(-channels, 0, r) if rng.random() < 0.3 else rng.integers(-channels, neurons, r) for r in rows
    ]
    start = rng.integers(0, rng.choice([1, 4, 12]), tiles)
    delay = int(rng.choice([2, 6]))
    if rng.random() < 0.5:  # a pipeline, in part: some tiles sum groups of neurons of the tile before
        start, delay = np.cumsum(rng.choice([1, 1, 1, 1, 2], tiles)), int(rng.choice([2, 2, 3]))
        begin = np.cumsum([0, *columns])
        for i in range(1, tiles, 2):
            blocks[i], source[i] = _grouped(rng, int(columns[i]), (int(begin[i - 1]), int(begin[i])))
    wanted = rng.integers(0, neurons, 7)
    output = OutputPort(
        name="y",
        neuron=wanted,
        coefficient=rng.integers(-2, 3, 7),
        element=rng.integers(0, 3, 7),
        scale=np.array([0.5, 1.0, 2.0]),
        offset=np.array([0.0, -1.0, 3.0]),
    )
    chip = a_chip(potential_bits=int(rng.choice([8, 9, 24, 32])), **LEAKY)
    return assemble(
        model,
        chip.with_values(core={"synapses": ("crossbar", "list")[seed % 2]}),
        blocks,
        list(start),
        source,
        delay=rng.integers(1, delay, sum(map(len, source))),
        parameters=_parameters(rng, model, neurons),
        inputs=inputs,
        outputs=[output],
        steps=steps,
        ticks_per_step=period,
        **_tables(rng, model, neurons),
    )


def _tables(rng: np.random.Generator, model: str, neurons: int) -> dict[str, Any]:
    """Sometimes two look-up tables that hold whatever `_parameters` may take for an index."""
    if model != "requantize" or rng.random() < 0.5:
        return {}
    return {"table": rng.integers(-1, 2, neurons), "tables": rng.integers(-65535, 65536, (2, 200))}


def programs(models: tuple[str, ...]) -> st.SearchStrategy[Program]:
    """Random programs of these models; ann programs mostly have one step."""
    return st.builds(
        random_program,
        seed=st.integers(0, 1 << 32),
        model=st.sampled_from(models),
        steps=st.sampled_from([1, 2, 3, 9]),
        period=st.sampled_from([1, 2, 3]),
        wide=st.booleans(),
    )


def random_inputs(program: Program, n: int, seed: int = 0) -> dict[str, Any]:
    """Source values that reach beyond both ends of every port's range."""
    rng = np.random.default_rng(seed)
    return {p.name: 0.25 * rng.uniform(p.low - 2, p.high + 2, (n, *p.shape)) + 0.1 for p in program.inputs}


@dataclass
class Oracle:
    """What the literal clock gives; by tick that of the first sample."""

    counts: Any
    axon_events: Any
    synapse_events: Any
    idle_updates: Any
    sent: Any
    received: Any
    raster: Any
    rows: Any
    reads: Any
    potential: Any


def standing(program: Program, inputs: dict[str, Any], tick: int) -> Any:
    """What the channels carry after ``tick``, int64 [N, channels]."""
    n = len(next(iter(inputs.values())))
    now = min((tick + 1) // program.ticks_per_step, program.steps - 1)
    columns = []
    for port in program.inputs:
        q = encode(inputs[port.name].reshape(n, -1), port.scale, port.zero, (port.low, port.high))
        for element in port.element:
            step = max(now, 0) if element < 0 else now  # a constant stands even before the clock starts
            value = np.full(n, port.high) if element < 0 else q[:, element]
            if port.code == "spread":
                value = spread_step(value, step, program.steps)
            columns.append(value if step >= 0 else 0 * value)
    return np.stack(columns, axis=1)


def oracle(program: Program, inputs: dict[str, Any]) -> Oracle:
    """Run ``program`` literally: every register after every tick is kept, every axon looks its own value up."""
    model = find_model(program.model, "test")
    tiles, period, T = program.tiles, program.ticks_per_step, program.steps
    n, neurons = len(next(iter(inputs.values()))), len(program.neurons)
    ticks = int(tiles.start.max()) + (T - 1) * period + 1
    state = model.start(program.neurons.parameters, (n, neurons))
    after: dict[int, Any] = {}
    silent = np.zeros((n, neurons), dtype=np.int64)
    total, sent = silent.copy(), np.zeros(neurons, dtype=np.int64)
    events, synapses, idle = np.zeros((3, len(tiles)), dtype=np.int64)
    raster = np.zeros((ticks, neurons), dtype=bool)
    rows, reads = np.zeros((2, ticks, len(tiles)), dtype=np.int64)
    potential = np.zeros((ticks, neurons), dtype=np.int64)
    received = np.zeros(program.channels, dtype=np.int64)
    least = -1 - max(program.axons.delay, default=1)
    stood = {tick: standing(program, inputs, tick) for tick in range(least, ticks)}
    for step in range(T):
        received += np.count_nonzero(stood[step * period - 1], axis=0)
    for tick in range(ticks):
        now = after.get(tick - 1, silent).copy()
        for i in range(len(tiles)):
            step, rest = divmod(tick - int(tiles.start[i]), period)
            if rest or not 0 <= step < T:
                continue
            x = np.zeros((n, tiles.axons[i + 1] - tiles.axons[i]), dtype=np.int64)
            for a in range(tiles.axons[i], tiles.axons[i + 1]):
                source, seen = int(program.axons.source[a]), tick - int(program.axons.delay[a])
                if source >= 0:
                    x[:, a - tiles.axons[i]] = after.get(seen, silent)[:, source]
                else:
                    x[:, a - tiles.axons[i]] = stood[max(seen, least)][:, -1 - source]
            mine = slice(tiles.neurons[i], tiles.neurons[i + 1])
            own = {name: values[mine] for name, values in program.neurons.parameters.items()}
            acc = x @ program.blocks[tiles.block[i]].astype(np.int64)
            y, state[..., mine] = model.step(acc, state[..., mine], own, program.chip.widths)
            for column, which in enumerate(program.neurons.table[mine]):
                if which >= 0:
                    y[:, column] = program.tables[which, y[:, column] - own["low"][column]]
            now[:, mine] = y
            total[:, mine] += y
            sent[mine] += np.count_nonzero(y, axis=0)
            block = program.blocks[tiles.block[i]]
            read = block != 0 if program.chip.core.synapses == "list" else np.ones_like(block)
            events[i] += np.count_nonzero(x)
            synapses[i] += ((x != 0) @ read.astype(np.int64)).sum()
            idle[i] += (x == 0).all(axis=1).sum()
            raster[tick, mine] = y[0] != 0
            rows[tick, i] = np.count_nonzero(x[0])
            reads[tick, i] = ((x[0] != 0) @ read.astype(np.int64)).sum()
        after[tick] = now
        potential[tick] = state[0, 0] if len(state) else 0
    counts = total[:, np.concatenate([port.neuron for port in program.outputs])]
    return Oracle(
        counts=counts,
        axon_events=events,
        synapse_events=synapses,
        idle_updates=idle,
        sent=sent,
        received=received,
        raster=raster,
        rows=rows,
        reads=reads,
        potential=potential,
    )
