"""One tick of 4096 spiking cores of 256 x 256 int8 synapses: our kernels against C with AVX2 and the memory's limit.

Usage: python benchmarks/bench_core.py [--cores 4096] [--rounds 9]     (needs a C compiler, cc)

Both sides add the rows of active axons and update 256 neurons a core, two threads on half of the cores each; spikes and
potentials have to be the same. The limit is how fast C reads the same rows and does nothing with them. In each round
all three run one after another; medians count. Limits are those of issue 5: 0.8 of C, 0.4 of the limit. Exits with 1
where one is missed.
"""

import argparse
import ctypes
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.kernels.compiled import kernel
from neutrams.kernels.integrate_fire import integrate_and_fire
from neutrams.kernels.synapses import add_dense_rows, find_active_run

N = 256
"""Axons and neurons of a core [count]."""
THREADS = 2
LEAST_OF_C, LEAST_OF_LIMIT = 0.8, 0.4
SHARES = (0.05, 0.1, 0.2)
"""Of axons that carry a spike."""


@kernel
def tick(weights, row, spikes, v, drive, theta, fired, counts, first, last):  # type: ignore[no-untyped-def]
    """Advance cores ``first`` … ``last`` - 1 by one tick, as `neutrams.kernels.spiking.run_samples` does."""
    acc, active = np.zeros(N, np.int16), np.empty(N + 4, np.int32)
    for core in range(first, last):
        found = find_active_run(spikes, core * N, core * N, (core + 1) * N, active, 0)
        add_dense_rows(acc, weights, row, active, found, N)
        rule = (-(1 << 23), (1 << 23) - 1, False)
        integrate_and_fire(v, drive, theta, acc, fired, counts, core * N, (core + 1) * N, 0, rule)


def compiled_c(folder: Path) -> ctypes.CDLL:
    """Return the opponent as a library."""
    library = folder / "core.so"
    source = Path(__file__).with_name("opponent_core.c")
    subprocess.run(["cc", "-O3", "-march=native", "-shared", "-fPIC", "-o", library, source], check=True)
    found = ctypes.CDLL(str(library))
    found.tick.restype = found.gather.restype = ctypes.c_int64
    return found


def pointer(array: AnyArray) -> ctypes.c_void_p:
    """Return where an array is, for C."""
    return ctypes.c_void_p(array.ctypes.data)


def seconds(pool: ThreadPoolExecutor, work: Callable[[int, int], object], cores: int) -> float:
    """Return the wall time of ``work`` on all cores, an equal part a thread."""
    ends = [cores * k // THREADS for k in range(THREADS + 1)]
    began = time.perf_counter()
    list(pool.map(work, ends[:-1], ends[1:]))
    return time.perf_counter() - began


def compared(cores: int, rounds: int, share: float, c: ctypes.CDLL) -> tuple[list[float], int]:
    """Return (median wall time of ours, of C, of reading alone; synaptic events of a tick)."""
    rng = np.random.default_rng(0)
    weights = rng.integers(-128, 128, cores * N * N + N, dtype=np.int8)
    weights[-N:] = 0
    row = (np.arange(cores * N + 1) * N).astype(np.int32)
    theta, drive, counts = (np.full(cores * N, value, np.int32) for value in (500, 0, 0))
    spikes = (rng.random(cores * N + 64) < share).astype(np.uint8)
    v, v_c = np.zeros(cores * N, np.int32), np.zeros(cores * N, np.int32)
    fired, fired_c = np.zeros(cores * N, np.uint8), np.zeros(cores * N, np.uint8)
    counts_c = np.zeros(cores * N, np.int32)

    def ours(a: int, b: int) -> None:
        tick(weights, row, spikes, v, drive, theta, fired, counts, a, b)

    def theirs(a: int, b: int) -> None:
        given = (weights, spikes, v_c, drive, theta, fired_c, counts_c)
        c.tick(*map(pointer, given), ctypes.c_int64(a), ctypes.c_int64(b))

    def reading(a: int, b: int) -> None:
        c.gather(pointer(weights), pointer(spikes), ctypes.c_int64(a), ctypes.c_int64(b))

    with ThreadPoolExecutor(THREADS) as pool:
        times = [[seconds(pool, work, cores) for work in (ours, theirs, reading)] for _ in range(rounds + 1)]
    assert np.array_equal(fired, fired_c), "both give the same spikes"
    assert np.array_equal(v, v_c), "both give the same potentials"
    assert np.array_equal(counts, counts_c), "both count the same spikes"
    return list(np.median(times[1:], axis=0)), int(spikes[: cores * N].sum()) * N


def main() -> int:
    """Print a line for each share of active axons; return 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        c = compiled_c(Path(folder))
        for share in SHARES:
            (mine, other, limit), events = compared(options.cores, options.rounds, share, c)
            missed |= other / mine < LEAST_OF_C or limit / mine < LEAST_OF_LIMIT
            print(
                f"{100 * share:.0f} % of axons active: {1e3 * mine:.2f} ms a tick, {events / mine / 1e9:.1f} G "
                f"synaptic events/s;\n    C with AVX2 {1e3 * other:.2f} ms: {other / mine:.2f} of its speed (at least "
                f"{LEAST_OF_C}); reading alone {1e3 * limit:.2f} ms: {limit / mine:.2f} (at least {LEAST_OF_LIMIT})"
            )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
