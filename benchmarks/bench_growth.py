"""How level ``cycle`` grows: time and memory of a synaptic event, 10^3 to 10^6 neurons and 1 to 64 chips.

Usage: python benchmarks/bench_growth.py [--steps 20] [--most 4096] [--plot benchmarks/growth.svg]

A sheet of cores of 256 x 256 int8 synapses, each with a block of its own: a neuron fires about every tenth step, to
cores up to three hops away. Each size runs in a process of its own, twice, a short and a longer run, each the best of
three: their difference is the time of an event, what is left that of getting ready. Memory is the program's arrays and
the peak of the short run (tracemalloc). Flat means: the dearest event of a series costs at most 1.5 of the cheapest.
Exits with 1 where it does not hold.
"""

import argparse
import json
import subprocess
import sys
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.hardware import Board, Chip, load_chip
from neutrams.program import AxonTable, InputPort, NeuronTable, OutputPort, Program, RouteTable, TileTable
from neutrams.program.store import program_parts
from neutrams.simulator import simulate

N = 256
"""Axons and neurons of a core [count]."""
OFFSETS = ((1, 0), (-1, 0), (0, 1), (0, -1), (2, 1), (-2, -1), (1, -2), (-1, 2))
"""Whom the eight parts of a core's axons hear, (x, y) from their own core."""
FLAT = 1.5
CORES = (4, 16, 64, 256, 1024, 4096)
"""Cores of one chip, or of chips of 64 each."""


def board_of(cores: int, *, one_chip: bool) -> Chip:
    """TIANJI's cores in a square, on one chip or on chips of 8 x 8."""
    side = max(1, round(cores**0.5))
    board = {"rows": side, "columns": side, "chips": 1} if one_chip else {"rows": 8, "columns": 8, "chips": cores // 64}
    return load_chip("tianji").with_values(board=board, neuron={"models": ("if_soft",), "functions": ()})


def neighbours(board: Board, side: int) -> IntArray:
    """Return the core that each part of a core's axons hears, int64 ``[8, cores]``; at an edge on the other side."""
    x, y = board.position(np.arange(board.cores))

    def moved(place: IntArray, step: int) -> IntArray:
        there = np.where((place + step < 0) | (place + step >= side), place - step, place + step)
        return np.clip(there, 0, side - 1)

    return np.stack([board.core_at(moved(x, dx), moved(y, dy)) for dx, dy in OFFSETS])


def sheet(chip: Chip, steps: int) -> Program:
    """Return a program that fills the board."""
    board, rng = Board.of(chip), np.random.default_rng(0)
    cores, part = board.cores, N // len(OFFSETS)
    own, heard = np.arange(cores), neighbours(board, round(board.cores**0.5))
    first = own * N
    source = (heard.T[:, :, None] * N + np.arange(N).reshape(len(OFFSETS), part)).reshape(-1)
    readers: dict[tuple[int, int], list[int]] = {}
    for g, reader in np.ndindex(heard.shape):
        readers.setdefault((int(heard[g, reader]), g), []).append(reader)
    flows = sorted(readers)
    paths = [[link for end in readers[flow] for link in pairwise(board.path(flow[0], end))] for flow in flows]
    senders = np.array([core * N + g * part for core, g in flows], dtype=np.int64)
    blocks = rng.integers(-2, 3, (cores, N, N), dtype=np.int8)
    zeros = np.zeros(cores * N, dtype=np.int64)
    one, unit = np.zeros(1, dtype=np.int64), np.ones(1)
    return Program(
        chip=chip,
        model="if_soft",
        steps=steps,
        ticks_per_step=1,
        blocks=tuple(blocks),
        tiles=TileTable(block=own, core=own, start=np.zeros(cores, dtype=np.int64), axons=np.append(first, cores * N),
                        neurons=np.append(first, cores * N)),
        axons=AxonTable(source=source, delay=np.ones(cores * N, dtype=np.int64)),
        neurons=NeuronTable(
            parameters={"leak": zeros + 100, "threshold": zeros + 1000, "initial": rng.integers(0, 1000, cores * N)},
            scale=np.ones(cores * N), zero=np.zeros(cores * N), origin=zeros, element=np.arange(cores * N),
        ),
        origins=("sheet",),
        inputs=(InputPort(name="x", shape=(1,), first=0, element=one, scale=1, zero=0, low=0, high=1, code="level"),),
        outputs=(OutputPort(name="y", neuron=one, coefficient=one + 1, element=one, scale=unit, offset=unit - 1),),
        routes=RouteTable(
            tile=np.array([core for core, _ in flows], dtype=np.int64),
            links=np.cumsum([0, *map(len, paths)]),
            link_from=np.array([start for path in paths for start, _ in path], dtype=np.int64),
            link_to=np.array([stop for path in paths for _, stop in path], dtype=np.int64),
            sources=np.arange(len(flows) + 1) * part,
            source=(senders[:, None] + np.arange(part)).ravel(),
        ),
    )  # fmt: skip


def measured(cores: int, steps: int, *, one_chip: bool) -> dict[str, float]:
    """Return what one program takes, in this process: seconds, synaptic events, words, bytes."""
    x, chip = {"x": np.zeros((1, 1))}, board_of(cores, one_chip=one_chip)
    more = max(steps, min(1000, steps * 256 // cores))
    short, long = sheet(chip, steps), sheet(chip, steps + more)
    simulate(long, x, level="cycle")
    took = []
    for program in (short, long):
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            run = simulate(program, x, level="cycle")
            seconds.append(time.perf_counter() - began)
        took.append((min(seconds), float(run.activity.synapse_events.sum()), run.cycles))
    (ready, fewer, _), (whole, events, cycles) = took
    own = sum(array.nbytes for array in program_parts(short)[1].values())
    tracemalloc.start()
    simulate(short, x, level="cycle")
    assert cycles is not None
    per_event = (whole - ready) / (events - fewer)
    return {
        "ns": 1e9 * per_event,
        "events": events,
        "ready": whole - per_event * events,
        "synapses": float(cores * N * N),
        "words": float(cycles.latency.sum()),
        "bytes": float(own + tracemalloc.get_traced_memory()[1]),
    }


def series(name: str, cores: tuple[int, ...], steps: int, *, one_chip: bool) -> list[dict[str, float]]:
    """Measure and print a row for each size."""
    rows = []
    titles = f"{'synapses':>13}{'events':>13}{'words':>10}{'ready, s':>10}{'ns/event':>10}{'B/synapse':>11}"
    print(f"\n{name:>12}{'neurons':>10}{titles}")
    for count in cores:
        command = [sys.executable, __file__, "--steps", str(steps), "--run", str(count), *["--one-chip"] * one_chip]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        row = json.loads(done.stdout) | {"size": count if one_chip else count // 64, "neurons": count * N}
        row["per_synapse"] = row["bytes"] / row["synapses"]
        rows.append(row)
        print(
            f"{row['size']:12.0f}{row['neurons']:10.0f}{row['synapses']:13.0f}{row['events']:13.0f}{row['words']:10.0f}"
            f"{row['ready']:10.3f}{row['ns']:10.2f}{row['per_synapse']:11.2f}",
            flush=True,
        )
    return rows


def spread(rows: list[dict[str, float]], key: str) -> float:
    """Return the largest over the smallest value of a column."""
    values = [row[key] for row in rows]
    return max(values) / min(values)


def draw(both: dict[str, list[dict[str, float]]], file: Path) -> None:
    """Draw time and memory against neurons, both series."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), constrained_layout=True)
    for axis, key, unit in (
        (axes[0], "ns", "time of a synaptic event [ns]"),
        (axes[1], "per_synapse", "memory of a synapse [byte]"),
    ):
        for name, rows in both.items():
            axis.plot(
                [row["neurons"] for row in rows], [row[key] for row in rows], "o-", label=f"growing number of {name}"
            )
        axis.set(xscale="log", xlabel="neurons", ylabel=unit, ylim=(0, None))
        axis.legend()
    figure.savefig(file, metadata={"Date": None})


def main() -> int:
    """Print both series, draw them where asked for; 1 if either is not flat."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--most", type=int, default=max(CORES))
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--run", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--one-chip", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run is not None:
        print(json.dumps(measured(arguments.run, arguments.steps, one_chip=arguments.one_chip)))
        return 0
    cores = tuple(count for count in CORES if count <= arguments.most)
    both = {
        "cores": series("cores", cores, arguments.steps, one_chip=True),
        "chips": series("chips", tuple(c for c in cores if c >= 64), arguments.steps, one_chip=False),
    }
    good = True
    for name, rows in both.items():
        time_ratio, memory_ratio = spread(rows, "ns"), spread(rows, "per_synapse")
        print(
            f"{name}: time of an event within {time_ratio:.2f}, memory of a synapse within {memory_ratio:.2f} ({FLAT})"
        )
        good &= max(time_ratio, memory_ratio) <= FLAT
    if arguments.plot is not None:
        draw(both, arguments.plot)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
