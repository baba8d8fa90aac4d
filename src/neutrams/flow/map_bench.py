"""The mapper on networks that are mapped neuron by neuron, beside sequential order and partitioners of others."""

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import SpecError
from neutrams.flow.map_opponents import OPPONENTS, installed, opponent
from neutrams.hardware import Board, Chip, load_chip
from neutrams.mapping.clusters import Limits, Nets, cost_of, fewest_parts, partition, violations
from neutrams.mapping.clusters.words import part_flows
from neutrams.mapping.metric import weighted_hops
from neutrams.mapping.place import place_tiles
from neutrams.mapping.traffic import core_traffic, tree_traffic
from neutrams.mapping.workloads import conv, reservoir, sheet, uniform

Told = Callable[[str, int, int], None]
"""What is told of progress: what comes next, done, of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A workload and the limits of a core.

    Attributes:
        make: The network, by scale (1: as published) and seed (None: as published).
        limits: What a core holds.
        opponents: Whether general partitioners, which know no axons, are asked too.
    """

    make: Callable[[float, int | None], Nets]
    limits: Limits
    opponents: bool = True


def _sheet(side: int, usual: int) -> Callable[[float, int | None], Nets]:
    return lambda scale, seed: sheet(_side(side, scale), seed=usual if seed is None else seed)


def _conv(scale: float, seed: int | None) -> Nets:
    return conv(_side(40, scale))


def _side(side: int, scale: float) -> int:
    return max(10, round(side * math.sqrt(scale)))


CASES = {
    "sheet100k": Case(make=_sheet(317, 1), limits=Limits(neurons=256)),
    "conv100k": Case(make=_conv, limits=Limits(neurons=256)),
    "rand100k": Case(
        make=lambda scale, seed: uniform(max(100, round(100_000 * scale)), seed=2 if seed is None else seed),
        limits=Limits(neurons=256),
    ),
    "conv100k/256": Case(make=_conv, limits=Limits(neurons=256, axons=256), opponents=False),
    "sheet20k/1024": Case(make=_sheet(142, 3), limits=Limits(neurons=256, axons=1024), opponents=False),
    "sheet20k/4096": Case(make=_sheet(142, 3), limits=Limits(neurons=1024, axons=4096), opponents=False),
    "reservoir16k": Case(
        make=lambda scale, seed: reservoir(max(100, round(16_384 * scale)), seed=192 if seed is None else seed),
        limits=Limits(neurons=1024, axons=4096),
    ),
}
"""By name; what follows a stroke are the axons of a core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRow:
    """What one method made of one workload.

    Attributes:
        workload: Its name.
        method: ``sequential``, ``ours`` or an opponent.
        neurons: Neurons of the network [count].
        synapses: Its synapses [count].
        cores: Cores taken [count].
        fewest_cores: No partition takes fewer [count].
        km1_per_net: Mean number of further parts that a net touches.
        connectivity: The same, weighted with spikes and summed [1/tick].
        most_neurons: Neurons of the fullest core [count].
        most_axons: Axons of the fullest core [count].
        legal: Whether each core keeps its limits.
        partition_s: Processor time of the partition, without handing the network over [s].
        mean_hops: Links from core to core of a spike, its cores placed in a square: by ours, ``sequential`` in rows.
        place_s: Processor time of placement [s].
    """

    workload: str
    method: str
    neurons: int
    synapses: int
    cores: int
    fewest_cores: int
    km1_per_net: float
    connectivity: float
    most_neurons: int
    most_axons: int
    legal: bool
    partition_s: float
    mean_hops: float
    place_s: float


def check_names(names: Sequence[str]) -> None:
    """Refuse names of no case.

    Raises:
        SpecError: One is unknown.
    """
    if unknown := [name for name in names if name not in CASES]:
        raise SpecError(
            f"there is no workload {', '.join(map(repr, unknown))}",
            where="map-bench, option --workloads",
            fix=f"take some of {', '.join(CASES)}",
        )


def map_bench(
    names: Sequence[str], *, effort: int, seed: int, scale: float, opponents: bool, network_seed: int | None, tell: Told
) -> Iterator[MapRow]:
    """Yield a row for each workload and method, as soon as it is there.

    Args:
        names: Names of `CASES`.
        effort: 0 … 3, of ours.
        seed: Of our search.
        scale: Size of the networks against that of their names.
        opponents: Whether to run those that are installed; some take ten minutes.
        network_seed: Of the networks; None: as published.
        tell: Told what comes next.
    """
    check_names(names)
    others = [name for name in OPPONENTS if opponents and installed(name)]
    _compile(effort)
    for number, name in enumerate(names):
        tell(f"{name}: network", number, len(names))
        case = CASES[name]
        nets = case.make(scale, network_seed)
        in_order: IntArray = _in_sequence(nets, case.limits)
        yield _row(name, "sequential", nets, case.limits, in_order, 0.0, effort, seed)
        tell(f"{name}: ours", number, len(names))
        part, seconds = timed(partial(partition, nets, case.limits, effort=effort, seed=seed))
        yield _row(name, "ours", nets, case.limits, part, seconds, effort, seed)
        for other in others if case.opponents else ():
            tell(f"{name}: {other}", number, len(names))
            try:
                part, seconds = timed(opponent(other, nets, case.limits))
            except Exception as error:  # whatever somebody else's library raises
                print(f"neutrams: {other} failed on {name}: {error}", file=sys.stderr)
                continue
            _, part = np.unique(part, return_inverse=True)
            yield _row(name, other, nets, case.limits, part, seconds, effort, seed)


def timed(run: Callable[[], IntArray]) -> tuple[IntArray, float]:
    """Return what ``run`` returns and the processor time it took [s]."""
    began = time.process_time()
    found = run()
    return found, time.process_time() - began


def _compile(effort: int) -> None:
    """Have numba compile what is going to be timed."""
    small = conv(12, channels=4, layers=3), sheet(20)
    for nets, limits in zip(small, (Limits(neurons=64, axons=128), Limits(neurons=64)), strict=True):
        _row("", "ours", nets, limits, partition(nets, limits, effort=effort), 0.0, min(effort, 1), 0)


def _in_sequence(nets: Nets, limits: Limits) -> IntArray:
    """Fill one core after the other in the order of the neurons, the next one where a limit would be broken."""
    if not (limits.axons or limits.synapses):
        return np.arange(nets.neurons) // limits.neurons
    target = nets.target.astype(np.int64)
    net = np.repeat(np.arange(len(nets.source)), np.diff(nets.start))
    order = np.argsort(target, kind="stable")
    reads = np.split(net[order], np.searchsorted(target[order], np.arange(1, nets.neurons)))
    part, number, held = np.zeros(nets.neurons, dtype=np.int64), 0, 0
    axons: set[int] = set()
    for neuron, sources in enumerate(reads):
        more = axons.union(sources.tolist())
        if held == limits.neurons or (limits.axons and len(more) > limits.axons):
            number, held, more = number + 1, 0, set(sources.tolist())
        part[neuron], held, axons = number, held + 1, more
    return part


def _board(side: int) -> Chip:
    """TIANJI's cores in one square mesh that replicates words."""
    board = {"rows": side, "columns": side, "chips": 1, "topology": "mesh", "multicast": "tree"}
    return load_chip("tianji").with_values(board=board)


def _row(
    name: str, method: str, nets: Nets, limits: Limits, part: IntArray, seconds: float, effort: int, seed: int
) -> MapRow:
    cost = cost_of(nets, part, own_axons=limits.own_axons)
    flows, amounts = part_flows(nets, part)
    every = np.arange(cost.parts)
    chip = _board(math.isqrt(max(cost.parts - 1, 0)) + 1)
    traffic, trees = core_traffic(flows, every, amounts), tree_traffic(flows, every, amounts)
    began = time.process_time()
    placed = place_tiles(chip, cost.parts, traffic, trees, effort=effort, seed=seed).candidates
    place_s = time.process_time() - began
    cores = placed[-1 if method == "sequential" else 0]
    hops = weighted_hops(Board.of(chip), cores, traffic, 0) / max(int(traffic[1].sum()), 1)
    return MapRow(
        workload=name,
        method=method,
        neurons=nets.neurons,
        synapses=nets.synapses,
        cores=cost.parts,
        fewest_cores=fewest_parts(nets, limits).parts,
        km1_per_net=cost.km1 / max(len(nets.source), 1),
        connectivity=cost.connectivity,
        most_neurons=int(cost.neurons.max(initial=0)),
        most_axons=int(cost.axons.max(initial=0)),
        legal=not violations(nets, limits, part),
        partition_s=seconds,
        mean_hops=hops,
        place_s=0.0 if method == "sequential" else place_s,
    )
