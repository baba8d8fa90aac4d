"""A chip explained: every key once, in its section; the sections of which nothing is given; the kinds counted."""

import pytest
from rich.console import Console

from neutrams.hardware import explain, load_chip, preset_names
from neutrams.report.explanation import explanation


def printed(name: str, width: int = 200, **overrides: str) -> list[str]:
    before = load_chip(name)
    chip = load_chip(name, {key.replace("__", "."): value for key, value in overrides.items()})
    console = Console(width=width)
    with console.capture() as captured:
        console.print(*explanation(chip, explain(chip, before)), sep="\n")
    return captured.get().splitlines()


@pytest.mark.parametrize("name", preset_names())
@pytest.mark.parametrize("width", [80, 200])
def test_every_key_of_a_given_section_has_a_line(name: str, width: int) -> None:
    lines = printed(name, width)
    sections = [line for line in lines if line.startswith("[")]
    assert sections[:3] == ["[core]", "[neuron]", "[signal]"]
    firsts = [line.split()[0] for line in lines if line[:1].isalpha()]
    shown = {f"[{row.key.partition('.')[0]}]" for row in explain(load_chip(name))} & set(sections)
    for row in explain(load_chip(name)):
        section, _, key = row.key.partition(".")
        assert not key or f"[{section}]" not in shown or key in firsts
    assert max(map(len, lines)) <= width


def test_values_bands_defaults_and_overrides_by_hand() -> None:
    lines = printed("tianji", pipeline__lanes="32")
    found = {line.split()[0]: line.split() for line in lines if line[:1].isalpha()}
    assert found["axon_j"][1:9] == ["24.1", "pJ", "3.30", "pJ", "to", "89.0", "pJ", "assumed"]
    assert found["lanes"][1:] == ["32", "user", "set", "by", "the", "user", "(was", "0)"]
    assert found["neuron_cycles"][1:] == ["0", "default"]
    assert found["crossbar"][1:] == ["SRAM"]
    assert found["skip_zero"][1:] == ["false"]
    assert any(line.startswith("Nothing is given of [weights], [state], [buffer], [cell]") for line in lines)
    assert ", 1 user (set by you)." in lines[-1]
