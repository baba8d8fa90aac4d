"""Few-bit tuning without labels against training with them, on fashion_lenet: accuracy and CPU time.

Usage: NEUTRAMS_DATA=folder python benchmarks/bench_qat.py [--split validation|test] [--epochs 15] [--settings 4x4 2x8]

4x4: weights and signals of 4 bits; 2x8: 2 and 8 bits. Ours is the whole compilation, calibrated on unlabelled training
images: once as it is by default, once with two neurons a hidden channel, which takes more cores: this one counts.
The opponent (`opponent_qat`, which says what limits it obeys) trains on the 50,000 labelled images that
calibration is taken from, at two learning rates. The one that does better on the other 10,000 training images, as they
are, counts, with the CPU time of that training alone. Labels teach the opponent more than the original knows: the same
training without rounding shows how much, and what the limits cost the opponent itself. One thread each, one after the
other, in one process. Limits (issue 3): ours at most 0.3 points below, in at most a tenth of the CPU time. Exits
with 1 beyond them.
"""

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import torch
from bench_accuracy import ROWS, Result, measured, warm_up
from held_out import TUNED_ON, held_out
from opponent_qat import Recipe, accuracy, train

from neutrams.flow.datasets import Images, idx_images

MODEL = "fashion_lenet"
SETTINGS = {"4x4": (("4x4", "4x4 2 copies"), 4, 4), "2x8": (("2-bit", "2-bit 2 copies"), 2, 8)}
"""Our rows in `bench_accuracy`, bits of a weight and of a signal."""

RATES = (1e-3, 3e-4)
MOST_BEHIND, MOST_TIME = 0.3, 0.1
Labelled = tuple[torch.Tensor, torch.Tensor]


def tensors(images: Images) -> Labelled:
    """Return (images float32 ``[N, 1, 28, 28]``, classes int64 ``[N]``)."""
    return torch.from_numpy(images.x.reshape(-1, 1, 28, 28)).float(), torch.from_numpy(images.labels)


def opponent(recipe: Recipe, split: str) -> dict[str, float]:
    """Train at each rate, keep the better; return its rate, accuracy and CPU time [s]."""
    path = Path(os.environ["NEUTRAMS_DATA"]) / "models" / f"{MODEL}.onnx"
    held = tensors(held_out("fashion_mnist", split))
    images = idx_images("fashion_mnist", "train")
    known, scored = tensors(images.part(0, TUNED_ON)), tensors(images.part(TUNED_ON, 60_000))
    runs = []
    for rate in RATES:
        model, seconds = train(path, replace(recipe, rate=rate), *known)
        found = {"rate": rate, "accuracy": accuracy(model, *held), "cpu_s": seconds}
        runs.append((accuracy(model, *scored), found))
    return max(runs, key=lambda run: run[0])[1]


def compared(setting: str, split: str, effort: int, epochs: int) -> dict[str, object]:
    """Run both sides of a setting."""
    titles, weight_bits, signal_bits = SETTINGS[setting]
    they = opponent(Recipe(weight_bits=weight_bits, signal_bits=signal_bits, epochs=epochs, rate=RATES[0]), split)
    ours = [
        beside(measured(next(row for row in ROWS if row.name == f"{MODEL} {title}"), split, effort), they)
        for title in titles
    ]
    return {
        "setting": setting, "split": split, "epochs": epochs, "effort": effort, "opponent": they, "ours": ours,
        "within": ours[-1]["within"],
    }  # fmt: skip


def beside(we: Result, they: dict[str, float]) -> dict[str, object]:
    """Return one of our rows beside the opponent."""
    behind, time_ratio = 100 * (they["accuracy"] - we.accuracy), we.compile_cpu_s / they["cpu_s"]
    return {
        "row": we.row, "float": we.float_accuracy, "accuracy": we.accuracy, "cores": we.cores,
        "cpu_s": we.compile_cpu_s, "points behind": behind, "cpu ours / opponent": time_ratio,
        "within": behind <= MOST_BEHIND + 1e-9 and time_ratio <= MOST_TIME,
    }  # fmt: skip


def main() -> None:
    """Print each setting as it is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=("validation", "test"), default="validation", help="test: once, at closing")
    parser.add_argument("--epochs", type=int, default=15, help="of the opponent")
    parser.add_argument("--effort", type=int, default=1, help="of ours")
    parser.add_argument("--settings", nargs="*", choices=list(SETTINGS), default=list(SETTINGS))
    chosen = parser.parse_args()
    if "NEUTRAMS_DATA" not in os.environ:
        print("bench_qat: skipped, NEUTRAMS_DATA is not set to the folder with models/ and fashion_mnist/")
        return
    torch.set_num_threads(1)
    warm_up()
    floats = Recipe(weight_bits=8, signal_bits=8, epochs=chosen.epochs, rate=RATES[0], rounds=False)
    alone = opponent(floats, chosen.split)
    print(json.dumps({"setting": "labels without limits", "opponent": alone}, indent=2), flush=True)
    within = True
    for setting in chosen.settings:
        result = compared(setting, chosen.split, chosen.effort, chosen.epochs)
        within &= bool(result["within"])
        print(json.dumps(result, indent=2), flush=True)
    sys.exit(not within)


if __name__ == "__main__":
    main()
