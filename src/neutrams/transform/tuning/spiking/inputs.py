"""How what enters a spiking network reaches its axons in every step: as spikes where it is spikes, else as currents."""

import numpy as np
import torch

from neutrams.base.errors import UnsupportedError
from neutrams.hardware import Chip
from neutrams.network import ops


def input_encoder(name: str, source: str, values: torch.Tensor, chip: Chip) -> ops.Encode:
    """Return the encoder of an input: exact for spikes and small counts, else in steps of its range.

    Args:
        name: What it is called.
        source: The tensor it reads.
        values: Calibration data, float ``[T, N, *shape]``.
        chip: Gives the width of a current.

    Raises:
        UnsupportedError: The input is no spikes, and the chip takes nothing else.
    """
    top = (1 << chip.signal.current_bits) - 1
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= top and bool((values == values.round()).all()):
        return ops.Encode(name=name, inputs=(source,), scale=1.0, zero=0.0, low=0, high=max(1, int(high)), code="level")
    if top == 1:
        raise UnsupportedError(
            f"input {source!r} has values from {low:g} to {high:g}, chip {chip.name!r} takes only spikes (0 and 1)",
            where="transform, spiking inputs",
            fix="encode it in spikes, or set signal.current_bits to the width of a current",
        )
    zero = min(low, 0.0)
    scale = (max(high, 0.0) - zero) / top or 1.0
    return ops.Encode(name=name, inputs=(source,), scale=float(np.float64(scale)), zero=zero, low=0, high=top)
