"""Mapping: a transformed network onto the cores of a board; it never changes a value."""

from neutrams.mapping.pipeline import MappedResult, map_network
from neutrams.mapping.stats import MappingStats

__all__ = ["MappedResult", "MappingStats", "map_network"]
