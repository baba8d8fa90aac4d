"""Axon buffers below the tick: when a word that has arrived is in its place."""

import numpy as np

from neutrams.base.arrays import IntArray


def stored(core: IntArray, arrived: IntArray, cycles: int, ports: int) -> IntArray:
    """Return when each word has been written, int64 ``[words]``.

    Each core has ``ports`` ports, which take its words in turn, in the order of arrival (of equal ones in the order
    given), ``cycles`` each.

    Args:
        core: int64 ``[words]``, where each goes.
        arrived: int64 ``[words]``, from which cycle on it may be written.
        cycles: What a write takes.
        ports: How many words a core writes at a time.
    """
    if not cycles or not len(core):
        return arrived
    order = np.lexsort((arrived, core))
    _, first, which = np.unique(core[order], return_index=True, return_inverse=True)
    rank = np.arange(len(core)) - first[which]
    queue, place = which * ports + rank % ports, rank // ports
    by_queue = np.argsort(queue, kind="stable")
    order, queue, place = order[by_queue], queue[by_queue], place[by_queue]
    begun = arrived[order] - place * cycles  # less the writes before it: the latest of these so far is when all began
    apart = queue * (begun.max() - begun.min() + 1)
    done = np.empty_like(arrived)
    done[order] = np.maximum.accumulate(begun + apart) - apart + (place + 1) * cycles
    return done
