"""Chip descriptions: what a chip can hold and do, every number with unit and source."""

from neutrams.hardware.chip import Chip
from neutrams.hardware.describe import chip_to_toml, explain, given_sections, kinds_of
from neutrams.hardware.disagreements import disagreements
from neutrams.hardware.figure import Figure
from neutrams.hardware.geometry import Board
from neutrams.hardware.load import load_chip, preset_names

__all__ = [
    "Board",
    "Chip",
    "Figure",
    "chip_to_toml",
    "disagreements",
    "explain",
    "given_sections",
    "kinds_of",
    "load_chip",
    "preset_names",
]
