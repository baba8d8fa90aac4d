"""What the limits of TIANJI cost mlp500.onnx: accuracy lost, cores and compile time, each against its limit.

Usage: NEUTRAMS_DATA=folder python benchmarks/bench_accuracy.py [--split validation|test]

``validation`` is the last 10,000 training images, deformed (the model has seen them straight); ``test`` the 10,000
test images, to be run once, at closing. Calibration: the first 5,000 training images. The limits are issue 2's, but for
PRIME's, which is issue 7's. Exits with 1 where one is exceeded.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
from scipy.ndimage import affine_transform

from neutrams.flow import CompileOptions, compile_model, float_classes, run_compiled
from neutrams.flow.datasets import Images, idx_images
from neutrams.hardware import load_chip
from neutrams.importers import load

SOFT = {"neuron.models": "requantize,if_soft"}
SMALL = {"core.axons": "64", "core.neurons": "64"}
ROWS = (  # title, chip, overrides, mode, steps, most points lost, most CPU seconds
    ("TIANJI ann", "tianji", {}, "ann", 1, 0.05, 5),
    ("TIANJI ann, ± pairs", "tianji", {}, "ann", 1, 0.05, 5),
    ("TIANJI ann, 64 × 64", "tianji", SMALL, "ann", 1, 0.1, 5),
    ("TIANJI snn, soft, T = 16", "tianji", SOFT, "snn", 16, 0.2, 40),
    ("TIANJI snn, soft, T = 32", "tianji", SOFT, "snn", 32, 0.1, 40),
    ("TIANJI snn, hard, T = 32", "tianji", {}, "snn", 32, 0.3, 40),
    ("TIANJI snn, hard, T = 64", "tianji", {}, "snn", 64, 0.25, 40),
    ("PRIME ann", "prime", {}, "ann", 1, 0.15, 5),
)


def deformed(x: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return images rotated, stretched, sheared and moved a little at random."""
    rng = np.random.default_rng(seed)
    out = np.empty_like(x)
    centre = np.array([13.5, 13.5])
    for k, image in enumerate(x.reshape(-1, 28, 28)):
        angle, stretch, shear = np.deg2rad(rng.normal(0, 6)), 1 + rng.normal(0, 0.05, 2), rng.normal(0, 0.05)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = turn @ np.array([[stretch[0], shear], [0, stretch[1]]])
        offset = centre - matrix @ (centre + rng.normal(0, 0.4, 2))
        out[k] = affine_transform(image, matrix, offset, order=1).ravel()
    return np.clip(out, 0, 1)


def chosen(split: str) -> Images:
    """Return the images of a split."""
    if split == "test":
        return idx_images("mnist", "test")
    images = idx_images("mnist", "train").part(50000, 60000)
    return Images(x=deformed(images.x), labels=images.labels)


def main() -> None:
    """Compile and simulate each row; print its loss, agreement, cores and CPU seconds beside the limits."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    split = parser.parse_args().split
    if "NEUTRAMS_DATA" not in os.environ:
        print("bench_accuracy: skipped, NEUTRAMS_DATA is not set to the folder with models/ and mnist/")
        return
    network = load(Path(os.environ["NEUTRAMS_DATA"]) / "models" / "mlp500.onnx")
    calibration = {"input": idx_images("mnist", "train").part(0, 5000).x}
    images = chosen(split)
    exact = (float_classes(network, {"input": images.x}) == images.labels).mean()
    print(f"mlp500, {split}, {len(images.labels)} images, float {exact:.2%}")
    compile_model(
        network, load_chip("tianji"), calibration, CompileOptions(mode="snn", steps=2)
    )  # compiles the kernels
    print(
        "| chip | lost [points] | limit | agreement | cores | compile [CPU s] | limit |\n|---|---|---|---|---|---|---|"
    )
    broken = 0
    for title, name, overrides, mode, steps, most, most_s in ROWS:
        code = "pair" if "pairs" in title else "auto"
        chip = load_chip(name, overrides)
        start = time.process_time()
        options = CompileOptions(mode=mode, steps=steps, partial_sums=code)
        compiled = compile_model(network, chip, calibration, options)
        seconds = time.process_time() - start
        result = run_compiled(compiled, {"input": images.x}, images.labels, level="functional")
        assert result.accuracy is not None
        assert result.agreement is not None
        lost = 100 * (exact - result.accuracy)
        broken += lost > most + 1e-9 or seconds > most_s
        print(
            f"| {title} | {lost:.2f} | {most} | {result.agreement:.2%} | {compiled.stats.cores} "
            f"| {seconds:.1f} | {most_s} |",
            flush=True,
        )
    if broken:
        sys.exit(1)


if __name__ == "__main__":
    main()
