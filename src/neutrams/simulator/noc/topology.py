"""Routers, the links between them, the nodes at them, and which way a packet goes, all as tables."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neutrams.base.arrays import IntArray, check_indices, frozen
from neutrams.base.errors import SpecError

ShortArray = npt.NDArray[np.int16]

MOST_PORTS = 256
"""Ports of a router; a route is stored as port + 256 * class."""

MOST_CLASSES = 127
MOST_PATHS = 256
MOST_NODES = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Routers with P ports each, N nodes, and the routes of packets from any router to any node.

    A packet has a *path*, which picks one of the route tables, and on each link a *class*, which picks the virtual
    channels (VCs) it may take there: with C classes and V VCs, class c has VC (c - 1) * V / C to c * V / C - 1 and
    class 0 all. A packet that enters a router by a port of some ring and leaves it by one of the same ring
    keeps its class, whatever the table says.

    Attributes:
        name: What it is, for messages.
        neighbor: int64[R, P], router that an output port leads to, -1 if none.
        entry: int64[R, P], input port there.
        latency: int64[R, P], cycles a flit is on the link; a credit takes the same time back [cycle].
        node_router: int64[N], router of each node.
        node_port: int64[N], its input port (injection) and output port (ejection) there.
        node_latency: Cycles between node and router, either way [cycle].
        route: int16[paths, R, N], output port at a router for a packet to a node.
        classes: int16[paths, R, N], class on the link behind that port; 0 where any VC will do.
        class_count: C, how many classes there are.
        ring: int64[R, P], ring of an input or output port, -1 if none.

    Raises:
        SpecError: Tables do not fit each other, or name what does not exist.
    """

    name: str
    neighbor: IntArray
    entry: IntArray
    latency: IntArray
    node_router: IntArray
    node_port: IntArray
    node_latency: int = 1
    route: ShortArray
    classes: ShortArray
    class_count: int
    ring: IntArray

    def __post_init__(self) -> None:
        for name in ("neighbor", "entry", "latency", "node_router", "node_port", "ring"):
            object.__setattr__(self, name, frozen(np.asarray(getattr(self, name), dtype=np.int64)))
        for name, most in (("route", self.ports - 1), ("classes", min(self.class_count, MOST_CLASSES))):
            object.__setattr__(self, name, self._short(name, most))
        self._check_shapes()
        self._check_values()

    @property
    def routers(self) -> int:
        """R, how many routers there are [count]."""
        return int(self.neighbor.shape[0])

    @property
    def ports(self) -> int:
        """P, input and output ports of a router [count]."""
        return int(self.neighbor.shape[1])

    @property
    def nodes(self) -> int:
        """N, how many nodes there are [count]."""
        return int(self.node_router.shape[0])

    @property
    def paths(self) -> int:
        """How many tables of routes there are [count]."""
        return int(self.route.shape[0])

    def _short(self, name: str, most: int) -> ShortArray:
        """Return a table in 16 bits, so that a large network does not take gigabytes."""
        table = np.asarray(getattr(self, name))
        low, high = (int(table.min()), int(table.max())) if table.size else (0, 0)
        if low < 0 or high > most:
            raise SpecError(
                f"{name} has values from {low} to {high}, allowed are 0 to {most}",
                where=f"topology {self.name!r}",
                fix="name ports that exist, and classes from 1 to class_count, of at most 127, or 0 for any VC",
            )
        return frozen(table.astype(np.int16))

    def _check_shapes(self) -> None:
        grid, table = self.neighbor.shape, (self.paths, self.routers, self.nodes)
        wanted = {"entry": grid, "latency": grid, "ring": grid, "node_port": (self.nodes,), "route": table}
        for name, shape in {**wanted, "classes": table}.items():
            if getattr(self, name).shape != shape:
                raise SpecError(
                    f"{name} has shape {getattr(self, name).shape}, neighbor, node_router and route ask for {shape}",
                    where=f"topology {self.name!r}",
                    fix="give tables of one set of routers, ports, nodes and paths",
                )
        if self.paths > MOST_PATHS or self.nodes > MOST_NODES:
            raise SpecError(
                f"{self.paths} paths and {self.nodes} nodes, a flit has room for {MOST_PATHS}, {MOST_NODES}",
                where=f"topology {self.name!r}",
                fix="give fewer tables of routes, or a smaller network",
            )
        if not 1 <= self.ports <= MOST_PORTS:
            raise SpecError(
                f"routers have {self.ports} ports, allowed are 1 to {MOST_PORTS}",
                where=f"topology {self.name!r}",
                fix="spread the links over more routers",
            )

    def _check_values(self) -> None:
        where = f"topology {self.name!r}"
        for array, size in (
            (self.neighbor[self.neighbor >= 0], self.routers),
            (self.entry[self.neighbor >= 0], self.ports),
            (self.node_router, self.routers),
            (self.node_port, self.ports),
        ):
            check_indices(array, size, where)
            if (array < 0).any():
                raise SpecError("an index is negative", where=where, fix="give indices from 0")
        if not 1 <= self.class_count <= MOST_CLASSES:
            raise SpecError(
                f"class_count is {self.class_count}, allowed are 1 to {MOST_CLASSES}",
                where=where,
                fix="give one class, or two for rings with a dateline",
            )
        if (self.latency[self.neighbor >= 0] < 1).any() or self.node_latency < 1:
            raise SpecError("a link takes less than one cycle", where=where, fix="give latencies of at least 1")
        self._check_ports_once()

    def _check_ports_once(self) -> None:
        out = self.neighbor >= 0
        inputs = np.concatenate(
            [self.neighbor[out] * self.ports + self.entry[out], self.node_router * self.ports + self.node_port]
        )
        outputs = np.concatenate([np.flatnonzero(out), self.node_router * self.ports + self.node_port])
        for what, ports in (("input", inputs), ("output", outputs)):
            used, times = np.unique(ports, return_counts=True)
            if (times > 1).any():
                router, port = divmod(int(used[times > 1][0]), self.ports)
                raise SpecError(
                    f"{what} port {port} of router {router} has two links",
                    where=f"topology {self.name!r}",
                    fix="give each link and each node a port of its own",
                )
