"""Who sends how much to whom: the weights that placement and its figures use."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.base.errors import InputError
from neutrams.mapping.fan_out import Wiring
from neutrams.mapping.flows import Flows
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
            values = np.asarray(given[name], dtype=np.float64).reshape(-1)
            if values.shape != (count,) or not np.isfinite(values).all() or (values < 0).any():
                raise InputError(
                    f"activity has shape {values.shape} or a negative or infinite value; wanted are {count} means",
                    where=f"mapping, activity of {name!r}",
                    fix="give one mean number of words or spikes a sample for each neuron",
                )
            result[first : first + count] = values
    return result


def core_traffic(flows: Flows, bundle: IntArray, amounts: FloatArray) -> tuple[IntArray, IntArray]:
    """Return int64 ``[2, pairs]`` (sender, reader), bundles, each pair once, and their int64 traffic (x `SCALE`).

    A neuron sends one flit to a core however many of its axons read it.

    Args:
        flows: The flows.
        bundle: int64 ``[tiles]``, which tiles share a core.
        amounts: float64 ``[flows]``, words or spikes a sample of each.
    """
    flow = np.repeat(np.arange(len(flows), dtype=np.int64), np.diff(flows.readers))
    inner = flows.tile[flow] >= 0
    flow, to = flow[inner], flows.reader[inner]
    start = bundle[flows.tile[flow]]
    apart = start != to
    n = int(bundle.max()) + 1
    pairs, index = np.unique(start[apart] * n + to[apart], return_inverse=True)
    weights = np.zeros(len(pairs), dtype=np.int64)
    np.add.at(weights, index, whole_traffic(amounts[flow[apart]]))
    return np.stack(np.divmod(pairs, n)), weights


def flow_amounts(flows: Flows, wiring: Wiring, activity: FloatArray) -> FloatArray:
    """float64 ``[flows]``: words or spikes a sample that each flow carries."""
    first = np.cumsum([0, *(len(tile.signals) for tile in wiring.tiles[:-1])])
    signal = np.concatenate([tile.signals for tile in wiring.tiles])
    tile = np.repeat(flows.tile, np.diff(flows.columns))
    carried = np.where(tile < 0, flows.column, signal[np.where(tile < 0, 0, first[tile] + flows.column)])
    return np.add.reduceat(activity[carried], flows.columns[:-1])


class TreeTraffic(NamedTuple):
    """What multicast trees carry between bundles of tiles; input channels and what stays at its core left out.

    Attributes:
        root: int64 ``[trees]``, the sending bundle.
        first: int64 ``[trees + 1]``, its readers are entries ``first[i]:first[i+1]`` of ``end``.
        end: int64, the reading bundles.
        amount: int64 ``[trees]``, traffic (x `SCALE`).
    """

    root: IntArray
    first: IntArray
    end: IntArray
    amount: IntArray


def tree_traffic(flows: Flows, bundle: IntArray, amounts: FloatArray) -> TreeTraffic:
    """Return the trees of all flows; arguments as of `core_traffic`."""
    flow = np.repeat(np.arange(len(flows), dtype=np.int64), np.diff(flows.readers))
    root = np.where(flows.tile < 0, -1, bundle[np.maximum(flows.tile, 0)])
    apart = (root[flow] >= 0) & (root[flow] != flows.reader)
    used, place = np.unique(flow[apart], return_inverse=True)
    return TreeTraffic(
        root=root[used],
        first=np.append(0, np.cumsum(np.bincount(place, minlength=len(used)))),
        end=flows.reader[apart],
        amount=whole_traffic(amounts[used]),
    )


def whole_traffic(amounts: FloatArray) -> IntArray:
    """Words or spikes a sample as whole numbers: x `SCALE`, 1 and above."""
    return np.maximum(1, np.rint(amounts * SCALE)).astype(np.int64)


def neighbours(tiles: int, pairs: IntArray, weights: IntArray) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Return (start, other, weight) of the undirected traffic graph, as `kernels.placement` takes it.

    The neighbours of a tile come by falling traffic; the two directions between two tiles count together.
    """
    low, high = pairs.min(axis=0), pairs.max(axis=0)
    both, place = np.unique(low * tiles + high, return_inverse=True)
    weight = np.zeros(len(both), dtype=np.int64)
    np.add.at(weight, place, weights)
    low, high = np.divmod(both, tiles)
    source, other, weight = np.concatenate([low, high]), np.concatenate([high, low]), np.concatenate([weight, weight])
    order = np.lexsort((other, -weight, source))
    start = np.searchsorted(source[order], np.arange(tiles + 1))
    return start.astype(np.int64), other[order].astype(np.int64), weight[order]
