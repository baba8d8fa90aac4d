"""Take a hypergraph apart: neurons that read the same, components, and components that are alike."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.kernels.cluster_graphs import join_components
from neutrams.kernels.cluster_tables import Graph

TWINS = 16
"""Neurons that read the same nets are joined up to this share of a part: 1/16 [count]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """Components of one form, or the rest.

    Attributes:
        graph: One of them.
        vertices: int64 ``[copies, vertices]``, the vertices of each in the whole.
    """

    graph: Graph
    vertices: IntArray


def twins(graph: Graph, most: int) -> AnyArray:
    """Return int32 ``[vertices]``: clusters of neurons that read exactly the same nets, ``most`` neurons each.

    Nets are compared by two random 64-bit sums; that two differ and have the same sums does not happen.
    """
    rng = np.random.default_rng(0)
    keys = rng.integers(0, 1 << 62, (2, 4 * len(graph.weight) + 4), dtype=np.int64)
    sums = []
    for key in keys:
        running = np.concatenate(([0], np.cumsum(key[graph.net])))  # wraps around, as differences of it do
        sums.append(running[graph.first[1:]] - running[graph.first[:-1]])
    order = np.lexsort((np.arange(len(graph.size)), sums[1], sums[0]))
    a, b = sums[0][order], sums[1][order]
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    begin = np.flatnonzero(new)
    place = np.arange(len(order)) - np.repeat(begin, np.diff(np.append(begin, len(order))))
    new |= place % max(1, most) == 0
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.cumsum(new) - 1
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[inverse])


def pieces(graph: Graph, small: int) -> list[Piece]:
    """Return the components, those of the same form together; those of at most ``small`` neurons in all as one rest."""
    parent = np.arange(len(graph.size), dtype=np.int32)
    join_components(graph.start, graph.pin, parent)
    _, label = np.unique(parent, return_inverse=True)
    neurons = np.bincount(label, weights=graph.size)
    if len(neurons) == 0:
        return []
    label = np.where(neurons[label] <= small, -1, label)
    order = np.argsort(label, kind="stable")
    begin = np.flatnonzero(np.diff(label[order], prepend=label[order[0]] - 1))
    forms: dict[tuple[bytes, ...], list[IntArray]] = {}
    graphs: dict[tuple[bytes, ...], Graph] = {}
    for vertices in np.split(order, begin[1:]):
        piece = _cut(graph, vertices)
        form = tuple(part.tobytes() for part in piece)
        forms.setdefault(form, []).append(vertices)
        graphs.setdefault(form, piece)
    return [Piece(graph=graphs[form], vertices=np.stack(found)) for form, found in forms.items()]


def _cut(graph: Graph, vertices: IntArray) -> Graph:
    """Return the hypergraph of whole components; vertices and nets keep their order, weights are all 1024."""
    counts = np.diff(graph.first)[vertices]
    first = np.concatenate(([0], np.cumsum(counts)))
    at = np.repeat(graph.first[vertices], counts) + np.arange(first[-1]) - np.repeat(first[:-1], counts)
    nets, named = np.unique(graph.net[at] >> 2, return_inverse=True)
    net = (4 * named + (graph.net[at] & 3)).astype(np.int32)
    pins = np.diff(graph.start)[nets]
    start = np.concatenate(([0], np.cumsum(pins)))
    at = np.repeat(graph.start[nets], pins) + np.arange(start[-1]) - np.repeat(start[:-1], pins)
    rank = np.searchsorted(vertices, graph.pin[at] >> 2)  # vertices ascend
    pin = (4 * rank + (graph.pin[at] & 3)).astype(np.int32)
    return Graph(
        start=start, pin=pin, first=first, net=net, size=graph.size[vertices], load=graph.load[vertices],
        weight=np.full(len(nets), 1024, dtype=np.int64),
    )  # fmt: skip
