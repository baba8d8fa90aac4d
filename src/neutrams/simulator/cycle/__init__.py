"""Level ``cycle``: cores and network below the tick; values do not depend on it."""

from neutrams.simulator.cycle.clockwork import Beat, Clockwork
from neutrams.simulator.cycle.count import Count
from neutrams.simulator.cycle.ticks import Hear, Together, look_of, run_steady, timing_of

__all__ = ["Beat", "Clockwork", "Count", "Hear", "Together", "look_of", "run_steady", "timing_of"]
