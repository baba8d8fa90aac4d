"""Packets to be sent over the network."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

from neutrams.base.arrays import IntArray, frozen
from neutrams.base.errors import InputError
from neutrams.simulator.noc.multicast import Trees

MOST_PACKETS = (1 << 30) - 1
"""A flit is stored with its packet + 1 in 30 bits."""

ALONE = -1
"""Tree of a packet that goes to one node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketTable:
    """M packets in the order of their creation.

    Packets may come in *waves*: the next one begins when the one before has arrived and the network is as it was at the
    beginning, arbiters included; cycles count from there.

    Attributes:
        source: int64[M], node it starts from.
        target: int64[M], node it goes to, may be the same; of no account for a packet with a tree.
        flits: int64[M], its length, at least 1 [flit].
        created: int64[M], cycle of its wave from which on it waits at its source, ascending in a wave [cycle].
        path: int64[M], which table of routes it takes; of no account for a packet with a tree.
        tree: int64[M], which of ``trees`` it takes to several nodes, -1 for none.
        trees: Trees of the topology the packets are for; None if there are none.
        wave: int64[M], ascending; all of one wave if not given.
        first_arrival: int64[M + 1], place of each packet's first target among those of all packets; found by itself.

    Raises:
        InputError: Lengths differ, or values are outside their ranges.
    """

    source: IntArray
    target: IntArray
    flits: IntArray
    created: IntArray
    path: IntArray
    tree: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    trees: Trees | None = None
    wave: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    first_arrival: IntArray = field(init=False)

    def __post_init__(self) -> None:
        if self.wave.size == 0:
            object.__setattr__(self, "wave", np.zeros(len(self.source), dtype=np.int64))
        if self.trees is None and self.tree.size == 0:
            object.__setattr__(self, "tree", np.full(len(self.source), ALONE))
        for name in ("source", "target", "flits", "created", "path", "tree", "wave"):
            array = np.asarray(getattr(self, name))
            if array.shape != (len(self.source),) or not (array.size == 0 or np.issubdtype(array.dtype, np.integer)):
                raise InputError(
                    f"{name} is {array.dtype}{list(array.shape)}, wanted are {len(self.source)} integers",
                    where=f"PacketTable.{name}",
                    fix="give arrays of whole numbers of one length",
                )
            object.__setattr__(self, name, frozen(array.astype(np.int64)))
        self._check_values()
        self._check_trees()
        object.__setattr__(self, "first_arrival", frozen(self._first_arrival()))

    def _check_trees(self) -> None:
        count = 0 if self.trees is None else len(self.trees)
        if len(self) and not ALONE <= self.tree.min() <= self.tree.max() < count:
            raise InputError(
                f"packets have trees {self.tree.min()} to {self.tree.max()}, there are {count}",
                where="PacketTable.tree",
                fix="give trees from 0, or -1 for a packet to one node",
            )
        mine = self.tree >= 0
        if self.trees is not None and (self.source[mine] != self.trees.source[self.tree[mine]]).any():
            raise InputError(
                "a packet starts from another node than its tree",
                where="PacketTable.source",
                fix="use PacketTable.along, or a tree from that node",
            )

    def _check_values(self) -> None:
        if len(self) == 0:
            return
        if len(self) > MOST_PACKETS:
            raise InputError(
                f"there are {len(self)} packets, at most {MOST_PACKETS} go in one run",
                where="PacketTable",
                fix="split the traffic in time",
            )
        low = min(int(array.min()) for array in (self.source, self.target, self.created, self.path, self.flits - 1))
        new = np.diff(self.wave)
        if low < 0 or (new < 0).any() or (np.diff(self.created)[new == 0] < 0).any():
            raise InputError(
                "packets have indices or cycles below 0, fewer than 1 flit, or are not in the order of creation",
                where="PacketTable",
                fix="use PacketTable.of, which sorts them, with indices from 0 and at least 1 flit",
            )

    def __len__(self) -> int:
        return len(self.source)

    def _first_arrival(self) -> IntArray:
        if self.trees is None:
            return np.arange(len(self) + 1)
        sizes, mine = np.ones(len(self), dtype=np.int64), self.tree >= 0
        sizes[mine] = self.trees.sizes[self.tree[mine]]
        return np.concatenate([[0], np.cumsum(sizes)])

    @classmethod
    def along(
        cls,
        trees: Trees,
        tree: npt.ArrayLike,
        *,
        flits: npt.ArrayLike = 1,
        created: npt.ArrayLike = 0,
        wave: npt.ArrayLike = 0,
    ) -> Self:
        """Return packets that each take a tree to all its targets, sorted as by `of`."""
        tree, flits, created, wave = _sorted(np.broadcast_arrays(np.atleast_1d(tree), flits, created, wave))
        source, none = trees.source[tree], np.zeros(len(tree), dtype=np.int64)
        columns = {"flits": flits, "created": created, "tree": tree, "wave": wave}
        return cls(source=source, target=none, path=none, trees=trees, **columns)

    @classmethod
    def of(
        cls,
        source: npt.ArrayLike,
        target: npt.ArrayLike,
        *,
        flits: npt.ArrayLike = 1,
        created: npt.ArrayLike = 0,
        path: npt.ArrayLike = 0,
        wave: npt.ArrayLike = 0,
    ) -> Self:
        """Return packets sorted by wave and cycle of creation, else in the given order; scalars hold for all."""
        arrays = np.broadcast_arrays(np.atleast_1d(source), target, flits, path, created, wave)
        source, target, flits, path, created, wave = _sorted(arrays)
        return cls(source=source, target=target, flits=flits, created=created, path=path, wave=wave)


def _sorted(columns: Sequence[IntArray]) -> list[IntArray]:
    """Return columns sorted by the last, then the last but one."""
    created, wave = columns[-2:]
    step = np.diff(wave)
    if ((step > 0) | ((step == 0) & (np.diff(created) >= 0))).all():
        return list(columns)
    order = np.lexsort((created, wave))
    return [column[order] for column in columns]
