"""Time-multiplexing where cores are scarce, replication where they are plenty: LeNet-5 on TIANJI boards of many sizes.

Usage: NEUTRAMS_DATA=… python benchmarks/bench_multiplex.py [--chips 4,6,8,12,16,24,48] [--virtual-tiles 16]

A core may serve up to 16 tiles of one weight block in a tick. For each board: ``auto``, as few tiles a core as it has
room for, and ``most``, as few cores as possible; *x copies* is the throughput of as many whole copies as there is room
for, what data parallelism would give. Compiled on 256 MNIST images, effort 1; times and energy of level tick, 64 test
images. Leakage is that of the cores in use. Exit 1 where ``auto`` is slower than all copies of ``most``.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

import neutrams as nt
from neutrams.base.errors import CapacityError
from neutrams.flow.datasets import idx_images
from neutrams.mapping import sharing_of

HEAD = (
    "chips", "cores", "multiplex", "tiles a core", "cores used", "replicas", "tick [µs]", "throughput [1/s]",
    "x copies", "energy [µJ]", "leakage [µJ]", "compile [CPU s]",
)  # fmt: skip


def row_of(chips: int, virtual: int, multiplex: str) -> tuple[str, float]:
    """Return a row of the table and the throughput with all copies that fit [Hz]; 0 where it does not fit."""
    network = nt.load(Path(os.environ["NEUTRAMS_DATA"]) / "models" / "lenet.onnx")
    chip = nt.load_chip("tianji", {"board.chips": chips, "board.virtual_tiles": virtual})
    given = [idx_images("mnist", part).x.reshape(-1, 1, 28, 28).astype(np.float32) for part in ("train", "test")]
    started = time.process_time()
    try:
        compiled = nt.compile(network, chip, given[0][:256], multiplex=multiplex)
    except CapacityError as error:
        spent = time.process_time() - started
        return f"| {chips} | {6 * chips} | {multiplex} | {error.what}; {error.fix} | | | | | | | | {spent:.1f} |", 0.0
    spent = time.process_time() - started
    sharing, cost = sharing_of(compiled.program), nt.simulate(compiled, given[1][:64]).evaluated.run.cost
    copies = sharing.further_copies + 1
    cells = (
        chips, 6 * chips, multiplex, sharing.tiles_per_core, compiled.stats.cores, sharing.block_replicas,
        f"{1e6 * cost.tick_s:.1f}", f"{cost.throughput_hz:.0f}", f"{copies} x = {copies * cost.throughput_hz:.0f}",
        f"{1e6 * cost.energy_band_j[1]:.1f}", f"{1e6 * cost.energy_breakdown_j['leakage'][1]:.1f}", f"{spent:.1f}",
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |", copies * cost.throughput_hz


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chips", default="4,6,8,12,16,24,48")
    parser.add_argument("--virtual-tiles", type=int, default=16)
    chosen = parser.parse_args()
    print(f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|", sep="\n")
    slower = False
    for chips in map(int, chosen.chips.split(",")):
        rows = [row_of(chips, chosen.virtual_tiles, multiplex) for multiplex in ("auto", "most")]
        print(*(row for row, _ in rows), sep="\n", flush=True)
        slower |= rows[0][1] < rows[1][1]
    sys.exit(slower)


if __name__ == "__main__":
    main()
