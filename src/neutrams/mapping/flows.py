"""Flows: all neurons of a tile that reach the same cores, sent as one."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.mapping.fan_out import Wiring


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flows:
    """All flows, by tile; those of the input channels first.

    Attributes:
        tile: int64 ``[flows]``, the sending tile; -1: input channels.
        columns: int64 ``[flows + 1]``, its neurons (or channels) are rows ``columns[i]:columns[i+1]`` of ``column``.
        column: int64, neuron of the tile, or number of the channel.
        readers: int64 ``[flows + 1]``, its readers are rows ``readers[i]:readers[i+1]`` of ``reader``.
        reader: int64, the bundles of tiles it reaches; a bundle shares a core.
    """

    tile: IntArray
    columns: IntArray
    column: IntArray
    readers: IntArray
    reader: IntArray

    def __len__(self) -> int:
        return len(self.tile)


def find_flows(wiring: Wiring, bundle: IntArray) -> Flows:
    """Return the flows.

    Args:
        wiring: Who reads whom.
        bundle: int64 ``[tiles]``, which tiles share a core.
    """
    inner = wiring.feed_tile >= 0
    channels = int(wiring.feed_column[~inner].max(initial=-1)) + 1
    first = channels + np.cumsum([0, *(len(tile.signals) for tile in wiring.tiles)])
    sender = np.where(inner, first[wiring.feed_tile] + wiring.feed_column, wiring.feed_column)
    n = int(bundle.max()) + 1
    pairs = np.sort(sender * n + bundle[wiring.reader])
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    sender, reader = np.divmod(pairs, n)
    starts = np.flatnonzero(np.diff(sender, prepend=-1))
    ends = np.append(starts[1:], len(sender))
    sender = sender[starts]
    tile = np.searchsorted(first, sender, side="right") - 1
    raw, width = reader.tobytes(), reader.itemsize
    index: dict[tuple[int, bytes], int] = {}
    spans = zip(tile.tolist(), (starts * width).tolist(), (ends * width).tolist(), strict=True)
    flow = np.array([index.setdefault((t, raw[a:b]), len(index)) for t, a, b in spans], dtype=np.int64)
    _, leader = np.unique(flow, return_index=True)
    order = np.argsort(flow, kind="stable")
    length = (ends - starts)[leader]
    readers = np.append(0, np.cumsum(length))
    take = np.repeat(starts[leader] - readers[:-1], length) + np.arange(readers[-1])
    return Flows(
        tile=tile[leader],
        columns=np.append(0, np.cumsum(np.bincount(flow))),
        column=(sender - np.where(tile < 0, 0, first[tile]))[order],
        readers=readers,
        reader=reader[take],
    )
