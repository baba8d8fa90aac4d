"""Packets to be sent over the network."""

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

    Attributes:
        source: int64[M], node it starts from.
        target: int64[M], node it goes to, may be the same; of no account for a packet with a tree.
        flits: int64[M], its length, at least 1 [flit].
        created: int64[M], cycle from which on it waits at its source, ascending [cycle].
        path: int64[M], which table of routes it takes; of no account for a packet with a tree.
        tree: int64[M], which of ``trees`` it takes to several nodes, -1 for none.
        trees: Trees of the topology the packets are for; None if there are none.

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

    def __post_init__(self) -> None:
        if self.trees is None and self.tree.size == 0:
            object.__setattr__(self, "tree", np.full(len(self.source), ALONE))
        for name in ("source", "target", "flits", "created", "path", "tree"):
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
        if low < 0 or (np.diff(self.created) < 0).any():
            raise InputError(
                "packets have indices or cycles below 0, fewer than 1 flit, or are not in the order of creation",
                where="PacketTable",
                fix="use PacketTable.of, which sorts them, with indices from 0 and at least 1 flit",
            )

    def __len__(self) -> int:
        return len(self.source)

    @property
    def first_arrival(self) -> IntArray:
        """int64[M + 1], place of each packet's first target among those of all packets."""
        if self.trees is None:
            return np.arange(len(self) + 1)
        sizes, mine = np.ones(len(self), dtype=np.int64), self.tree >= 0
        sizes[mine] = self.trees.sizes[self.tree[mine]]
        return np.concatenate([[0], np.cumsum(sizes)])

    @classmethod
    def along(cls, trees: Trees, tree: npt.ArrayLike, *, flits: npt.ArrayLike = 1, created: npt.ArrayLike = 0) -> Self:
        """Return packets that each take a tree to all its targets, sorted as by `of`."""
        arrays = np.broadcast_arrays(np.atleast_1d(tree), flits, created)
        order = np.argsort(arrays[2], kind="stable")
        tree, flits, created = (array[order] for array in arrays)
        source, none = trees.source[tree], np.zeros(len(tree), dtype=np.int64)
        return cls(source=source, target=none, flits=flits, created=created, path=none, tree=tree, trees=trees)

    @classmethod
    def of(
        cls,
        source: npt.ArrayLike,
        target: npt.ArrayLike,
        *,
        flits: npt.ArrayLike = 1,
        created: npt.ArrayLike = 0,
        path: npt.ArrayLike = 0,
    ) -> Self:
        """Return packets sorted by cycle of creation, those of one cycle in the given order; scalars hold for all."""
        arrays = np.broadcast_arrays(np.atleast_1d(source), target, flits, created, path)
        order = np.argsort(arrays[3], kind="stable")
        source, target, flits, created, path = (array[order] for array in arrays)
        return cls(source=source, target=target, flits=flits, created=created, path=path)
