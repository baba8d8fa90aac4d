"""A Loihi-like chip, cycle by cycle: ours against SANA-FE 2.2.9 on the same networks, cores, weights and thresholds.

Usage: NEUTRAMS_SANAFE=/path/to/python python benchmarks/bench_sanafe.py [--rounds 1] [--cases mixed,few,chip,messages]

SANA-FE runs in an environment of its own, as a process: ``python3 -m venv elsewhere; elsewhere/bin/pip install
sanafe==2.2.9``, then NEUTRAMS_SANAFE=elsewhere/bin/python. It is under the GPL; nothing of it is used here.

Two layers of neurons, the first of which fires in every step by its bias (in ``mixed`` not always); 20 steps. All have
about 524k synapses but ``mixed``, which is there for spikes that differ. They differ in how many messages a step has:

* ``few``: 1024 -> 512, all to all, on the 5 cores that hold them: 4096 messages;
* ``chip``: the same on 96 cores of 16 neurons: 32768 messages;
* ``messages``: 4096 -> 4096, 128 synapses each at random, on 128 cores of 64 neurons: about 227000 messages.

Wanted: the same spikes, our simulate call at level cycle 100 times faster than their detailed mode, our load of the
compiled file 10 times faster than their construction of the loaded chip. Times are of the processor, all threads, warm.
Exits with 1 where one is missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.flow import Compiled, load_compiled, save_compiled
from neutrams.hardware import load_chip
from neutrams.mapping import map_network
from neutrams.network import Network, ops
from neutrams.program import Program
from neutrams.program.verify import violations
from neutrams.simulator import Run, simulate

STEPS = 20
FASTER, FASTER_LOAD = 100, 10
CASES: Mapping[str, tuple[int, int, int, dict[str, str]]] = {
    "mixed": (128, 64, 128, {}),
    "few": (1024, 512, 1024, {}),
    "chip": (1024, 512, 1024, {"core.neurons": "16", "core.fan_out": "32"}),
    "messages": (4096, 4096, 128, {"core.neurons": "64", "core.fan_out": "64"}),
}
"""Neurons of both layers, synapses onto each of the second, keys of the chip."""


def layer(name: str, source: str, weights: IntArray, leak: IntArray, theta: IntArray) -> list[ops.Node]:
    """Integrate-and-fire neurons, reset to zero."""
    n = len(weights)
    zeros = np.zeros(n, dtype=np.int64)
    return [
        ops.Linear(name=f"{name}.acc", inputs=(source,), weights=weights, bias=zeros),
        ops.Neuron(
            name=name, inputs=(f"{name}.acc",), model="if_hard",
            parameters={"leak": leak, "threshold": theta, "initial": zeros}, scale=np.ones(n), zero=np.zeros(n),
            origin=name, elements=np.arange(n),
        ),
    ]  # fmt: skip


def network(case: str) -> Network:
    """The two layers, behind an input that carries nothing."""
    first, second, fan_in, _ = CASES[case]
    rng = np.random.default_rng(5)
    mixed = case == "mixed"
    weights = np.zeros((second, first), dtype=np.int64)
    for row in weights:
        row[rng.permutation(first)[:fan_in]] = rng.integers(-20 if mixed else 1, 32, fan_in)
    bias = rng.integers(1, 10, first) if mixed else np.ones(first, dtype=np.int64)
    theta = rng.integers(1, 30, first) if mixed else bias
    sums = weights.sum(axis=1)
    limit = rng.integers(1, 2000, second) if mixed else rng.integers(sums // 2, sums + 1)
    nodes = [
        ops.Input(name="x", shape=(1,)),
        ops.Encode(name="q", inputs=("x",), scale=1.0, zero=0.0, low=0, high=STEPS, code="spread"),
        *layer("first", "q", np.zeros((first, 1), dtype=np.int64), bias, theta),
        *layer("second", "first", weights, np.zeros(second, dtype=np.int64), limit),
        ops.Decode(
            name="d", inputs=("second",), coefficient=np.ones(second, dtype=np.int64), element=np.arange(second),
            scale=np.ones(second), offset=np.zeros(second),
        ),
        ops.Output(name="y", inputs=("d",)),
    ]  # fmt: skip
    return Network(tuple(nodes), STEPS)


def compiled(case: str) -> Compiled:
    """The network on the cores of the preset, with weights of 8 bits."""
    chip = load_chip("loihi", {"core.weight_bits": "8", **CASES[case][3]})
    net = network(case)
    mapped = map_network(net, chip)
    assert violations(mapped.program) == []
    return Compiled(
        source=net, network=net, program=mapped.program, ledger=(), stats=mapped.stats, provenance={}, seconds={}
    )


def for_sanafe(program: Program, net: Network, file: Path) -> None:
    """Write the network as the opponent takes it: tiles are numbered column by column; ours hold 4 cores of a row."""
    row, column = np.divmod(program.tiles.core, program.chip.board.columns)
    tile_core = (column // 4 * program.chip.board.rows + row) * 4 + column % 4
    core = np.repeat(tile_core, np.diff(program.tiles.neurons))
    data: dict[str, AnyArray] = {}
    for i, name in enumerate(("first", "second")):
        mine = numbers(program, name)
        data |= {
            f"core{i}": core[mine],
            f"bias{i}": program.neurons.parameters["leak"][mine],
            f"theta{i}": program.neurons.parameters["threshold"][mine],
        }
    weights = next(node.weights for node in net.nodes if node.name == "second.acc").T  # type: ignore[attr-defined]
    source, target = np.nonzero(weights)
    full = len(source) == weights.size or np.count_nonzero(weights) > weights.size // 2
    values = weights.ravel() if full else weights[source, target]
    np.savez(file, source=source, target=target, weight=values, **data)


def numbers(program: Program, name: str) -> IntArray:
    """The neurons of a layer in its own order."""
    mine = np.flatnonzero(np.array(program.origins)[program.neurons.origin] == name)
    found: IntArray = mine[np.argsort(program.neurons.element[mine])]
    return found


def timed(call: Callable[[], Any], rounds: int) -> tuple[Any, float]:
    """Return what ``call`` returns, and its processor time, the best of some rounds [s]."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        found = call()
        times.append(time.process_time() - began)
    return found, min(times)


def spikes(program: Program, run: Run) -> list[list[str]]:
    """Who fired in each of the 20 steps, as the opponent names them."""
    assert run.raster is not None
    names = np.empty(len(program.neurons), dtype=object)
    for i, name in enumerate(("first", "second")):
        names[numbers(program, name)] = [f"layer{i}.{n}" for n in range(np.count_nonzero(numbers(program, name) >= 0))]
    return [sorted(names[tick].tolist()) for tick in run.raster[:STEPS]]


def compare(case: str, python: str, rounds: int) -> tuple[dict[str, Any], bool]:
    """Run one case on both sides; return the row and whether all that is wanted of it holds."""
    with tempfile.TemporaryDirectory() as folder:
        model, file = Path(folder) / "model.neu", Path(folder) / "network.npz"
        made = compiled(case)
        save_compiled(made, model)
        for_sanafe(made.program, made.network, file)
        command = [python, str(Path(__file__).with_name("opponent_sanafe.py")), str(file), str(STEPS), str(rounds)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        theirs = json.loads(printed.splitlines()[-1])
        load_compiled(model)
        ready, load_s = timed(lambda: load_compiled(model), 3)
    x = {"x": np.zeros((1, 1))}
    run = simulate(ready.program, x, level="cycle", raster=True)
    _, cycle_s = timed(lambda: simulate(ready.program, x, level="cycle"), 5)
    assert run.cost is not None
    ours = {name: band[1] for name, band in run.cost.energy_breakdown_j.items() if band[1]}
    same = spikes(ready.program, run) == theirs["spikes"]
    row = {
        "case": case, "cores": len(set(ready.program.tiles.core.tolist())), "same spikes": same,
        "fired": sum(map(len, theirs["spikes"])), "synaptic events": int(run.activity.synapse_events.sum()),
        "messages": theirs["packets_sent"], "load": (load_s, theirs["load_s"]),
        "simulate": (cycle_s, theirs["detailed_s"]), "energy": (ours, theirs["energy"]),
        "time": (run.cost.latency_s, theirs["sim_time"]),
    }  # fmt: skip
    fast = theirs["detailed_s"] >= FASTER * cycle_s and theirs["load_s"] >= FASTER_LOAD * load_s
    return row, same and (fast or case == "mixed")


def show(row: Mapping[str, Any]) -> None:
    """Print one case for people."""
    (load_s, load_other), (run_s, run_other) = row["load"], row["simulate"]
    print(
        f"{row['case']}: {row['cores']} cores, {row['fired']} spikes, the same: {row['same spikes']}; "
        f"{row['synaptic events']} synaptic events, {row['messages']} messages\n"
        f"  load {load_s * 1e3:.1f} ms, SANA-FE {load_other:.2f} s: {load_other / load_s:.0f}x\n"
        f"  simulate {run_s * 1e3:.1f} ms, SANA-FE detailed {run_other:.2f} s: {run_other / run_s:.0f}x\n"
        f"  simulated time {row['time'][0] * 1e6:.0f} us, SANA-FE {row['time'][1] * 1e6:.0f} us"
    )
    for name, energy in zip(("ours", "SANA-FE"), row["energy"], strict=True):
        print(f"  energy {name}: " + ", ".join(f"{part} {joules * 1e6:.3f} uJ" for part, joules in energy.items()))


def main() -> int:
    """Run the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1, help="timings of their detailed mode beside the first run")
    parser.add_argument("--cases", default=",".join(CASES))
    options = parser.parse_args()
    python = os.environ.get("NEUTRAMS_SANAFE")
    if not python:
        print("set NEUTRAMS_SANAFE to the python of an environment with sanafe==2.2.9", file=sys.stderr)
        return 2
    held = []
    for case in options.cases.split(","):
        row, holds = compare(case, python, options.rounds)
        show(row)
        held.append(holds)
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
