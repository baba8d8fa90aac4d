"""Model files and modules of other tools, read as float networks."""

from neutrams.importers.load import describe, load
from neutrams.importers.shapes import parse_input_shapes
from neutrams.importers.survey import Survey

__all__ = ["Survey", "describe", "load", "parse_input_shapes"]
