"""How fast an SNN runs: images through mlp500 on TIANJI (soft reset), ours against SpikingJelly without any limits.

Needs NEUTRAMS_DATA (models/mlp500.onnx, mnist/). SpikingJelly is looked for in the Python named by
NEUTRAMS_SPIKINGJELLY_PYTHON, else in this one; without it a plain PyTorch loop takes its place, and the output says so.
Both run in processes of their own, one after the other, each on all cores; the models are ready before the clock
starts.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from neutrams.flow import CompileOptions, compile_model, load_compiled, save_compiled
from neutrams.flow.datasets import idx_images
from neutrams.hardware import load_chip
from neutrams.importers import load
from neutrams.network import ops
from neutrams.simulator import simulate


def peak_bytes() -> int:
    """Peak memory of this process alone (ru_maxrss would begin with the parent's) [byte]; Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def ours(program: Path, file: Path) -> dict[str, Any]:
    """Load the compiled model, run the samples, time that."""
    compiled = load_compiled(program)
    with np.load(file, allow_pickle=False) as data:
        x, labels = data["x"], data["labels"]
    simulate(compiled.program, {"x": x[:4]})  # loads the compiled loops, or compiles them the first time
    wall, cpu = time.perf_counter(), time.process_time()
    run = simulate(compiled.program, {"x": x})
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    accuracy = float((next(iter(run.outputs.values())).argmax(axis=1) == labels).mean())
    spikes = float(run.activity.sent.mean()) / len(x) / compiled.program.steps
    return {
        "what": "neutrams",
        "cpu_s": cpu,
        "wall_s": wall,
        "accuracy": accuracy,
        "peak_b": peak_bytes(),
        "activity": spikes,
    }


def prepare(folder: Path, data: Path, arguments: argparse.Namespace) -> tuple[Path, Path]:
    """Compile the model and write what both sides read; the last training images stand in for the test images."""
    network = load(data / "models" / "mlp500.onnx")
    train = idx_images("mnist", "train")
    images = train if arguments.split == "train" else idx_images("mnist", "test")
    images = images.part(len(images.x) - arguments.samples, len(images.x))
    calibration = train.part(0, 4096).x
    chip = load_chip("tianji").with_values(neuron={"models": ("requantize", "if_soft")})
    options = CompileOptions(mode="snn", steps=arguments.steps, effort=arguments.effort)
    compiled = compile_model(network, chip, {network.inputs[0].name: calibration}, options)
    program, arrays = folder / "mlp500.neu", folder / "mlp500.npz"
    save_compiled(compiled, program)
    layers = [node for node in network.nodes if isinstance(node, ops.Linear)]
    weights = {f"w{i}": layer.weights for i, layer in enumerate(layers)}
    weights |= {f"b{i}": layer.bias for i, layer in enumerate(layers)}
    np.savez(arrays, x=images.x.astype(np.float32), labels=images.labels, calibration=calibration, **weights)
    return program, arrays


def child(*command: str) -> dict[str, Any]:
    """Run a command; its last line of output is a JSON object."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Compile, let both sides run, print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=["train", "test"], default="train", help="test images only at closing")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--effort", type=int, default=1)
    parser.add_argument("--ours", nargs=2, type=Path, metavar=("PROGRAM", "ARRAYS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        print(json.dumps(ours(*arguments.ours)))
        return
    if "NEUTRAMS_DATA" not in os.environ:
        print("skipped: NEUTRAMS_DATA is not set")
        return
    opponent = Path(__file__).with_name("opponent_spikingjelly.py")
    python = os.environ.get("NEUTRAMS_SPIKINGJELLY_PYTHON", sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        program, arrays = prepare(Path(folder), Path(os.environ["NEUTRAMS_DATA"]), arguments)
        we = child(sys.executable, __file__, "--ours", str(program), str(arrays))
        they = child(python, str(opponent), str(arrays), str(arguments.steps))
    ratio = {key: we[key] / they[key] for key in ("cpu_s", "wall_s", "peak_b")}
    about = {"split": arguments.split, "samples": arguments.samples, "steps": arguments.steps}
    print(json.dumps(about | {"ours": we, "theirs": they, "ours / theirs": ratio}, indent=2))


if __name__ == "__main__":
    main()
