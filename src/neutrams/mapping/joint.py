"""Sparse and convolutional units of one tick as a single problem: tiles that hold neurons of several units.

Tiles are cut unit by unit. Where their neurons may share a core and read only some of its rows, they are taken apart
and clustered anew by what all of them read, weighted with the measured spikes. What is found is taken where it needs
fewer cores, or as many and sends less.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import le
from typing import NamedTuple

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray, distinct
from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.mapping.apart import Apart, take_apart
from neutrams.mapping.clusters import Limits, Nets
from neutrams.mapping.clusters.divide import improve_readers
from neutrams.mapping.draft import Draft, count_cores
from neutrams.mapping.fan_out import plan_copies, wire
from neutrams.mapping.pack import Kind, kind_of, pack_tiles
from neutrams.mapping.partition import Tile, scale_key
from neutrams.mapping.schedule import schedule
from neutrams.mapping.states_near import regrouped_states
from neutrams.mapping.units import Units

SYNAPSES = (0, 1 << 20, 1 << 23, 1 << 25)
"""Most synapses of a kind that is clustered, by effort; a quarter where blocks are shared: little is won [count]."""

SPARSE = 0.5
"""Tiles with a larger share of weights other than zero stay the blocks they are [1]."""

MOST_CORES = 1 << 18
"""Cores up to which what they send each other is counted; the board may have fewer."""

SHARED = 0.1
"""Share of their traffic that must be saved where tiles give up blocks that are stored once for many [1].

Where that saves cores, what is sent may grow by no larger a share than the cores shrink.
"""


class Figures(NamedTuple):
    """What a mapping takes: cores [count], words or spikes a sample that reach a core, ticks a step [count]."""

    cores: int
    sent: float
    ticks: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """Neurons to be clustered.

    Attributes:
        members: Numbers of the tiles they are from.
        apart: The neurons and their synapses.
        nets: What they read.
        begin: int64 ``[neurons]``, parts that they are in as it is.
        must_save: Words or spikes a sample that a solution on as many cores must save; 0 where no blocks are shared.
    """

    members: tuple[int, ...]
    apart: Apart
    nets: Nets
    begin: IntArray
    must_save: float

    @property
    def promising(self) -> bool:
        """Whether another clustering may be better: neurons of several parts read the same."""
        net = np.repeat(np.arange(len(self.nets.source)), np.diff(self.nets.start))
        read = distinct(net * (int(self.begin.max()) + 1) + self.begin[self.nets.target])
        return len(read) > len(self.nets.source)


def joint_draft(draft: Draft, units: Units, chip: Chip, sent: FloatArray, *, effort: int = 1, seed: int = 0) -> Draft:
    """Return a draft whose tiles are those of `joint_tiles`, for as many of them a core; arguments as there."""
    if not effort:
        return draft
    chip = chip.with_values(board={"virtual_tiles": draft.most})
    copies = plan_copies(joint_tiles(draft.pieces, units, chip, sent, effort=effort, seed=seed), units, chip)
    return replace(draft, copies=copies, cores=count_cores(copies, units, chip), improved=True)


def joint_tiles(
    cut: Sequence[Tile], units: Units, chip: Chip, sent: FloatArray, *, effort: int = 1, seed: int = 0
) -> list[Tile]:
    """Return packed tiles that need no more cores than those of `pack_tiles`, nor as many and send more.

    Args:
        cut: The tiles of every unit.
        units: The units.
        chip: The chip.
        sent: float64 ``[signals]``, words or spikes a sample.
        effort: 0 … 3, how much to search; 0: only pack.
        seed: Of the search.
    """
    best, slots = pack_tiles(cut, units, chip), [[tile] for tile in cut]
    if not effort:
        return best
    measured = partial(_figures, units=units, chip=chip, sent=sent)
    problems = _problems(cut, best, units, chip, sent, SYNAPSES[effort])
    figures = measured(best) if problems else None
    for problem in problems:
        part = _clustered(problem, chip, effort - 1, seed)
        changed = _replaced(slots, problem.members, problem.apart.tiles(part, units, cut[problem.members[0]]))
        tiles = pack_tiles([tile for found in changed for tile in found], units, chip)
        found = measured(tiles)
        if _better(found, figures, problem.must_save):
            best, figures, slots = tiles, found, changed
    regrouped = regrouped_states(best, units, chip)
    if regrouped is None:
        return best
    found, figures = measured(regrouped), measured(best)
    no_worse = found is not None and (figures is None or all(map(le, found, figures)))
    return regrouped if no_worse else best


def _replaced(slots: list[list[Tile]], members: Sequence[int], tiles: list[Tile]) -> list[list[Tile]]:
    """Return the lists with ``tiles`` in the first of ``members``, and nothing in the others."""
    changed = list(slots)
    for i in members:
        changed[i] = []
    changed[members[0]] = tiles
    return changed


def _better(found: Figures | None, figures: Figures | None, must_save: float) -> bool:
    """Whether ``found`` is possible, and better than ``figures``, with a tick a step no longer."""
    if found is None or figures is None:
        return found is not None
    saved = float(figures.sent - found.sent)
    fewer = found.cores < figures.cores
    if must_save:
        fewer = fewer and found.cores * found.sent <= figures.cores * figures.sent
    less = found.cores == figures.cores and saved > 0 and saved >= must_save
    return (fewer or less) and found.ticks <= figures.ticks


def _figures(tiles: Sequence[Tile], units: Units, chip: Chip, sent: FloatArray) -> Figures | None:
    """Return what tiles take, with the copies and relays they need; None where those are out of all proportion."""
    try:
        copies = plan_copies(tiles, units, chip)
    except CapacityError:
        return None
    cores = count_cores(copies, units, chip)
    if copies.capped or cores > MOST_CORES:
        return None
    wiring = wire(copies, units)
    timing = schedule(wiring, units, chip.board.max_delay)
    read = distinct(wiring.reader * units.signals + wiring.signal) % units.signals
    times = np.bincount(read, minlength=units.signals)  # by signal: sums do not depend on the order of tiles
    return Figures(cores=cores, sent=float((times * sent).sum()), ticks=timing.ticks_per_step)


def _problems(
    cut: Sequence[Tile], packed: Sequence[Tile], units: Units, chip: Chip, sent: FloatArray, most: int
) -> list[Problem]:
    """Return the problems of at most ``most`` synapses, readers before what they read.

    Where a core serves several tiles of one weight block, those stay as they are.
    """
    shared = Counter(id(tile.weights) for tile in cut)
    scales = [scale_key(unit, chip) for unit in units.units]
    home = np.full(units.signals, -1, dtype=np.int64)
    for i, tile in enumerate(packed):
        home[tile.signals] = i
    kinds: dict[Kind, list[int]] = {}
    for i, tile in enumerate(cut):
        if _sparse(tile) and (chip.board.virtual_tiles == 1 or shared[id(tile.weights)] == 1):
            kinds.setdefault(kind_of(tile, units, scales), []).append(i)
    found = []
    for kind in sorted(kinds, reverse=True):
        tiles = [cut[i] for i in kinds[kind]]
        blocks = [tile for tile in tiles if shared[id(tile.weights)] > 1]
        if sum(int(np.count_nonzero(tile.weights)) for tile in tiles) > (most // 4 if blocks else most):
            continue
        apart = take_apart(tiles)
        problem = Problem(
            members=tuple(kinds[kind]), apart=apart, nets=apart.nets(sent),
            begin=np.unique(home[apart.signals], return_inverse=True)[1].reshape(-1),
            must_save=SHARED * sum(float(sent[np.unique(tile.sources)].sum()) for tile in blocks),
        )  # fmt: skip
        if problem.promising:
            found.append(problem)
    return found


def _sparse(tile: Tile) -> bool:
    """Whether the neurons of a tile read only some of its rows, or it is a single one."""
    return len(tile.signals) == 1 or int(np.count_nonzero(tile.weights)) <= SPARSE * tile.weights.size


def _clustered(problem: Problem, chip: Chip, effort: int, seed: int) -> IntArray:
    """Return int64 ``[neurons]``: the part of each, from 0 without gaps; those that read nothing come last."""
    limits, neurons = _limits(problem, chip), len(problem.begin)
    senders = np.full(problem.nets.neurons - neurons, -1, dtype=np.int64)
    begin = np.append(problem.begin, senders)
    part = improve_readers(problem.nets, limits, begin, effort=effort, seed=seed)[:neurons]
    idle = np.flatnonzero(part < 0)
    part[idle] = int(part.max()) + 1 + np.arange(len(idle)) // limits.neurons
    return part


def _limits(problem: Problem, chip: Chip) -> Limits:
    """Return what a part may hold; of a crossbar with less memory than rows x columns, no more rows than needed."""
    core = chip.core
    if core.synapses == "list":
        return Limits(neurons=core.neurons, axons=core.axons, synapses=core.synapse_limit)
    widest = int(np.bincount(problem.apart.neuron).max(initial=1))
    axons = min(core.axons, max(widest, core.synapse_limit // core.neurons))
    return Limits(neurons=min(core.neurons, core.synapse_limit // axons), axons=axons)
