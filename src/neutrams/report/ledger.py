"""The loss ledger on a page: a grid of layers and limits, the costliest cell marked, and the rows below it."""

from neutrams.report.data import LedgerEntry, RunRecord
from neutrams.report.losses import SUMS, Loss, losses_of, verdict, worst_of
from neutrams.report.markup import Markup, join, numeric, tag
from neutrams.report.markup import table as scrolling
from neutrams.report.quantities import DASH, count, percent, significant
from neutrams.report.scale import legend, step

NAMES = {"inherited": "from earlier layers", "all": "all together"}
"""How columns are called that blame no limit of their layer."""

MOST_ROWS = 400
"""Rows of the ledger shown below the grid, the costliest."""

CAPTION = "Change of the outputs by layer and limit, each error alone with the rest in float, on calibration data"


def ledger_section(run: RunRecord) -> Markup:
    """Return sentence, grid, legend and rows."""
    if not run.ledger:
        return tag("p", "The compiler recorded no loss.", class_="empty")
    losses = losses_of(run.ledger)
    worst = worst_of(losses)
    finding = tag("p", tag("strong", verdict(losses)), class_="finding")
    return join(finding, None if worst is None else _grid(losses, worst), _rows(run.ledger))


def _grid(losses: tuple[Loss, ...], worst: Loss) -> Markup:
    limits = dict.fromkeys(loss.constraint for loss in losses)
    columns = [*(c for c in limits if c not in SUMS), *(c for c in SUMS if c in limits)]
    top = max(loss.output_error for loss in losses)
    cells = {(loss.layer, loss.constraint): loss for loss in losses}
    rows = []
    for layer in dict.fromkeys(loss.layer for loss in losses):
        here = [cells.get((layer, column)) for column in columns]
        rows.append(tag("tr", tag("th", layer, scope="row"), *(_cell(loss, worst, top) for loss in here), *_ends(here)))
    head = ("Layer", *(NAMES.get(c, c.replace("_", " ")) for c in columns), "Agreement", "Accuracy")
    return join(scrolling(head, rows, CAPTION, class_="heat"), legend("load", "0", _change(top), "Change of outputs"))


def _ends(losses: list[Loss | None]) -> list[Markup]:
    """Agreement and accuracy of a layer: of all limits together where that was measured, else of the worst limit."""
    found = [loss for loss in losses if loss is not None]
    whole = [loss for loss in found if loss.constraint == "all"] or found
    agreement = min((loss.agreement for loss in whole if loss.agreement is not None), default=None)
    accuracy = min((loss.accuracy for loss in whole if loss.accuracy is not None), default=None)
    return [tag("td", percent(value), class_="plain") for value in (agreement, accuracy)]


def _cell(loss: Loss | None, worst: Loss, top: float) -> Markup:
    if loss is None:
        return tag("td", "·", class_="none")
    said = f"{loss.parts} part(s); {percent(loss.agreement)} of the answers stay"
    level, text = step(loss.output_error, top), _change(loss.output_error)
    if loss is worst:
        return tag("td", tag("span", "▲ ", aria_hidden="true"), text, class_=f"load{level} blamed", title=said)
    return tag("td", text, class_=f"load{level}", title=said)


def _rows(ledger: tuple[LedgerEntry, ...]) -> Markup:
    def line(row: LedgerEntry) -> Markup:
        errors = (_shown(row.relative_error, 3), _shown(row.output_error, 3))
        values = (*errors, percent(row.agreement), percent(row.accuracy))
        names = (row.layer, row.unit or "all", row.constraint)
        return tag("tr", *(tag("td", n) for n in names), *(tag("td", v, class_="number") for v in values))

    shown, title = ledger, f"All {count(len(ledger))} rows"
    if len(ledger) > MOST_ROWS:
        shown = tuple(sorted(ledger, key=lambda row: -(row.output_error or 0.0))[:MOST_ROWS])
        title = f"The {MOST_ROWS} costliest of {count(len(ledger))} rows"
    heads = numeric("Relative error", "Change of outputs", "Agreement", "Accuracy")
    full = scrolling(("Layer", "Unit", "Constraint", *heads), [line(row) for row in shown], "Rows of the ledger")
    return tag("details", tag("summary", title), full)


def _change(value: float) -> str:
    return f"{significant(100 * value, 2)} %"


def _shown(value: float | None, digits: int) -> str:
    return DASH if value is None else significant(value, digits)
