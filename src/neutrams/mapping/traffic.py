"""Who sends how much to whom: the weights that placement and its figures use."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.base.errors import InputError
from neutrams.mapping.fan_out import Wiring
from neutrams.mapping.units import Units

SCALE = 1024
"""Integer traffic per word or spike a sample, so that sums are the same on every machine."""


def signal_activity(units: Units, activity: Mapping[str, FloatArray] | None) -> FloatArray:
    """float64 ``[signals]``: mean words or spikes a sample, by default one a step.

    Raises:
        InputError: An array has the wrong length or an impossible value.
    """
    given = activity or {}
    result = np.full(units.signals, float(units.steps))
    places = [(port.encode.name, port.first, int((port.element >= 0).sum())) for port in units.ports]
    places += [(unit.neuron.name, unit.first, len(unit)) for unit in units.units]
    for name, first, count in places:
        if name in given:
            values = np.asarray(given[name], dtype=np.float64)
            if values.shape != (count,) or not np.isfinite(values).all() or (values < 0).any():
                raise InputError(
                    f"activity has shape {values.shape} or a negative or infinite value; wanted are {count} means",
                    where=f"mapping, activity of {name!r}",
                    fix="give one mean number of words or spikes a sample for each neuron",
                )
            result[first : first + count] = values
    return result


def tile_traffic(wiring: Wiring, activity: FloatArray) -> tuple[IntArray, IntArray]:
    """Return int64 ``[2, pairs]`` (sending tile, reading tile), each pair once, and their int64 traffic (x `SCALE`).

    A neuron sends one flit to a tile however many of its axons read it.
    """
    inner = wiring.feed_tile >= 0
    each = np.stack([wiring.feed_tile, wiring.feed_column, wiring.reader, wiring.signal])[:, inner]
    each = np.unique(each, axis=1)
    pairs, index = np.unique(each[[0, 2]], axis=1, return_inverse=True)
    weights = np.zeros(pairs.shape[1], dtype=np.int64)
    np.add.at(weights, index.reshape(-1), np.maximum(1, np.rint(activity[each[3]] * SCALE)).astype(np.int64))
    return pairs, weights


def neighbours(tiles: int, pairs: IntArray, weights: IntArray) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Return (start, other, weight) of the undirected traffic graph, as `kernels.placement` takes it."""
    source = np.concatenate([pairs[0], pairs[1]])
    order = np.argsort(source, kind="stable")
    other = np.concatenate([pairs[1], pairs[0]])[order]
    start = np.searchsorted(source[order], np.arange(tiles + 1))
    return start.astype(np.int64), other.astype(np.int64), np.concatenate([weights, weights])[order]
