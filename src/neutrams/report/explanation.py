"""A chip explained on the terminal: every key with value, band, kind and source, section by section."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from neutrams.hardware import Chip, given_sections, kinds_of
from neutrams.hardware.describe import Row
from neutrams.report.appendix import KINDS
from neutrams.report.quantities import si, significant
from neutrams.report.terminal import told


def explanation(chip: Chip, rows: Sequence[Row]) -> Iterator[Table | Text]:
    """Return what to print: a table a section, the sections of which nothing is given, and a summary of the kinds."""
    given, absent = given_sections(chip), []
    yield Text(f"{chip.name}: {chip.description}")
    for section, members in groupby((row for row in rows if "." in row.key), lambda row: row.key.partition(".")[0]):
        if section in given:
            yield from (Text(f"\n[{section}]", style="bold"), _table(list(members)))
        else:
            absent.append(f"[{section}]")
    if absent:
        yield Text(f"\nNothing is given of {', '.join(absent)}: see the reference on chip files.")
    counts = (f"{count} {kind} ({KINDS[kind]})" for kind, count in kinds_of(chip).items())
    yield Text(f"\n{len(chip.figures)} numbers: {', '.join(counts)}.")


def _table(rows: Sequence[Row]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("key", no_wrap=True)
    table.add_column("value", justify="right")
    table.add_column("low to high", justify="right")
    table.add_column("kind", no_wrap=True)
    table.add_column("source")
    for row in rows:
        band = "" if row.low is None and row.high is None else f"{_number(row, row.low)} to {_number(row, row.high)}"
        was = "" if row.replaced is None else f" (was {_number(row, row.replaced)})"
        table.add_row(
            Text(row.key.partition(".")[2]),
            Text(_number(row, row.value)),
            Text(band),
            Text(row.kind or ("default" if row.unit else "")),
            Text(f"{row.source}{was}".strip()),
            style="bold" if row.replaced is not None else None,
        )
    return table


def _number(row: Row, value: object) -> str:
    """Return a value as people write it, with its unit; an end of a band that is not given is the value."""
    value = row.value if value is None else value
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, int | float):
        return told(value)
    if row.unit in ("count", "bit"):
        return f"{told(value)}{' bit' if row.unit == 'bit' else ''}"
    return f"{significant(float(value), 4)} mm2" if row.unit == "mm2" else si(float(value), row.unit)
