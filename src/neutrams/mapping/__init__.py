"""Mapping: a transformed network onto the cores of a board; it never changes a value."""

from neutrams.mapping.pins import Pins
from neutrams.mapping.pipeline import MappedResult, Plan, map_network, plan_network
from neutrams.mapping.reorder import in_order
from neutrams.mapping.sharing import LayerShare, Sharing, sharing_of
from neutrams.mapping.stats import MappingStats

__all__ = [
    "LayerShare",
    "MappedResult",
    "MappingStats",
    "Pins",
    "Plan",
    "Sharing",
    "in_order",
    "map_network",
    "plan_network",
    "sharing_of",
]
