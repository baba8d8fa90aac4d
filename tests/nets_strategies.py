"""Random networks for the partitioner, and limits that they just meet."""

import numpy as np
from hypothesis import strategies as st

from neutrams.mapping.clusters import Limits, Nets


@st.composite
def nets(draw: st.DrawFn, most: int = 40) -> Nets:
    """Nets with repeats, own synapses, empty nets, silent sources, and neurons that nothing reaches."""
    neurons = draw(st.integers(1, most))
    source = np.array(sorted(draw(st.sets(st.integers(0, neurons - 1)))), dtype=np.int64)
    lists = [draw(st.lists(st.integers(0, neurons - 1), max_size=8)) for _ in source]
    weight = [draw(st.sampled_from([0.0, 0.25, 1.0, 7.5])) for _ in source]
    return Nets(
        neurons=neurons,
        source=source,
        start=np.concatenate(([0], np.cumsum([len(t) for t in lists], dtype=np.int64))),
        target=np.array([t for found in lists for t in found], dtype=np.int64),
        weight=np.array(weight, dtype=np.float64),
    )


@st.composite
def problems(draw: st.DrawFn) -> tuple[Nets, Limits]:
    """Nets with limits that every single neuron meets, some of them only just."""
    found = draw(nets())
    widest = max([len({int(s) for s in reads}) for reads in _read(found)], default=0)
    least = max(1, widest)
    return found, Limits(
        neurons=draw(st.sampled_from([1, 2, 3, 7, found.neurons, found.neurons + 1])),
        axons=draw(st.sampled_from([0, least, least + 1, 3 * least])),
        synapses=draw(st.sampled_from([0, least, least + 1, 4 * least])),
        own_axons=draw(st.booleans()),
    )


def _read(found: Nets) -> list[set[int]]:
    reads: list[set[int]] = [set() for _ in range(found.neurons)]
    for net, source in enumerate(found.source.tolist()):
        for target in found.target[found.start[net] : found.start[net + 1]].tolist():
            reads[target].add(source)
    return reads
