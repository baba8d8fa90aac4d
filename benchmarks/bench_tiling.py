"""Cores that convolutions take: ours, a brute-force search over rectangles, and one output position a tile.

Usage: python benchmarks/bench_tiling.py [--sides 256 64] [--json] [CHANNELS,SIZE,OUT,KERNEL,PADDING ...]

Every convolution of lenet.onnx and resnet_bn.onnx (NEUTRAMS_DATA), as import, lowering, splitting under the fan-in and
tuning leave it for square cores of each side: its partial sums and the stage that adds them up count with it. Pools and
what is left (residual additions, dense layers) stand apart. The brute force (``tests/tile_oracle.py``) tries every
regular grid of rectangles × channels and counts real sources, constant rows of a bias among them. The opponent maps one
output position a tile. Limit (issue 3): 1.15 times the brute force, for each convolution. Exits with 1 beyond it. With
shapes: those alone.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from neutrams.flow.datasets import idx_images
from neutrams.hardware import Chip, load_chip
from neutrams.importers import load
from neutrams.mapping.partition import cut_unit
from neutrams.mapping.tiling import count_tiles
from neutrams.mapping.unit import Unit
from neutrams.mapping.units import read_units
from neutrams.network import Network, ops
from neutrams.transform.names import plain_names
from neutrams.transform.options import TransformOptions
from neutrams.transform.pipeline import transform
from tile_oracle import conv, fewest_tiles

MODELS = ("lenet", "resnet_bn")
MOST = 1.15
CALIBRATION = 64
"""Images to tune on [count]: tiles hardly depend on weights."""

Row = dict[str, object]


def square(side: int) -> Chip:
    """TIANJI with cores of ``side`` axons and neurons."""
    return load_chip("tianji", {"core.axons": str(side), "core.neurons": str(side)})


def plain(unit: Unit) -> Unit:
    """Return the unit as brute force sees it: no rows without weights; constant rows each of a signal of their own.

    A bias of more bits than the register's has several axons that carry the same constant, each with its weight.
    """
    used = np.flatnonzero(unit.weights.any(axis=(0, 1)))
    unit = replace(unit, tap=unit.tap[used], weights=unit.weights[..., used])
    read = unit.sources(np.arange(len(unit.group)), np.arange(unit.places)).reshape(-1, len(unit.tap))
    alike = np.flatnonzero((read == read[0]).all(axis=0) & (read[0] >= 0))
    signals, count = np.unique(read[0, alike], return_counts=True)
    constants = alike[np.isin(read[0, alike], signals[count > 1])]
    span = len(unit.table)
    new = int(unit.table.max(initial=0)) + 1 + np.arange(len(constants))
    tap = unit.tap.copy()
    tap[constants] = span * (1 + np.arange(len(constants)))
    return replace(unit, tap=tap, table=np.concatenate([unit.table, np.repeat(new, span)]))


def row(name: str, kind: str, units: list[Unit], chip: Chip) -> Row:
    """Tiles of all ``units`` together, three ways [count]."""
    core = chip.core
    ours, naive = (
        sum(count_tiles(part, cut) for unit in units for part, cut in cut_unit(unit, chip, one_place))
        for one_place in (False, True)
    )
    oracle = sum(fewest_tiles(plain(unit), core.axons, core.neurons) for unit in units)
    return {
        "what": name, "kind": kind, "side": core.axons, "units": len(units), "ours": ours, "oracle": oracle,
        "naive": naive, "ours/oracle": ours / oracle, "naive/ours": naive / ours,
    }  # fmt: skip


def layer_of(network: Network, origin: str) -> ops.Node:
    """Return the layer that a unit belongs to: what its activation and batch normalisation read."""
    node = network.by_name[origin.split(maxsplit=1)[0]]  # passes name parts after a blank
    while isinstance(node, ops.Activation) or (isinstance(node, ops.Add) and len(node.inputs) == 1):
        node = network.by_name[node.inputs[0]]
    return node


def rows_of(model: str, chip: Chip) -> Iterator[Row]:
    """Yield a row for each layer of a real model, in order."""
    network = plain_names(load(Path(os.environ["NEUTRAMS_DATA"]) / "models" / f"{model}.onnx"))
    (port,) = network.inputs
    images = idx_images("mnist", "train").x[:CALIBRATION].reshape(-1, *port.shape)
    core = transform(network, chip, {port.name: images}, TransformOptions()).network
    layers: dict[str, list[Unit]] = {}
    for unit in read_units(core, chip).units:
        layers.setdefault(layer_of(network, unit.neuron.origin).name, []).append(unit)
    kinds: dict[type[ops.Node], str] = {ops.Conv: "conv", ops.Pool: "pool"}
    for name, units in layers.items():
        yield row(f"{model} {name}", kinds.get(type(network.by_name[name]), "other"), units, chip)


def rows_of_shape(text: str, chip: Chip) -> Iterator[Row]:
    """Yield the row of one convolution; its channels are in as many parts as its fan-in takes."""
    channels, size, out, kernel, padding = (int(n) for n in text.split(","))
    parts = -(-channels // (chip.core.axons // kernel**2))
    some = [len(range(part, channels, parts)) for part in range(parts)]
    yield row(text, "conv", [conv(n, (size, size), out, kernel, padding) for n in some], chip)


def main() -> None:
    """Print one line a layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shapes", nargs="*")
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 64])
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    if not chosen.shapes and "NEUTRAMS_DATA" not in os.environ:
        print("bench_tiling: skipped, NEUTRAMS_DATA is not set to the folder with models/ and mnist/")
        return
    found: list[Row] = []
    for chip in map(square, chosen.sides):
        found += [r for text in chosen.shapes for r in rows_of_shape(text, chip)]
        found += [r for model in MODELS if not chosen.shapes for r in rows_of(model, chip)]
    found.sort(key=lambda r: ("conv", "pool", "other").index(str(r["kind"])))
    if chosen.json:
        print(json.dumps(found, indent=2))
    else:
        print("| what | kind | side | units | ours | oracle | naive | ours/oracle | naive/ours |\n" + "|---" * 9 + "|")
        for r in found:
            print("| " + " | ".join(f"{v:.2f}" if isinstance(v, float) else str(v) for v in r.values()) + " |")
    sys.exit(any(r["kind"] == "conv" and float(str(r["ours/oracle"])) > MOST for r in found))


if __name__ == "__main__":
    main()
