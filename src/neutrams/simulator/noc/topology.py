"""Routers, the links between them, the nodes at them, and which way a packet goes, all as tables."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neutrams.base.arrays import BoolArray, IntArray, check_indices, frozen
from neutrams.base.errors import SpecError
from neutrams.kernels.noc_routes import PORT_BITS, PORT_MASK
from neutrams.simulator.noc.follow import follow
from neutrams.simulator.noc.routes import MOST_CLASSES, MOST_PORTS, RouteStage, look_up

MOST_PATHS = 256
MOST_NODES = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Routers with P ports each, N nodes, and the routes of packets from any router to any node.

    Routes come in stages (`RouteStage`), of which the first with an entry says the port. A packet has a *path*, which
    picks one of the tables of each stage, and on each link a *class*, which picks the virtual
    channels (VCs) it may take there: with C classes and V VCs, class c has VC (c - 1) * V / C to c * V / C - 1 and
    class 0 all. A packet that enters a router by a port of some ring and leaves it by one of the same ring
    keeps its class, whatever the table says.

    Attributes:
        name: What it is, for messages.
        neighbor: int64[R, P], router that an output port leads to, -1 if none.
        entry: int64[R, P], input port there.
        latency: int64[R, P], cycles a flit is on the link; a credit takes the same time back [cycle].
        interval: int64[R, P], cycles from flit to flit on the link, or to the node; one number for all [cycle].
        node_router: int64[N], router of each node.
        node_port: int64[N], its input port (injection) and output port (ejection) there.
        node_latency: Cycles between node and router, either way [cycle].
        routes: Output port, and class on the link behind it, at a router for a packet to a node; empty where all
            packets have trees of given links.
        class_count: C, how many classes there are.
        ring: int64[R, P], ring of an input or output port, -1 if none.

    Raises:
        SpecError: Tables do not fit each other, name what does not exist, or lead a packet nowhere.
    """

    name: str
    neighbor: IntArray
    entry: IntArray
    latency: IntArray
    interval: npt.ArrayLike = 1
    node_router: IntArray
    node_port: IntArray
    node_latency: int = 1
    routes: tuple[RouteStage, ...]
    class_count: int
    ring: IntArray

    def __post_init__(self) -> None:
        for name in ("neighbor", "entry", "latency", "interval", "node_router", "node_port", "ring"):
            object.__setattr__(self, name, frozen(np.asarray(getattr(self, name), dtype=np.int64)))
        self._check_shapes()
        self._check_values()
        self._check_ports_once()
        if self.routes:
            self._check_routes()
            self.followed()

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
        return int(self.routes[0].entry.shape[0]) if self.routes else 0

    @property
    def intervals(self) -> IntArray:
        """``interval`` of each port, int64[R, P] [cycle]."""
        return np.broadcast_to(np.asarray(self.interval), self.neighbor.shape)

    def hop(self, path: IntArray, router: IntArray, target: IntArray) -> tuple[IntArray, IntArray]:
        """Return output port and class for packets at some routers to some nodes, int64 each of their common shape."""
        entry = look_up(self.routes, path, router, target)
        return entry & PORT_MASK, entry >> PORT_BITS

    def same_ring(self, router: IntArray, entered: IntArray, port: IntArray) -> BoolArray:
        """Return where input port and output port of routers are of one ring."""
        ring = self.ring[router, port]
        return np.asarray((ring >= 0) & (self.ring[router, entered] == ring))

    def followed(self) -> tuple[IntArray, npt.NDArray[np.uint8]]:
        """Return links, and which channels follow each other on routes (`neutrams.simulator.noc.follow`)."""
        if not self.routes:
            raise SpecError(
                "there are no routes to follow",
                where=f"topology {self.name!r}",
                fix="give at least one stage, or check trees of given links by check_trees_deadlock_free",
            )
        port = np.stack([self.neighbor, self.entry, np.zeros_like(self.entry), self.ring], axis=2)
        node = np.stack([self.node_router, self.node_port], axis=1)
        return follow(self.routes, port, node, self.class_count + 1, self.name)

    def _check_shapes(self) -> None:
        grid = self.neighbor.shape
        wanted = {"entry": grid, "latency": grid, "ring": grid, "node_port": (self.nodes,)}
        if np.ndim(self.interval):
            wanted["interval"] = grid
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise SpecError(
                    f"{name} has shape {getattr(self, name).shape}, neighbor and node_router ask for {shape}",
                    where=f"topology {self.name!r}",
                    fix="give tables of one set of routers, ports and nodes",
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
        if (
            (self.latency[self.neighbor >= 0] < 1).any()
            or self.node_latency < 1
            or (np.asarray(self.interval) < 1).any()
        ):
            raise SpecError(
                "a link takes less than one cycle", where=where, fix="give latencies and intervals of at least 1"
            )

    def _check_routes(self) -> None:
        where = f"topology {self.name!r}"
        sizes = {(stage.router_key.size, stage.target_key.size, len(stage.entry)) for stage in self.routes}
        if sizes != {(self.routers, self.nodes, self.paths)} or (self.routes[-1].entry < 0).any():
            raise SpecError(
                f"routes are for (routers, nodes, paths) {sorted(sizes)}, wanted is "
                f"{(self.routers, self.nodes, self.paths)}, with an entry everywhere in the last stage",
                where=where,
                fix="give each stage a key for each router and node, and as many paths as the first",
            )
        for stage in self.routes:
            for name, high, most in (
                ("port", stage.port.max(), self.ports - 1),
                ("class", stage.classes.max(), self.class_count),
            ):
                if high > most:
                    raise SpecError(
                        f"routes name {name} {high}, allowed are up to {most}",
                        where=where,
                        fix="name ports that exist, and classes from 1 to class_count, or 0 for any VC",
                    )

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
