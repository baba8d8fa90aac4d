"""The integrate-and-fire neurons of one core in one tick."""

from typing import Any

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel


@kernel
def integrate_and_fire(
    v: npt.NDArray[Any],
    drive: npt.NDArray[Any],
    theta: npt.NDArray[Any],
    acc: npt.NDArray[Any],
    registers: npt.NDArray[np.uint8],
    counts: npt.NDArray[np.int32],
    first: int,
    last: int,
    slot: int,
    rule: tuple[int, int, bool],
) -> None:
    """Advance neurons ``first`` … ``last`` - 1 by one tick, in place, and clear their accumulators.

    Arrays:
        v          int32 or int64[N]  membrane potential [LSB]; read, then overwritten
        drive      same type[N]       leak plus constant input currents [LSB]; read
        theta      same type[N]       threshold [LSB]; read
        acc        int16, 32, 64[C]   input summed over this tick, of neuron ``first`` on [LSB]; read, then set to 0
        registers  uint8[R]           from ``slot`` on, a neuron each: 1 where v reached the threshold; overwritten
        counts     int32[N]           spikes so far; read, then overwritten

    Rule: v <- min(max(v + drive + acc, low), high); fire if v >= theta; then v <- v - theta (soft) or 0, where
    (low, high, soft) = ``rule``. The caller has chosen the type of ``v`` so that no sum leaves it.
    """
    word = v.dtype.type
    low, high, soft = word(rule[0]), word(rule[1]), rule[2]
    begin, into = np.uintp(first), np.uintp(slot + first)
    for c in range(np.uintp(last - first)):
        n = begin + c
        x = word(v[n] + drive[n] + acc[c])
        x = min(max(x, low), high)
        fires = x >= theta[n]
        rest = word(x - theta[n]) if soft else word(0)
        v[n] = rest if fires else x
        registers[into + c] = fires
        counts[n] += fires
        acc[c] = 0
