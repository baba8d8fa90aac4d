"""What a core computes: exact integer products of a weight block, by the cheapest arithmetic that is still exact.

Every partial sum of a column, in any order, is bounded by sum over rows of |w| * max|x|. Below 2^24 float32 holds all
of them exactly, below 2^53 float64 does; so a floating-point product gives the exact integers at full speed, whatever
the order and fusing of its additions. Beyond that, int64.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.kernels.products import multiply_dense, multiply_listed

SPARSE_DENSITY = 1 / 16
"""Below this share of nonzero weights listing them is faster than a dense product."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Product:
    """acc = block^T x for a batch, ready to run.

    Attributes:
        matrix: The transposed block ``[columns, rows]`` in the exact type: listed, or dense with rows and columns
            padded to multiples of 4 (int64: not padded).
        columns: Columns of the block [count].
        bound: Largest |acc| any input can cause [LSB].
    """

    matrix: AnyArray | scipy.sparse.csr_array
    columns: int
    bound: int

    def __call__(self, registers: AnyArray, source: IntArray) -> AnyArray:
        """Return the accumulator ``[columns, n]``, exact integers in the product's type.

        Args:
            registers: float32 or float64 ``[registers, n]``, integers [LSB].
            source: int64 ``[rows]``, the register each row reads.
        """
        matrix = self.matrix
        acc = np.empty((matrix.shape[0], registers.shape[1]), dtype=matrix.dtype)
        if not isinstance(matrix, np.ndarray):
            multiply_listed(registers, source, _long(matrix.indptr), _long(matrix.indices), matrix.data, acc)
        elif matrix.dtype.kind == "i":
            acc = matrix @ registers[source].astype(np.int64)
        else:
            padding = np.full(matrix.shape[1] - len(source), source[0] if len(source) else 0)
            multiply_dense(registers, np.concatenate([source, padding]), matrix, acc)
        return acc[: self.columns]


def _long(array: AnyArray) -> IntArray:
    return array.astype(np.int64, copy=False)


def exact_type(bound: int) -> np.dtype[np.generic]:
    """Return the cheapest type that holds every integer up to ``bound`` in magnitude exactly."""
    if bound < 1 << 24:
        return np.dtype(np.float32)
    return np.dtype(np.float64) if bound < 1 << 53 else np.dtype(np.int64)


def exact_matrix(block: AnyArray, limit: IntArray) -> tuple[AnyArray | scipy.sparse.csr_array, int]:
    """Return the transposed block in a type with exact products, listed where it is sparse, and their bound.

    Args:
        block: Integer ``[rows, columns]``.
        limit: int64 ``[rows]``, largest |x| of each row [LSB].
    """
    weights = block.astype(np.int64)
    bound = int((np.abs(weights).T @ limit).max(initial=0))
    kind = exact_type(bound)
    if kind.kind != "i" and (np.count_nonzero(weights) < SPARSE_DENSITY * weights.size or not weights.size):
        return scipy.sparse.csr_array(weights.T.astype(kind)), bound
    return np.ascontiguousarray(weights.T.astype(kind)), bound


def product(block: AnyArray, limit: IntArray) -> Product:
    """Prepare the product of ``block``, as `exact_matrix` takes it."""
    matrix, bound = exact_matrix(block, limit)
    rows, columns = block.shape
    if isinstance(matrix, np.ndarray) and matrix.dtype.kind == "f":
        matrix = np.pad(matrix, ((0, -columns % 4), (0, -rows % 4)))
    return Product(matrix=matrix, columns=columns, bound=bound)
