"""How few parts there can be: lower bounds by counting."""

from dataclasses import dataclass

import numpy as np

from neutrams.mapping.clusters.limits import Limits
from neutrams.mapping.clusters.nets import Nets


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """No legal partition has fewer parts.

    Attributes:
        parts: The bound [count].
        by: What it follows from: ``neurons``, ``synapses`` or ``axons``.
    """

    parts: int
    by: str


def fewest_parts(nets: Nets, limits: Limits) -> Bound:
    """Return the largest of three lower bounds on the number of parts.

    neurons, synapses: all there are over what a part holds. axons: a part reads at most A nets, and of each it holds at
    most min(N, targets) synapses, so at most as many synapses as the A largest nets give; with A of N neurons each at
    least. Where sources on the same core are free, up to N more nets are read.
    """
    pins = np.diff(nets.start)
    found = [(-(-nets.neurons // limits.neurons), "neurons")]
    if limits.synapses:
        found.append((-(-_distinct_synapses(nets) // limits.synapses), "synapses"))
    if limits.axons and len(pins):
        most = limits.axons + (0 if limits.own_axons else limits.neurons)
        held = np.sort(np.minimum(pins, limits.neurons))[::-1][:most].sum()
        found.append((-(-_distinct_synapses(nets) // max(1, int(held))), "axons"))
    parts, by = max(found, key=lambda pair: pair[0])
    return Bound(parts=parts, by=by)


def _distinct_synapses(nets: Nets) -> int:
    net = np.repeat(np.arange(len(nets.source), dtype=np.int64), np.diff(nets.start))
    keys = np.sort(net * max(nets.neurons, 1) + nets.target)
    return int((np.diff(keys) != 0).sum()) + (1 if len(keys) else 0)
