"""Routes that choose their turns: shorter trees, and less load on the links that carry most."""

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray
from neutrams.hardware import Chip
from neutrams.kernels.spread_routes import spread_paths, spread_trees
from neutrams.mapping.flows import Flows
from neutrams.mapping.route import Links, boxed, find_links, is_plain_mesh
from neutrams.mapping.traffic import whole_traffic


def spread_links(flows: Flows, bundle: IntArray, cores: IntArray, chip: Chip, sent: FloatArray, crossing: int) -> Links:
    """Return the links of all flows, on a mesh by length and load, elsewhere those of `route.find_links`.

    On a mesh no way turns from growing y into x (the turn model "north-last"), so all together are free of deadlock on
    any number of virtual channels; ways down may turn as they like.

    Args:
        flows: The flows.
        bundle: int64 ``[tiles]``, which tiles share a core.
        cores: int64 ``[bundles]``, the core of each.
        chip: The chip.
        sent: float64 ``[flows]``, words or spikes a sample.
        crossing: Hops a link between chips counts more.

    References:
        Glass and Ni (1992), The turn model for adaptive routing. doi 10.1145/146628.140384
    """
    straight = find_links(flows, bundle, cores, chip)
    if not is_plain_mesh(chip) or not len(straight.start):
        return straight
    root, first, end, box, split = boxed(flows, bundle, cores, chip)
    cells, amount = int(box[2] * box[3]), whole_traffic(sent)
    load, counts = np.zeros((cells, 4), dtype=np.int64), np.zeros(len(flows), dtype=np.int64)
    start, stop = np.empty_like(straight.start), np.empty_like(straight.stop)
    if chip.board.multicast == "copy":
        done = spread_paths(root, first, end, box, split, amount, load, counts, start, stop)
    else:
        stamp, links = np.zeros(cells, dtype=np.int64), np.zeros((2, 3, cells), dtype=np.int64)
        near = np.zeros((2, int(np.diff(first).max())), dtype=np.int64)
        done = spread_trees(
            root, first, end, box, split, crossing, amount, load, stamp, links, near, counts, start, stop
        )
    return Links(first=np.append(0, np.cumsum(counts)), start=start[:done], stop=stop[:done])
