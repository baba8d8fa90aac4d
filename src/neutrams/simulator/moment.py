"""What one tick of one sample shows to whoever looks at a run as it goes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neutrams.base.arrays import IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """One tick of one sample, as the engine went through it.

    Attributes:
        tick: Which tick, 0 … ticks - 1.
        tiles: int64 ``[due]``, the tiles that updated, ascending.
        rows: int64 ``[due]``, axons of each that carried something else than 0.
        synapses: int64 ``[due]``, the synapses those read.
        fired: int64 ``[fired]``, neurons of these tiles whose output is another than 0, ascending.
        potential: int64 ``[watched]``, potentials of the neurons that are watched, after the tick [LSB].
    """

    tick: int
    tiles: IntArray
    rows: IntArray
    synapses: IntArray
    fired: IntArray
    potential: IntArray


Look = Callable[[Moment], Any]
"""What is called with each tick of a sample, in order; `neutrams.simulator.late` takes a `Beat` from it."""
