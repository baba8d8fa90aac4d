"""IR drop: the effective matrix against badcrossbar, time and currents; what the first order leaves out.

Usage: [NEUTRAMS_BADCROSSBAR=/path/to/python] python benchmarks/bench_wires.py [--side 256] [--vectors 1]

badcrossbar runs in an environment of its own, as a process: ``python3 -m venv elsewhere; elsewhere/bin/pip install
numpy scipy sigfig pathvalidate; elsewhere/bin/pip install --no-deps badcrossbar==1.1.0`` (its plots want cairo).

Cells are uniform between two conductances, voltages uniform, a segment of wire has 1 ohm. *error* is the mean error of
currents that wires cause, *first order* how far `first_order_matrix` is off the exact currents. Ours is the time of the
matrix and of 10,000 vectors, over 10,000; badcrossbar's that of one call with so many vectors, over these. Limits
(issue 7): a matrix of 256 x 256 in 5 s, 10,000 vectors in 1 s, currents within 1e-6 of badcrossbar's, 1000 times its
vectors a second (one a call). Exits with 1 where one is missed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.devices import Wires, effective_matrix, first_order_matrix

CELLS = ((1e3, 20e3), (1e4, 1e6), (1e5, 1e7))
"""Least and most resistance of a cell [ohm]."""
MOST_S, MOST_VECTORS_S, CLOSE, FASTER = 5.0, 1.0, 1e-6, 1000
VECTORS, SEGMENT_OHM = 10_000, 1.0


def opponent(cells: FloatArray, voltages: FloatArray) -> tuple[FloatArray, float] | None:
    """Return badcrossbar's currents, and its time [s]; None where it is not installed."""
    python = os.environ.get("NEUTRAMS_BADCROSSBAR")
    if python is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        case, found = Path(folder) / "case.npz", Path(folder) / "currents.npy"
        np.savez(case, cells=cells, voltages=voltages)
        script = Path(__file__).with_name("opponent_badcrossbar.py")
        command = [python, script, case, str(SEGMENT_OHM), found]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return np.load(found), float(done.stdout.split()[-1])


def main() -> int:
    """Print a line for each kind of cell; return 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--vectors", type=int, default=1)
    chosen = parser.parse_args()
    rng, missed = np.random.default_rng(0), False
    wires = Wires(word_ohm=SEGMENT_OHM, bit_ohm=SEGMENT_OHM)
    effective_matrix(np.ones((2, 2)), wires)
    print(
        "| cells, ohm | matrix, s | 10,000 vectors, s | error | first order | badcrossbar, s a vector | ratio | apart |"
    )
    print("|---" * 8 + "|")
    for low, high in CELLS:
        cells = rng.uniform(1 / high, 1 / low, (chosen.side, chosen.side))
        voltages = rng.random((VECTORS, chosen.side))
        begin = time.perf_counter()
        matrix = effective_matrix(cells, wires)
        middle = time.perf_counter()
        currents = voltages @ matrix
        end = time.perf_counter()
        error = np.abs(currents / (voltages @ cells) - 1).mean()
        first = np.abs(voltages @ first_order_matrix(cells, wires) / currents - 1).mean()
        missed |= middle - begin > MOST_S or end - middle > MOST_VECTORS_S
        row = [f"{low:g} to {high:g}", f"{middle - begin:.2f}", f"{end - middle:.3f}", f"{error:.4f}", f"{first:.4f}"]
        theirs = opponent(cells, voltages[: chosen.vectors])
        if theirs is not None:
            apart = float(np.abs(currents[: chosen.vectors] / theirs[0] - 1).max())
            ratio = theirs[1] / chosen.vectors / ((end - begin) / VECTORS)
            missed |= apart > CLOSE or ratio < FASTER
            row += [f"{theirs[1] / chosen.vectors:.3f}", f"{ratio:.0f}", f"{apart:.1e}"]
        print("| " + " | ".join([*row, *["–"] * (8 - len(row))]) + " |", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
