"""Where a unit stands: what is added to what it gives, and what the sum is."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from neutrams.hardware import Chip
from neutrams.transform.tuning.unit import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The neighbourhood of a unit.

    Attributes:
        siblings: Targets of the signed sums that are added to its own, itself included, by name; float32 ``[N, n]``.
        total: Target of the sum that it is a part of; None where it is none.
    """

    siblings: Mapping[str, torch.Tensor]
    total: torch.Tensor | None

    def copies(self, unit: Unit, chip: Chip, most: int) -> int:
        """Return how many neurons carry each value of a decoded unit: as many as fit in a core beside each other."""
        if unit.elementwise:
            return 1
        return max(1, min(most, chip.core.neurons // unit.target.shape[1]))
