"""Annealing of a placement: move a tile to another slot, or swap two, so that the way of traffic gets shorter."""

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel

Ints = npt.NDArray[np.int64]

CHANCE_BITS = 10
"""Entries of the table of chances are 2^10, each counts 1 / 2^10 of a temperature."""


@kernel
def distance(a: int, b: int, place: Ints, around: Ints | None, crossing: int) -> int:
    """Hops between slots a and b of ``place``, and ``crossing`` more for each border between chips; see `anneal`."""
    if around is None:
        return int(abs(place[a, 0] - place[b, 0]) + abs(place[a, 1] - place[b, 1]))
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
def moved(
    tile: int,
    skip: int,
    at: int,
    to: int,
    slot: Ints,
    here: Ints,
    place: Ints,
    around: Ints | None,
    start: Ints,
    other: Ints,
    weight: Ints,
    crossing: int,
) -> int:
    """Change of the sum where ``tile`` goes from slot ``at`` to slot ``to``, without its traffic with ``skip``.

    Arrays as of `anneal`; ``here`` is x and y of each tile, which a mesh reads faster.
    """
    change = 0
    if around is None:
        x0, y0, x1, y1 = place[at, 0], place[at, 1], place[to, 0], place[to, 1]
        for i in range(start[tile], start[tile + 1]):
            o = other[i]
            x, y = here[0, o], here[1, o]
            step = abs(x - x1) + abs(y - y1) - abs(x - x0) - abs(y - y0)
            change += weight[i] * step if o != skip else 0
        return int(change)
    for i in range(start[tile], start[tile + 1]):
        o = other[i]
        if o != skip:
            after = distance(to, slot[o], place, around, crossing)
            change += weight[i] * (after - distance(at, slot[o], place, around, crossing))
    return int(change)


@kernel
def anneal(
    slot: Ints,
    tenant: Ints,
    here: Ints,
    place: Ints,
    around: Ints | None,
    near: Ints,
    fixed: Ints,
    start: Ints,
    other: Ints,
    weight: Ints,
    crossing: int,
    heat: Ints,
    proposals: int,
    chances: Ints,
    seed: int,
) -> int:
    """Try ``proposals`` changes at each temperature, in place; return the change of sum(weight * distance).

    Arrays:
        slot     int64[tiles]      slot of each tile; read and overwritten
        tenant   int64[slots]      tile in each slot, -1: none; read and overwritten
        here     int64[2, tiles]   overwritten
        place    int64[slots, 2]   x and y of each slot, ``crossing`` added for each border between chips before it; or
                                   int64[slots, 4], x, y, chip x, chip y; or int64[slots, slots], distances
        around   int64[4]          width and height of a board that wraps around, in routers, then in chips (0 for one
                                   chip); None for ``place`` of 2; int64[0] where ``place`` holds distances. None is a
                                   type of its own, so that the compiler leaves the rest out for a mesh
        near     int64[slots, n]   slots beside each one
        fixed    int64[tiles]      1 for tiles that stay where they are
        start    int64[tiles + 1]  neighbours of tile i are entries start[i]:start[i + 1]; symmetric; those with
                                   most traffic first, they are drawn more often
        other    int64[pairs]      the neighbour
        weight   int64[pairs]      traffic with it
        heat     int64[steps]      temperatures
        chances  int64[1024]       -ln of the chances (i + 1/2) / 1024, times 1024

    Rule (simulated annealing, Kirkpatrick et al. 1983, doi 10.1126/science.220.4598.671): draw a tile, and a slot
    beside its own or, half the time, beside that of a neighbour; move there, or swap, where the sum grows by no more
    than temperature * chance. All integers, and a generator of its own, so every machine gives the same result. The
    caller has checked shapes, 1 <= tiles <= slots < 2^31, and that weight * distance summed over a tile fits 63 bits.
    """
    tiles, beside = slot.shape[0], near.shape[1]
    for a in range(tiles if around is None else 0):
        here[0, a], here[1, a] = place[slot[a], 0], place[slot[a], 1]
    state = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0xD1B54A32D192ED03)
    total = 0
    for turn in range(proposals * heat.shape[0]):
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        a = np.int64(state >> np.uint64(33)) * tiles >> 31
        state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        drawn = np.int64(state >> np.uint64(33))
        at, degree = slot[a], start[a + 1] - start[a]
        by = at
        if degree > 0 and drawn & 1:
            lean = drawn >> 15
            by = slot[other[start[a] + ((lean * lean >> 16) * degree >> 16)]]
        to = near[by, (drawn >> 1 & 1023) * beside >> 10]
        if to == at:
            continue
        b = tenant[to]
        if fixed[a] or (b >= 0 and fixed[b]):
            continue
        change = moved(a, b, at, to, slot, here, place, around, start, other, weight, crossing)
        if b >= 0:
            change += moved(b, a, to, at, slot, here, place, around, start, other, weight, crossing)
        if change <= heat[turn // proposals] * chances[np.int64(state >> np.uint64(20)) & 1023] >> CHANCE_BITS:
            slot[a], tenant[to], tenant[at] = to, a, b
            if b >= 0:
                slot[b] = at
            if around is None:
                here[0, a], here[1, a] = place[to, 0], place[to, 1]
                if b >= 0:
                    here[0, b], here[1, b] = place[at, 0], place[at, 1]
            total += change
    return total
