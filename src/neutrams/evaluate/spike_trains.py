"""How far spike trains agree."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray


@dataclass(frozen=True, slots=True, kw_only=True)
class SpikeAgreement:
    """How far the spikes of a chip are those wanted.

    Attributes:
        equal: Fraction of all steps of all neurons and samples with the same output.
        coincident: Spikes that both have in the same step, twice, over the spikes of both (Dice's coefficient); 1 where
            neither has any.
        rate_error: Root mean square of the difference of rates (spikes a step, of each neuron and sample), over the
            root mean square of those wanted; 0 where both are silent.
    """

    equal: float
    coincident: float
    rate_error: float


def spike_agreement(found: AnyArray, wanted: AnyArray) -> SpikeAgreement:
    """Compare spikes, ``[N, T, *shape]`` both, spikes a step."""
    both, all_of_them = float(np.minimum(found, wanted).sum()), float(found.sum() + wanted.sum())
    rates, rates_wanted = found.mean(axis=1), wanted.mean(axis=1)
    error, size = (float(np.sqrt(np.square(x).mean())) for x in (rates - rates_wanted, rates_wanted))
    return SpikeAgreement(
        equal=float((found == wanted).mean()),
        coincident=2 * both / all_of_them if all_of_them else 1.0,
        rate_error=error / size if size else float(np.sign(error)),
    )
