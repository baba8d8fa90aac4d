"""What parts send each other: the flows and trees that placement works on."""

import numpy as np

from neutrams.base.arrays import FloatArray, IntArray, distinct
from neutrams.mapping.clusters.nets import Nets
from neutrams.mapping.flows import Flows


def part_flows(nets: Nets, part: IntArray) -> tuple[Flows, FloatArray]:
    """Return the flows between parts, and float64 ``[flows]``, the spikes of each [1/tick].

    Nets of one part that reach the same other parts are one flow; each part stands for a tile of its own.

    Args:
        nets: The network.
        part: int64 ``[neurons]``, part numbers from 0 without gaps.
    """
    parts, count = int(part.max(initial=-1)) + 1, len(nets.source)
    net = np.repeat(np.arange(count, dtype=np.int64), np.diff(nets.start))
    net, reader = np.divmod(distinct(net * max(parts, 1) + part[nets.target]), max(parts, 1))
    home = part[nets.source]
    away = reader != home[net]
    net, reader = net[away], reader[away]
    first = np.searchsorted(net, np.arange(count + 1))
    sending = np.flatnonzero(np.diff(first)).tolist()
    names = [(int(home[e]), reader[first[e] : first[e + 1]].tobytes()) for e in sending]
    number: dict[tuple[int, bytes], int] = {}
    flow = np.array([number.setdefault(name, len(number)) for name in names], dtype=np.int64)
    readers = [np.frombuffer(name[1], dtype=np.int64) for name in number]
    flows = Flows(
        tile=np.array([name[0] for name in number], dtype=np.int64),
        columns=np.append(0, np.cumsum(np.bincount(flow, minlength=len(number)))),
        column=nets.source[sending][np.argsort(flow, kind="stable")].astype(np.int64),
        readers=np.append(0, np.cumsum([len(r) for r in readers])).astype(np.int64),
        reader=np.concatenate([np.zeros(0, dtype=np.int64), *readers]),
    )
    return flows, np.bincount(flow, weights=nets.weight[sending], minlength=len(number)).astype(np.float64)
