"""Model files and modules of other tools, read as float networks."""

from neutrams.importers.load import load

__all__ = ["load"]
