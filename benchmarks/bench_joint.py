"""Units that are clustered as one problem against units cut one by one: cores, traffic, time.

Usage: NEUTRAMS_DATA=folder python benchmarks/bench_joint.py [--cases NAME,…] [--effort 1] [--seed 0] [--neurons 2000]

populations: three recurrent ones on one sheet, each stored in an order of its own; a neuron reads about 100 others of
its population and 40 of each other, all nearby, and one input. Models of NEUTRAMS_DATA as transformation leaves them,
with spikes measured on 16 training images. *apart* is the same mapping with tiles packed unit by unit. *sent* counts
words or spikes a sample times the cores that read them, *hops* those between cores times the links passed. Times are
of the processor, for all of mapping up to the places of tiles. Exits with 1 where *joint* takes more cores.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray, distinct
from neutrams.flow.datasets import idx_images
from neutrams.hardware import Chip, load_chip
from neutrams.importers import load
from neutrams.mapping import Plan, pipeline, plan_network
from neutrams.mapping.traffic import signal_activity
from neutrams.network import Network, ops
from neutrams.transform.names import plain_names
from neutrams.transform.options import TransformOptions
from neutrams.transform.pipeline import transform

STEPS = 16
POPULATIONS = 3
OWN, OTHER = 100, 40
"""Neurons of its own and of each other population that a neuron reads [count]; some twice, which count once."""
MODELS = {
    "lenet": ("mnist", "ann"), "lenet snn": ("mnist", "snn"), "fashion_lenet snn": ("fashion_mnist", "snn"),
    "resnet_bn": ("mnist", "ann"),
}  # fmt: skip
CHIPS = {
    "loihi": {},
    "loihi 256/1024": {"core.axons": "1024", "core.neurons": "256", "core.fan_out": "64"},
    "tianji": {},
    "tianji fan-out 64": {"core.fan_out": "64"},
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A network in core operators, its chip, and what its neurons send."""

    name: str
    network: Network
    chip: Chip
    activity: dict[str, FloatArray] | None


def populations(n: int, seed: int) -> Network:
    """Return three recurrent populations of ``n`` integrate-and-fire neurons."""
    rng, zeros = np.random.default_rng(seed), np.zeros(n, dtype=np.int64)
    order = [rng.permutation(n) for _ in range(POPULATIONS)]
    nodes: list[ops.Node] = [
        ops.Input(name="x", shape=(STEPS, n)),
        ops.Unstack(name="now", inputs=("x",)),
        ops.Encode(name="q", inputs=("now",), scale=1.0, zero=0.0, low=0, high=1),
        ops.Constant(name="zero", values=zeros),
        *(ops.State(name=f"held{i}", inputs=("zero",)) for i in range(POPULATIONS)),
    ]
    for i in range(POPULATIONS):
        weights = np.concatenate([_nearby(order[i], order[j], OWN if i == j else OTHER, rng) for j in range(3)], axis=1)
        given = np.zeros((n, n), dtype=np.int64)
        given[order[i], order[0]] = 3
        nodes += [
            ops.Concat(name=f"all{i}", inputs=(*(f"held{j}" for j in range(POPULATIONS)), "q")),
            ops.Linear(
                name=f"sum{i}", inputs=(f"all{i}",), weights=np.concatenate((weights, given), axis=1), bias=zeros
            ),
            ops.Neuron(
                name=f"n{i}", inputs=(f"sum{i}",), model="if_soft", scale=np.ones(n), zero=np.zeros(n), origin=f"n{i}",
                parameters={"leak": zeros, "threshold": zeros + 8, "initial": zeros}, elements=np.arange(n),
            ),
            ops.Update(name=f"keep{i}", inputs=(f"n{i}",), state=f"held{i}"),
        ]  # fmt: skip
    nodes += [
        ops.Decode(
            name="d", inputs=("n0",), coefficient=zeros + 1, element=np.arange(n), scale=np.ones(n), offset=np.zeros(n)
        ),
        ops.Stack(name="every", inputs=("d",), steps=STEPS),
        ops.Output(name="y", inputs=("every",)),
    ]
    return Network(tuple(nodes))


def _nearby(reader: IntArray, source: IntArray, count: int, rng: np.random.Generator) -> IntArray:
    """Return weights int64 ``[n, n]``: each reads sources at Gaussian offsets on a square sheet."""
    n, side = len(reader), int(np.ceil(np.sqrt(len(reader))))
    place = np.stack(np.divmod(np.arange(n), side))[:, :, None]
    y, x = np.clip(place + np.rint(rng.normal(0.0, 4.0, (2, n, count))).astype(np.int64), 0, side - 1)
    row, near = np.repeat(np.arange(n), count), (y * side + x).reshape(-1)
    row, near = row[near < n], near[near < n]
    weights = np.zeros((n, n), dtype=np.int64)
    weights[reader[row], source[near]] = rng.choice([-2, -1, 1, 2, 3], len(row))
    return weights


def cases(names: list[str], neurons: int, seed: int) -> Iterator[Case]:
    """Yield what is asked for on all chips it runs on."""
    for name in names:
        for title, values in CHIPS.items():
            chip = load_chip(title.split()[0], values)
            if name == "populations":
                if "if_soft" in chip.neuron.models:
                    yield Case(name=f"{name}, {title}", network=populations(neurons, seed), chip=chip, activity=None)
                continue
            data, mode = MODELS[name]
            if mode == "snn" and "if_soft" not in chip.neuron.models:
                chip = chip.with_values(neuron={"models": (*chip.neuron.models, "if_soft")})
            if mode == "snn" or title.startswith("tianji"):
                network = plain_names(load(Path(os.environ["NEUTRAMS_DATA"]) / "models" / f"{name.split()[0]}.onnx"))
                (port,) = network.inputs
                images = {port.name: idx_images(data, "train").x[:16].reshape(-1, *port.shape)}
                options = TransformOptions(mode=mode, steps=STEPS if mode == "snn" else 1)
                found = transform(network, chip, images, options)
                yield Case(name=f"{name}, {title}", network=found.network, chip=chip, activity=found.activity)


def sent(plan: Plan, case: Case) -> float:
    """Return words or spikes a sample times the cores that read them."""
    every = plan.units.signals
    read = distinct(plan.bundle[plan.wiring.reader] * every + plan.wiring.signal) % every
    return float(signal_activity(plan.units, case.activity)[read].sum())


def row(case: Case, who: str, joint: bool, effort: int, seed: int) -> int:
    """Print a line; return the cores."""
    began = time.process_time()
    alone = nullcontext() if joint else patch.object(pipeline, "joint_draft", lambda draft, **_: draft)
    with alone:
        plan = plan_network(case.network, case.chip, case.activity, effort=effort, seed=seed)
    seconds = time.process_time() - began
    stats = plan.placed().stats
    print(
        f"| {case.name} | {who} | {stats.cores} | {sent(plan, case):.0f} | {stats.weighted_hops:.0f} | "
        f"{stats.link_peak:.0f} | {plan.timing.ticks_per_step} | {len(plan.blocks)} | {seconds:.1f} |",
        flush=True,
    )
    return stats.cores


def main() -> int:
    """Print a table; 1 if clustering together takes more cores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--cases", default=",".join(["populations", *(MODELS if "NEUTRAMS_DATA" in os.environ else ())])
    )
    parser.add_argument("--effort", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--neurons", type=int, default=2000)
    arguments = parser.parse_args()
    names = [name for name in arguments.cases.split(",") if name]
    if unknown := set(names) - {"populations", *MODELS}:
        parser.error(f"no case {sorted(unknown)}; there are populations, {', '.join(MODELS)}")
    plan_network(populations(300, 0), load_chip("loihi", CHIPS["loihi 256/1024"]))  # compiles
    print(
        "| network, chip | units | cores | sent | hops | link peak | ticks a step | blocks | CPU s |\n"
        + "|---" * 9
        + "|"
    )
    good = True
    for case in cases(names, arguments.neurons, arguments.seed):
        apart, joint = (row(case, who, who == "joint", arguments.effort, arguments.seed) for who in ("apart", "joint"))
        good &= joint <= apart
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
