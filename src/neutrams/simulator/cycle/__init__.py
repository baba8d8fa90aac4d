"""Level ``cycle``: cores and network below the tick; values do not depend on it."""

from neutrams.simulator.cycle.ticks import run_cycles

__all__ = ["run_cycles"]
