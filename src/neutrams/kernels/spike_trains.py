"""Spike trains of many independent integrate-and-fire neurons over all steps of a batch."""

from typing import Any

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel


@kernel
def spike_trains(
    acc: npt.NDArray[Any],
    leak: npt.NDArray[Any],
    theta: npt.NDArray[Any],
    v: npt.NDArray[Any],
    fired: npt.NDArray[np.uint8],
    rule: tuple[float, float, bool],
) -> None:
    """Advance N samples of n neurons through T steps, in place.

    Arrays:
        acc    float32 or float64[T or 1, N, n]  input summed over a step [LSB]; read
        leak   same type[n]                      added every step [LSB]; read
        theta  same type[n]                      threshold [LSB]; read
        v      same type[N, n]                   potential [LSB]; read, then overwritten
        fired  uint8[T, N, n]                    1 where v reached the threshold; overwritten

    Rule: v <- min(max(v + acc + leak, low), high); fire if v >= theta; then v <- v - theta (soft) or 0, where
    (low, high, soft) = ``rule``. All values are integers; the caller has chosen the type so that every sum is exact.
    """
    word = v.dtype.type
    low, high, soft = word(rule[0]), word(rule[1]), rule[2]
    constant = acc.shape[0] == 1
    for t in range(fired.shape[0]):
        for s in range(v.shape[0]):
            given, state, out = acc[0 if constant else t, s], v[s], fired[t, s]
            for j in range(theta.shape[0]):
                x = min(max(state[j] + (given[j] + leak[j]), low), high)
                fires = x >= theta[j]
                rest = x - theta[j] if soft else word(0)
                state[j] = rest if fires else x
                out[j] = fires
