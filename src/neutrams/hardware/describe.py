"""A chip in words: as a TOML file, and as rows for people and tables."""

import json
from dataclasses import dataclass, replace
from typing import get_args

from neutrams.hardware.chip import Chip
from neutrams.hardware.figure import Figure, Kind, unit_of
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
        replaced: The value that the user's took the place of; None where the chip file's stands.
    """

    key: str
    value: object
    unit: str = ""
    kind: str = ""
    source: str = ""
    low: float | None = None
    high: float | None = None
    node_nm: float | None = None
    replaced: object = None


def explain(chip: Chip, before: Chip | None = None) -> list[Row]:
    """Return every key of the chip in file order: numbers with unit, kind and source.

    Args:
        chip: The chip.
        before: The same without the user's values, to name those that they replace.
    """
    rows = [_row(chip, key) for key in keys_of(Chip)]
    if before is None:
        return rows
    old = {row.key: row.value for row in explain(before)}
    return [row if row.value == old[row.key] else replace(row, replaced=old[row.key]) for row in rows]


def kinds_of(chip: Chip) -> dict[str, int]:
    """Return how many of the chip's numbers are of each kind, in the order of `Kind`, without those of none."""
    kinds = [figure.kind for figure in chip.figures.values()]
    return {kind: kinds.count(kind) for kind in get_args(Kind) if kind in kinds}


def chip_to_toml(chip: Chip) -> str:
    """Return the text of a chip file, without sections of which nothing is given: loading it gives an equal chip."""
    lines: list[str] = []
    section = ""
    given = given_sections(chip)
    for row in explain(chip):
        if row.value is None or row.key.partition(".")[0] not in given:
            continue
        before, _, name = row.key.rpartition(".")
        if before != section:
            section = before
            lines += ["", f"[{section}]"]
        figure = chip.figures.get(row.key)
        if figure is not None:
            lines.append(f"{name} = {_table(figure)}")
        elif not row.unit:  # a number without a figure is the default
            lines.append(f"{name} = {_toml(row.value)}")
    return "\n".join(lines) + "\n"


def given_sections(chip: Chip) -> set[str]:
    """Return the sections of which a chip has anything else than defaults, and the keys that are in none."""
    keys = keys_of(Chip).items()
    return {key.partition(".")[0] for key, about in keys if about.required or _value(chip, key) != about.default}


def _row(chip: Chip, key: str) -> Row:
    figure = chip.figures.get(key)
    if figure is not None:
        return Row(key=key, **figure.model_dump())
    unit = unit_of(key) if keys_of(Chip)[key].is_number else ""
    value = _value(chip, key)
    return Row(key=key, value=list(value) if isinstance(value, tuple) else value, unit=unit)


def _value(chip: Chip, key: str) -> object:
    value: object = chip
    for step in key.split("."):
        value = getattr(value, step)
    return value


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
