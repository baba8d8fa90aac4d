"""Annealing of a placement on a mesh by the links of multicast trees in dimension order."""

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel
from neutrams.kernels.placement import CHANCE_BITS

Ints = npt.NDArray[np.int64]


@kernel
def tree_length(
    flow: int,
    root: Ints,
    first: Ints,
    end: Ints,
    slot: Ints,
    place: Ints,
    scale: Ints,
    split: int,
    span: Ints,
    turn: int,
) -> int:
    """Length of the tree of one flow; arrays as of `anneal_trees`. ``turn`` is a number ``span`` has not seen."""
    at = slot[root[flow]]
    ax, ay = place[at, 0], place[at, 1]
    x0, y0 = scale[0, ax], scale[1, ay]
    left, right, length = x0, x0, 0
    for i in range(first[flow], first[flow + 1]):
        to = slot[end[i]]
        column, row = place[to, 0], place[to, 1]
        x, y = scale[0, column], scale[1, row]
        if row < split <= ay:  # down the root's column, then along a row of its own
            column = ax
            if span[3, row] != turn:
                span[3, row], span[4, row], span[5, row] = turn, x0, x0
            if x < span[4, row]:
                length += span[4, row] - x
                span[4, row] = x
            elif x > span[5, row]:
                length += x - span[5, row]
                span[5, row] = x
        else:
            left, right = min(left, x), max(right, x)
        if span[0, column] != turn:
            span[0, column], span[1, column], span[2, column] = turn, y0, y0
        if y < span[1, column]:
            length += span[1, column] - y
            span[1, column] = y
        elif y > span[2, column]:
            length += y - span[2, column]
            span[2, column] = y
    return int(length + right - left)


@kernel
def anneal_trees(
    slot: Ints,
    tenant: Ints,
    place: Ints,
    near: Ints,
    fixed: Ints,
    root: Ints,
    first: Ints,
    end: Ints,
    amount: Ints,
    start: Ints,
    touching: Ints,
    scale: Ints,
    split: int,
    length: Ints,
    scratch: Ints,
    span: Ints,
    heat: Ints,
    proposals: int,
    chances: Ints,
    seed: int,
) -> int:
    """Try ``proposals`` changes at each temperature, in place; return the change of sum(amount * length).

    Arrays:
        slot      int64[tiles]      slot of each tile; read and overwritten
        tenant    int64[slots]      tile in each slot, -1: none; read and overwritten
        place     int64[slots, 2]   x and y of each slot, in routers
        near      int64[slots, n]   slots beside each one
        fixed     int64[tiles]      1 for tiles that stay where they are
        root      int64[flows]      tile a flow begins at
        first     int64[flows + 1]  its ends are rows first[i]:first[i + 1] of ``end``
        end       int64[ends]       the tiles it reaches
        amount    int64[flows]      what it carries
        start     int64[tiles + 1]  flows that begin or end at tile i are entries start[i]:start[i + 1]
        touching  int64[n]          numbers of these flows, each once for a tile
        scale     int64[2, size]    x and y of columns and rows as they count, borders between chips included
        length    int64[flows]      length of each tree; read and overwritten
        scratch   int64[2, flows]   overwritten
        span      int64[6, size]    columns' turn, low and high, and rows'; zeros; overwritten
        heat      int64[steps]      temperatures
        chances   int64[1024]       as in `placement.anneal`

    Rule: trees as `routes.trace` makes them, x before y, but y before x from a row >= ``split`` to one below it;
    changes as in `placement.anneal`, to slots beside a tile's own. All trees a change touches are measured anew.
    The caller has checked shapes, that coordinates are below size, and 1 <= tiles <= slots < 2^31.
    """
    tiles, beside = slot.shape[0], near.shape[1]
    state = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0xD1B54A32D192ED03)
    total, turn = 0, 0
    scratch[1, :] = 0
    for count in range(1, proposals * heat.shape[0] + 1):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        a = np.int64(state >> np.uint64(33)) * tiles >> 31
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        at = slot[a]
        to = near[at, (np.int64(state >> np.uint64(40)) & 1023) * beside >> 10]
        if to == at:
            continue
        b = tenant[to]
        if fixed[a] or (b >= 0 and fixed[b]):
            continue
        slot[a] = to
        if b >= 0:
            slot[b] = at
        change = 0
        for tile in (a, b):
            if tile < 0:
                continue
            for i in range(start[tile], start[tile + 1]):
                flow = touching[i]
                if scratch[1, flow] != count:
                    turn += 1
                    scratch[1, flow] = count
                    scratch[0, flow] = tree_length(flow, root, first, end, slot, place, scale, split, span, turn)
                    change += amount[flow] * (scratch[0, flow] - length[flow])
        if change <= heat[(count - 1) // proposals] * chances[np.int64(state >> np.uint64(20)) & 1023] >> CHANCE_BITS:
            tenant[to], tenant[at] = a, b
            for tile in (a, b):
                if tile >= 0:
                    for i in range(start[tile], start[tile + 1]):
                        length[touching[i]] = scratch[0, touching[i]]
            total += change
        else:
            slot[a] = at
            if b >= 0:
                slot[b] = to
    return total


@kernel
def measure_trees(
    slot: Ints,
    place: Ints,
    root: Ints,
    first: Ints,
    end: Ints,
    amount: Ints,
    scale: Ints,
    split: int,
    length: Ints,
    span: Ints,
) -> int:
    """Overwrite ``length`` with the length of each tree; return sum(amount * length). Arrays as of `anneal_trees`."""
    total = 0
    for flow in range(root.shape[0]):
        length[flow] = tree_length(flow, root, first, end, slot, place, scale, split, span, flow + 1)
        total += amount[flow] * length[flow]
    span[0, :] = 0
    span[3, :] = 0
    return total
