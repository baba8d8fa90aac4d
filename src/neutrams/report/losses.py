"""The loss ledger by layer and limit, the worst first, and the one sentence it comes to."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from neutrams.report.data import LedgerEntry
from neutrams.report.quantities import percent, significant

SUMS = ("inherited", "all")
"""Rows that blame no limit of their layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What one limit costs in one layer, its parts taken together.

    Attributes:
        layer: Name of the source network's tensor.
        constraint: The limit.
        parts: Rows of the ledger it is made of [count].
        output_error: Root of the sum of squares over the parts: their errors are taken as independent [1].
        relative_error: Of the worst part [1].
        agreement: Of the worst part [1]; None where not measured.
        accuracy: Of the worst part [1]; None where no labels were given.
    """

    layer: str
    constraint: str
    parts: int
    output_error: float
    relative_error: float
    agreement: float | None
    accuracy: float | None

    @property
    def blames_a_limit(self) -> bool:
        """Whether it is about a limit of this layer, not about earlier layers or all limits together."""
        return self.constraint not in SUMS


def losses_of(ledger: Iterable[LedgerEntry]) -> tuple[Loss, ...]:
    """Return one loss for each layer and constraint, in order of the ledger."""
    found: dict[tuple[str, str], list[LedgerEntry]] = {}
    for row in ledger:
        found.setdefault((row.layer, row.constraint), []).append(row)
    return tuple(_together(rows) for rows in found.values())


def _together(rows: Sequence[LedgerEntry]) -> Loss:
    return Loss(
        layer=rows[0].layer,
        constraint=rows[0].constraint,
        parts=len(rows),
        output_error=math.hypot(*(row.output_error or 0.0 for row in rows)),
        relative_error=max(row.relative_error or 0.0 for row in rows),
        agreement=min((row.agreement for row in rows if row.agreement is not None), default=None),
        accuracy=min((row.accuracy for row in rows if row.accuracy is not None), default=None),
    )


def worst_of(losses: Iterable[Loss]) -> Loss | None:
    """Return the limit that changes the outputs most, the first of equals; None where nothing was lost."""
    lossy = [loss for loss in losses if loss.output_error > 0 and loss.blames_a_limit]
    return max(lossy, key=lambda loss: loss.output_error, default=None)


def verdict(losses: Iterable[Loss]) -> str:
    """Return the sentence that names the worst limit and its layer."""
    losses = tuple(losses)
    worst = worst_of(losses)
    if worst is None and any(loss.output_error > 0 for loss in losses):
        return "What is lost comes from the inputs' own rounding: no layer adds to it."
    if worst is None:
        return "Nothing is lost: every step is exact."
    told = f"Most is lost to {worst.constraint} in layer {worst.layer}"
    told += f": it alone changes the outputs by {significant(100 * worst.output_error, 2)} %"
    kept = [] if worst.agreement is None else [f"{percent(worst.agreement)} of the answers stay"]
    kept += [] if worst.accuracy is None else [f"{percent(worst.accuracy)} are right"]
    return f"{told}; {', '.join(kept)}." if kept else f"{told}."
