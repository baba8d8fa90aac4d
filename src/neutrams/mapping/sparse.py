"""Columns of a sparse matrix to cores: those that read the same stand together, so that few cores hold them."""

from collections.abc import Iterator, Sequence

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.errors import CapacityError
from neutrams.hardware import Chip
from neutrams.mapping.clusters import Limits, Nets
from neutrams.mapping.clusters.divide import partition_readers
from neutrams.mapping.tiling import Part
from neutrams.mapping.unit import Unit


def sparse_parts(part: Part, chip: Chip, effort: int, seed: int) -> Iterator[Part]:
    """Yield parts of a part whose neurons have room on a core each, but not with all the rows of the others.

    Args:
        part: Columns of some groups.
        chip: The chip.
        effort: 0: columns stay in order; above, they are clustered where that takes fewer cores.
        seed: Of the clustering.

    Raises:
        CapacityError: A neuron has more inputs than a core has axons, or synapses than its memory holds.
    """
    core = chip.core
    most = core.axons if core.synapses == "list" else min(core.axons, core.synapse_limit)
    for group in part.groups.tolist():
        reads = (part.unit.weights[group, part.columns] != 0) & _read(part.unit, group)
        _check(part.unit, int(reads.sum(axis=1).max(initial=0)), chip)
        cores = _in_order(reads, most, core.neurons)
        if effort and int(cores.max()) + 1 > -(-len(reads) // core.neurons):
            synapses = core.synapse_limit if core.synapses == "list" else 0
            limits = Limits(neurons=core.neurons, axons=most, synapses=synapses)
            clustered = _clustered(reads, limits, effort - 1, seed)
            cores = min(cores, clustered, key=lambda found: int(found.max()))
        for number in range(int(cores.max()) + 1):
            own = cores == number
            yield Part(
                unit=part.unit,
                identity=part.identity,
                groups=np.array([group], dtype=np.int64),
                columns=part.columns[own],
                taps=np.flatnonzero(reads[own].any(axis=0)),
            )


def _in_order(reads: AnyArray, most: int, neurons: int) -> IntArray:
    """Int64 ``[columns]``: a new core wherever the rows in use would exceed ``most``."""
    core, start, used = np.zeros(len(reads), dtype=np.int64), 0, np.zeros_like(reads[0])
    for i, rows in enumerate(reads):
        used = used | rows
        if used.sum() > most or i - start == neurons:
            core[i:] += 1
            start, used = i, rows
    return core


def _clustered(reads: AnyArray, limits: Limits, effort: int, seed: int) -> IntArray:
    """Int64 ``[columns]``: the core of each, numbered by their first columns; columns that read nothing on the last."""
    columns, rows = reads.shape
    row, target = np.nonzero(reads.T)
    nets = Nets(
        neurons=columns + rows,
        source=columns + np.arange(rows),
        start=np.append(0, np.cumsum(np.bincount(row, minlength=rows))),
        target=target,
        weight=np.ones(rows),
    )
    found = partition_readers(nets, limits, effort=effort, seed=seed)[:columns]
    idle = np.flatnonzero(found < 0)
    found[idle] = int(found.max(initial=-1)) + 1 + np.arange(len(idle)) // limits.neurons
    _, first, place = np.unique(found, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[place].astype(np.int64)


def widest_fan_in(units: Sequence[Unit]) -> int:
    """Inputs of the neuron that has most [count]."""
    most = 0
    for unit in units:
        for group, weights in enumerate(unit.weights):
            reads = (weights != 0) & _read(unit, group)
            most = max(most, int(reads.sum(axis=1).max(initial=0)))
    return most


def _check(unit: Unit, fan_in: int, chip: Chip) -> None:
    """Refuse neurons that no core can hold."""
    if fan_in > chip.core.axons:
        raise _too_wide(unit, fan_in, chip)
    if fan_in > chip.core.synapse_limit:
        raise _too_many_synapses(unit, fan_in, chip)


def _read(unit: Unit, group: int) -> AnyArray:
    """Bool ``[rows]``: which rows of a group read something at any place."""
    read = np.zeros(len(unit.tap), dtype=np.bool_)
    for start in range(0, unit.places, 4096):
        at = np.arange(start, min(start + 4096, unit.places))
        read |= (unit.sources(np.array([group]), at)[0] >= 0).any(axis=0)
    return read


def _too_many_synapses(unit: Unit, synapses: int, chip: Chip) -> CapacityError:
    held, bits = chip.core.synapse_limit, chip.core.synapse_memory_bits
    return CapacityError(
        f"a neuron of {unit.neuron.name!r} has {synapses} synapses, {bits} bits of a core of {chip.name} hold {held}",
        where=f"mapping, layer {unit.neuron.origin!r}",
        fix=f"split the layer under a fan-in of {held} first",
    )


def _too_wide(unit: Unit, fan_in: int, chip: Chip) -> CapacityError:
    return CapacityError(
        f"a neuron of {unit.neuron.name!r} has {fan_in} inputs, a core of {chip.name} has {chip.core.axons} axons",
        where=f"mapping, layer {unit.neuron.origin!r}",
        fix=f"split the layer under a fan-in of {chip.core.axons} first",
    )
