"""Run digits on TIANJI cycle by cycle, write what it shows to Parquet files, and read off what took the time."""

import sys
from pathlib import Path

import numpy.typing as npt
import pyarrow.parquet as pq
import torch
from compile_and_simulate import digits, trained

import neutrams as nt


def columns(folder: Path, name: str) -> dict[str, npt.NDArray]:
    """Return the columns of one file."""
    table = pq.read_table(folder / f"{name}.parquet")
    return {column: table[column].to_numpy() for column in table.column_names}


def main(folder: Path, hidden: tuple[int, ...] = (128,), epochs: int = 60, steps: int = 32) -> tuple[int, int]:
    x, labels = digits()
    network = nt.from_torch(trained(hidden, x[:1000], labels[:1000], epochs), torch.zeros(1, 64))
    program = nt.compile(network, nt.load_chip("tianji"), calibration=x[:1000], mode="snn", steps=steps)
    nt.simulate(program, x[1000:1002], level="cycle", observe=folder, watch=program.network.outputs[0].name)

    ticks = columns(folder, "ticks")
    slowest = int(ticks["needed_cycles"].argmax())
    sample, tick = (int(ticks[name][slowest]) for name in ("sample", "tick"))
    print(f"the longest tick is {tick} of sample {sample}: {ticks['needed_cycles'][slowest]} cycles")

    cores = columns(folder, "cores")
    then = (cores["sample"] == sample) & (cores["tick"] == tick)
    core = int(cores["core"][then][cores["busy_cycles"][then].argmax()])
    print(f"its busiest core is {core}: {cores['rows'][then & (cores['core'] == core)][0]} rows")

    # filters read only what is asked for, from files of any size
    spikes = pq.read_table(folder / "spikes.parquet", filters=[("sample", "==", 0)])
    print(f"sample 0 has {len(spikes)} spikes")
    potentials = columns(folder, "potentials")
    neuron = int(potentials["neuron"][0])
    chosen = (potentials["sample"] == 0) & (potentials["neuron"] == neuron)
    print(f"potential of neuron {neuron}: {', '.join(map(str, potentials['potential'][chosen][:8]))}, …")
    print(pq.read_schema(folder / "ticks.parquet").metadata[b"neutrams.chip"].decode())
    return tick, core


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "seen"))
