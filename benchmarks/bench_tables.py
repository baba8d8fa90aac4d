"""Entries of routers' tables before and after compression: compiled networks, clusters of neurons, random trees.

Usage: python benchmarks/bench_tables.py [--only NAME,...] [--effort 1] [--json]

lenet and fashion_resnet_bn of NEUTRAMS_DATA on TIANJI with multicast trees, with its fan-out of 1, which gives every
flow one target, and without that limit (*wide*); reservoir16k and sheet100k of `map-bench`, cut by our partitioner and
placed; and random: flows of uniformly random cores to 1 ... 20 others on 16 x 16. Keys have 32 bits.

*before* is the fullest router with an entry for each flow that passes it; *after* the fullest one of the compressed
tables; *narrow* the same where keys are as narrow as the number of flows and neurons allows, so that they are given in
sequence; *classes* the most different sets of ports at a router, less than which no table can have; *factor* all
entries of all routers before over after. Goal: all fit the 1024
entries of SpiNNaker's routers. Exits with 1 where one does not.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.flow.datasets import idx_images
from neutrams.hardware import Chip, load_chip
from neutrams.importers import load
from neutrams.mapping import plan_network
from neutrams.mapping.clusters import Limits, partition
from neutrams.mapping.clusters.words import part_flows
from neutrams.mapping.flows import Flows
from neutrams.mapping.keys import sendings_of
from neutrams.mapping.passages import passages_of
from neutrams.mapping.place import crossing_cost, place_tiles
from neutrams.mapping.route import Links, find_links
from neutrams.mapping.router_tables import compress_tables
from neutrams.mapping.spread import spread_links
from neutrams.mapping.traffic import core_traffic, tree_traffic
from neutrams.mapping.workloads import WORKLOADS
from neutrams.transform.names import plain_names
from neutrams.transform.options import TransformOptions
from neutrams.transform.pipeline import transform

LIMIT = 1024
CALIBRATION = 64
LIMITS = {"reservoir16k": Limits(neurons=1024, axons=4096), "sheet100k": Limits(neurons=256)}
FOLDERS = {"lenet": "mnist", "fashion_resnet_bn": "fashion_mnist"}

Case = tuple[Flows, IntArray, IntArray, Chip, FloatArray]
"""Flows, the bundle of each tile, the core of each bundle, the chip, words of each flow."""


def trees(side: int | None = None, **sections: dict[str, object]) -> Chip:
    """TIANJI with routers that replicate; on one square chip where a side is given."""
    board: dict[str, object] = {"multicast": "tree"}
    if side is not None:
        board |= {"rows": side, "columns": side, "chips": 1}
    return load_chip("tianji").with_values(board=board, noc={"table_entries": 1 << 20}, **sections)


def network(name: str, wide: bool, effort: int) -> Case:
    """Return a network of the data folder, mapped as `compile` does it."""
    chip = trees(core={"fan_out": 1 << 20}) if wide else trees()
    model = plain_names(load(Path(os.environ["NEUTRAMS_DATA"]) / "models" / f"{name}.onnx"))
    (port,) = model.inputs
    images = idx_images(FOLDERS[name], "train").x[:CALIBRATION].reshape(-1, *port.shape)
    found = transform(model, chip, {port.name: images}, TransformOptions())
    plan = plan_network(found.network, chip, effort=effort)
    return plan.flows, plan.bundle, plan.placed().cores, chip, plan.amounts


def clusters(name: str, effort: int) -> Case:
    """Return a workload, cut and placed as `map-bench` does it."""
    nets = WORKLOADS[name]()
    part = partition(nets, LIMITS[name], effort=effort)
    flows, amounts = part_flows(nets, part)
    every = np.arange(int(part.max()) + 1)
    chip = trees(int(np.ceil(np.sqrt(len(every)))))
    traffic = core_traffic(flows, every, amounts)
    placed = place_tiles(chip, len(every), traffic, tree_traffic(flows, every, amounts), effort=effort)
    return flows, every, placed.candidates[0], chip, amounts


def random_trees(count: int, side: int = 16) -> Case:
    """Return flows of uniformly random cores to 1 ... 20 others."""
    rng, every = np.random.default_rng(0), np.arange(side * side)
    tile = np.sort(rng.integers(0, len(every), count))
    readers = [np.sort(rng.choice(len(every), rng.integers(1, 21), replace=False)) for _ in range(count)]
    flows = Flows(
        tile=tile, columns=np.arange(count + 1), column=np.zeros(count, dtype=np.int64),
        readers=np.append(0, np.cumsum([len(r) for r in readers])), reader=np.concatenate(readers),
    )  # fmt: skip
    return flows, every, every, trees(side), np.ones(count)


def rows(name: str, case: Case) -> Iterator[dict[str, object]]:
    """Compress the tables of a case for both kinds of routes, with and without a default route."""
    flows, bundle, cores, chip, amounts = case
    at = (flows, bundle, cores, chip)
    compress_tables(*at[:3], find_links(*at), chip)  # compiles
    for kind, links in (
        ("plain", find_links(*at)),
        ("spread", spread_links(*at, amounts, crossing_cost(chip))),
    ):
        for default in (False, True):
            yield {"case": name, "routes": kind, "default": default, **measured(at, links, default)}


def measured(at: tuple[Flows, IntArray, IntArray, Chip], links: Links, default: bool) -> dict[str, object]:
    """Return the figures of one row."""
    flows, bundle, cores, chip = at
    chip = chip.with_values(noc={"default_route": default})
    began = time.process_time()
    found = compress_tables(flows, bundle, cores, links, chip)
    seconds = time.process_time() - began
    sendings = sendings_of(flows, bundle, cores)
    passages = passages_of(sendings, links, chip)
    kinds = np.unique(np.stack([passages.router, passages.kind])[:, ~passages.straight], axis=1)
    places = int(np.diff(flows.columns)[sendings.flow].max(initial=1))
    least = max(1, (len(sendings) - 1).bit_length() + (places - 1).bit_length())
    narrow = compress_tables(flows, bundle, cores, links, chip.with_values(noc={"key_bits": least}))
    return {
        "flows": len(sendings), "before": int(found.flows.max()), "after": found.most, "narrow": narrow.most,
        "classes": int(np.unique(kinds[0], return_counts=True)[1].max(initial=0)),
        "factor": float(found.flows.sum() / max(found.entries.sum(), 1)), "cpu_s": seconds,
    }  # fmt: skip


def main() -> None:
    """Print a line for each case, routes and default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--effort", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    cases: dict[str, Callable[[], Case]] = {
        **{f"random {n}": lambda n=n: random_trees(n) for n in (1000, 10_000)},
        **{name: lambda name=name: clusters(name, given.effort) for name in LIMITS},
        **{name: lambda name=name: network(name, False, given.effort) for name in FOLDERS},
        **{f"{name} wide": lambda name=name: network(name, True, given.effort) for name in FOLDERS},
    }
    chosen = given.only.split(",") if given.only else list(cases)
    longest = 0
    for name in chosen:
        for row in rows(name, cases[name]()):
            longest = max(longest, int(str(row["after"])))
            print(json.dumps(row) if given.json else " ".join(shown(value) for value in row.values()), flush=True)
    sys.exit(longest > LIMIT)


def shown(value: object) -> str:
    """Return a value as tables have it."""
    return f"{value:10.2f}" if isinstance(value, float) else f"{value!s:>10}"


if __name__ == "__main__":
    main()
