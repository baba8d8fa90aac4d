"""Multicast trees whose links are given one by one, as the route tables of a chip hold them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from neutrams.base.arrays import BoolArray, IntArray, frozen
from neutrams.base.errors import InputError
from neutrams.kernels.noc_routes import PORT_BITS
from neutrams.kernels.noc_tables import BRANCH_MASK, CHILD_SHIFT, LAST_BRANCH
from neutrams.simulator.noc.topology import Topology


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TreeLinks:
    """The links of K trees, in any order.

    Attributes:
        tree: int64[L], tree of each link.
        router: int64[L], router it leaves.
        port: int64[L], by which output port.
        kind: int64[L], class of its channels, from 1.
    """

    tree: IntArray
    router: IntArray
    port: IntArray
    kind: IntArray

    def __post_init__(self) -> None:
        for name in ("tree", "router", "port", "kind"):
            object.__setattr__(self, name, frozen(np.asarray(getattr(self, name), dtype=np.int64)))

    def __len__(self) -> int:
        return len(self.tree)

    def entered(self, topology: Topology) -> IntArray:
        """int64[L], one number for the tree and the router that each link leads to."""
        return self.tree * topology.routers + topology.neighbor[self.router, self.port]


class Ends(NamedTuple):
    """Where K trees start and end.

    Attributes:
        root: int64[K], router each starts from.
        tree: int64[T], tree of each target.
        router: int64[T], its router.
        port: int64[T], its port there.
    """

    root: IntArray
    tree: IntArray
    router: IntArray
    port: IntArray


def above(topology: Topology, links: TreeLinks, root: IntArray) -> IntArray:
    """Return int64[L], the link each one follows on; -1 for those that leave the root of their tree.

    Raises:
        InputError: The links of a tree are no tree from its root.
    """
    n, home = len(links), root[links.tree]
    stop = topology.neighbor[links.router, links.port]
    entered, left = links.entered(topology), links.tree * topology.routers + links.router
    order = np.argsort(entered, kind="stable")
    found = order[np.minimum(np.searchsorted(entered, left, sorter=order), max(n - 1, 0))] if n else order
    first = links.router == home
    wrong = (stop < 0) | (stop == home) | (~first & (entered[found] != left))
    wrong[order[1:]] |= np.diff(entered[order]) == 0
    if wrong.any():
        raise _no_tree(links, wrong)
    parent = np.where(first, -1, found)
    ahead = np.append(np.where(first, n, found), n)  # a link's, then its parent's, and so on: twice as far each time
    for _ in range(int(np.bincount(links.tree, minlength=1).max()).bit_length()):
        ahead = ahead[ahead]
    if (ahead < n).any():
        raise _no_tree(links, ahead[:n] < n)
    return parent


def planted(topology: Topology, links: TreeLinks, ends: Ends) -> tuple[IntArray, IntArray, BoolArray]:
    """Return roots and branches (`neutrams.kernels.noc_tables`), and which trees split.

    Raises:
        InputError: Links do not form a tree from each root whose last links lead to its targets, all of them.
    """
    above(topology, links, ends.root)
    tree, router = np.concatenate([links.tree, ends.tree]), np.concatenate([links.router, ends.router])
    entry = np.concatenate([links.port | links.kind << PORT_BITS, ends.port])
    if len(tree) > BRANCH_MASK:
        raise InputError(f"trees have {len(tree)} branches, at most {BRANCH_MASK} go", where="Trees", fix="share trees")
    place = tree * topology.routers + router
    order = np.lexsort((entry + (np.arange(len(tree)) >= len(links)) * BRANCH_MASK, place))  # links before targets
    place = place[order]
    turn = np.diff(place, prepend=-1, append=-1) != 0
    first, last = np.flatnonzero(turn[:-1]), turn[1:]
    served = np.append(place[first], -1)
    entered, home = links.entered(topology), np.arange(len(ends.root)) * topology.routers + ends.root
    beyond, begin = np.searchsorted(served[:-1], entered), np.searchsorted(served[:-1], home)
    reached = np.zeros(len(served), dtype=np.bool_)
    reached[beyond] = reached[begin] = True
    if not reached[:-1].all() or (served[beyond] != entered).any() or (served[begin] != home).any():
        raise InputError(
            "a tree has a target where none of its links leads, or a link that leads to no target",
            where=f"Trees of topology {topology.name!r}",
            fix="give the links of the ways to all targets, and no others",
        )
    child = np.concatenate([1 + first[beyond], np.arange(len(ends.tree))])
    branch = entry[order] | np.where(last, LAST_BRANCH, 0) | child[order] << CHILD_SHIFT
    splits = np.zeros(len(ends.root), dtype=np.bool_)
    splits[tree[order][~last]] = True
    return 1 + first[begin], np.concatenate([[0], branch]), splits


def _no_tree(links: TreeLinks, wrong: BoolArray) -> InputError:
    i = int(np.flatnonzero(wrong)[0])
    return InputError(
        f"port {links.port[i]} of router {links.router[i]} is no part of tree {links.tree[i]}: a tree has links there "
        "are, enters each router once, never its root, and goes on from routers it has entered",
        where="Trees",
        fix="give the links of ways from the root that part once",
    )
