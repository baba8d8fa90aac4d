"""Partitioning neuron by neuron: ours against mtkahypar, and how time grows with size.

Usage: [NEUTRAMS_OPPONENTS=folder] python benchmarks/bench_partition.py [--only NAME,…] [--effort 2] [--seed 0]
    [--opponents] [--growth] [--most 1000000] [--plot benchmarks/partition_growth.svg]

Opponents are found in NEUTRAMS_OPPONENTS (``pip install --target folder --no-deps mtkahypar pymetis kaminpar``)
and run only where asked for: they take up to ten minutes each. They know nothing of axons. One thread each; times are
of the processor, without compiling and without building the network.

Goals are those of issue 6; each result is checked by `violations`, which shares nothing with the search. Exits with 1
where a goal is missed or a result is illegal.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.flow.map_opponents import installed, opponent
from neutrams.mapping.clusters import Cost, Limits, Nets, cost_of, fewest_parts, partition, violations
from neutrams.mapping.workloads import WORKLOADS, conv, reservoir, sheet

SIDES = (100, 173, 316, 548, 1000)
"""Edges of the sheets whose times are compared [neurons]."""
EXPONENT, SECONDS, MEMORY_GB = 1.2, 300.0, 8.0


@dataclass(frozen=True, kw_only=True)
class Case:
    """A workload with limits, and what is to be reached."""

    workload: str
    limits: Limits
    goal: str
    most: float
    seconds: float | None = None
    opponent: str = ""
    ratio: float = 1.0


CASES = {
    "sheet100k": Case(
        workload="sheet100k", limits=Limits(neurons=256), goal="km1", most=8.25, opponent="DEFAULT", ratio=0.1
    ),
    "conv100k": Case(workload="conv100k", limits=Limits(neurons=256), goal="km1", most=1.75, opponent="LARGE_K"),
    "rand100k": Case(workload="rand100k", limits=Limits(neurons=256), goal="km1", most=41.5, opponent="", ratio=0.0),
    "conv100k/256": Case(
        workload="conv100k", limits=Limits(neurons=256, axons=256), goal="parts", most=680, seconds=20.0
    ),
    "sheet20k/1024": Case(workload="sheet20k", limits=Limits(neurons=256, axons=1024), goal="parts", most=450),
    "sheet20k/4096": Case(workload="sheet20k", limits=Limits(neurons=1024, axons=4096), goal="parts", most=24),
    "reservoir16k": Case(
        workload="reservoir16k", limits=Limits(neurons=1024, axons=4096), goal="connectivity", most=72_000,
        seconds=10.0, opponent="DEFAULT", ratio=0.0,
    ),
}  # fmt: skip
"""ratio 0: the opponent is run for comparison, no goal follows from its time."""


def value(cost: Cost, goal: str, nets: Nets) -> float:
    """Return the figure that a goal speaks of."""
    return {"km1": cost.km1 / len(nets.source), "parts": cost.parts, "connectivity": cost.connectivity}[goal]


def warm() -> None:
    """Compile everything on small networks."""
    for nets, axons in ((conv(12, channels=4, layers=3), 128), (reservoir(600, fan_out=20), 0), (sheet(20), 400)):
        partition(nets, Limits(neurons=64, axons=axons), effort=1)


def timed(run: Callable[[], AnyArray]) -> tuple[AnyArray, float]:
    """Return what ``run`` returns and the seconds of the processor it took."""
    began = time.process_time()
    found = run()
    return found, time.process_time() - began


def line(name: str, who: str, nets: Nets, case: Case, part: AnyArray, seconds: float) -> float:
    """Print a row; return the figure of the goal, infinite if the result is ours and illegal."""
    wrong, cost = violations(nets, case.limits, part), cost_of(nets, part, own_axons=case.limits.own_axons)
    print(
        f"{name:16}{who:18}{cost.parts:7d}{cost.km1 / len(nets.source):9.3f}{cost.connectivity:12.0f}"
        f"{cost.neurons.max():8d}{cost.axons.max():8d}{seconds:9.1f}  {'legal' if not wrong else wrong[0]}",
        flush=True,
    )
    return float("inf") if wrong and who == "ours" else value(cost, case.goal, nets)


def opponents(name: str, nets: Nets, case: Case, effort_seconds: float) -> bool:
    """Run what is there; True unless ours took more than its share of the time."""
    good = True
    names = [f"mtkahypar {case.opponent}"] if case.opponent else []
    for who in [*names, "pymetis", "kaminpar"]:
        if not installed(who):
            print(f"{name:16}{who:18} not installed")
            continue
        part, seconds = timed(opponent(who, nets, case.limits))
        line(name, who, nets, case, part, seconds)
        print(f"{'':16}ours takes {effort_seconds / seconds:.3f} of its time")
        if who in names and case.ratio:
            good &= effort_seconds <= case.ratio * seconds
    return good


def compare(names: list[str], effort: int, seed: int, against: bool) -> bool:
    """Run the cases; True if all goals are met."""
    good = True
    print(
        f"{'case':16}{'who':18}{'parts':>7}{'km1/net':>9}{'weighted':>12}{'neurons':>8}{'axons':>8}{'CPU s':>9}  "
        f"(effort {effort}, seed {seed})"
    )
    for name in names:
        case = CASES[name]
        nets = WORKLOADS[case.workload]()
        part, seconds = timed(lambda n=nets, c=case: partition(n, c.limits, effort=effort, seed=seed))
        reached = line(name, "ours", nets, case, part, seconds)
        bound = fewest_parts(nets, case.limits)
        met = reached <= case.most and (case.seconds is None or seconds <= case.seconds)
        within = f" in {case.seconds:g} s" if case.seconds else ""
        print(
            f"{'':16}{case.goal} at most {case.most:g}{within}: {'met' if met else 'MISSED'}; "
            f"no partition has fewer than {bound.parts} parts (by {bound.by})",
            flush=True,
        )
        good &= met
        if against:
            good &= opponents(name, nets, case, seconds)
    return good


def grow(most: int, plot: Path | None) -> bool:
    """Time sheets of growing size, each in a process of its own; True if time grows almost linearly."""
    rows = []
    print(f"\n{'neurons':>9}{'synapses':>10}{'CPU s':>9}{'peak GB':>9}{'km1/net':>9}  (effort 1, 256 neurons a core)")
    for side in SIDES:
        if side * side > most:
            continue
        done = subprocess.run([sys.executable, __file__, "--side", str(side)], check=True, stdout=subprocess.PIPE)
        row = json.loads(done.stdout)
        rows.append(row)
        print(
            f"{row['neurons']:9d}{row['synapses']:10d}{row['seconds']:9.1f}{row['gb']:9.2f}{row['km1']:9.3f}",
            flush=True,
        )
    x, y = np.log([row["neurons"] for row in rows]), np.log([row["seconds"] for row in rows])
    exponent = float(np.polyfit(x, y, 1)[0]) if len(rows) > 1 else 1.0
    print(f"time grows with neurons to the power of {exponent:.2f} (goal {EXPONENT})")
    if plot is not None:
        draw(rows, exponent, plot)
    return (
        exponent <= EXPONENT
        and all(row["legal"] for row in rows)
        and rows[-1]["seconds"] <= SECONDS
        and rows[-1]["gb"] <= MEMORY_GB
    )


def one_sheet(side: int) -> dict[str, float]:
    """Return what a sheet takes, in this process."""
    warm()
    nets, limits = sheet(side), Limits(neurons=256)
    part, seconds = timed(lambda: partition(nets, limits, effort=1))
    gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    cost = cost_of(nets, part)
    return {
        "neurons": nets.neurons,
        "synapses": nets.synapses,
        "seconds": seconds,
        "gb": gb,
        "km1": cost.km1 / len(nets.source),
        "legal": not violations(nets, limits, part),
    }


def draw(rows: list[dict[str, float]], exponent: float, file: Path) -> None:
    """Draw time and memory against neurons."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), constrained_layout=True)
    neurons = [row["neurons"] for row in rows]
    axes[0].plot(neurons, [row["seconds"] for row in rows], "o-", label=f"power {exponent:.2f}")
    axes[0].set(xscale="log", yscale="log", xlabel="neurons", ylabel="time of the processor [s]")
    axes[0].legend()
    axes[1].plot(neurons, [row["gb"] for row in rows], "o-")
    axes[1].set(xscale="log", yscale="log", xlabel="neurons", ylabel="peak memory of the process [GB]")
    figure.savefig(file, metadata={"Date": None})


def main() -> int:
    """Run what is asked for; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--effort", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--opponents", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side is not None:
        print(json.dumps(one_sheet(arguments.side)))
        return 0
    sys.path.append(os.environ.get("NEUTRAMS_OPPONENTS", ""))
    names = [name for name in arguments.only.split(",") if name]
    if unknown := set(names) - set(CASES):
        parser.error(f"no case {sorted(unknown)}; there are {', '.join(CASES)}")
    warm()
    good = compare(names, arguments.effort, arguments.seed, arguments.opponents) if names else True
    if arguments.growth:
        good &= grow(arguments.most, arguments.plot)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
