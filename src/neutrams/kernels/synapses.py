"""Synapses of one core in one tick: find the axons that carry a spike, add their weights to the accumulator."""

from typing import Any

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel
from neutrams.kernels.instructions import prefetch

ROWS_AT_A_TIME = 4
"""`add_dense_rows` adds so many rows a pass; fewer passes over the accumulator, and rows enough to hide the loads."""


LINE = 64
"""Weights in one line of the cache, where they take one byte each."""


@kernel
def find_active(
    registers: npt.NDArray[np.uint8],
    slot: int,
    source: npt.NDArray[np.int32],
    first: int,
    last: int,
    active: npt.NDArray[np.int32],
    found: int,
) -> int:
    """Append the axons whose register holds a spike to ``active``; return the new length.

    Arrays:
        registers  uint8[R]  1 where a spike stands, else 0; read from ``slot`` on
        source     int32[A]  register each axon reads, counted from ``slot``; read
        active     int32[F]  overwritten from ``found`` on; F > found + last - first

    Axons ``first`` … ``last`` - 1, in order. Without a branch: every axon is written, the length grows by its spike.
    """
    begin, end = np.uintp(slot), np.uintp(found)  # unsigned: a signed index would be tested for wrapping
    for a in range(np.uintp(first), np.uintp(last)):
        active[end] = a
        end += np.uintp(registers[begin + np.uintp(source[a])])
    return int(np.int64(end))  # int() alone stays unsigned


@kernel
def find_active_run(
    registers: npt.NDArray[np.uint8], slot: int, first: int, last: int, active: npt.NDArray[np.int32], found: int
) -> int:
    """Do what `find_active` does for axons that read one register after another, the first one that at ``slot``."""
    begin, end, axon = np.uintp(slot), np.uintp(found), np.uintp(first)
    for k in range(np.uintp(last - first)):
        active[end] = axon + k
        end += np.uintp(registers[begin + k])
    return int(np.int64(end))


@kernel
def add_dense_rows(
    acc: npt.NDArray[Any],
    weights: npt.NDArray[Any],
    row: npt.NDArray[Any],
    active: npt.NDArray[np.int32],
    found: int,
    columns: int,
) -> None:
    """acc[c] += sum over the active axons of weights[row + c], four rows at a time.

    Arrays:
        acc      int16, 32 or 64[C]     accumulator [LSB]; read, then overwritten
        weights  int8 or int16[W]       rows of weights one after another; read
        row      int32 or int64[A + 1]  where each axon's row begins in ``weights``; last: a row of zeros; read
        active   int32[F]               the active axons; F >= found + 3, entries from ``found`` on are overwritten

    Sums wrap in the type of ``acc``; the caller has chosen it so that the total fits, which makes every order exact.
    The next four rows are brought to the cache meanwhile: each lies elsewhere, so the machine would not foresee them.
    """
    while found % ROWS_AT_A_TIME:
        active[found] = len(row) - 1
        found += 1
    for i in range(0, found, ROWS_AT_A_TIME):
        for k in range(i + ROWS_AT_A_TIME, min(found, i + 2 * ROWS_AT_A_TIME)):
            ahead = np.uintp(row[active[k]])
            for n in range(np.uintp(0), np.uintp(columns), np.uintp(LINE)):
                prefetch(weights, ahead + n)
        a, b = np.uintp(row[active[i]]), np.uintp(row[active[i + 1]])
        c, d = np.uintp(row[active[i + 2]]), np.uintp(row[active[i + 3]])
        for n in range(np.uintp(columns)):
            acc[n] += weights[a + n] + weights[b + n] + weights[c + n] + weights[d + n]


@kernel
def add_listed_rows(
    acc: npt.NDArray[Any],
    begin: npt.NDArray[np.int32],
    column: npt.NDArray[np.int32],
    weight: npt.NDArray[np.int32],
    row: npt.NDArray[Any],
    active: npt.NDArray[np.int32],
    found: int,
) -> None:
    """acc[column[e]] += weight[e] for every entry e of the active axons' rows.

    Arrays:
        acc     int16, 32 or 64[C]     accumulator [LSB]; read, then overwritten
        begin   int32[Q + 1]           row r holds entries begin[r] … begin[r + 1] - 1; read
        column  int32[E]               read
        weight  int32[E]               [LSB]; read
        row     int32 or int64[A + 1]  each axon's row; read
        active  int32[F]               the active axons; read
    """
    one = np.uintp(1)
    for i in range(found):
        r = np.uintp(row[active[i]])
        for e in range(np.uintp(begin[r]), np.uintp(begin[r + one])):
            acc[np.uintp(column[e])] += weight[e]


@kernel
def add_strands(
    acc: npt.NDArray[Any],
    registers: npt.NDArray[np.uint8],
    slot: int,
    register: npt.NDArray[np.int64],
    column: npt.NDArray[np.int64],
    begin: npt.NDArray[np.int64],
    weight: npt.NDArray[np.int16],
    first: int,
    last: int,
) -> None:
    """acc[column + i] += weight[i] * spike of register + i, along strands ``first`` … ``last`` - 1.

    Arrays:
        acc        int16, 32 or 64[C]  accumulator [LSB]; read, then overwritten
        registers  uint8[R]            1 where a spike stands, else 0; read from ``slot`` on
        register   int64[S]            first register of each strand, counted from ``slot``; read
        column     int64[S]            first column; read
        begin      int64[S + 1]        strand s holds weights begin[s] … begin[s + 1] - 1; read
        weight     int16[W]            [LSB], zeros at the end of a strand pad it; read
    """
    for strand in range(first, last):
        w, c, r = np.uintp(begin[strand]), np.uintp(column[strand]), np.uintp(slot + register[strand])
        for i in range(np.uintp(begin[strand + 1]) - w):
            acc[c + i] += weight[w + i] * registers[r + i]
