"""Ranges a chip derives from its widths."""

from neutrams.hardware import load_chip


def test_register_ranges_by_hand() -> None:
    chip = load_chip("tianji").with_values(core={"accumulator_bits": 9}, neuron={"potential_bits": 12})
    assert chip.register_range("ann") == chip.core.accumulator_range == (-256, 255)
    assert chip.register_range("snn") == chip.neuron.potential_range == (-2048, 2047)
