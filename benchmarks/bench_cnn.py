"""A CNN of 5 million parameters and 300 million MACs: time and memory of compiling, simulation against ONNX Runtime.

Usage: python benchmarks/bench_cnn.py [--samples 64]

A residual network of 3 × 3 convolutions on 56 × 56 images, random weights. It is compiled in a process of its own, for
256 × 256 8-bit cores that feed any number of others (TIANJI otherwise). Then the program runs at functional level, and
ONNX Runtime the float model, on the same images in turns in one process, both on all cores of the machine; each side's
best of three counts, ONNX Runtime at its best batch size too. Limits (issue 3): 300 s, 6 GB, ratio 20.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from neutrams.exporters.float_onnx import export_float_onnx
from neutrams.flow import CompileOptions, compile_model, load_compiled, save_compiled
from neutrams.hardware import load_chip
from neutrams.network import Activation, Add, Conv, Input, Linear, Network, Output, Pad, Pool, Reshape, ops
from neutrams.simulator import simulate
from neutrams.transform.cost import macs_of

SHAPE = (3, 56, 56)
STAGES = ((48, 2, 1), (128, 2, 2), (256, 2, 2), (384, 1, 2))
"""Channels, residual blocks, stride of the first."""

CLASSES = 128
CHIP = {
    "core.fan_out": "4096", "board.multicast": "tree", "board.rows": "128", "board.columns": "128", "board.chips": "16",
}  # fmt: skip
LIMITS = {"wall_s": 300.0, "peak_gb": 6.0, "ratio": 20.0}
ROUNDS = 3


class Builder:
    """Appends nodes; each method returns the name of the tensor it gives."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[ops.Node] = [Input(name="image", shape=SHAPE)]

    def conv(self, source: str, shape: tuple[int, int], stride: int = 1, kernel: int = 3) -> str:
        """A convolution from ``shape[0]`` channels to ``shape[1]`` in a border that keeps the size."""
        name = f"conv{len(self.nodes)}"
        channels, out = shape
        if kernel > 1:
            edge = (0, kernel // 2, kernel // 2)
            self.nodes.append(Pad(name=f"{name} border", inputs=(source,), before=edge, after=edge))
            source = f"{name} border"
        weights = self.rng.normal(0, np.sqrt(2 / (channels * kernel**2)), (out, channels, kernel, kernel))
        bias = self.rng.normal(0, 0.05, out)
        self.nodes.append(
            Conv(name=name, inputs=(source,), weights=weights, bias=bias, stride=(stride, stride), dilation=(1, 1))
        )
        return name

    def relu(self, source: str) -> str:
        """A ReLU."""
        self.nodes.append(Activation(name=f"{source} relu", inputs=(source,), function="relu"))
        return f"{source} relu"

    def block(self, source: str, shape: tuple[int, int], stride: int) -> str:
        """Two convolutions and a residual addition, past a 1 × 1 convolution where the shape changes."""
        inner = self.conv(self.relu(self.conv(source, shape, stride)), (shape[1], shape[1]))
        past = source if shape[0] == shape[1] and stride == 1 else self.conv(source, shape, stride, kernel=1)
        name = f"add{len(self.nodes)}"
        gains = np.ones((2, shape[1]))
        self.nodes.append(Add(name=name, inputs=(inner, past), coefficients=gains, bias=np.zeros(shape[1])))
        return self.relu(name)


def cnn(seed: int = 0) -> Network:
    """Return the network, float."""
    build = Builder(seed)
    channels = 32
    at = build.relu(build.conv("image", (SHAPE[0], channels), stride=2))
    for out, blocks, stride in STAGES:
        for k in range(blocks):
            at = build.block(at, (channels, out), stride if k == 0 else 1)
            channels = out
    head = build.rng.normal(0, 0.06, (CLASSES, channels))
    build.nodes += [
        Pool(
            name="mean", kind="average", inputs=(at,), kernel=(4, 4), stride=(1, 1), dilation=(1, 1), before=(0, 0),
            after=(0, 0),
        ),
        Reshape(name="vector", inputs=("mean",), shape=(channels,)),
        Linear(name="classes", inputs=("vector",), weights=head, bias=np.zeros(CLASSES)),
        Output(name="logits", inputs=("classes",)),
    ]  # fmt: skip
    return Network(tuple(build.nodes))


def images(count: int, seed: int) -> np.ndarray:
    """Return random images, float32 ``[N, 3, 56, 56]`` in 0...1."""
    return np.random.default_rng(seed).uniform(0, 1, (count, *SHAPE)).astype(np.float32)


def peak_bytes() -> int:
    """Peak memory of this process alone (ru_maxrss would begin with the parent's) [byte]; Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def compile_into(file: Path) -> dict[str, Any]:
    """Compile, write the program, return wall and CPU time [s] and peak memory [GB]."""
    network, calibration = cnn(), {"image": images(64, seed=1)}
    wall, cpu = time.perf_counter(), time.process_time()
    compiled = compile_model(network, load_chip("tianji", CHIP), calibration, CompileOptions())
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    figures = {"wall_s": wall, "cpu_s": cpu, "peak_gb": peak_bytes() / 1e9, "cores": compiled.stats.cores}
    save_compiled(compiled, file)
    return figures | {f"{name}_wall_s": seconds for name, seconds in compiled.seconds.items()}


def raced(program: Path, float_model: Path, samples: int) -> dict[str, Any]:
    """Run both on the same images; return time an image [ms], how much longer ours takes, how far outputs are apart."""
    compiled = load_compiled(program)
    x = images(samples, seed=0)
    session = onnxruntime.InferenceSession(str(float_model))
    run = simulate(compiled.program, {"image": x[:4]})  # loads the compiled loops, or compiles them the first time
    session.run(None, {"image": x[:4]})
    batches = [n for n in (1, 8, 64) if n <= samples]
    best = dict.fromkeys(["ours", *(f"ort batch {n}" for n in batches)], np.inf)
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run = simulate(compiled.program, {"image": x}, level="functional")
        best["ours"] = min(best["ours"], time.perf_counter() - start)
        for n in batches:
            start = time.perf_counter()
            parts = [session.run(None, {"image": x[i : i + n]})[0] for i in range(0, samples, n)]
            best[f"ort batch {n}"] = min(best[f"ort batch {n}"], time.perf_counter() - start)
    exact, got = np.concatenate(parts), next(iter(run.outputs.values()))
    spread = exact - exact.mean(axis=0)  # outputs of random images hardly differ: compare what does
    error = float(np.sqrt(np.square(got - exact).mean() / np.square(spread).mean()))
    milliseconds = {f"{name} [ms/image]": 1e3 * seconds / samples for name, seconds in best.items()}
    ratio = best["ours"] / min(best[f"ort batch {n}"] for n in batches)
    return milliseconds | {"ratio": ratio, "peak_gb": peak_bytes() / 1e9, "error / spread of outputs": error}


def main() -> None:
    """Compile, race, print, and exit with 1 where a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--compile-into", type=Path, metavar="PROGRAM", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.compile_into:
        print(json.dumps(compile_into(chosen.compile_into)))
        return
    network = cnn()
    macs = sum(macs_of(network).values())
    parameters = sum(n.weights.size + n.bias.size for n in network.nodes if isinstance(n, Conv | Linear))
    with tempfile.TemporaryDirectory() as folder:
        program, float_model = Path(folder) / "cnn.neu", Path(folder) / "cnn.onnx"
        command = [sys.executable, __file__, "--compile-into", str(program)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        compiling: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        export_float_onnx(network, float_model)
        racing = raced(program, float_model, chosen.samples)
    about = {"parameters": parameters, "macs": macs, "images": chosen.samples}
    print(json.dumps(about | {"compile": compiling, "simulate": racing, "limits": LIMITS}, indent=2))
    peak = max(compiling["peak_gb"], racing["peak_gb"])
    measured = {"wall_s": compiling["wall_s"], "peak_gb": peak, "ratio": racing["ratio"]}
    sys.exit(any(measured[name] > limit for name, limit in LIMITS.items()))


if __name__ == "__main__":
    main()
