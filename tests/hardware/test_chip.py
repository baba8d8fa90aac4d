"""Ranges a chip derives from its widths."""

import pytest

from neutrams.base.errors import SpecError
from neutrams.hardware import load_chip


def test_register_ranges_by_hand() -> None:
    chip = load_chip("tianji").with_values(core={"accumulator_bits": 9}, neuron={"potential_bits": 12})
    assert chip.register_range("ann") == chip.core.accumulator_range == (-256, 255)
    assert chip.register_range("snn") == chip.neuron.potential_range == (-2048, 2047)


def test_a_model_needs_its_registers() -> None:
    """Also those of no state: a refractory period alone may be missing."""
    chip = load_chip("tianji")
    with pytest.raises(SpecError, match=r"neuron.decay_bits is 0, the neuron model 'lif_soft' needs 1 and above"):
        chip.with_values(neuron={"models": ("requantize", "lif_soft")})
    with pytest.raises(SpecError, match=r"neuron.synaptic_bits is 1, the neuron model 'cuba_lif_hard' needs 2 and"):
        chip.with_values(neuron={"models": ("requantize", "cuba_lif_hard"), "decay_bits": 12, "synaptic_bits": 1})
    leaky = chip.with_values(neuron={"models": ("requantize", "lif_soft"), "decay_bits": 12})
    assert leaky.widths["decay_bits"] == 12
    assert leaky.widths["refractory_bits"] == 0
    assert leaky.widths["accumulator_bits"] == 24
