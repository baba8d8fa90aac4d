"""Chip descriptions: what a chip can hold and do, every number with unit and source."""

from neutrams.hardware.chip import Chip
from neutrams.hardware.figure import Figure

__all__ = ["Chip", "Figure"]
