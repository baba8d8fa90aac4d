"""What a core computes: exact integer products of a weight block, by the cheapest arithmetic that is still exact.

Every partial sum of a column, in any order, is bounded by sum over rows of |w| * max|x|. Below 2^24 float32 holds all of
them exactly, below 2^53 float64 does; so a floating-point matrix product gives the exact integers at full speed,
whatever the order and fusing of its additions. Beyond that, int64.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from neutrams.base.arrays import AnyArray, IntArray

SPARSE_DENSITY = 1 / 16
"""Below this share of nonzero weights a compressed block is faster than a dense product."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Product:
    """acc = block^T x for a batch, ready to run.

    Attributes:
        matrix: The transposed block ``[columns, rows]``, dense or compressed, in the exact type.
        bound: Largest |acc| any input can cause [LSB].
    """

    matrix: AnyArray | scipy.sparse.csr_array
    bound: int

    def __call__(self, x: AnyArray) -> AnyArray:
        """Return the accumulator ``[columns, n]`` of inputs ``[rows, n]``: exact integers in the product's type."""
        return self.matrix @ x.astype(self.matrix.dtype, copy=False)


def exact_type(bound: int) -> np.dtype[np.generic]:
    """Return the cheapest type that holds every integer up to ``bound`` in magnitude exactly."""
    if bound < 1 << 24:
        return np.dtype(np.float32)
    return np.dtype(np.float64) if bound < 1 << 53 else np.dtype(np.int64)


def product(block: AnyArray, limit: IntArray) -> Product:
    """Prepare the product of ``block``.

    Args:
        block: Integer ``[rows, columns]``.
        limit: int64 ``[rows]``, largest |x| of each row [LSB].
    """
    weights = block.astype(np.int64)
    bound = int((np.abs(weights).T @ limit).max(initial=0))
    kind = exact_type(bound)
    if np.count_nonzero(weights) < SPARSE_DENSITY * weights.size:
        return Product(matrix=scipy.sparse.csr_array(weights.T.astype(kind)), bound=bound)
    return Product(matrix=np.ascontiguousarray(weights.T, dtype=kind), bound=bound)
