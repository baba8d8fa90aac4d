"""The loss ledger: a grid of layers and constraints, the costliest cell marked, and every row below it."""

from neutrams.report.data import LedgerEntry, RunRecord
from neutrams.report.markup import Markup, join, numeric, tag
from neutrams.report.markup import table as scrolling
from neutrams.report.quantities import DASH, percent, significant
from neutrams.report.scale import legend, step

NAMES = {"inherited": "from earlier layers", "all": "all together"}
"""Rows that blame no limit of this layer, and how they are called."""


def worst(ledger: tuple[LedgerEntry, ...]) -> LedgerEntry | None:
    """Return the row of the limit with the largest relative error, the first of equals; None where nothing was lost."""
    lossy = [row for row in ledger if _error(row) > 0 and row.constraint not in NAMES]
    return max(lossy, key=_error, default=None)


def _error(row: LedgerEntry) -> float:
    return row.relative_error or 0.0


def _shown(row: LedgerEntry, digits: int) -> str:
    return DASH if row.relative_error is None else significant(row.relative_error, digits)


def ledger_section(run: RunRecord) -> Markup:
    """Return sentence, grid, legend and all rows."""
    if not run.ledger:
        return tag("p", "The compiler recorded no loss.", class_="empty")
    blamed = worst(run.ledger)
    if blamed is None:
        return join(tag("p", "Nothing was lost: every step is exact.", class_="finding"), _rows(run.ledger, None))
    unit = f", unit {blamed.unit}" if blamed.unit not in ("", blamed.layer) else ""
    finding = tag(
        "p",
        tag("strong", "To blame first: "),
        f"layer {blamed.layer}{unit}, limit {blamed.constraint}, relative output error {_shown(blamed, 2)}.",
        class_="finding",
    )
    return join(finding, _grid(run.ledger, blamed), _rows(run.ledger, blamed))


def _grid(ledger: tuple[LedgerEntry, ...], blamed: LedgerEntry) -> Markup:
    limits = dict.fromkeys(row.constraint for row in ledger)
    columns = [*(c for c in limits if c not in NAMES), *(c for c in NAMES if c in limits)]
    top = max(_error(row) for row in ledger)
    rows = [
        _layer(layer, columns, [row for row in ledger if row.layer == layer], (blamed, top))
        for layer in dict.fromkeys(row.layer for row in ledger)
    ]
    caption = "Relative output error by layer and limit, the worst unit of each layer, on calibration data"
    if any(row.agreement is not None for row in ledger):
        caption += "; on the right what becomes of the class there"
    head = ("Layer", *(NAMES.get(c, c) for c in columns), "Agreement", "Accuracy")
    grid = scrolling(head, rows, caption, class_="heat")
    return join(grid, legend("load", "0", significant(top, 2), "Relative error"))


def _layer(layer: str, columns: list[str], found: list[LedgerEntry], scale: tuple[LedgerEntry, float]) -> Markup:
    cells = []
    for column in columns:
        here = [row for row in found if row.constraint == column]
        cells.append(_cell(max(here, key=_error) if here else None, scale))
    agreement = min((row.agreement for row in found if row.agreement is not None), default=None)
    accuracy = min((row.accuracy for row in found if row.accuracy is not None), default=None)
    ends = (tag("td", percent(value), class_="plain") for value in (agreement, accuracy))
    return tag("tr", tag("th", layer, scope="row"), *cells, *ends)


def _cell(row: LedgerEntry | None, scale: tuple[LedgerEntry, float]) -> Markup:
    blamed, top = scale
    if row is None:
        return tag("td", "·", class_="none")
    level, text = step(_error(row), top), _shown(row, 2)
    if row is blamed:
        mark = tag("span", "▲ ", aria_hidden="true")
        return tag("td", mark, text, class_=f"load{level} blamed", title="largest loss")
    return tag("td", text, class_=f"load{level}")


def _rows(ledger: tuple[LedgerEntry, ...], blamed: LedgerEntry | None) -> Markup:
    def line(row: LedgerEntry) -> Markup:
        values = (_shown(row, 3), percent(row.agreement), percent(row.accuracy))
        names = (row.layer, row.unit or "all", row.constraint)
        cells = (*(tag("td", n) for n in names), *(tag("td", v, class_="number") for v in values))
        return tag("tr", *cells, class_="blamed" if row is blamed else None)

    head = ("Layer", "Unit", "Constraint", *numeric("Relative error", "Agreement", "Accuracy"))
    full = scrolling(head, [line(row) for row in ledger], "Every row of the ledger, in order of the passes")
    return tag("details", tag("summary", f"All {len(ledger)} rows"), full)
