"""Coordinates of tiles from their traffic: tiles with much traffic get like numbers, the same on every machine."""

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray

Graph = tuple[AnyArray, AnyArray, AnyArray]
"""(start, other, weight) of an undirected graph, as of `mapping.traffic.neighbours`."""

DEGREE = 50
"""Degree of a filter [count]."""

MOST_VISITS = 1 << 25
"""Pairs looked at by all filters together, which become fewer on large graphs [count]."""


def spectral_axes(graph: Graph, axes: int, seed: int, filters: int) -> FloatArray:
    """Return float64 ``[tiles, axes]``: eigenvectors of the slowest modes of a random walk over the traffic.

    Chebyshev-filtered subspace iteration of D^-1/2 W D^-1/2 from seeded numbers: each of the ``filters`` leaves what is
    faster than the slowest modes found so far. It need not converge: what is left of faster modes only bends the
    picture. All sums run in a fixed order, without BLAS, so the bits are the same everywhere, on any number of threads.

    References:
        Hall (1970), An r-dimensional quadratic placement algorithm. doi 10.1287/mnsc.17.3.219
        Zhou, Saad, Tiago and Chelikowsky (2006), doi 10.1016/j.jcp.2006.03.017, algorithm 3.1
    """
    walk = _Walk(graph)
    state = np.random.default_rng(seed).random((axes, walk.tiles)) - 0.5
    edge = 0.0
    for _ in range(min(filters, 1 + MOST_VISITS // (DEGREE * max(1, len(graph[1]))))):
        basis: list[FloatArray] = []
        for vector in state:
            found = walk.filtered(vector, edge)
            for before in basis:
                found = found - _sum(found * before) * before
            basis.append(_unit(found))
        state = np.stack(basis)
        edge = max(edge, min(_sum(vector * walk.step(vector)) for vector in basis))
    return (state / walk.root).T


class _Walk:
    """One step of the walk, made symmetric; the mode that stands still is taken out."""

    def __init__(self, graph: Graph) -> None:
        start, self._other, weight = graph
        self.tiles = len(start) - 1
        self._row = np.repeat(np.arange(self.tiles), np.diff(start))
        self.root = np.sqrt(np.maximum(np.bincount(self._row, weights=weight, minlength=self.tiles), 1.0))
        self._share = weight / (self.root[self._row] * self.root[self._other])
        self._still = _unit(self.root)

    def step(self, vector: FloatArray) -> FloatArray:
        moved = np.bincount(self._row, weights=self._share * vector[self._other], minlength=self.tiles)
        return moved - _sum(moved * self._still) * self._still

    def filtered(self, vector: FloatArray, edge: float) -> FloatArray:
        """Chebyshev polynomial of `DEGREE`, small on eigenvalues from -1 to ``edge``, of the step."""
        before, now = vector, (2 * self.step(vector) + (1 - edge) * vector) / (1 + edge)
        for _ in range(DEGREE - 1):
            before, now = now, 2 * (2 * self.step(now) + (1 - edge) * now) / (1 + edge) - before
        return _unit(now - _sum(now * self._still) * self._still)


def _unit(vector: FloatArray) -> FloatArray:
    size = np.sqrt(_sum(vector * vector))
    return vector / size if size > 0 else vector


def _sum(values: FloatArray) -> float:
    """The sum in the order of the values: NumPy's own depends on the machine."""
    return float(np.cumsum(values)[-1])


def part_of(graph: Graph, tiles: IntArray) -> Graph:
    """Return the graph of some tiles and the traffic among them."""
    start, other, weight = graph
    number = np.full(len(start) - 1, -1, dtype=np.int64)
    number[tiles] = np.arange(len(tiles))
    length = (start[1:] - start[:-1])[tiles]
    row = np.repeat(np.arange(len(tiles)), length)
    entry = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length) + start[tiles][row]
    kept = number[other[entry]] >= 0
    row, entry = row[kept], entry[kept]
    return np.searchsorted(row, np.arange(len(tiles) + 1)), number[other[entry]], weight[entry]
