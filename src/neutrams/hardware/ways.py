"""Ways between the routers of a board, whatever joins them; buses, where every two are joined."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, BoolArray, IntArray

Routers = IntArray | int
"""Router numbers: an int or an int64 array of any shape; results broadcast as NumPy does."""


class Ways(ABC):
    """The routers of one topology and the way from each router with cores to every other router.

    Routers with cores are numbered from 0 as their cores are, those without from there on. All ways from one router
    are parts of one tree, which `before` describes: so a multicast tree is the union of ways to its targets.
    """

    @property
    @abstractmethod
    def routers(self) -> int:
        """How many routers there are [count]."""

    @property
    @abstractmethod
    def class_count(self) -> int:
        """Classes of virtual channels that keep the ways free of deadlock [count]."""

    @abstractmethod
    def chip(self, router: Routers) -> IntArray:
        """Number of the chip a router is on; one without a core is where the core nearest to it is."""

    @abstractmethod
    def joined(self, a: Routers, b: Routers) -> BoolArray:
        """Whether there is a link between two routers."""

    @abstractmethod
    def hops(self, a: Routers, b: Routers) -> IntArray:
        """Links on the way from ``a`` to ``b``, both with cores [count]."""

    @abstractmethod
    def before(self, a: Routers, b: Routers) -> IntArray:
        """Last router but one on the way from ``a``, with cores, to ``b``; -1 where there is none."""

    @abstractmethod
    def borders(self, a: Routers, b: Routers) -> IntArray:
        """How many of the links on the way from ``a`` to ``b``, both with cores, join two chips [count]."""

    @abstractmethod
    def channel(self, root: IntArray, start: IntArray, stop: IntArray) -> IntArray:
        """Class, from 1, of the channels that the link ``start`` to ``stop`` has for what comes from ``root``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tabled(Ways):
    """Ways that stand in tables with an entry for each router with cores and each router.

    Attributes:
        distance: int16, links on the way from the first to the second [count].
        last: int16, last router but one on that way; -1 for none.
    """

    distance: AnyArray
    last: AnyArray

    def hops(self, a: Routers, b: Routers) -> IntArray:
        """Links on the way from ``a`` to ``b`` [count]."""
        return np.asarray(self.distance[a, b], dtype=np.int64)

    def before(self, a: Routers, b: Routers) -> IntArray:
        """Last router but one on the way from ``a`` to ``b``; -1 where there is none."""
        return np.asarray(self.last[a, b], dtype=np.int64)

    def borders(self, a: Routers, b: Routers) -> IntArray:
        """How many of the links on the way from ``a`` to ``b`` join two chips [count]."""
        return walked_borders(self, a, b)


def walked_borders(ways: Ways, a: Routers, b: Routers) -> IntArray:
    """Return what `Ways.borders` is to give, by walking back from ``b``."""
    root, at = (np.array(side, dtype=np.int64) for side in np.broadcast_arrays(a, b))
    found = np.zeros(at.shape, dtype=np.int64)
    left = at != root
    while left.any():
        before = ways.before(root[left], at[left])
        found[left] += ways.chip(before) != ways.chip(at[left])
        at[left] = before
        left = at != root
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Bus(Ways):
    """Every two routers are joined.

    Attributes:
        per_chip: Routers of a chip [count].
        chips: Chips [count].
    """

    per_chip: int
    chips: int

    @property
    def routers(self) -> int:
        """How many routers there are [count]."""
        return self.per_chip * self.chips

    @property
    def class_count(self) -> int:
        """Classes of virtual channels: one, since there are none [count]."""
        return 1

    def chip(self, router: Routers) -> IntArray:
        """Number of the chip a router is on."""
        return np.asarray(router, dtype=np.int64) // self.per_chip

    def joined(self, a: Routers, b: Routers) -> BoolArray:
        """Whether two routers differ."""
        return np.asarray(np.not_equal(a, b))

    def hops(self, a: Routers, b: Routers) -> IntArray:
        """1, or 0 where both are the same router [count]."""
        return np.asarray(np.not_equal(a, b), dtype=np.int64)

    def before(self, a: Routers, b: Routers) -> IntArray:
        """``a``; -1 where both are the same router."""
        return np.where(np.equal(a, b), -1, np.asarray(a, dtype=np.int64))

    def borders(self, a: Routers, b: Routers) -> IntArray:
        """1 where they are on two chips [count]."""
        return np.asarray(self.chip(a) != self.chip(b), dtype=np.int64)

    def channel(self, root: IntArray, start: IntArray, stop: IntArray) -> IntArray:
        """Class of the channels of a link: 1."""
        return np.ones_like(stop)
