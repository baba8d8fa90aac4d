"""Neurons that carry a part of a sum too wide for one core: together they give it in every step, in spikes.

K neurons read the same inputs. Under reset by subtraction all have the whole range of the sum as threshold, and begin
at different charges: they fire in turn, and what one step leaves unsaid the next one says (a sigma-delta converter of
K + 1 levels). Under reset to a value they forget everything in a step, and fire from K thresholds on.
"""

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.base.errors import CapacityError, UnsupportedError
from neutrams.transform.names import origin_of
from neutrams.transform.tuning.spiking.models import KINDS
from neutrams.transform.tuning.spiking.stepped import Stepped

OUTSIDE = 0.005
"""Share of the values beyond each end of the range where charge waits for the next step (reset by subtraction)."""

LEAST_RANGE = 1e-3
"""No channel's range is taken smaller than this share of the layer's largest."""


def carrier(total: torch.Tensor, copies: int, model: str, name: str) -> tuple[Stepped, FloatArray, FloatArray]:
    """Return (the neurons of ``copies`` times C channels, most that those of a channel give, least, ``[C]`` each).

    Args:
        total: The part of the sum, float ``[T, N, C, *size]``.
        copies: K.
        model: The chip's neuron model.
        name: The part, for the message.

    Raises:
        CapacityError: Neurons of this model cannot carry it, a part of a sum too wide for a core.
        UnsupportedError: They cannot carry it, a sum of the network.
    """
    kind = KINDS[model]
    if kind.current == "last" or (kind.soft is False and not kind.decays):
        why = "their current comes a step late" if kind.current == "last" else "reset to 0 loses what they carry"
        told = f"{name!r} would be carried by neurons of the model {model!r}, but {why}"
        if origin_of(name)[1]:
            fix = "take cores with more axons, or a model with reset by subtraction (neuron.models=if_soft)"
            raise CapacityError(told, where="core.axons", fix=fix)
        raise UnsupportedError(
            told,
            where="transform, sums that no neurons are after",
            fix="end the network with neurons, leave sums of layers out, or take a model with reset by subtraction "
            "(neuron.models=if_soft)",
        )
    low, high = _ends(total, kind.soft is True)
    width = np.maximum(high - low, max(LEAST_RANGE * float((high - low).max()), 1e-30))
    part = np.repeat((np.arange(copies) + 0.5) / copies, len(low))
    wide, low_of_each, zero = np.tile(width, copies), np.tile(low, copies), np.zeros(copies * len(low))
    soft = kind.soft is True
    real = Stepped(
        keep=zero + soft, gain=zero + 1.0, leak=-low_of_each, keep_current=zero if kind.current else None, late=False,
        threshold=wide if soft else wide * part, strict=False, soft=soft, reset=zero,
        initial=wide * part if soft else zero, refractory=zero,
    )  # fmt: skip
    return real, low + width, low


def _ends(total: torch.Tensor, carries_over: bool) -> tuple[FloatArray, FloatArray]:
    """Return the ends of each channel's range, float64 ``[C]`` each."""
    ranked = total.transpose(0, 2).flatten(1).sort(dim=1).values.double()
    out = int(OUTSIDE * ranked.shape[1]) if carries_over else 0
    return ranked[:, out].numpy(), ranked[:, ranked.shape[1] - 1 - out].numpy()
