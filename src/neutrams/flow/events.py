"""Event lists (address-event representation) as the spike arrays a network takes."""

from collections.abc import Mapping
from math import prod

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.errors import InputError

EVENTS, SAMPLES, DT = ".events", ".samples", ".dt"
"""What follows the name of an input in the names of its event list, its number of samples, and the time of a step."""


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
    flat: IntArray = (sample * shape[0] + step) * places + address
    counts = np.bincount(flat, minlength=n * shape[0] * places)
    return counts.reshape(n, *shape).astype(np.float32)


def _whole(arrays: Mapping[str, AnyArray], name: str, default: int) -> int:
    if name not in arrays:
        return default
    given = arrays[name]
    if given.size != 1 or given.dtype.kind not in "iu" or given.item() < 1:
        raise InputError(f"it is {given.tolist()}", where=f"input {name!r}", fix="give one whole number from 1 on")
    return int(given.item())
