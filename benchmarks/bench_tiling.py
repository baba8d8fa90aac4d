"""Cores that convolutions take: ours, a brute-force search over rectangles, and one output position a tile.

    python benchmarks/bench_tiling.py [--axons 256] [--neurons 256] [--json] [CHANNELS,SIZE,OUT,KERNEL,PADDING ...]

Without shapes: the convolutions of LeNet-5 and of a small residual network, their fan-in split under the axons.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from core_strategies import plain_chip
from neutrams.hardware import Chip
from neutrams.mapping.partition import cut_unit
from neutrams.mapping.tiling import count_tiles
from neutrams.mapping.unit import Unit
from tile_oracle import conv, fewest_tiles

SHAPES = {
    "lenet conv1": (1, 28, 6, 5, 0), "lenet conv2": (6, 12, 16, 5, 0),
    "resnet stem": (1, 28, 16, 3, 1), "resnet 16-32": (16, 14, 32, 3, 1), "resnet 32-32": (32, 14, 32, 3, 1),
    "resnet 32-64": (32, 7, 64, 3, 1), "resnet 64-64": (64, 7, 64, 3, 1),
}  # fmt: skip


def tiles(unit: Unit, chip: Chip, one_place: bool = False) -> int:
    """Tiles a unit takes [count]."""
    return sum(count_tiles(part, cut) for part, cut in cut_unit(unit, chip, one_place))


def row(name: str, shape: tuple[int, int, int, int, int], chip: Chip) -> dict[str, object]:
    """Ours, oracle and naive for one convolution; its channels in as many parts as its fan-in takes."""
    channels, size, out, kernel, padding = shape
    parts = -(-channels // (chip.core.axons // kernel**2))
    found = dict.fromkeys(("ours", "oracle", "naive"), 0)
    for part in range(parts):
        some = len(range(part, channels, parts))
        unit = conv(some, (size, size), out, kernel, padding)
        found["ours"] += tiles(unit, chip)
        found["oracle"] += fewest_tiles(unit, chip.core.axons, chip.core.neurons)
        found["naive"] += tiles(unit, chip, one_place=True)
    ratios = {"ours/oracle": found["ours"] / found["oracle"], "naive/ours": found["naive"] / found["ours"]}
    return {"conv": name, "parts": parts, **found, **ratios}


def main() -> None:
    """Print one line a convolution."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shapes", nargs="*")
    parser.add_argument("--axons", type=int, default=256)
    parser.add_argument("--neurons", type=int, default=256)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chip = plain_chip(core={"axons": options.axons, "neurons": options.neurons})
    shapes = {text: tuple(int(n) for n in text.split(",")) for text in options.shapes} or SHAPES
    rows = [row(name, shape, chip) for name, shape in shapes.items()]
    if options.json:
        print(json.dumps({"axons": options.axons, "neurons": options.neurons, "rows": rows}))
        return
    print(f"{'conv':14} parts   ours oracle  naive  ours/oracle  naive/ours")
    for r in rows:
        print(
            f"{r['conv']:14} {r['parts']:5} {r['ours']:6} {r['oracle']:6} {r['naive']:6} "
            f"{r['ours/oracle']:12.3f} {r['naive/ours']:11.1f}"
        )


if __name__ == "__main__":
    main()
