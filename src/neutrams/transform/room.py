"""How much a core leaves room for: the inputs of a layer, axons for copies of them, constants for its bias."""

from neutrams.hardware import Chip

MOST_BIAS_ROWS = 8
"""Most axons that carry a constant for biases wider than the register [count]."""


def inputs_of_a_core(chip: Chip, mode: str = "ann") -> int:
    """Return how many inputs a layer can have before it is divided; in snn mode no axon is set apart for a bias."""
    return chip.core.axons - (1 if chip.core.bias == "row" and mode == "ann" else 0)


def axons_to_fill(chip: Chip) -> int:
    """Return how many axons of a core copies may fill: a bias takes the others."""
    return max(0, chip.core.axons - MOST_BIAS_ROWS)
