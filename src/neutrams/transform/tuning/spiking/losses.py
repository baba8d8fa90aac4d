"""The ledger of a spiking network: what the spikes of each layer and part lack of the original's, and the cost."""

from neutrams.transform.ledger import LedgerRow
from neutrams.transform.names import origin_of
from neutrams.transform.tuning.ablation import Ablation, relative
from neutrams.transform.tuning.spiking.build import SpikingBuild
from neutrams.transform.tuning.steps import merged


def losses(build: SpikingBuild, ablation: Ablation) -> tuple[LedgerRow, ...]:
    """Return a row for each layer (``spikes``) and each partial sum (``fan_in``).

    The relative error is of rates over the steps, of a partial sum of its values; the effect is that of the layer's
    spikes, in every step, in a network that is otherwise the original.
    """
    found = []
    for name, given in build.given.items():
        layer, part = origin_of(name)
        wanted = build.values[name].float()
        means = (given.mean(0), wanted.mean(0)) if not part else (given, wanted)
        row = LedgerRow(
            layer=layer, unit=name, constraint="fan_in" if part else "spikes",
            relative_error=relative(means[0] - means[1], means[1]),
        )  # fmt: skip
        rows = merged(given.to(build.values[name].dtype))[: ablation.rows(name)]
        found.append((row, (name, rows)))
    effects = ablation.effects([error for _, error in found])
    return tuple(row.with_effect(effect) for (row, _), effect in zip(found, effects, strict=True))
