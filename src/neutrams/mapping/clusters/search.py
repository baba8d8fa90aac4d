"""A partition under way: its counts, and the three things that are done to it: heating, settling, renumbering."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.kernels.cluster_anneal import FINE, Heat, Soft, sweep
from neutrams.kernels.cluster_settle import LINKS, Ways, level_out, settle
from neutrams.kernels.cluster_tables import Caps, Graph, Parts, Scratch, count_parts
from neutrams.mapping.clusters.levels import UNIT, compact
from neutrams.mapping.clusters.limits import Limits

QUANTILES = 4096
GUMBEL = np.rint(-UNIT * np.log(-np.log((np.arange(QUANTILES) + 0.5) / QUANTILES))).astype(np.int64)
"""Noise of the heat bath: int64 ``[4096]``, quantiles of the Gumbel distribution [1/1024]."""

NEVER = 1 << 40
"""A limit that nothing reaches."""

ROUNDS = 12
"""Times that ways between parts are looked for anew [count]."""

GONE = -(1 << 16)
"""Soft limit of a part that is to be emptied [count]."""


def caps_of(limits: Limits) -> Caps:
    """Return the limits as the kernels take them."""
    return Caps(
        neurons=limits.neurons,
        axons=limits.axons or NEVER,
        synapses=limits.synapses or NEVER,
        own=int(limits.own_axons) if limits.axons else 2,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a search is after.

    Attributes:
        near: Worth of traffic that stays within a part, of a net's mean weight [1].
        read: Worth of an axon saved [1].
    """

    near: float
    read: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How one level is annealed: linear cooling, prices that rise geometrically.

    Attributes:
        sweeps: How often all vertices are looked at [count].
        hot: First temperature [net of mean weight, or axon].
        cold: Temperature after the last sweep [the same].
        price: First and last price of breaking a limit by one neuron, squared [the same].
        axon_price: The same for axons; 0 and 0: they do not matter.
        follow: Share of an excess by which its soft limit moves, a sweep [1].
    """

    sweeps: int
    hot: float
    cold: float = 0.0
    price: tuple[float, float]
    axon_price: tuple[float, float] = (0.0, 0.0)
    follow: float = 0.2


class Search:
    """A partition of one hypergraph; parts of all numbers below ``live`` may be in use.

    Attributes:
        graph: The hypergraph.
        caps: Limits of a part.
        parts: Parts of the vertices and their counts; changed in place.
        live: Numbers in use [count].
        soft: Soft limits; changed in place.
    """

    def __init__(self, graph: Graph, part: AnyArray, caps: Caps, *, room: int = 0) -> None:
        self.graph, self.caps = graph, caps
        self.live = int(part.max(initial=-1)) + 1
        most = max(1, self.live + room)
        pins = np.diff(graph.start)
        slot = np.concatenate(([0], np.cumsum(np.minimum(pins, most)))).astype(np.int64)
        self.parts = Parts(
            part=part.astype(np.int32),
            slot=slot,
            used=np.zeros(len(pins), dtype=np.int32),
            entry=np.zeros(int(slot[-1]), dtype=np.int64),
            size=np.zeros(most, dtype=np.int64),
            load=np.zeros(most, dtype=np.int64),
            axons=np.zeros(most, dtype=np.int64),
        )
        count_parts(graph, self.parts, caps.own)
        self.scratch = Scratch(*(np.zeros(most, dtype=np.int64) for _ in range(3)))
        self.soft = Soft(
            neurons=np.full(most, caps.neurons << FINE, dtype=np.int64),
            axons=np.full(most, caps.axons << FINE, dtype=np.int64),
        )

    def heat(self, worth: Worth, temperature: float, prices: tuple[float, float], even: int, seed: int) -> int:
        """Sweep once under soft limits; return how many vertices moved."""
        price, axon_price = (round(p * UNIT * UNIT) for p in prices)
        load = 0
        if self.caps.synapses < NEVER:
            load = max(1, round(prices[0] * UNIT * UNIT * (self.caps.neurons / self.caps.synapses) ** 2))
        h = Heat(
            near=round(worth.near * UNIT), read=round(worth.read * UNIT), temperature=round(temperature * UNIT),
            price=price, axon_price=axon_price, load_price=load, hard=0, even=even, seed=seed,
        )  # fmt: skip
        return sweep(self.graph, self.parts, self.scratch, self.soft, self.caps, h, GUMBEL)

    def polish(self, worth: Worth, temperature: float, seed: int) -> int:
        """Sweep once under hard limits: what is legal stays legal; return how many vertices moved."""
        h = Heat(
            near=round(worth.near * UNIT), read=round(worth.read * UNIT), temperature=round(temperature * UNIT),
            price=0, axon_price=0, load_price=0, hard=1, even=0, seed=seed,
        )  # fmt: skip
        return sweep(self.graph, self.parts, self.scratch, self.soft, self.caps, h, GUMBEL)

    def ways(self) -> Ways:
        """Return room for `settle` and `seat`."""
        most, n = len(self.parts.size), len(self.graph.size)
        return Ways(
            link_part=np.empty((most, LINKS), dtype=np.int32),
            link_vertex=np.empty((most, LINKS), dtype=np.int32),
            link_cost=np.empty((most, LINKS), dtype=np.int64),
            cost=np.empty(most, dtype=np.int64),
            origin=np.empty(most, dtype=np.int32),
            link=np.empty(most, dtype=np.int32),
            done=np.empty(most, dtype=np.int32),
            front=np.empty(most, dtype=np.int32),
            members=np.empty(n, dtype=np.int32),
            begin=np.empty(most + 1, dtype=np.int64),
        )

    def level_out(self, most: int) -> int:
        """Move single neurons from parts with too many to parts with room, over chains; return how many stay."""
        return level_out(self.graph, self.parts, self.scratch, self.caps, self.ways(), most, ROUNDS)

    def settle(self, worth: Worth) -> bool:
        """Make all parts legal, with new ones where needed; False if they are more than there is room for."""
        near, read = round(worth.near * UNIT), round(worth.read * UNIT)
        live = settle(self.graph, self.parts, self.scratch, self.caps, self.ways(), self.live, near, read)
        if live >= 0:
            self.live = live
        return live >= 0

    @property
    def used(self) -> int:
        """Parts that are not empty [count]."""
        return int((self.parts.size > 0).sum())

    def excess(self) -> int:
        """Axons beyond the limit, of all parts [count]."""
        return int(np.maximum(self.parts.axons - self.caps.axons, 0).sum())

    def numbers(self) -> AnyArray:
        """Return the part of each vertex, int32, numbers from 0 without gaps."""
        return compact(self.parts.part)


def follow(soft: IntArray, held: IntArray, limit: float, share: float, growth: float) -> None:
    """Move soft limits against what parts hold beyond ``limit`` [count], in place.

    What breaking a limit costs is the price times the distance from it; so that it stays as it is while the price
    grows by ``growth``, distances shrink as much.
    """
    base = (1 << FINE) * limit
    soft[:] = np.rint(base + (soft - base) / growth - (1 << FINE) * share * (held - limit)).astype(np.int64)
