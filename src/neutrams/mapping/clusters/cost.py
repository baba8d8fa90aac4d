"""What a partition costs and whether it is legal, in plain NumPy: shares nothing with the search."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray, distinct
from neutrams.mapping.clusters.limits import Limits
from neutrams.mapping.clusters.nets import Nets


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cost:
    """Costs of a partition.

    Attributes:
        parts: Cores in use [count].
        km1: Parts that each net touches, its source's among them, less 1, summed over nets [count].
        connectivity: The same weighted with spikes [1/tick]: packets that leave their core, one a core reached.
        neurons: int64 ``[parts]`` [count].
        axons: int64 ``[parts]``, distinct sources read [count].
        synapses: int64 ``[parts]`` [count].
    """

    parts: int
    km1: int
    connectivity: float
    neurons: IntArray
    axons: IntArray
    synapses: IntArray


def cost_of(nets: Nets, part: IntArray, *, own_axons: bool = True) -> Cost:
    """Return what a partition costs; ``part`` is int64 ``[neurons]``, part numbers from 0."""
    parts = int(part.max(initial=-1)) + 1
    many, count = max(parts, 1), len(nets.source)
    net = np.repeat(np.arange(count, dtype=np.int64), np.diff(nets.start))
    synapse = distinct(net * max(nets.neurons, 1) + nets.target)
    net, target = synapse // max(nets.neurons, 1), synapse % max(nets.neurons, 1)
    read = distinct(net * many + part[target])
    home = np.arange(count, dtype=np.int64) * many + part[nets.source]
    touched = np.bincount(distinct(np.concatenate((read, home))) // many, minlength=count)
    axons = read if own_axons else np.setdiff1d(read, home)
    return Cost(
        parts=parts,
        km1=int(touched.sum()) - count,
        connectivity=float(((touched - 1) * nets.weight).sum()),
        neurons=np.bincount(part, minlength=parts),
        axons=np.bincount(axons % many, minlength=parts)[:parts],
        synapses=np.bincount(part[target], minlength=parts)[:parts],
    )


def violations(nets: Nets, limits: Limits, part: IntArray) -> list[str]:
    """Return all that is wrong with a partition, a line each; empty if it is legal."""
    if part.shape != (nets.neurons,):
        return [f"the partition has shape {part.shape}, there are {nets.neurons} neurons"]
    if len(part) and part.min() < 0:
        return [f"neuron {int(part.argmin())} is in no part"]
    cost = cost_of(nets, part, own_axons=limits.own_axons)
    found = [f"part {i} is empty" for i in np.flatnonzero(cost.neurons == 0)]
    for name in ("neurons", "axons", "synapses"):
        held, most = getattr(cost, name), getattr(limits, name)
        if most:
            found += [f"part {i} has {held[i]} {name}, allowed are {most}" for i in np.flatnonzero(held > most)]
    return found
