"""Many tiles of one weight block at once: gather what their axons read, and apply their neurons' rule."""

from typing import Any

import numpy.typing as npt

from neutrams.kernels.compiled import kernel
from neutrams.kernels.requantize import Ints, requantize_one


@kernel
def gather(registers: npt.NDArray[Any], source: Ints, rows: npt.NDArray[Any]) -> None:
    """Lay out the inputs of T tiles side by side.

    Arrays:
        registers  float32 or float64[R, n]      read
        source     int64[T, A]                   register that each axon of each tile reads; read
        rows       type of registers[A, T * n]   overwritten
    """
    n = registers.shape[1]
    for a in range(source.shape[1]):
        row = rows[a]
        for t in range(source.shape[0]):
            given = registers[source[t, a]]
            for i in range(n):
                row[t * n + i] = given[i]


@kernel
def requantize_tiles(
    acc: npt.NDArray[Any],
    registers: npt.NDArray[Any],
    parameters: tuple[Ints, ...],
    lookup: tuple[Ints, Ints],
    first: Ints,
    width: tuple[int, int],
) -> None:
    """Give the outputs of the C neurons of each of T tiles by `kernels.requantize.requantize_one`.

    Arrays:
        acc        float32 or float64[C, T * n]  sums, integers [LSB]; read
        registers  float32 or float64[R, n]      row a neuron: its output [LSB]; overwritten
        first      int64[T]                      first neuron of each tile; read
    """
    n = registers.shape[1]
    for t in range(first.shape[0]):
        for c in range(acc.shape[0]):
            k = first[t] + c
            requantize_one(acc[c, t * n : (t + 1) * n], registers[k], parameters, lookup, k, width)
