"""What a chip's limits cost the models of the data folder: accuracy lost, cores and compile time beside each limit.

Usage: NEUTRAMS_DATA=folder python benchmarks/bench_accuracy.py [--split validation|test] [--rows "lenet*"] [--json F]

``validation`` is the last 10,000 training images, deformed (the models have seen them straight); ``test`` the 10,000
test images, to be run once, at closing. Calibration: the first 8,192 training images, of which an effort takes what it
needs. Limits are those of issues 2 and 3. An accuracy that an issue demands of the test images is a loss here: the
float model's accuracy on them, less that. Classes come from the exact evaluator; the simulator has to give the same
outputs for the first images. Exits with 1 where a limit is exceeded.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import numpy as np
from held_out import data_of, held_out

from neutrams.evaluate import classes
from neutrams.evaluate import run as evaluate
from neutrams.flow import CompileOptions, compile_model, run_compiled
from neutrams.flow.compile import Compiled
from neutrams.flow.datasets import idx_images
from neutrams.hardware import load_chip
from neutrams.importers import load
from neutrams.network import Network

CALIBRATION = 8192
"""Training images that calibration may take [count]; the most that any effort does."""

CHECKED = 64
"""Images that the simulator runs too [count]."""

FLOAT = {
    "mlp500": 98.40, "lenet": 99.01, "resnet_bn": 99.52,
    "fashion_mlp500": 90.13, "fashion_lenet": 89.10, "fashion_resnet_bn": 92.70,
}  # fmt: skip
"""Accuracy of each float model on the test images [%], from which limits on the loss follow."""

SOFT = {"neuron.models": "if_soft", "neuron.functions": ""}
SMALL = {"core.axons": "64", "core.neurons": "64"}
FOUR = {"core.weight_bits": "4", "signal.input_bits": "4", "signal.output_bits": "4"}
TERNARY = {"core.weight_bits": "1", "core.sign_scheme": "pair"}
BINARY = {"core.weight_bits": "1"}


def bits(count: int) -> dict[str, str]:
    """Return the overrides for weights of so many bits."""
    return {"core.weight_bits": str(count)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A setting and what it may cost.

    Attributes:
        model: A file of the data folder, without suffix.
        title: The setting.
        most_lost: Most accuracy lost [points].
        most_s: Most CPU time of compiling [s]; None: the issue sets none.
        overrides: Keys of the chip.
        chip: The chip.
        steps: T; 1: ann mode.
        partial_sums: How partial sums travel.
        copies: Most neurons that carry a hidden channel.
    """

    model: str
    title: str
    most_lost: float
    most_s: float | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    chip: str = "tianji"
    steps: int = 1
    partial_sums: str = "auto"
    copies: int = 1

    @property
    def name(self) -> str:
        """What ``--rows`` selects by."""
        return f"{self.model} {self.title}"

    @property
    def mode(self) -> str:
        """``ann`` or ``snn``."""
        return "ann" if self.steps == 1 else "snn"


def at_least(model: str, least: float) -> float:
    """Return the points that may be lost where ``least`` % of the test images are to be right."""
    return round(FLOAT[model] - least, 2)


def few_bits(model: str, most_s: float | None, limits: Mapping[str, float], copies: int = 1) -> tuple[Row, ...]:
    """Return rows of a model by setting, with the points each may lose; ``copies`` neurons carry a channel."""
    settings = {
        "8-bit": {}, "4x4": FOUR, "3-bit": bits(3), "2-bit": bits(2), "ternary": TERNARY, "binary": BINARY,
    }  # fmt: skip
    return tuple(
        Row(
            model=model,
            title=title if copies == 1 else f"{title} {copies} copies",
            most_lost=most,
            most_s=most_s,
            overrides=settings[title],
            copies=copies,
        )
        for title, most in limits.items()
    )


def _mlp500() -> tuple[Row, ...]:
    """Issue 2, and PRIME of issue 7."""
    soft = {"neuron.models": "requantize,if_soft"}
    return (
        Row(model="mlp500", title="8-bit", most_lost=0.05, most_s=5),
        Row(model="mlp500", title="8-bit pairs", most_lost=0.05, most_s=5, partial_sums="pair"),
        Row(model="mlp500", title="8-bit 64x64", most_lost=0.1, most_s=5, overrides=SMALL),
        Row(model="mlp500", title="8-bit PRIME", most_lost=0.15, most_s=5, chip="prime"),
        Row(model="mlp500", title="snn soft T=16", most_lost=0.2, most_s=40, overrides=soft, steps=16),
        Row(model="mlp500", title="snn soft T=32", most_lost=0.1, most_s=40, overrides=soft, steps=32),
        Row(model="mlp500", title="snn hard T=32", most_lost=0.3, most_s=40, steps=32),
        Row(model="mlp500", title="snn hard T=64", most_lost=0.25, most_s=40, steps=64),
    )


FASHION_LENET = {
    "4x4": 0.5, "3-bit": at_least("fashion_lenet", 88.9), "2-bit": at_least("fashion_lenet", 88.4),
}  # fmt: skip
"""Settings where `fashion_lenet` feels the limits most, and the points it may lose."""

ROWS = (
    *_mlp500(),
    *few_bits("lenet", 60, {
        "8-bit": 0.05, "4x4": 0.15, "3-bit": at_least("lenet", 98.9), "2-bit": at_least("lenet", 98.8),
        "ternary": at_least("lenet", 98.75), "binary": at_least("lenet", 98.0),
    }),
    Row(model="lenet", title="8-bit 64x64", most_lost=0.05, most_s=60, overrides=SMALL),
    Row(model="lenet", title="8-bit PRIME", most_lost=0.05, most_s=60, chip="prime"),
    Row(model="lenet", title="snn soft T=32", most_lost=0.3, overrides=SOFT, steps=32),
    Row(model="lenet", title="snn hard T=64", most_lost=1.0, steps=64),
    *few_bits("mlp500", 60, {
        "3-bit": at_least("mlp500", 98.3), "2-bit": at_least("mlp500", 98.2), "ternary": at_least("mlp500", 98.15),
        "binary": at_least("mlp500", 97.5),
    }),
    *few_bits("resnet_bn", 60, {"8-bit": 0.05, "4x4": 0.15, "2-bit": at_least("resnet_bn", 99.2)}),
    *few_bits("fashion_lenet", None, {"8-bit": 0.1, **FASHION_LENET}),
    *few_bits("fashion_lenet", None, FASHION_LENET, copies=2),
    *few_bits("fashion_mlp500", None, {"8-bit": 0.1, "2-bit": at_least("fashion_mlp500", 89.8)}),
    *few_bits("fashion_resnet_bn", None, {
        "8-bit": 0.1, "4x4": 0.8, "3-bit": at_least("fashion_resnet_bn", 92.0),
        "2-bit": at_least("fashion_resnet_bn", 91.0),
    }),
)  # fmt: skip
"""An n-bit row has n-bit weights and 8-bit signals; 4x4: both have 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a row gave: accuracies and agreement as fractions, points lost, cores, CPU time of compiling [s]."""

    row: str
    split: str
    images: int
    effort: int
    float_accuracy: float
    accuracy: float
    lost: float
    most_lost: float
    agreement: float
    cores: int
    compile_cpu_s: float
    most_cpu_s: float | None

    @property
    def within(self) -> bool:
        """Whether no limit is exceeded."""
        return self.lost <= self.most_lost + 1e-9 and (self.most_cpu_s is None or self.compile_cpu_s <= self.most_cpu_s)


@cache
def _images(data: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    images = held_out(data, split)
    return images.x, images.labels


@cache
def _training(data: str) -> np.ndarray:
    return idx_images(data, "train").part(0, CALIBRATION).x


@cache
def _model(name: str) -> Network:
    return load(Path(os.environ["NEUTRAMS_DATA"]) / "models" / f"{name}.onnx")


def shaped(network: Network, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return images ``[N, 784]`` as the network takes them."""
    (port,) = network.inputs
    return {port.name: x.reshape(-1, *port.shape)}


def compiled_row(row: Row, effort: int) -> tuple[Compiled, float]:
    """Return the compiled model and its CPU time [s]."""
    network = _model(row.model)
    calibration = shaped(network, _training(data_of(row.model)))
    chip = load_chip(row.chip, row.overrides)
    options = CompileOptions(
        mode=row.mode, steps=row.steps, partial_sums=row.partial_sums, copies=row.copies, effort=effort
    )
    start = time.process_time()
    compiled = compile_model(network, chip, calibration, options)
    return compiled, time.process_time() - start


def measured(row: Row, split: str, effort: int) -> Result:
    """Compile a row and run all images."""
    x, labels = _images(data_of(row.model), split)
    inputs = shaped(_model(row.model), x)
    expected = _float_classes(row.model, split)
    compiled, seconds = compiled_row(row, effort)
    output = next(iter(evaluate(compiled.network, inputs, compiled.program.chip).values()))
    some = run_compiled(compiled, {name: array[:CHECKED] for name, array in inputs.items()}, level="functional")
    assert np.array_equal(next(iter(some.outputs.values())), output[:CHECKED]), "evaluator and simulator differ"
    got = classes(output)
    exact, accuracy = float((expected == labels).mean()), float((got == labels).mean())
    return Result(
        row=row.name, split=split, images=len(labels), effort=effort, float_accuracy=exact, accuracy=accuracy,
        lost=100 * (exact - accuracy), most_lost=row.most_lost, agreement=float((got == expected).mean()),
        cores=compiled.stats.cores, compile_cpu_s=seconds, most_cpu_s=row.most_s,
    )  # fmt: skip


@cache
def _float_classes(model: str, split: str) -> np.ndarray:
    network = _model(model)
    return classes(next(iter(evaluate(network, shaped(network, _images(data_of(model), split)[0])).values())))


def warm_up() -> None:
    """Have the kernels compiled before the clock starts."""
    network = _model("lenet")
    few = shaped(network, _training("mnist")[:32])
    for options in (CompileOptions(effort=0), CompileOptions(mode="snn", steps=2, effort=0)):
        compile_model(network, load_chip("tianji"), few, options)


def main(rows_there_are: tuple[Row, ...] = ROWS, about: str | None = __doc__) -> None:
    """Print each row as it is done."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=("validation", "test"), default="validation", help="test: once, at closing")
    parser.add_argument("--rows", nargs="+", default=["*"], help="globs of row names: 'lenet*' '*2-bit'")
    parser.add_argument("--effort", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file for the results so far, rewritten after each row")
    chosen = parser.parse_args()
    if "NEUTRAMS_DATA" not in os.environ:
        print("bench_accuracy: skipped, NEUTRAMS_DATA is not set to the folder with models/, mnist/, fashion_mnist/")
        return
    rows = [row for row in rows_there_are if any(fnmatch(row.name, glob) for glob in chosen.rows)]
    if not rows:
        sys.exit(f"no row is named {chosen.rows!r}; there are: {', '.join(row.name for row in rows_there_are)}")
    warm_up()
    print("| row | float [%] | lost [points] | limit | agreement | cores | compile [CPU s] | limit | |")
    print("|---|---|---|---|---|---|---|---|---|")
    results: list[Result] = []
    for row in rows:
        r = measured(row, chosen.split, chosen.effort)
        results.append(r)
        print(
            f"| {r.row} | {r.float_accuracy:.2%} | {r.lost:.2f} | {r.most_lost:.2f} | {r.agreement:.2%} | {r.cores} "
            f"| {r.compile_cpu_s:.1f} | {r.most_cpu_s or '–'} | {'' if r.within else 'exceeded'} |",
            flush=True,
        )
        if chosen.json:
            chosen.json.write_text(json.dumps([asdict(r) for r in results], indent=2) + "\n")
    sys.exit(not all(r.within for r in results))


if __name__ == "__main__":
    main()
