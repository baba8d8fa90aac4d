"""Packets to be sent over the network."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from neutrams.base.arrays import IntArray, frozen
from neutrams.base.errors import InputError

MOST_PACKETS = 1 << 30
"""A flit is stored with its packet in 31 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketTable:
    """M packets in the order of their creation.

    Attributes:
        source: int64[M], node it starts from.
        target: int64[M], node it goes to; may be the same.
        flits: int64[M], its length, at least 1 [flit].
        created: int64[M], cycle from which on it waits at its source, ascending [cycle].
        path: int64[M], which table of routes it takes.

    Raises:
        InputError: Lengths differ, or values are outside their ranges.
    """

    source: IntArray
    target: IntArray
    flits: IntArray
    created: IntArray
    path: IntArray

    def __post_init__(self) -> None:
        for name in ("source", "target", "flits", "created", "path"):
            array = np.asarray(getattr(self, name))
            if array.shape != (len(self.source),) or not (array.size == 0 or np.issubdtype(array.dtype, np.integer)):
                raise InputError(
                    f"{name} is {array.dtype}{list(array.shape)}, wanted are {len(self.source)} integers",
                    where=f"PacketTable.{name}",
                    fix="give arrays of whole numbers of one length",
                )
            object.__setattr__(self, name, frozen(array.astype(np.int64)))
        self._check_values()

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
