"""Choose the neurons a spike raster shows: some of every layer, layers in order of depth."""

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.program import Program
from neutrams.report.data import Raster
from neutrams.report.layout import neuron_tiles

MOST_NEURONS = 400
LEAST_A_LAYER = 10


def raster_of(program: Program, spikes: AnyArray) -> Raster:
    """Return the raster of a few hundred neurons.

    Args:
        program: The program that ran.
        spikes: bool ``[ticks, neurons]``.
    """
    bands, rows = choose_rows(program)
    shown = np.asarray(spikes, dtype=bool)[:, rows]
    return Raster(
        ticks=len(shown),
        neurons=len(rows),
        of=len(program.neurons),
        spikes=tuple((tick, row) for tick, row in np.argwhere(shown).tolist()),
        bands=bands,
    )


def choose_rows(program: Program) -> tuple[tuple[tuple[str, int, int], ...], IntArray]:
    """Return (name, first row, rows) of each layer, and int64 ``[rows]``: the neuron each row shows."""
    starts = program.tiles.start[neuron_tiles(program)]
    layers: dict[str, list[IntArray]] = {}
    by_origin = np.argsort(program.neurons.origin, kind="stable")
    ends = np.cumsum(np.bincount(program.neurons.origin, minlength=len(program.origins)))
    for name, members in zip(program.origins, np.split(by_origin, ends[:-1]), strict=True):
        if len(members):
            layers.setdefault(name.split(" [")[0], []).append(members)
    joined = {name: np.sort(np.concatenate(parts)) for name, parts in layers.items()}
    ordered = sorted(joined.items(), key=lambda item: int(starts[item[1]].min()))
    bands: list[tuple[str, int, int]] = []
    rows: list[IntArray] = []
    first = 0
    for name, members in ordered:
        taken = members[_even(len(members), min(_quota(len(members), len(starts)), MOST_NEURONS - first))]
        if len(taken):
            bands.append((name, first, len(taken)))
            rows.append(taken)
            first += len(taken)
    return tuple(bands), np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)


def _quota(members: int, neurons: int) -> int:
    if neurons <= MOST_NEURONS:
        return members
    return max(int(0.9 * MOST_NEURONS * members / neurons), min(members, LEAST_A_LAYER))


def _even(members: int, quota: int) -> IntArray:
    """Return ``quota`` places, evenly spread over ``members``."""
    quota = max(min(members, quota), 0)
    return np.arange(quota, dtype=np.int64) * members // max(quota, 1)
