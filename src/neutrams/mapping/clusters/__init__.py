"""Partitioning of networks that are mapped neuron by neuron: few cores, little traffic between them."""

from neutrams.mapping.clusters.bound import Bound, fewest_parts
from neutrams.mapping.clusters.cost import Cost, cost_of, violations
from neutrams.mapping.clusters.divide import partition
from neutrams.mapping.clusters.limits import Limits
from neutrams.mapping.clusters.nets import Nets

__all__ = ["Bound", "Cost", "Limits", "Nets", "cost_of", "fewest_parts", "partition", "violations"]
