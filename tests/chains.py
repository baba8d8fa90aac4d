"""Chains of small tiles whose cost can be worked out by hand."""

from functools import cache
from itertools import pairwise

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware import Board, Chip, load_chip
from neutrams.program import AxonTable, InputPort, NeuronTable, OutputPort, Program, RouteTable, TileTable
from neutrams.simulator.result import Activity

PRICES = {
    "axon_j": 1, "synapse_j": 2, "array_j": 3, "neuron_j": 5, "router_j": 7, "link_j": 11, "chip_link_j": 13,
    "input_j": 17, "output_j": 19, "core_w": 0.5, "router_w": 0.25, "core_mm2": 4, "router_mm2": 0.5,
}  # fmt: skip
TIMES = {"row_s": 1e-3, "array_s": 2e-3, "neuron_s": 3e-3, "router_s": 4e-3, "link_s": 5e-3, "chip_link_s": 6e-3}


@cache
def round_chip() -> Chip:
    """TIANJI's organisation with figures for mental arithmetic."""
    return load_chip("tianji").with_values(technology={**PRICES, **TIMES})


def ints(*values: int) -> IntArray:
    return np.array(values, dtype=np.int64)


PORT = InputPort(
    name="x", shape=(2,), first=0, element=ints(0, 1), scale=1, zero=0, low=0, high=255, code="level"
)  # fmt: skip


def neuron_table(n: int) -> NeuronTable:
    zeros = np.zeros(n, dtype=np.int64)
    return NeuronTable(parameters={}, scale=np.ones(n), zero=np.zeros(n), origin=zeros, element=zeros)


def output_of(first: int) -> OutputPort:
    """Two neurons from ``first`` on leave the chip, the second one decoded twice."""
    return OutputPort(
        name="y",
        neuron=ints(first, first + 1, first + 1),
        coefficient=ints(1, 1, 1),
        element=ints(0, 1, 1),
        scale=np.ones(2),
        offset=np.zeros(2),
    )


def chain(chip: Chip, cores: tuple[int, ...], *, model: str = "requantize", steps: int = 1, ticks: int = 1) -> Program:
    """2 input channels -> tile of 3 neurons -> tile of 3 neurons -> ..., each tile fed by the one before it."""
    n = len(cores)
    board = Board.of(chip)
    paths = [board.path(a, b) for a, b in pairwise(cores)]
    rows = [2] + [3] * (n - 1)
    flows = n - 1
    return Program(
        chip=chip,
        model=model,
        steps=steps,
        ticks_per_step=ticks,
        blocks=(np.ones((2, 3), dtype=np.int8), np.ones((3, 3), dtype=np.int8)),
        tiles=TileTable(
            block=ints(0, *[1] * (n - 1)),
            core=ints(*cores),
            start=np.arange(n),
            axons=np.cumsum([0, *rows]),
            neurons=3 * np.arange(n + 1),
        ),
        axons=AxonTable(source=ints(-1, -2, *range(3 * (n - 1))), delay=np.ones(sum(rows), dtype=np.int64)),
        neurons=neuron_table(3 * n),
        origins=("fc",),
        inputs=(PORT,),
        outputs=(output_of(3 * n - 3),),
        routes=RouteTable(
            tile=np.arange(flows),
            links=np.cumsum([0, *[len(path) - 1 for path in paths]]),
            link_from=ints(*[core for path in paths for core in path[:-1]]),
            link_to=ints(*[core for path in paths for core in path[1:]]),
            sources=3 * np.arange(flows + 1),
            source=np.arange(3 * flows),
        ),
    )


def activity_of(program: Program, samples: int, sent: IntArray, received: IntArray) -> Activity:
    rows = np.diff(program.tiles.axons)
    updates = np.full(len(rows), samples * program.steps)
    last = int(program.tiles.start.max()) + (program.steps - 1) * program.ticks_per_step + 1
    return Activity(
        samples=samples,
        ticks=last,
        tile_updates=updates,
        axon_events=updates * rows,
        synapse_events=updates * rows * 3,
        neuron_updates=updates * 3,
        idle_updates=np.zeros(len(rows), dtype=np.int64),
        sent=sent,
        received=received,
    )


def full(program: Program, samples: int) -> Activity:
    """Every neuron and channel sends every step."""
    count = samples * program.steps
    return activity_of(program, samples, np.full(len(program.neurons), count), np.full(program.channels, count))
