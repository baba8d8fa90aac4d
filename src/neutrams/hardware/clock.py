"""The clock of a chip: its period, and times in whole cycles of it."""

import numpy as np

from neutrams.hardware.chip import Chip

SHORTEST_S = 1e-15
"""A time shorter than this is taken for none [s]."""


def clock_s(chip: Chip) -> float:
    """Return the clock period of cores and network [s]: ``tick.cycle_s``, or the time of a link."""
    return chip.tick.cycle_s or max(float(chip.technology.link_s.value), SHORTEST_S)


def cycles_of(seconds: float, period_s: float) -> int:
    """Return how many cycles ``seconds`` take: the next whole number, but for rounding errors."""
    return int(np.ceil(seconds / period_s - 1e-6))


def fixed_tick_s(chip: Chip, mode: str) -> float:
    """Return the fixed period of a tick in a mode, ``ann`` or ``snn`` [s]; 0: as short as the work allows."""
    return chip.tick.ann_s if mode == "ann" else chip.tick.snn_s
