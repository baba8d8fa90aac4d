"""What ``neutrams inspect`` found, as tables for the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from neutrams.report.quantities import count
from neutrams.report.summary import spaced
from neutrams.report.terminal import facts_table, table_of

TABLES = ("layers", "placement", "unsupported")
"""Keys that are shown as tables of their own."""


def inspection_tables(found: Mapping[str, Any]) -> list[Table]:
    """Return the main figures, the layers with how each runs, and what is not supported."""
    facts = {key: value for key, value in found.items() if key not in TABLES}
    facts["program"] = {k: v for k, v in facts.get("program", {}).items() if k != "ledger"}
    shown = {key: value for key, value in facts.items() if key != "program" or value}
    tables = [facts_table(spaced(shown))]
    if found["layers"]:
        tables.append(_layers(found["layers"], found["placement"]))
    if found["unsupported"]:
        tables.append(_unsupported(found["unsupported"]))
    return tables


def _layers(layers: list[dict[str, Any]], placement: Mapping[str, str] | None) -> Table:
    ends = () if placement is None else ("runs",)
    table = table_of(("layer", "operator", "shape", "parameters", "MACs", *ends), left=2)
    table.columns[1].no_wrap = True
    for layer in layers:
        shape = "×".join(map(str, layer["shape"])) or "scalar"
        numbers = (shape, count(layer["parameters"]), count(layer["macs"]))
        how = () if placement is None else (Text(placement.get(layer["name"], "")),)
        table.add_row(Text(layer["name"]), Text(layer["operator"]), *numbers, *how)
    if ends:
        table.columns[-1].justify, table.columns[-1].no_wrap = "left", False
    return _titled(table, "Layers")


def _unsupported(lines: list[str]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    for line in lines:
        table.add_row(Text(line))
    return _titled(table, "Not supported")


def _titled(table: Table, title: str) -> Table:
    table.title, table.title_justify, table.title_style = f"\n{title}", "left", "bold"
    return table
