"""The network on chip, cycle by cycle: topologies with their routes, routers, packets in, times of arrival out."""

from neutrams.simulator.noc.deadlock import check_deadlock_free, check_trees_deadlock_free
from neutrams.simulator.noc.grids import mesh, ring, torus
from neutrams.simulator.noc.multicast import Trees
from neutrams.simulator.noc.packets import PacketTable
from neutrams.simulator.noc.planted import TreeLinks
from neutrams.simulator.noc.router import RouterSpec
from neutrams.simulator.noc.routes import RouteStage, axis_stage, route_table
from neutrams.simulator.noc.run import Noc, NocResult, simulate_packets
from neutrams.simulator.noc.topology import Topology
from neutrams.simulator.noc.trees import fat_tree, graph, tree

__all__ = [
    "Noc",
    "NocResult",
    "PacketTable",
    "RouteStage",
    "RouterSpec",
    "Topology",
    "TreeLinks",
    "Trees",
    "axis_stage",
    "check_deadlock_free",
    "check_trees_deadlock_free",
    "fat_tree",
    "graph",
    "mesh",
    "ring",
    "route_table",
    "simulate_packets",
    "torus",
    "tree",
]
