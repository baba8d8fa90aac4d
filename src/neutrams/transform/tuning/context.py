"""Where a unit stands: what is added to what it gives, what the sum is, and who reads it."""

from dataclasses import dataclass

import torch

from neutrams.hardware import Chip
from neutrams.network import Network
from neutrams.transform.tuning.originals import Extent
from neutrams.transform.tuning.ranges import OutputRange
from neutrams.transform.tuning.unit import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The neighbourhood of a unit.

    Attributes:
        extent: How far what it gives reaches.
        tied: Extents of all tensors that are added up with it, itself included; those of activations are never
            negative. Just its own where nothing is.
        total: Target of the sum that it is a part of; None where it is none.
        source: The split float network it belongs to.
        level: Whether its channels meet in one channel of a reader, where they must have one scale; then the extents
            of all channels are the same.
        state: How its values must map to integers, because a state remembers them; None where it is free.
    """

    extent: Extent
    tied: tuple[Extent, ...]
    total: torch.Tensor | None
    source: Network
    level: bool = False
    state: OutputRange | None = None

    def copies(self, unit: Unit, chip: Chip, most: int) -> int:
        """Return how many neurons carry each value of a decoded unit: as many as fit in a core beside each other."""
        if unit.elementwise:
            return 1
        return max(1, min(most, chip.core.neurons // unit.target[0].numel()))
