"""What TIANJI's limits cost the recurrent models of the data folder: accuracy lost and compile time beside the limits.

Usage: NEUTRAMS_DATA=folder python benchmarks/bench_recurrent.py [--split validation|test] [--state-bits 8|16]

MNIST's images row by row through an LSTM and a GRU of 128 units, 28 steps, in ANN mode with 8-bit weights and signals;
`held_out.py` says what the splits are. Classes come from the exact evaluator; the simulator has to give the same for
the first images, in one run and in two pieces. Limits are those of issue 4. Exits with 1 where one is exceeded.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from held_out import held_out

from neutrams.base.arrays import AnyArray
from neutrams.evaluate import classes
from neutrams.evaluate import run as evaluate
from neutrams.flow import Compiled, CompileOptions, compile_model
from neutrams.flow.datasets import idx_images
from neutrams.hardware import load_chip
from neutrams.importers import load
from neutrams.reference import finish, prepare
from neutrams.simulator import simulate

MODELS = ("lstm", "gru")
MOST_LOST = {8: 0.5, 16: 0.2}
"""Most accuracy lost, by the bits of a state [points]."""
MOST_S = 180.0
"""Most CPU time of compiling [s]."""
CHECKED = 64
"""Images that the simulator runs too [count]."""


def rows(x: AnyArray) -> AnyArray:
    """Return images ``[N, 784]`` as sequences of their rows."""
    return x.reshape(-1, 28, 28)


def streams_alike(compiled: Compiled, x: AnyArray) -> bool:
    """Whether the simulator gives the evaluator's outputs for sequences ``x``, in one run and in two pieces."""
    name = compiled.source.inputs[0].name
    expected = evaluate(compiled.network, {name: x}, compiled.program.chip)
    ports = {port.name for port in compiled.program.inputs}
    whole = {key: array for key, array in prepare(compiled.network, {name: x}).items() if key in ports}
    first = simulate(compiled.program, {key: array[:, :10] for key, array in whole.items()})
    second = simulate(compiled.program, {key: array[:, 10:] for key, array in whole.items()}, memory=first.memory)
    pieces = {key: np.concatenate([first.outputs[key], second.outputs[key]], axis=1) for key in first.outputs}
    runs = (finish(compiled.network, outputs) for outputs in (simulate(compiled.program, whole).outputs, pieces))
    return all(np.array_equal(run[key], values) for run in runs for key, values in expected.items())


def main() -> int:
    """Print a line for each model; return 1 where a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--state-bits", type=int, choices=(8, 16), default=8)
    options = parser.parse_args()
    calibration, images = idx_images("mnist", "train").part(0, 2048), held_out("mnist", options.split)
    x, labels = rows(images.x[: options.images]), images.labels[: options.images]
    exceeded = False
    for model in MODELS:
        network = load(Path(os.environ["NEUTRAMS_DATA"]) / "models" / f"{model}.onnx")
        name = network.inputs[0].name
        began = time.process_time()
        asked = CompileOptions(state_bits=options.state_bits)
        compiled = compile_model(network, load_chip("tianji"), {name: rows(calibration.x)}, asked)
        seconds = time.process_time() - began
        exact, chip = (
            100 * float((classes(next(iter(found.values()))) == labels).mean())
            for found in (evaluate(network, {name: x}), evaluate(compiled.network, {name: x}, compiled.program.chip))
        )
        alike = streams_alike(compiled, x[:CHECKED])
        lost = exact - chip
        most = MOST_LOST[options.state_bits]
        exceeded |= lost > most or seconds > MOST_S or not alike
        print(
            f"{model}: {len(labels)} {options.split} images, float {exact:.2f} %, chip {chip:.2f} %: {lost:.2f} points "
            f"lost (limit {most}); {len(np.unique(compiled.program.tiles.core))} cores, "
            f"{compiled.program.ticks_per_step} ticks a step; compiled in {seconds:.0f} CPU-s (limit {MOST_S:.0f}); "
            f"simulated, whole and in pieces: {'the same' if alike else 'DIFFERENT'}",
            flush=True,
        )
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
