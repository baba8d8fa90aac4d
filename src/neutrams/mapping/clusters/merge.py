"""Join parts that fit one core together."""

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.mapping.clusters.search import Search


def merged(search: Search) -> AnyArray:
    """Return the parts, int32 ``[vertices]``, after as many as fit have been joined: first fit, fullest first.

    Axons are added up, as if no net were read by both, so that what fits stays legal; parts that share nets were
    looked at by the search before.
    """
    held, caps = search.parts, search.caps
    used = np.flatnonzero(held.size > 0)
    need = np.stack((held.size[used], held.axons[used], held.load[used])) / np.array(
        [[caps.neurons], [caps.axons], [caps.synapses]], dtype=np.float64
    )
    order = np.argsort(-need.max(axis=0, initial=0.0), kind="stable")
    target = np.full(len(held.size), -1, dtype=np.int32)
    limit = np.array([caps.neurons, caps.axons, caps.synapses], dtype=np.int64)
    room = np.empty((len(used), 3), dtype=np.int64)
    count = 0
    for i in order:
        part = used[i]
        takes = np.array([held.size[part], held.axons[part], held.load[part]], dtype=np.int64)
        free = np.flatnonzero((room[:count] >= takes).all(axis=1))
        if len(free):
            to = int(free[0])
        else:
            to, count = count, count + 1
            room[to] = limit
        room[to] -= takes
        target[part] = to
    return np.asarray(target[held.part])
