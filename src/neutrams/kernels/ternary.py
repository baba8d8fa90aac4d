"""Few entries of key and mask that tell classes of keys apart: what a router's table is compressed to."""

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel

Ints = npt.NDArray[np.int64]

MOST_TRIED = 256
"""Further keys that one entry is widened towards [count]."""


@kernel
def _caught(key: Ints, begin: int, end: int, one: int, free: int, likely: int) -> int:
    """Return the first of keys begin … end - 1 that differs from ``one`` in bits of ``free`` only; -1: none.

    ``likely`` is looked at first: what stood in the way of one entry often does so again.
    """
    if begin <= likely < end and (key[likely] ^ one) & ~free == 0:
        return likely
    for i in range(begin, end):
        if (key[i] ^ one) & ~free == 0:
            return i
    return -1


@kernel
def _towards(key: Ints, done: npt.NDArray[np.uint8], i: int, end: int, stop: int) -> int:
    """Return the bits that may be free when key i is widened to one key after another of its class."""
    free, tried, likely = 0, 0, -1
    for j in range(i + 1, end):
        more = (key[i] ^ key[j]) & ~free
        if done[j] or more == 0:
            continue
        likely = _caught(key, end, stop, key[i], free | more, likely)
        if likely < 0:
            free |= more
        tried += 1
        if tried == MOST_TRIED:
            break
    return free


@kernel
def _by_bits(key: Ints, i: int, end: int, stop: int, bits: int, down: bool) -> int:
    """Return the bits that may be free when key i is widened bit by bit, from the lowest up or the highest down."""
    free, likely = 0, -1
    for b in range(bits):
        more = 1 << (bits - 1 - b if down else b)
        likely = _caught(key, end, stop, key[i], free | more, likely)
        if likely < 0:
            free |= more
    return free


@kernel
def _gain(key: Ints, done: npt.NDArray[np.uint8], i: int, end: int, free: int) -> int:
    """Return how many keys of the class an entry takes that none took before."""
    found = 0
    for j in range(i, end):
        found += not done[j] and (key[i] ^ key[j]) & ~free == 0
    return found


@kernel
def cover(
    first: Ints, last: Ints, key: Ints, end: Ints, bits: int, done: npt.NDArray[np.uint8], free: Ints, owner: Ints,
    count: Ints,
) -> None:  # fmt: skip
    """Write a list of entries for each table, so that the first entry that matches a key is one of its class.

    Arrays (T tables, n keys):
        first  int64[T + 1]  the keys of a table are first[t]:first[t + 1], those of a class one after another
        last   int64[T]      keys last[t]:first[t + 1] must be matched by no entry
        key    int64[n]      distinct within a table, below 1 << bits
        end    int64[n]      where the class of each key ends
        done   uint8[n]      0; overwritten
        free   int64[n]      overwritten from first[t] on: the bits that an entry of table t does not compare
        owner  int64[n]      likewise: the key that it was widened from, whose class is its own
        count  int64[T]      overwritten with the entries of each table

    Rule: classes in the order they stand in. Each key that no entry takes yet gets one, widened three ways, of which
    that is kept which takes most keys. It must match none of the classes that come after; what came before is taken.
    """
    for t in range(len(last)):
        made, stop = first[t], first[t + 1]
        for i in range(first[t], last[t]):
            if done[i]:
                continue
            best, most = 0, 0
            for way in range(3):
                if way == 0:
                    wide = _towards(key, done, i, end[i], stop)
                else:
                    wide = _by_bits(key, i, end[i], stop, bits, way == 2)
                taken = _gain(key, done, i, end[i], wide)
                if taken > most:
                    best, most = wide, taken
            for j in range(i, end[i]):
                if (key[i] ^ key[j]) & ~best == 0:
                    done[j] = 1
            free[made], owner[made] = best, i
            made += 1
        count[t] = made - first[t]
