"""Event lists (address-event representation) as the spike arrays a network takes."""

from collections.abc import Mapping
from math import prod

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.errors import InputError

EVENTS, SAMPLES, DT = ".events", ".samples", ".dt"
"""What follows the name of an input in the names of its event list, its number of samples, and the time of a step."""

LARGEST = 2**63 - 1
"""Largest sample, time, address, or time of a step: what int64 holds."""


def has_events(arrays: Mapping[str, AnyArray], name: str) -> bool:
    """Whether input ``name`` is given as an event list."""
    return name + EVENTS in arrays


def spike_array(arrays: Mapping[str, AnyArray], name: str, shape: tuple[int, ...]) -> AnyArray:
    """Return the event list of input ``name`` as the number of spikes in each place and step, float32 ``[N, *shape]``.

    Args:
        arrays: ``NAME.events``, whole numbers ``[E, 3]``, a row each: sample, time, address; in any order. An address
            counts the elements of a step in C order. ``NAME.samples``, N, is the last sample named + 1 if left out;
            ``NAME.dt``, how long a step is in units of the times, is 1.
        name: Of the input.
        shape: Of a sample, steps first: ``[T, C, ...]``.

    Raises:
        InputError: An array has another form, or an event is outside of the network's input.
    """
    where = f"input {name + EVENTS!r}"
    events = arrays[name + EVENTS]
    if events.ndim != 2 or events.shape[1] != 3 or events.dtype.kind not in "iu":
        raise InputError(
            f"it has shape {events.shape} and type {events.dtype}",
            where=where,
            fix="give whole numbers [E, 3], a row for each event: sample, time, address",
        )
    if not shape:
        raise InputError("the network takes one number, no steps", where=where, fix=f"give it as {name!r}")
    beyond = np.flatnonzero((events > LARGEST).any(axis=1))
    if len(beyond):
        raise InputError(
            f"event {beyond[0]} is {events[beyond[0]].tolist()}, numbers go to {LARGEST}",
            where=where,
            fix="count samples, times and addresses from 0",
        )
    sample, time, address = events.astype(np.int64).T
    step = time // _whole(arrays, name + DT, 1)
    n = _whole(arrays, name + SAMPLES, int(sample.max(initial=-1)) + 1)
    places = prod(shape[1:])
    for what, values, end in (("sample", sample, n), ("step", step, shape[0]), ("address", address, places)):
        wrong = np.flatnonzero((values < 0) | (values >= end))
        if len(wrong):
            raise InputError(
                f"event {wrong[0]} has {what} {values[wrong[0]]}, there are {end}",
                where=where,
                fix=f"leave out events outside of it; a sample of {name!r} has shape {shape}, steps first",
            )
    return _counted((sample, step, address), n, shape, where)


def _counted(rows: tuple[IntArray, IntArray, IntArray], n: int, shape: tuple[int, ...], where: str) -> AnyArray:
    """Return how often each place of ``[n, *shape]`` is named, float32."""
    sample, step, address = rows
    places, total = prod(shape[1:]), n * prod(shape)
    try:
        if total > LARGEST // 8:  # int64 counts: no array has as many bytes
            raise MemoryError
        counts = np.bincount((sample * shape[0] + step) * places + address, minlength=total)
        return counts.reshape(n, *shape).astype(np.float32)
    except MemoryError:
        raise InputError(
            f"{n} samples of shape {shape} are {total} numbers, more than memory holds",
            where=where,
            fix="number the samples from 0 without gaps, and give fewer at a time",
        ) from None


def _whole(arrays: Mapping[str, AnyArray], name: str, default: int) -> int:
    if name not in arrays:
        return default
    given = arrays[name]
    if given.size != 1 or given.dtype.kind not in "iu" or not 1 <= given.item() <= LARGEST:
        fix = f"give one whole number from 1 to {LARGEST}"
        raise InputError(f"it is {given.tolist()}", where=f"input {name!r}", fix=fix)
    return int(given.item())
