"""What a run shows, written to Parquet files as it goes."""

from neutrams.simulator.observe.recorder import observing
from neutrams.simulator.observe.watched import watched_neurons

__all__ = ["observing", "watched_neurons"]
