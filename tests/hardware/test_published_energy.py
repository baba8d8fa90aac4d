"""What presets say of energy against what is published of the chips: calibrations say so, and hold out a point."""

import numpy as np
import pytest

from neutrams.hardware import load_chip
from neutrams.simulator.energy import EVENTS, event_energy, leakage_energy

RATES_HZ = np.array([11.58, 20.07, 95.93])
POWERS_W = np.array([68e-3, 71e-3, 94e-3])
"""Operating points of TrueNorth; 2^20 neurons, 128 synapses each."""
SYNAPSES = (1 << 20) * 128
CORES = 4096


def power_w(rate_hz: float) -> tuple[float, float, float]:
    """Return what the preset says of a second at ``rate_hz``, (low, nominal, high)."""
    chip = load_chip("truenorth")
    events = dict.fromkeys(EVENTS, 0.0) | {"synapse": rate_hz * SYNAPSES}
    bands = [*event_energy(chip, events).values(), leakage_energy(chip, CORES, CORES, 1.0)]
    low, nominal, high = np.sum(bands, axis=0)
    return low, nominal, high


def test_truenorth_is_fitted_on_two_operating_points() -> None:
    slope, static_w = np.polyfit(RATES_HZ[[0, 2]], POWERS_W[[0, 2]], 1)
    technology = load_chip("truenorth").technology
    assert technology.synapse_j.value == pytest.approx(slope / SYNAPSES, rel=2e-3)
    assert technology.core_w.value == pytest.approx(static_w / CORES, rel=2e-3)
    for pair in ([0, 1], [1, 2]):
        slope, static_w = np.polyfit(RATES_HZ[pair], POWERS_W[pair], 1)
        for figure, value in ((technology.synapse_j, slope / SYNAPSES), (technology.core_w, static_w / CORES)):
            low, _, high = figure.band
            assert low <= value <= high


def test_truenorth_predicts_the_operating_point_held_out() -> None:
    low, nominal, high = power_w(20.07)
    assert nominal == pytest.approx(71e-3, rel=0.03)
    assert low <= 71e-3 <= high


def test_nothing_of_truenorth_is_counted_twice() -> None:
    """The all-in 26 pJ a synaptic event holds the static power, which the preset has apart from events."""
    technology = load_chip("truenorth").technology
    assert power_w(20.07)[1] / (20.07 * SYNAPSES) == pytest.approx(26e-12, rel=0.02)
    assert technology.synapse_j.value < 26e-12 / 10
    assert technology.router_j.value == technology.link_j.value == 0


def test_the_all_in_energy_of_tianjic_is_not_the_cost_of_one_more_event() -> None:
    """1.54 pJ a synaptic operation: with all cores busy in each round that would be more than the chip's 400 mW."""
    chip = load_chip("tianjic")
    synapses = chip.board.rows * chip.board.columns * chip.core.axons * chip.core.neurons
    assert 1.54e-12 * synapses / chip.tick.ann_s > 400e-3
    assert chip.technology.synapse_j.band[2] < 1.54e-12
    assert chip.technology.synapse_j.value * synapses / chip.tick.ann_s < 400e-3
