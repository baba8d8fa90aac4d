"""The loss ledger: a grid of layers and constraints, the costliest cell marked, and every row below it."""

from neutrams.report.data import LedgerEntry, RunRecord
from neutrams.report.markup import Markup, join, tag
from neutrams.report.markup import table as scrolling
from neutrams.report.quantities import DASH, percent, significant
from neutrams.report.scale import legend, step

Grid = dict[tuple[str, str], LedgerEntry]


def worst(ledger: tuple[LedgerEntry, ...]) -> LedgerEntry | None:
    """Return the row with the largest relative error, the first of equals; None where nothing was lost."""
    lossy = [row for row in ledger if _error(row) > 0]
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
    unit = f", unit {blamed.unit}" if blamed.unit else ""
    finding = tag(
        "p",
        tag("strong", "To blame first: "),
        f"layer {blamed.layer}{unit}, limit {blamed.constraint}, relative output error {_shown(blamed, 2)}.",
        class_="finding",
    )
    return join(finding, _grid(run.ledger, blamed), _rows(run.ledger, blamed))


def _grid(ledger: tuple[LedgerEntry, ...], blamed: LedgerEntry) -> Markup:
    layers = list(dict.fromkeys(row.layer for row in ledger))
    constraints = list(dict.fromkeys(row.constraint for row in ledger))
    cells: Grid = {}
    for row in ledger:
        place = (row.layer, row.constraint)
        if place not in cells or _error(row) > _error(cells[place]):
            cells[place] = row
    rows = [
        tag("tr", tag("th", layer, scope="row"), *(_cell(cells.get((layer, c)), blamed) for c in constraints))
        for layer in layers
    ]
    caption = "Relative output error by layer and constraint (the worst unit of each layer)"
    grid = scrolling(("Layer", *constraints), rows, caption, class_="heat")
    key = legend("load", "0", _shown(blamed, 2), "Relative error")
    return join(grid, key)


def _cell(row: LedgerEntry | None, blamed: LedgerEntry) -> Markup:
    if row is None:
        return tag("td", "·", class_="none")
    level = step(_error(row), _error(blamed))
    text = _shown(row, 2)
    if row is blamed:
        return tag(
            "td", tag("span", "▲ ", aria_hidden="true"), text, class_=f"load{level} blamed", title="largest loss"
        )
    return tag("td", text, class_=f"load{level}")


def _rows(ledger: tuple[LedgerEntry, ...], blamed: LedgerEntry | None) -> Markup:
    def line(row: LedgerEntry) -> Markup:
        values = (_shown(row, 3), percent(row.agreement), percent(row.accuracy))
        names = (row.layer, row.unit or "all", row.constraint)
        cells = (*(tag("td", n) for n in names), *(tag("td", v, class_="number") for v in values))
        return tag("tr", *cells, class_="blamed" if row is blamed else None)

    head = ("Layer", "Unit", "Constraint", "Relative error", "Agreement", "Accuracy")
    full = scrolling(head, [line(row) for row in ledger], "Every row of the ledger, in order of the passes")
    return tag("details", tag("summary", f"All {len(ledger)} rows"), full)
