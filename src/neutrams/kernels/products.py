"""Products of a weight block with many samples at once: feature-major, the vector loops run over the samples.

Why not BLAS: its own threads spin and wait for one another, which costs many times the work when the cores are shared;
these loops run one to a thread, on parts that stay in the cache, at more than half the speed of BLAS on one core.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel


@kernel
def multiply_dense(
    registers: npt.NDArray[Any], source: npt.NDArray[np.int64], weights: npt.NDArray[Any], acc: npt.NDArray[Any]
) -> None:
    """acc[c, i] = sum over r of weights[c, r] * registers[source[r], i].

    Arrays:
        registers  float32 or float64[R, n]   integers; read
        source     int64[A]                   register each row reads, A a multiple of 4; read
        weights    float32 or float64[C, A]   integers, C a multiple of 4; read
        acc        type of weights[C, n]      overwritten

    Four rows and four columns at a time. The caller has chosen the type so that it holds every partial sum exactly; so
    neither order nor fused additions change a bit.
    """
    acc[:] = 0
    for c in range(0, weights.shape[0], 4):
        for r in range(0, weights.shape[1], 4):
            w00, w01, w02, w03 = weights[c, r], weights[c, r + 1], weights[c, r + 2], weights[c, r + 3]
            w10, w11, w12, w13 = weights[c + 1, r], weights[c + 1, r + 1], weights[c + 1, r + 2], weights[c + 1, r + 3]
            w20, w21, w22, w23 = weights[c + 2, r], weights[c + 2, r + 1], weights[c + 2, r + 2], weights[c + 2, r + 3]
            w30, w31, w32, w33 = weights[c + 3, r], weights[c + 3, r + 1], weights[c + 3, r + 2], weights[c + 3, r + 3]
            x0, x1 = registers[source[r]], registers[source[r + 1]]
            x2, x3 = registers[source[r + 2]], registers[source[r + 3]]
            a0, a1, a2, a3 = acc[c], acc[c + 1], acc[c + 2], acc[c + 3]
            for i in range(acc.shape[1]):
                a0[i] += w00 * x0[i] + w01 * x1[i] + w02 * x2[i] + w03 * x3[i]
                a1[i] += w10 * x0[i] + w11 * x1[i] + w12 * x2[i] + w13 * x3[i]
                a2[i] += w20 * x0[i] + w21 * x1[i] + w22 * x2[i] + w23 * x3[i]
                a3[i] += w30 * x0[i] + w31 * x1[i] + w32 * x2[i] + w33 * x3[i]


@kernel
def multiply_listed(
    registers: npt.NDArray[Any],
    source: npt.NDArray[np.int64],
    begin: npt.NDArray[np.int64],
    row: npt.NDArray[np.int64],
    weight: npt.NDArray[Any],
    acc: npt.NDArray[Any],
) -> None:
    """acc[c, i] = sum over entries e of column c of weight[e] * registers[source[row[e]], i].

    Arrays:
        registers  float32 or float64[R, n]  integers; read
        source     int64[A]                  register each row reads; read
        begin      int64[C + 1]              column c holds entries begin[c] … begin[c + 1] - 1; read
        row        int64[E]                  read
        weight     float32 or float64[E]     integers; read
        acc        type of weight[C, n]      overwritten; exact as in `multiply_dense`
    """
    acc[:] = 0
    for c in range(begin.shape[0] - 1):
        a = acc[c]
        for e in range(begin[c], begin[c + 1]):
            x, w = registers[source[row[e]]], weight[e]
            for i in range(acc.shape[1]):
                a[i] += w * x[i]
