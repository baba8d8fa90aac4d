"""Multicast trees: the routes from one node to several, shared as far as they are the same, or links as given."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from neutrams.base.arrays import BoolArray, IntArray, check_indices, frozen
from neutrams.base.errors import InputError
from neutrams.kernels.noc_routes import PORT_BITS
from neutrams.kernels.noc_tables import BRANCH_MASK, CHILD_SHIFT, LAST_BRANCH
from neutrams.simulator.noc.planted import Ends, TreeLinks, planted
from neutrams.simulator.noc.topology import Topology

KEPT = 1
"""Class noted for a link on which a packet keeps its class; which one does not matter, as long as it is not 0."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trees:
    """K trees, each the union of the unicast routes from a node to its targets; many packets may use one.

    Where ``links`` are given they are the trees, whatever the topology's routes, which it then need not have. Else
    routes part where they first differ in port or class, and what has parted does not meet again: so a flit passes each
    link of the union once, or once a class.

    Attributes:
        topology: Whose routes they are.
        source: int64[K], node each starts from.
        begin: int64[K + 1], targets of tree k are ``target[begin[k]:begin[k + 1]]``, at least one.
        target: int64[...], nodes, no two in a tree the same.
        path: int64[K], which path's routes.
        links: Links of the trees; None where they are the topology's routes.
        root: int64[K], first branch of each; found by itself.
        branch: int64[...], branches (`neutrams.kernels.noc_tables`), from 1; those of a router stand together.
        splits: bool[K], whether the tree has more than one branch at any router.

    Raises:
        InputError: Tables do not fit each other or the topology, or a tree has no target or one of them twice.
    """

    topology: Topology
    source: IntArray
    begin: IntArray
    target: IntArray
    path: IntArray
    links: TreeLinks | None = None
    root: IntArray = field(init=False)
    branch: IntArray = field(init=False)
    splits: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        for name in ("source", "begin", "target", "path"):
            object.__setattr__(self, name, frozen(np.asarray(getattr(self, name), dtype=np.int64)))
        self._check()
        found = _grown(self) if self.links is None else planted(self.topology, self.links, self._ends())
        for name, array in zip(("root", "branch", "splits"), found, strict=True):
            object.__setattr__(self, name, frozen(array))

    @classmethod
    def of(cls, topology: Topology, source: Sequence[int], targets: Sequence[Sequence[int]]) -> Self:
        """Return a tree from each source to its targets, all by path 0."""
        sizes = [len(each) for each in targets]
        return cls(
            topology=topology,
            source=np.asarray(source),
            begin=np.concatenate([[0], np.cumsum(sizes)]),
            target=np.concatenate([np.zeros(0, dtype=np.int64), *targets]),
            path=np.zeros(len(sizes), dtype=np.int64),
        )

    def _ends(self) -> Ends:
        topology, tree = self.topology, np.repeat(np.arange(len(self)), self.sizes)
        at = topology.node_router
        return Ends(root=at[self.source], tree=tree, router=at[self.target], port=topology.node_port[self.target])

    def __len__(self) -> int:
        return len(self.source)

    @property
    def sizes(self) -> IntArray:
        """int64[K], targets of each [count]."""
        return np.diff(self.begin)

    def owners(self) -> IntArray:
        """Return int64[...], the tree of each target."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def _check(self) -> None:
        where, count = f"Trees of topology {self.topology.name!r}", len(self.source)
        fits = self.begin.shape == (count + 1,) and self.path.shape == (count,)
        if not fits or self.begin[0] != 0 or self.begin[-1] != len(self.target):
            raise InputError(
                f"{count} sources, {len(self.path)} paths, {len(self.target)} targets, and begins of targets "
                f"{self.begin[:1]} to {self.begin[-1:]} do not fit each other",
                where=where,
                fix="give a source and a path a tree, and where its targets begin; Trees.of does",
            )
        nodes, paths = self.topology.nodes, self.topology.paths if self.links is None else 1
        for array, size in ((self.source, nodes), (self.target, nodes), (self.path, paths)):
            check_indices(array, size, where)
            if (array < 0).any():
                raise InputError("an index is negative", where=where, fix="give indices from 0")
        if (self.sizes < 1).any() or len(np.unique(self.owners() * nodes + self.target)) < len(self.target):
            raise InputError(
                "a tree has no target, or one twice", where=where, fix="name each target of a packet once, at least one"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Front:
    """How far routes have come, an entry a target: its place, router, input port, last branch, -1 - tree at first."""

    place: IntArray
    router: IntArray
    door: IntArray
    at: IntArray


def _grown(trees: Trees) -> tuple[IntArray, IntArray, BoolArray]:
    """Return roots, branches and which trees split: all routes at once, hop by hop."""
    topology = trees.topology
    tree = trees.owners()
    home = trees.source[tree]
    front = _Front(
        place=np.arange(len(tree)), router=topology.node_router[home], door=topology.node_port[home], at=-1 - tree
    )
    levels: list[IntArray] = [np.zeros((4, 0), dtype=np.int64)]
    count = 0
    while front.place.size:
        level, front = _advance(trees, tree, front, 1 + count)
        levels.append(level)
        count += level.shape[1]
    entry, parent, child, owner = np.concatenate(levels, axis=1)
    if count > BRANCH_MASK:
        raise InputError(f"trees have {count} branches, at most {BRANCH_MASK} go", where="Trees", fix="share trees")
    turn = np.diff(parent, prepend=1 << 62, append=1 << 62) != 0
    first, last = np.flatnonzero(turn[:-1]), turn[1:]
    inner, outer = first[parent[first] > 0], first[parent[first] < 0]
    child[parent[inner] - 1] = 1 + inner
    root = np.zeros(len(trees), dtype=np.int64)
    root[-1 - parent[outer]] = 1 + outer
    branch = entry | np.where(last, LAST_BRANCH, 0) | child << CHILD_SHIFT
    splits = np.zeros(len(trees), dtype=np.bool_)
    splits[owner[~last]] = True
    return root, np.concatenate([[0], branch]), splits


def _advance(trees: Trees, tree: IntArray, front: _Front, begin: int) -> tuple[IntArray, _Front]:
    """Move all routes one router on.

    Args:
        trees: What they are the routes of.
        tree: int64[targets], tree of each.
        front: Where the routes are.
        begin: Number of the first branch to be made.

    Returns:
        Branches, int64[4, ...]: entry, branch before, place of the target or -1, tree; and the routes not there yet.
    """
    topology, place = trees.topology, front.place
    target = trees.target[place]
    port, kind = topology.hop(trees.path[tree[place]], front.router, target)
    kept = (kind > 0) & topology.same_ring(front.router, front.door, port)
    entry = port | np.where(kept, KEPT, kind) << PORT_BITS
    home = (topology.node_router[target] == front.router) & (topology.node_port[target] == port)
    _, one, branch = np.unique((front.at + len(trees)) << CHILD_SHIFT | entry, return_index=True, return_inverse=True)
    level = np.stack([entry[one], front.at[one], np.where(home[one], place[one], -1), tree[place[one]]])
    router, port, on = front.router[~home], port[~home], ~home
    return level, _Front(
        place=place[on],
        router=topology.neighbor[router, port],
        door=topology.entry[router, port],
        at=begin + branch[on],
    )
