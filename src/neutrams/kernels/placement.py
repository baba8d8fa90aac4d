"""Local search over a placement: move a tile to another slot, or swap two, where that shortens the way of traffic."""

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel

Ints = npt.NDArray[np.int64]


@kernel
def distance(a: int, b: int, place: Ints, around: Ints | None, crossing: int) -> int:
    """Hops between slots a and b of ``place``, and ``crossing`` more for each border between chips; see `improve`."""
    if around is None:
        near = abs(place[a, 0] - place[b, 0]) + abs(place[a, 1] - place[b, 1])
        return int(near + crossing * (abs(place[a, 2] - place[b, 2]) + abs(place[a, 3] - place[b, 3])))
    if around.shape[0] == 0:
        return int(place[a, b])
    x, y = abs(place[a, 0] - place[b, 0]), abs(place[a, 1] - place[b, 1])
    chips_x, chips_y = abs(place[a, 2] - place[b, 2]), abs(place[a, 3] - place[b, 3])
    if 2 * x > around[0]:
        x, chips_x = around[0] - x, around[2] - chips_x
    if 2 * y > around[1]:
        y, chips_y = around[1] - y, around[3] - chips_y
    return int(x + y + crossing * (chips_x + chips_y))


@kernel
def improve(
    slot: Ints,
    tenant: Ints,
    place: Ints,
    around: Ints | None,
    start: Ints,
    other: Ints,
    weight: Ints,
    crossing: int,
    proposals: int,
    threshold: int,
    seed: int,
) -> int:
    """Try ``proposals`` changes, in place; return the change of sum(weight * distance), negative is better.

    Arrays:
        slot     int64[tiles]      slot of each tile; read and overwritten
        tenant   int64[slots]      tile in each slot, -1: none; read and overwritten
        place    int64[slots, 4]   x, y, chip x, chip y of each slot; or int64[slots, slots], distances
        around   int64[4]          width and height of a board that wraps around, in routers, then in chips (0 for one
                                   chip); None where it does not wrap; int64[0] where ``place`` holds distances. A
                                   type of its own for a mesh, so that the compiler leaves the rest out there
        start    int64[tiles + 1]  neighbours of tile i are entries start[i]:start[i + 1]; symmetric
        other    int64[pairs]      the neighbour
        weight   int64[pairs]      traffic with it

    Rule (threshold accepting, Dueck & Scheuer 1990, doi 10.1016/0021-9991(90)90201-B): draw a tile and a slot, half the
    time one beside the slot of a random neighbour; accept where the sum grows by no more than a limit that falls
    linearly from ``threshold`` to 0. All integers, and a generator of its own (64-bit LCG), so every machine gives the
    same result. The caller has checked shapes and that 1 <= tiles <= slots.
    """
    tiles, slots = slot.shape[0], tenant.shape[0]
    state = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0xD1B54A32D192ED03)
    total = 0
    for turn in range(proposals):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        a = np.int64((state >> np.uint64(33)) % np.uint64(tiles))
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        drawn = np.int64(state >> np.uint64(33))
        to = drawn % slots
        degree = start[a + 1] - start[a]
        if degree > 0 and turn % 2 == 0:
            to = (slot[other[start[a] + drawn % degree]] + (drawn // 4096) % 5 - 2) % slots
        at, b = slot[a], tenant[to]
        if to == at:
            continue
        change = 0
        for i in range(start[a], start[a + 1]):
            o = other[i]
            if o != b:
                after = distance(to, slot[o], place, around, crossing)
                change += weight[i] * (after - distance(at, slot[o], place, around, crossing))
        if b >= 0:
            for i in range(start[b], start[b + 1]):
                o = other[i]
                if o != a:
                    after = distance(at, slot[o], place, around, crossing)
                    change += weight[i] * (after - distance(to, slot[o], place, around, crossing))
        if change <= threshold * (proposals - 1 - turn) // proposals:
            slot[a], tenant[to], tenant[at] = to, a, b
            if b >= 0:
                slot[b] = at
            total += change
    return total
