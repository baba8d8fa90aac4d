"""Mapping end to end: sequential order, our placement, our placement with feedback, and with dead cores and links.

Usage: NEUTRAMS_DATA=folder python benchmarks/bench_mapping.py [--names lenet,resnet_bn,…] [--effort 1] [--rounds 8]

LeNet-5 and the residual CNN on TIANJI, and the recurrent SNN of the NIR paper on TIANJI with current-based neurons and
64 axons a core, words replicated in the network (`board.multicast` = tree), at level ``cycle``. *hops* is words or
spikes times links, a link between chips by its energy, as calibration measured; *tick* the mean length of a tick in
cycles (of the SNN fixed by the chip), *needed* the longest that the work takes; *energy* a sample. Sequential: tiles in
order on cores in order, routes in dimension order. Dead: a tenth of the cores and a twentieth of the links, at random,
of a board a third larger than needed. Limits (issue 6): hops at most half of sequential order, ticks no longer, all
outputs identical, all programs legal. Exits with 1 where one is missed.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import NeutramsError
from neutrams.flow import CompileOptions
from neutrams.flow.datasets import idx_images
from neutrams.flow.refine import refine
from neutrams.hardware import Board, Chip, load_chip
from neutrams.importers import load
from neutrams.mapping import in_order, plan_network
from neutrams.network import Network
from neutrams.program import Program
from neutrams.program.verify import violations
from neutrams.reference import prepare
from neutrams.simulator import Run, simulate
from neutrams.transform.pipeline import transform

LEAST_GAIN = 2.0
DEAD_CORES, DEAD_LINKS, ROOM = 0.1, 0.05, 4 / 3
TUNED_ON, SAMPLES, STEPS, RATE = 64, 4, 256, 0.3
"""Images or streams to tune on and to run [count]; steps of the spiking network and its input spikes a step."""

Case = tuple[Network, Chip, Mapping[str, AnyArray], CompileOptions]


def case_of(name: str) -> Case:
    """Return a model, its chip, its inputs and how it is compiled."""
    data, count = Path(os.environ["NEUTRAMS_DATA"]), TUNED_ON + SAMPLES
    chip = load_chip("tianji").with_values(board={"multicast": "tree"})
    if name != "braille":
        network = load(data / "models" / f"{name}.onnx")
        (port,) = network.inputs
        images = idx_images("mnist", "train").x[:count].astype(np.float32)
        return network, chip, {port.name: images.reshape(-1, *port.shape)}, CompileOptions()
    file = data / "nir" / "braille_noDelay_noBias_subtract.nir"
    network = load(file, preset="nir", reset="subtract", steps=STEPS)
    neuron = {"models": ("requantize", "cuba_lif_soft"), "decay_bits": 12, "synaptic_bits": 24, "exponent_bits": 3}
    spikes = (np.random.default_rng(0).random((count, STEPS, 12)) < RATE).astype(np.float32)
    return network, chip.with_values(core={"axons": 64}, neuron=neuron), {"input": spikes}, CompileOptions(mode="snn")


def broken(chip: Chip, cores: int, seed: int = 0) -> Chip:
    """Return the chip on a board with room for ``cores`` and a third more, some of its cores and links dead."""
    chips = max(2, round(np.ceil(np.sqrt(ROOM * cores / (chip.board.rows * chip.board.columns))))) ** 2
    chip = chip.with_values(board={"chips": chips})
    board, rng = Board.of(chip), np.random.default_rng(seed)
    x, y = board.position(np.arange(board.cores))
    at = {(int(a), int(b)): core for core, (a, b) in enumerate(zip(x, y, strict=True))}
    links = [
        f"{core}-{at[there]}" for (a, b), core in at.items() for there in ((a + 1, b), (a, b + 1)) if there in at
    ]  # fmt: skip
    for _ in range(100):  # some draws cut cores off
        dead = rng.choice(board.cores, round(DEAD_CORES * board.cores), replace=False)
        gone = rng.choice(len(links), round(DEAD_LINKS * len(links)), replace=False)
        values = {"dead_cores": tuple(sorted(dead.tolist())), "dead_links": tuple(links[i] for i in sorted(gone))}
        try:
            return chip.with_values(board=values)
        except NeutramsError as refusal:
            print(f"  refused: {refusal}", file=sys.stderr)
    raise SystemExit("no draw leaves all cores within reach")


def ways(case: Case, effort: int, rounds: int) -> Iterator[tuple[str, float, Program, Run, float]]:
    """Yield each way to map: weighted hops, program, run at level ``cycle``, CPU time of mapping [s]."""
    network, chip, x, options = case
    tuned, used = (
        {name: array[part] for name, array in x.items()} for part in (slice(TUNED_ON), slice(TUNED_ON, None))
    )
    core = transform(network, chip, tuned, options)
    begin = time.process_time()
    plan = plan_network(core.network, chip, core.activity, effort=effort)
    planned = time.process_time() - begin
    faulty = broken(chip, plan.placed().stats.cores)
    for name in ("sequential", "placed", "refined", "dead"):
        begin = time.process_time()
        if name == "refined":
            mapped, _ = refine(plan, core.network, tuned, rounds)
        elif name == "dead":
            mapped = plan_network(core.network, faulty, core.activity, effort=effort).placed()
        else:
            mapped = plan.placed()
        seconds = time.process_time() - begin + planned
        program, hops = mapped.program, mapped.stats.weighted_hops
        if name == "sequential":
            program, hops = in_order(program), mapped.stats.sequential_weighted_hops
        ports = {port.name for port in program.inputs}
        given = {port: array for port, array in prepare(core.network, used).items() if port in ports}
        yield name, hops, program, simulate(program, given, level="cycle"), seconds


def main() -> int:
    """Print a line for each way and model; return 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", default="lenet,resnet_bn,braille")
    parser.add_argument("--effort", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=8)
    chosen = parser.parse_args()
    if "NEUTRAMS_DATA" not in os.environ:
        print("bench_mapping: skipped, NEUTRAMS_DATA is not set to the folder of real models")
        return 0
    missed = 0
    ratio = "| of sequential "
    print(f"| model | mapping | cores | hops {ratio}| tick {ratio}| needed | energy, J {ratio}| map, CPU s |")
    print("|---" * 11 + "|")
    for model in chosen.names.split(","):
        first: tuple[float, float, float] | None = None
        for name, hops, program, run, seconds in ways(case_of(model), chosen.effort, chosen.rounds):
            assert run.cost is not None
            assert run.cycles is not None
            found = round(hops), float(run.cycles.tick_cycles.mean()), run.cost.energy_band_j[1]
            if first is None:
                first, wanted = found, run.outputs
            ratios = [mine / its for mine, its in zip(found, first, strict=True)]
            same = all(np.array_equal(run.outputs[key], wanted[key]) for key in wanted)
            good = same and not violations(program) and (
                name in ("sequential", "dead") or (ratios[0] * LEAST_GAIN <= 1 and ratios[1] <= 1)
            )  # fmt: skip
            missed += not good
            cells = [
                f"{value:.{digits}g} | {part:.3f}" for value, digits, part in zip(found, (9, 9, 3), ratios, strict=True)
            ]
            cells.insert(2, str(run.cycles.longest_cycles))
            row = [model, name, str(len(np.unique(program.tiles.core))), *cells, f"{seconds:.1f}"]
            print("| " + " | ".join(row) + " |" + " missed" * (not good), flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
