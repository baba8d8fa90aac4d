"""Orders in which tiles may be laid on cores before local search."""

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.hardware.geometry import Board


def sequential_cores(board: Board, dead: tuple[int, ...], tiles: int) -> IntArray:
    """The first ``tiles`` cores by number that are not dead; the board has as many."""
    first = np.arange(min(board.cores, tiles + len(dead)), dtype=np.int64)
    return _alive(first, dead)[:tiles]


def compact_cores(board: Board, dead: tuple[int, ...], tiles: int) -> IntArray:
    """Working cores of few chips that hold the tiles, taken in growing squares of chips from chip 0; ascending."""
    enough = board.chips_needed(tiles + len(dead))
    cores = np.zeros(0, dtype=np.int64)
    for reach in (min(int(np.sqrt(enough)) + 2, board.side), board.side):
        y, x = (axis.reshape(-1) for axis in np.mgrid[:reach, :reach])
        chips = (y * board.side + x)[np.lexsort((x, np.maximum(x, y)))]
        chips = chips[chips < board.chips][:enough]
        inside = np.arange(board.cores_per_chip, dtype=np.int64)
        cores = _alive((chips[:, None] * board.cores_per_chip + inside).reshape(-1), dead)
        if len(cores) >= tiles:
            break
    last = np.flatnonzero(board.chip_of(cores) == board.chip_of(cores[tiles - 1]))[-1]
    return np.sort(cores[: last + 1])


def square_cores(board: Board, cores: IntArray, tiles: int) -> IntArray:
    """Those ``tiles`` of some cores that lie in the smallest square about the first corner of the board; ascending."""
    x, y = board.position(cores)
    return np.sort(cores[np.lexsort((x, y, np.maximum(x // board.cores_per_router, y)))[:tiles]])


def _alive(cores: IntArray, dead: tuple[int, ...]) -> IntArray:
    return cores[~np.isin(cores, np.array(dead, dtype=np.int64))]


def hilbert_order(board: Board, cores: IntArray) -> IntArray:
    """Sort cores along a Hilbert curve over the board, whose neighbours stay near each other.

    References:
        Hilbert, D. (1891). doi 10.1007/BF01199431
    """
    x, y = board.position(cores)
    x = x // board.cores_per_router
    size = 1 << int(max(board.width, board.height) - 1).bit_length()
    key: AnyArray = np.zeros(len(cores), dtype=np.int64)
    s = size // 2
    while s > 0:
        right, up = (x & s) > 0, (y & s) > 0
        key += s * s * ((3 * right) ^ up)
        flip = ~up & right
        x, y = np.where(flip, size - 1 - x, x), np.where(flip, size - 1 - y, y)
        x, y = np.where(~up, y, x), np.where(~up, x, y)
        s //= 2
    return cores[np.argsort(key, kind="stable")]
