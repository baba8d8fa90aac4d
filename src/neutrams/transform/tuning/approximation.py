"""What approximating a function costs: ledger rows, measured against the network that still has the function."""

from collections.abc import Iterator, Mapping

import torch

from neutrams.base.arrays import AnyArray
from neutrams.evaluate import float_values
from neutrams.transform.ledger import LedgerRow
from neutrams.transform.lower import Lowered
from neutrams.transform.tuning.ablation import Ablation, relative
from neutrams.transform.tuning.steps import merged


def approximation_losses(
    lowered: Lowered, inputs: Mapping[str, AnyArray], labels: AnyArray | None
) -> Iterator[LedgerRow]:
    """Yield a row ``activation`` for each approximated function: what stands for it in its place, the rest in float.

    Args:
        lowered: A lowered network.
        inputs: Calibration data, each input ``[N, *shape]`` by name.
        labels: Class of each sample, or None.
    """
    if not lowered.rows:
        return
    ablation = Ablation(lowered.exact, inputs, labels)
    found = float_values(lowered.exact, {name: array[: ablation.samples] for name, array in inputs.items()})
    values = {name: merged(x) if name in ablation.steps else x for name, x in found.items()}
    for row in lowered.rows:
        given = torch.from_numpy(row.stand_in(*(values[name].double().numpy() for name in row.given))).float()
        exact = values[row.layer].nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
        effect = ablation.effect(row.layer, given)
        yield LedgerRow(
            layer=row.layer, unit=row.layer, constraint="activation", relative_error=relative(given - exact, exact),
            output_error=effect.output_error, agreement=effect.agreement, accuracy=effect.accuracy,
        )  # fmt: skip
