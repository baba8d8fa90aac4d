"""Partitioners of others, where they are installed: what the mapper is measured against. They know nothing of axons."""

import tempfile
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.mapping.clusters import Limits, Nets

Partitioner = Callable[[], IntArray]
"""What cuts a network that has been handed over already; int64 ``[neurons]``."""

OPPONENTS = ("mtkahypar LARGE_K", "mtkahypar DEFAULT", "pymetis", "kaminpar")

FULL = 1e-4
"""Room for balance where parts are full [1]."""


def installed(name: str) -> bool:
    """Whether an opponent's library is there."""
    return find_spec(name.split(maxsplit=1)[0]) is not None


def opponent(name: str, nets: Nets, limits: Limits) -> Partitioner:
    """Return an opponent, one thread, for as many parts as hold the neurons.

    Raises:
        ImportError: It is not installed.
    """
    tool, _, preset = name.partition(" ")
    parts = fewest(nets, limits)
    room = max(FULL, limits.neurons * parts / max(nets.neurons, 1) - 1)
    return {"mtkahypar": _mtkahypar, "pymetis": _pymetis, "kaminpar": _kaminpar}[tool](nets, parts, room, preset)


def fewest(nets: Nets, limits: Limits) -> int:
    """Return how many parts opponents are asked for; in 2 of 100 some room, without which they fail [count]."""
    return -(-nets.neurons * 51 // (50 * limits.neurons))


def _mtkahypar(nets: Nets, parts: int, room: float, preset: str) -> Partitioner:
    mtkahypar = import_module("mtkahypar")
    machine = mtkahypar.initialize(1)
    context = machine.context_from_preset(getattr(mtkahypar.PresetType, preset))
    context.set_partitioning_parameters(parts, room, mtkahypar.Objective.KM1)
    context.logging = False
    mtkahypar.set_seed(0)
    rows = zip(nets.source.tolist(), nets.start[:-1].tolist(), nets.start[1:].tolist(), strict=True)
    edges = [[s, *sorted(set(nets.target[a:b].tolist()) - {s})] for s, a, b in rows]
    rate = np.maximum(1, np.rint(1000 * nets.weight / max(nets.weight.mean(), 1e-9))).astype(int).tolist()
    graph = machine.create_hypergraph(context, nets.neurons, len(edges), edges, [1] * nets.neurons, rate)

    def run() -> IntArray:
        found = graph.partition(context)
        return np.array([found.block_id(v) for v in range(nets.neurons)], dtype=np.int64)

    return run


def _pymetis(nets: Nets, parts: int, room: float, _: str) -> Partitioner:
    pymetis = import_module("pymetis")
    start, other = _graph(nets)
    options = pymetis.Options(ufactor=max(1, int(1000 * room)))
    return lambda: np.array(pymetis.part_graph(parts, xadj=start, adjncy=other, options=options)[1], dtype=np.int64)


def _kaminpar(nets: Nets, parts: int, room: float, _: str) -> Partitioner:
    kaminpar = import_module("kaminpar")
    solver = kaminpar.KaMinPar(num_threads=1, ctx=kaminpar.context_by_name("default"))
    start, other = _graph(nets)
    ends = list(pairwise(start.tolist()))
    with tempfile.TemporaryDirectory() as folder:  # it takes graphs from files only
        file = Path(folder) / "graph.metis"
        lines = (" ".join(map(str, (other[a:b] + 1).tolist())) for a, b in ends)
        file.write_text("\n".join([f"{nets.neurons} {len(other) // 2}", *lines]) + "\n")
        graph = kaminpar.load_graph(str(file), kaminpar.GraphFileFormat.METIS)
    return lambda: np.array(solver.compute_partition(graph, k=parts, eps=room), dtype=np.int64)


def _graph(nets: Nets) -> tuple[IntArray, IntArray]:
    """Return (start, other) of the graph of synapses, both ways."""
    a, b = np.repeat(nets.source, np.diff(nets.start)).astype(np.int64), nets.target.astype(np.int64)
    keys = np.unique(np.concatenate((a * nets.neurons + b, b * nets.neurons + a))[np.tile(a != b, 2)])
    row, other = np.divmod(keys, nets.neurons)
    return np.append(0, np.cumsum(np.bincount(row, minlength=nets.neurons))), other
