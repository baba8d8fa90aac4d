"""Tables for the terminal."""

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from neutrams.report.answer import mode_text
from neutrams.report.data import LedgerEntry, RunRecord
from neutrams.report.ledger import worst
from neutrams.report.quantities import count, percent, points, si, significant


def runs_table(runs: Iterable[RunRecord]) -> Table:
    """Return one row a run: accuracy before and after, cores, energy with its band, latency."""
    head = ("run", "mode", "float", "chip", "difference", "cores", "energy a sample", "low to high", "latency")
    table = _table(head, left=2)
    for run in runs:
        low, nominal, high = run.energy_band_j or (None, None, None)
        band = "" if low is None else f"{si(low, 'J')} to {si(high, 'J')}"
        table.add_row(
            Text(run.title),
            mode_text(run),
            percent(run.float_accuracy),
            percent(run.chip_accuracy),
            points(run.float_accuracy, run.chip_accuracy),
            count(run.cores),
            si(nominal, "J"),
            band,
            si(run.latency_s, "s"),
        )
    return table


def ledger_table(ledger: Sequence[LedgerEntry]) -> Table:
    """Return the loss ledger, the costliest row in bold."""
    table = _table(("layer", "unit", "constraint", "relative error", "agreement", "accuracy"), left=3)
    blamed = worst(tuple(ledger))
    for row in ledger:
        error = "–" if row.relative_error is None else significant(row.relative_error)
        cells = (Text(row.layer), Text(row.unit or "all"), Text(row.constraint), error, percent(row.agreement))
        table.add_row(*cells, percent(row.accuracy), style="bold" if row is blamed else None)
    return table


def facts_table(facts: Mapping[str, object]) -> Table:
    """Return names beside values, for people."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(Text(name), Text(_told(value)))
    return table


def rows_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a plain table of text."""
    table = _table(head, left=len(head))
    for row in rows:
        table.add_row(*(Text(_told(value)) for value in row))
    return table


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_told(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(_told(item) for item in value) or "none"
    if isinstance(value, float):
        return significant(value, 4)
    if isinstance(value, int) and not isinstance(value, bool):
        return count(value)
    return "–" if value is None else str(value)


def _table(head: Sequence[str], left: int) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for i, name in enumerate(head):
        table.add_column(name, justify="left" if i < left else "right", overflow="fold")
    return table
