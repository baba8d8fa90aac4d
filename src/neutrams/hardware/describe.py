"""A chip in words: as a TOML file, and as rows for people and tables."""

import json
from dataclasses import dataclass

from neutrams.hardware.chip import Chip
from neutrams.hardware.figure import Figure
from neutrams.hardware.schema import keys_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One key of a chip, told.

    Attributes:
        key: Its dotted name.
        value: Its value; a list for keys that hold several; None for a figure the chip does not have.
        unit: Unit of a number; empty for all else.
        kind: Where a number is from (see `neutrams.hardware.figure.Figure`); empty for all else.
        source: The same, in a sentence.
        low: Lower end of the band; None where there is no band.
        high: Upper end of the band; None where there is no band.
        node_nm: Technology node [nm]; None where it does not matter.
    """

    key: str
    value: object
    unit: str = ""
    kind: str = ""
    source: str = ""
    low: float | None = None
    high: float | None = None
    node_nm: float | None = None


def explain(chip: Chip) -> list[Row]:
    """Return every key of the chip in file order: numbers with unit, kind and source."""
    return [_row(chip, key) for key in keys_of(Chip)]


def chip_to_toml(chip: Chip) -> str:
    """Return the text of a chip file: loading it gives an equal chip."""
    lines: list[str] = []
    section = ""
    for row in explain(chip):
        if row.value is None:
            continue
        before, _, name = row.key.rpartition(".")
        if before != section:
            section = before
            lines += ["", f"[{section}]"]
        figure = chip.figures.get(row.key)
        lines.append(f"{name} = {_toml(row.value) if figure is None else _table(figure)}")
    return "\n".join(lines) + "\n"


def _row(chip: Chip, key: str) -> Row:
    figure = chip.figures.get(key)
    if figure is not None:
        return Row(key=key, **figure.model_dump())
    value: object = chip
    for step in key.split("."):
        value = getattr(value, step)
    return Row(key=key, value=list(value) if isinstance(value, tuple) else value)


def _table(figure: Figure) -> str:
    entries = figure.model_dump(exclude_none=True)
    return "{ " + ", ".join(f"{name} = {_toml(value)}" for name, value in entries.items()) + " }"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
