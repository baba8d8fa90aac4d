"""Trees of routers, with one way up from each or with several (fat trees)."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import BoolArray, IntArray
from neutrams.hardware.ways import Routers, Ways, walked_borders


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree(Ways):
    """Routers 0 to ``leaves`` - 1 have cores; each ``arity`` of one level, in order, hang on one of the level above.

    Levels are numbered through, from the leaves up to a single router. Ways go up, then down: no deadlock.

    Attributes:
        leaves: Routers with cores [count].
        arity: Most children of a router [count].
        per_chip: Leaves of a chip [count].
    """

    leaves: int
    arity: int
    per_chip: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Routers of each level [count]."""
        sizes = [self.leaves]
        while sizes[-1] > 1:
            sizes.append(-(-sizes[-1] // self.arity))
        return tuple(sizes)

    @property
    def routers(self) -> int:
        """How many routers there are [count]."""
        return sum(self.sizes)

    @property
    def class_count(self) -> int:
        """Classes of virtual channels that keep the ways free of deadlock [count]."""
        return 1

    def chip(self, router: Routers) -> IntArray:
        """Number of the chip a router is on; one above the leaves is where the first leaf below it is."""
        level, index = self._places(router)
        return np.asarray(index * self.arity**level // self.per_chip)

    def joined(self, a: Routers, b: Routers) -> BoolArray:
        """Whether there is a link between two routers."""
        return np.asarray(self.hops(a, b) == 1)

    def hops(self, a: Routers, b: Routers) -> IntArray:
        """Links on the way from ``a`` to ``b``, any two routers [count]."""
        (la, ia), (lb, ib) = self._places(a), self._places(b)
        found = np.zeros(np.broadcast_shapes(la.shape, lb.shape), dtype=np.int64)
        for level in range(len(self.sizes)):
            apart = ia // self.arity ** np.maximum(level - la, 0) != ib // self.arity ** np.maximum(level - lb, 0)
            found += ((level >= la) & (apart | (level < lb))).astype(np.int64)
            found += (level >= lb) & (apart | (level < la))
        return found

    def before(self, a: Routers, b: Routers) -> IntArray:
        """Last router but one on the way from ``a`` to ``b``; -1 where they are one."""
        (la, ia), (lb, ib) = self._places(a), self._places(b)
        below = (la <= lb) & (ia // self.arity ** np.maximum(lb - la, 0) == ib)
        child = ia // self.arity ** np.maximum(lb - 1 - la, 0)
        first = np.append(0, np.cumsum(self.sizes))
        found = np.where(below, first[np.maximum(lb - 1, 0)] + child, first[lb + 1] + ib // self.arity)
        return np.where(np.equal(a, b), -1, found)

    def borders(self, a: Routers, b: Routers) -> IntArray:
        """How many of the links on the way from ``a`` to ``b`` join two chips [count]."""
        return walked_borders(self, a, b)

    def channel(self, root: IntArray, start: IntArray, stop: IntArray) -> IntArray:
        """Class of the channels of a link: 1."""
        return np.ones_like(stop)

    def _places(self, router: Routers) -> tuple[IntArray, IntArray]:
        """Level of each router, and its number there."""
        router = np.asarray(router, dtype=np.int64)
        first = np.append(0, np.cumsum(self.sizes))
        level = np.searchsorted(first, router, side="right") - 1
        return level, router - first[level]


@dataclass(frozen=True, slots=True, kw_only=True)
class FatTree(Ways):
    """A k-ary n-tree: ``arity`` = k ways down and k up at each router, so that no level is narrower than the one below.

    Routers 0 to ``leaves`` - 1 have cores and one way up each. Above them are n levels of k^(n - 1) routers, n the
    least with k^n >= leaves; router w of level l (both from 1 and 0) is number leaves + (l - 1) k^(n - 1) + w. It is
    above the leaves a with a // k^l = w // k^(l - 1); its k parents, and children, differ from w in digit l - 1, and
    l - 2, to base k. What comes from leaf a goes up by the routers w = a with digit l - 1 left out, only as far as it
    must: so each leaf has a tree of its own, and no way up is shared by more than k leaves. Up, then down: no deadlock.

    Attributes:
        leaves: Routers with cores [count].
        arity: k.
        per_chip: Leaves of a chip [count].

    References:
        Petrini and Vanneschi, k-ary n-trees, IPPS 1997. doi:10.1109/IPPS.1997.580853
    """

    leaves: int
    arity: int
    per_chip: int

    @property
    def levels(self) -> int:
        """n, levels above the leaves [count]."""
        n = 1
        while self.arity**n < self.leaves:
            n += 1
        return n

    @property
    def wide(self) -> int:
        """Routers of a level [count]."""
        return int(self.arity ** (self.levels - 1))

    @property
    def routers(self) -> int:
        """How many routers there are [count]."""
        return self.leaves + self.levels * self.wide

    @property
    def class_count(self) -> int:
        """Classes of virtual channels that keep the ways free of deadlock [count]."""
        return 1

    def chip(self, router: Routers) -> IntArray:
        """Number of the chip a router is on; one above the leaves is where the first leaf below it is."""
        level, word = self._places(router)
        first = np.where(level == 0, word, word // self._power(level - 1) * self._power(level))
        return np.minimum(first, self.leaves - 1) // self.per_chip

    def joined(self, a: Routers, b: Routers) -> BoolArray:
        """Whether there is a link between two routers."""
        (la, wa), (lb, wb) = self._places(a), self._places(b)
        low, high, level = np.where(la < lb, wa, wb), np.where(la < lb, wb, wa), np.minimum(la, lb)
        place = self._power(level - 1)
        same = (low // (place * self.arity) == high // (place * self.arity)) & (low % place == high % place)
        return np.asarray((abs(la - lb) == 1) & np.where(level == 0, low // self.arity == high, same))

    def hops(self, a: Routers, b: Routers) -> IntArray:
        """Links on the way from ``a`` to ``b``, both with cores [count]."""
        found = np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b)), dtype=np.int64)
        for level in range(self.levels):
            k = self.arity**level
            found += 2 * (np.asarray(a) // k != np.asarray(b) // k)
        return found

    def before(self, a: Routers, b: Routers) -> IntArray:
        """Last router but one on the way from ``a``, with cores, to ``b``; -1 where there is none."""
        a = np.asarray(a, dtype=np.int64)
        level, word = self._places(b)
        place = self._power(level - 1)  # digits of a below this one are those of all routers of its tree
        from_below = word // place == a // self._power(level)
        up = np.where(level <= 1, a, self._router(level - 1, self._climbed(a, level - 1)))
        high: IntArray = np.where(level == 0, word // self.arity, word // place // self.arity)
        down = self._router(level + 1, a % self._power(level) + high * self._power(level))
        found = np.where((level > 0) & from_below, up, down)
        off = (level > 0) & (word % place != a % place) | (~from_below & (level == self.levels))
        return np.where(np.equal(a, b) | off, -1, found)

    def borders(self, a: Routers, b: Routers) -> IntArray:
        """How many of the links on the way from ``a`` to ``b`` join two chips [count]."""
        return walked_borders(self, a, b)

    def channel(self, root: IntArray, start: IntArray, stop: IntArray) -> IntArray:
        """Class of the channels of a link: 1."""
        return np.ones_like(stop)

    def _climbed(self, leaf: IntArray, level: IntArray) -> IntArray:
        """The router of a level by which what comes from a leaf goes up: its digits without digit level - 1."""
        place = self._power(level - 1)
        return np.asarray(leaf % place + leaf // self._power(level) * place)

    def _router(self, level: IntArray, word: IntArray) -> IntArray:
        return np.asarray(self.leaves + (level - 1) * self.wide + word)

    def _power(self, exponent: IntArray) -> IntArray:
        return np.asarray(self.arity ** np.maximum(exponent, 0))

    def _places(self, router: Routers) -> tuple[IntArray, IntArray]:
        """Level of each router, 0 for the leaves, and its number there."""
        router = np.asarray(router, dtype=np.int64)
        level = np.where(router < self.leaves, 0, 1 + (router - self.leaves) // self.wide)
        return level, np.where(level == 0, router, (router - self.leaves) % self.wide)
