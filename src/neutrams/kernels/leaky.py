"""Leaky and stateless spiking neurons of one core for many samples at once.

Arrays of every kernel here:
    acc         float32, float64 or int64[C, n]  sums, integers, of neuron ``first`` on [LSB]; read
    registers   float32 or float64[R, n]         row a neuron: its output; overwritten
    state       int64[S, neurons, n]             what neurons remember [LSB]; read, then overwritten
    parameters  int64[neurons] each; read

All arithmetic is int64. Registers are at most 32 bits wide, sums below 2^53, exponents below 8: no term leaves it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel

Ints = npt.NDArray[np.int64]


@kernel
def scaled(x: int, decay: int, bits: int) -> int:
    """Return x (2^bits - decay) / 2^bits, rounded towards zero."""
    kept = (abs(x) * ((1 << bits) - decay)) >> bits
    return -kept if x < 0 else kept


@kernel
def leaky_fire(
    acc: npt.NDArray[Any],
    registers: npt.NDArray[Any],
    state: Ints,
    parameters: tuple[Ints, Ints, Ints, Ints, Ints, Ints],
    rule: tuple[int, int, int, bool, bool],
    first: int,
    last: int,
) -> None:
    """Advance leaky integrate-and-fire neurons ``first`` … ``last`` - 1 by one step; states V and R.

    Parameters: leak, threshold, decay, refractory, exponent, reset. Rule (low, high, bits, shifts, soft): while R > 0,
    R falls by one and all else stands still. Else V <- clip(decayed(V) + acc 2^e + leak, low, high), where decayed(V)
    is V - (V >> d) if it shifts, else `scaled`; fire if V >= threshold; then V <- V - threshold (soft) or reset, and
    R <- refractory.
    """
    leak, theta, decay, refractory, exponent, reset = parameters
    low, high, bits, shifts, soft = rule
    for n in range(first, last):
        summed, given, v, waiting = acc[n - first], registers[n], state[0, n], state[1, n]
        for i in range(summed.shape[0]):
            x, rests = v[i], waiting[i]
            left = x - (x >> decay[n]) if shifts else scaled(x, decay[n], bits)
            drive = min(max(left + (np.int64(summed[i]) << exponent[n]) + leak[n], low), high)
            x = x if rests > 0 else drive
            fires = (rests == 0) & (x >= theta[n])  # no branches: samples go side by side in one instruction
            rest = x - theta[n] if soft else reset[n]
            v[i] = rest if fires else x
            waiting[i] = refractory[n] if fires else max(rests - 1, 0)
            given[i] = fires


@kernel
def current_fire(
    acc: npt.NDArray[Any],
    registers: npt.NDArray[Any],
    state: Ints,
    parameters: tuple[Ints, Ints, Ints, Ints, Ints, Ints, Ints],
    rule: tuple[int, int, int, int, int, bool, bool],
    first: int,
    last: int,
) -> None:
    """Advance leaky neurons with a synaptic current by one step; states V, U and R.

    Parameters: leak, threshold, decay of U, decay of V, refractory, exponent, reset. Rule (low, high, least, most,
    bits, soft, late): U <- clip(`scaled` U + acc 2^e, least, most), also while R > 0; V as in `leaky_fire`, with the
    new U, or the one before it (late), for acc.
    """
    leak, theta, current_decay, decay, refractory, exponent, reset = parameters
    low, high, least, most, bits, soft, late = rule
    for n in range(first, last):
        summed, given = acc[n - first], registers[n]
        v, current, waiting = state[0, n], state[1, n], state[2, n]
        for i in range(summed.shape[0]):
            before, rests = current[i], waiting[i]
            u = scaled(before, current_decay[n], bits) + (np.int64(summed[i]) << exponent[n])
            u = min(max(u, least), most)
            current[i] = u
            drive = scaled(v[i], decay[n], bits) + (before if late else u) + leak[n]
            x = v[i] if rests > 0 else min(max(drive, low), high)
            fires = (rests == 0) & (x >= theta[n])
            rest = x - theta[n] if soft else reset[n]
            v[i] = rest if fires else x
            waiting[i] = refractory[n] if fires else max(rests - 1, 0)
            given[i] = fires


@kernel
def leaky_sum(
    acc: npt.NDArray[Any],
    registers: npt.NDArray[Any],
    state: Ints,
    parameters: tuple[Ints, Ints, Ints],
    rule: tuple[int, int, int, bool],
    first: int,
    last: int,
) -> None:
    """Advance leaky integrators by one step; state V, which they give.

    Parameters: leak, decay, exponent. Rule (low, high, bits, shifts): V <- clip(decayed(V) + acc 2^e + leak, low,
    high).
    """
    leak, decay, exponent = parameters
    low, high, bits, shifts = rule
    for n in range(first, last):
        summed, given, v = acc[n - first], registers[n], state[0, n]
        for i in range(summed.shape[0]):
            x = v[i]
            left = x - (x >> decay[n]) if shifts else scaled(x, decay[n], bits)
            x = min(max(left + (np.int64(summed[i]) << exponent[n]) + leak[n], low), high)
            v[i] = x
            given[i] = x


@kernel
def fire_at(
    acc: npt.NDArray[Any],
    registers: npt.NDArray[Any],
    parameters: tuple[Ints, Ints],
    rule: tuple[int, int],
    first: int,
    last: int,
) -> None:
    """Fire where clip(acc + leak, low, high) >= threshold; parameters leak, threshold; rule (low, high)."""
    leak, theta = parameters
    low, high = rule
    for n in range(first, last):
        summed, given = acc[n - first], registers[n]
        for i in range(summed.shape[0]):
            given[i] = min(max(np.int64(summed[i]) + leak[n], low), high) >= theta[n]
