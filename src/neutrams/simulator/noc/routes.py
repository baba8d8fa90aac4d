"""Routes in stages: which port a packet takes next, as tables over what matters of router and target."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from neutrams.base.arrays import IntArray, frozen
from neutrams.base.errors import SpecError
from neutrams.kernels.noc_routes import PORT_BITS, PORT_MASK

ShortArray = npt.NDArray[np.int16]

MOST_PORTS = 1 << PORT_BITS
MOST_CLASSES = 127
NEXT_STAGE = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RouteStage:
    """One decision of a route: by a key of the router and a key of the target node, a port and a class.

    In dimension order the keys of a stage are positions on one axis, so that its table has as many rows as the axis is
    long, where one table over routers and nodes would take their product.

    Attributes:
        router_key: int64[R], row of each router.
        target_key: int64[N], column of each node.
        entry: int16[paths, rows, columns], port + 256 * class; -1 where the next stage says.

    Raises:
        SpecError: A key is outside the table, or a port or class cannot be.
    """

    router_key: IntArray
    target_key: IntArray
    entry: ShortArray

    def __post_init__(self) -> None:
        for name, dtype in (("router_key", np.int64), ("target_key", np.int64), ("entry", np.int16)):
            object.__setattr__(self, name, frozen(np.asarray(getattr(self, name), dtype=dtype)))
        for name, size in (("router_key", self.entry.shape[1]), ("target_key", self.entry.shape[2])):
            key = getattr(self, name)
            if key.size and not 0 <= key.min() <= key.max() < size:
                raise SpecError(
                    f"{name} goes from {key.min()} to {key.max()}, the table has 0 to {size - 1}",
                    where=f"RouteStage.{name}",
                    fix="give keys within the table, or a table for all keys",
                )

    @classmethod
    def of(
        cls, router_key: npt.ArrayLike, target_key: npt.ArrayLike, port: npt.ArrayLike, classes: npt.ArrayLike = 0
    ) -> Self:
        """Return a stage.

        Args:
            router_key: int[R].
            target_key: int[N].
            port: int[paths, rows, columns] or int[rows, columns], the output port; -1 where the next stage says.
            classes: The same of the class on the link behind it; 0 where any VC will do.
        """
        port, classes = np.broadcast_arrays(np.asarray(port), np.asarray(classes))
        for name, array, low, high in (("port", port, NEXT_STAGE, MOST_PORTS - 1), ("class", classes, 0, MOST_CLASSES)):
            if array.size and not low <= array.min() <= array.max() <= high:
                raise SpecError(
                    f"{name} goes from {array.min()} to {array.max()}, allowed are {low} to {high}",
                    where="RouteStage.of",
                    fix="name ports that exist, -1 for the next stage; classes from 1 to 127, or 0 for any VC",
                )
        entry = np.where(port < 0, NEXT_STAGE, port + (classes.astype(np.int64) << PORT_BITS)).astype(np.int16)
        entry = entry if entry.ndim == 3 else entry[None]
        return cls(router_key=np.asarray(router_key), target_key=np.asarray(target_key), entry=entry)

    @property
    def port(self) -> ShortArray:
        """int16[paths, rows, columns], output ports; -1 where the next stage says."""
        return np.where(self.entry < 0, NEXT_STAGE, self.entry & PORT_MASK).astype(np.int16)

    @property
    def classes(self) -> ShortArray:
        """int16[paths, rows, columns], classes; -1 where the next stage says."""
        return self.entry >> PORT_BITS


def route_table(port: npt.ArrayLike, classes: npt.ArrayLike = 0) -> tuple[RouteStage]:
    """Return routes as one table of ports and classes, int[paths, R, N], by router and node."""
    routers, nodes = np.shape(port)[-2:]
    return (RouteStage.of(np.arange(routers), np.arange(nodes), port, classes),)


def axis_stage(router_at: npt.ArrayLike, target_at: npt.ArrayLike, ports: tuple[int, int, int]) -> RouteStage:
    """Return the stage that moves along an axis: by the first port to higher places, by the second to lower ones.

    Args:
        router_at: int[R], place of each router on the axis, from 0.
        target_at: int[N], place of each node's router.
        ports: The two ports, and the one where both places are the same; -1 goes on to the next stage.
    """
    size = 1 + max(int(np.max(router_at)), int(np.max(target_at)))
    ahead = np.sign(np.arange(size)[None, :] - np.arange(size)[:, None])
    return RouteStage.of(router_at, target_at, np.choose(1 - ahead, [ports[0], ports[2], ports[1]]))


def lowered(stages: Sequence[RouteStage]) -> tuple[ShortArray, IntArray]:
    """Return tables and keys of stages for the kernels (`neutrams.kernels.noc_routes`)."""
    if not stages:
        return np.zeros(1, dtype=np.int16), np.zeros(1, dtype=np.int64)
    keys: list[IntArray] = []
    begin = 0
    for stage in stages:
        _, rows, columns = stage.entry.shape
        keys += [np.array([rows * columns]), begin + stage.router_key * columns, stage.target_key]
        begin += stage.entry.size
    if len(stages) == 1:
        return stages[0].entry.ravel(), np.concatenate(keys)
    return np.concatenate([stage.entry.ravel() for stage in stages]), np.concatenate(keys)


def look_up(stages: Sequence[RouteStage], path: IntArray, router: IntArray, target: IntArray) -> IntArray:
    """Return the entries for packets of some paths at some routers for some nodes, int64 of their common shape."""
    found = np.full(np.broadcast_shapes(np.shape(path), router.shape, target.shape), NEXT_STAGE, dtype=np.int64)
    for stage in stages:
        entry = stage.entry[path, stage.router_key[router], stage.target_key[target]]
        found = np.where(found < 0, entry, found)
    return found
