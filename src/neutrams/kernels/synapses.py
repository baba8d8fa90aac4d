"""Synapses of one core in one tick: find the axons that carry a spike, add their weights to the accumulator."""

from typing import Any

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel

ROWS_AT_A_TIME = 4
"""`add_dense_rows` adds so many rows a pass; fewer passes over the accumulator, and rows enough to hide the loads."""


@kernel
def find_active(
    registers: npt.NDArray[np.uint8],
    source: npt.NDArray[np.int32],
    row: npt.NDArray[np.int32],
    span: tuple[int, int],
    active: npt.NDArray[np.int32],
    found: int,
) -> int:
    """Append the rows of the axons whose register holds a spike to ``active``; return the new length.

    Arrays:
        registers  uint8[R]  1 where a spike stands, else 0; read
        source     int32[A]  register each axon reads; read
        row        int32[A]  what to append for it; read
        active     int32[F]  overwritten from ``found`` on; F > found + number of axons

    Axons ``span[0]`` … ``span[1]`` - 1, in order. Without a branch: every row is written, the length grows by the spike.
    """
    for a in range(np.uintp(span[0]), np.uintp(span[1])):
        active[found] = row[a]
        found += registers[source[a]]
    return found


@kernel
def add_dense_rows(
    acc: npt.NDArray[Any],
    weights: npt.NDArray[Any],
    active: npt.NDArray[np.int32],
    found: int,
    columns: int,
) -> None:
    """acc[c] += sum over the active rows of weights[row + c], four rows at a time.

    Arrays:
        acc      int16 or int32[C]  accumulator [LSB]; read, then overwritten
        weights  int8 or int16[W]   rows of weights one after another; read. The last C entries are zero
        active   int32[F]           where each active row begins in ``weights``; F >= found + 3, entries after ``found``
                                    are overwritten

    Sums wrap in the type of ``acc``; the caller has chosen it so that the total fits, which makes every order exact.
    """
    nothing = len(weights) - columns
    while found % ROWS_AT_A_TIME:
        active[found] = nothing
        found += 1
    for first in range(0, found, ROWS_AT_A_TIME):
        a, b = np.uintp(active[first]), np.uintp(active[first + 1])
        c, d = np.uintp(active[first + 2]), np.uintp(active[first + 3])
        for n in range(np.uintp(columns)):
            acc[n] += weights[a + n] + weights[b + n] + weights[c + n] + weights[d + n]


@kernel
def add_listed_rows(
    acc: npt.NDArray[Any],
    begin: npt.NDArray[np.int32],
    column: npt.NDArray[np.int32],
    weight: npt.NDArray[np.int32],
    active: npt.NDArray[np.int32],
    found: int,
) -> None:
    """acc[column[e]] += weight[e] for every entry e of the active rows.

    Arrays:
        acc     int16 or int32[C]  accumulator [LSB]; read, then overwritten
        begin   int32[Q + 1]       row r holds entries begin[r] … begin[r + 1] - 1; read
        column  int32[E]           read
        weight  int32[E]           [LSB]; read
        active  int32[F]           the active rows; read
    """
    for i in range(found):
        r = np.uintp(active[i])
        for e in range(np.uintp(begin[r]), np.uintp(begin[r + np.uintp(1)])):
            acc[np.uintp(column[e])] += weight[e]
