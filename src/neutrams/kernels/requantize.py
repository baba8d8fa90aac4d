"""The ANN neurons of one core for many samples at once."""

from typing import Any

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel

Ints = npt.NDArray[np.int64]


@kernel
def requantize_one(
    summed: npt.NDArray[Any],
    given: npt.NDArray[Any],
    parameters: tuple[Ints, ...],
    lookup: tuple[Ints, Ints],
    n: int,
    width: tuple[int, int],
) -> None:
    """Give the outputs of neuron ``n``.

    Arrays:
        summed      float32, float64 or int64[samples]  its sums, integers [LSB]; read
        given       float32 or float64[samples]         its outputs [LSB]; overwritten
        parameters  bias, multiplier, shift, low, high: int64[N] each; read
        lookup      int64[N], the table of each neuron or -1; tables int64[K, entries]; read

    Rule: y = clip((clip(acc + bias, *width) * multiplier + 2^(shift - 1)) >> shift, low, high), in int64; the shift
    rounds towards minus infinity. The chip's register widths keep every term within int64. A neuron with a table gives
    tables[table, y - low]; the caller has checked that high - low < entries.
    """
    bias, multiplier, shift, low, high = parameters
    table, tables = lookup
    least, most = width
    b, m, s, lo, hi = bias[n], multiplier[n], shift[n], low[n], high[n]
    half = np.int64(1) << (s - 1)
    for i in range(summed.shape[0]):
        total = min(max(np.int64(summed[i]) + b, least), most)
        given[i] = min(max((total * m + half) >> s, lo), hi)
    if table[n] >= 0:
        row = tables[table[n]]
        for i in range(summed.shape[0]):
            given[i] = row[np.int64(given[i]) - lo]


@kernel
def requantize(
    acc: npt.NDArray[Any],
    registers: npt.NDArray[Any],
    parameters: tuple[Ints, ...],
    lookup: tuple[Ints, Ints],
    first: int,
    last: int,
    width: tuple[int, int],
) -> None:
    """Give the outputs of neurons ``first`` … ``last`` - 1 by `requantize_one`.

    Arrays:
        acc        float32, float64 or int64[C, n]  sums, integers, of neuron ``first`` on [LSB]; read
        registers  float32 or float64[R, n]         row a neuron: its output [LSB]; overwritten
    """
    for n in range(first, last):
        requantize_one(acc[n - first], registers[n], parameters, lookup, n, width)
