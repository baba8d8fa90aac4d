"""Tiles of one weight block that run in one tick, as one exact matrix product: what convolutions are full of."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.kernels.grouped import gather
from neutrams.kernels.products import multiply_listed
from neutrams.program import Program
from neutrams.simulator.cores import exact_matrix
from neutrams.simulator.schedule import Schedule

CHUNK_BYTES = 4 << 20
"""Inputs laid out at once: they stay in the caches [byte]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Group:
    """T tiles that hold the same block of A rows and C columns and start in the same tick.

    Attributes:
        tick: Their start tick.
        tiles: int64 ``[T]``.
        matrix: The transposed block ``[C, A]`` in a type that holds every partial sum exactly; listed where sparse.
        source: int64 ``[T, A]``, the register each axon reads.
        first: int64 ``[T]``, the first neuron of each tile.
    """

    tick: int
    tiles: IntArray
    matrix: AnyArray | scipy.sparse.csr_array
    source: IntArray
    first: IntArray

    def sums(self, registers: AnyArray) -> Iterator[tuple[slice, AnyArray, AnyArray]]:
        """Yield (tiles, what their axons read ``[A, tiles * n]``, sums ``[C, tiles * n]``), so many tiles at a time.

        Args:
            registers: float32 or float64 ``[R, n]``, integers [LSB].
        """
        n, axons = registers.shape[1], self.source.shape[1]
        size = max(1, CHUNK_BYTES // (max(1, axons) * n * registers.itemsize))
        for start in range(0, len(self.first), size):
            part = slice(start, min(start + size, len(self.first)))
            rows = np.empty((axons, (part.stop - start) * n), dtype=registers.dtype)
            gather(registers, self.source[part], rows)
            yield part, rows, self._product(rows)

    def _product(self, rows: AnyArray) -> AnyArray:
        matrix = self.matrix
        if isinstance(matrix, np.ndarray):
            result: AnyArray = matrix @ rows.astype(matrix.dtype, copy=False)
            return result
        acc = np.empty((matrix.shape[0], rows.shape[1]), dtype=matrix.dtype)
        begin, row = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)
        multiply_listed(rows, np.arange(len(rows)), begin, row, matrix.data, acc)
        return acc


def groups_of(program: Program, clock: Schedule, limit: IntArray) -> tuple[Group, ...] | None:
    """Return the groups of a program whose samples take one step, in the order of their ticks.

    None where it takes several, where an axon reads a register before it is written, or where sums leave what floats
    hold exactly.

    Args:
        program: The program.
        clock: Its schedule.
        limit: int64 ``[registers]``, the largest magnitude each register can hold [LSB].
    """
    if program.steps > 1 or (clock.offset < 0).any():
        return None
    tiles = program.tiles
    alike: dict[tuple[int, int], list[int]] = {}
    for i in np.lexsort((np.arange(len(tiles)), tiles.start)).tolist():
        alike.setdefault((int(tiles.start[i]), int(tiles.block[i])), []).append(i)
    found = []
    for (tick, block), members in alike.items():
        source = np.stack([clock.register[tiles.axons[i] : tiles.axons[i + 1]] for i in members])
        matrix, _ = exact_matrix(program.blocks[block], limit[source].max(axis=0))
        if matrix.dtype.kind == "i":
            return None
        numbers = np.array(members, dtype=np.int64)
        found.append(Group(tick=tick, tiles=numbers, matrix=matrix, source=source, first=tiles.neurons[numbers]))
    return tuple(found)
