"""The reference pages hold what the code has: every chip key, every command and option; and links lead somewhere."""

import re
from pathlib import Path

import pytest
import typer.main

from neutrams.cli import app
from neutrams.hardware.chip import Chip
from neutrams.hardware.figure import unit_of
from neutrams.hardware.schema import keys_of
from neutrams.simulator.observe.schema import TABLES

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def rows_of_chip_page() -> dict[str, str]:
    text = (ROOT / "docs/reference/chip-file.md").read_text()
    return {match[1]: match[0] for match in re.finditer(r"^\| `(\w+\.\w+)` \|.*$", text, re.MULTILINE)}


def test_the_chip_page_has_every_key_and_no_other() -> None:
    assert list(rows_of_chip_page()) == [key for key in keys_of(Chip) if "." in key]


@pytest.mark.parametrize("name", [key for key in keys_of(Chip) if "." in key])
def test_the_chip_page_gives_unit_and_range_as_the_loader_checks_them(name: str) -> None:
    row, key = rows_of_chip_page()[name], keys_of(Chip)[name]
    assert not key.is_number or f"[{unit_of(name)}]" in row
    assert f"| {key.allowed} |" in row or key.form not in ("integer", "real", "choice")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_command_page_names_every_option(name: str) -> None:
    text = (ROOT / "docs/reference/commands.md").read_text()
    section = text.partition(f"## `neutrams {name}")[2].partition("\n## ")[0]
    assert section, f"there is no section about {name}"
    options = [option for parameter in COMMANDS[name].params for option in parameter.opts if option.startswith("--")]
    missing = [option for option in options if f"`{option}" not in section and option not in ("--help", "--json")]
    assert missing == []


@pytest.mark.parametrize("name", TABLES)
def test_the_page_on_observations_has_every_column_and_no_other(name: str) -> None:
    text = (ROOT / "docs/reference/observation.md").read_text()
    assert re.findall(r"^## `(\w+)\.parquet`", text, re.MULTILINE) == list(TABLES)
    section = text.partition(f"## `{name}.parquet`")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", section, re.MULTILINE)
    assert rows == [(c.name, c.unit, c.meaning) for c in TABLES[name]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
