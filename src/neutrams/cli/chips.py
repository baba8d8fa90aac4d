"""``neutrams chips``: list the chips, or check, print and explain one."""

from typing import TYPE_CHECKING, Annotated

import typer

from neutrams.base.errors import SpecError
from neutrams.cli.options import Json, Overrides, overrides_of
from neutrams.cli.show import console, emit, warn

if TYPE_CHECKING:
    from neutrams.hardware import Chip


def chips(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Preset name or path of a chip file.")] = None,
    overrides: Overrides = None,
    explained: Annotated[
        bool, typer.Option("--explain", help="Print each figure with band, kind and source, by section.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the chips, or check one chip file and print it whole, with unit and source on every number."""
    if name is not None:
        _one(name, overrides_of(overrides or []), explained, as_json)
        return
    if overrides or explained:
        option = "--set" if overrides else "--explain"
        raise SpecError(
            f"{option} is for one chip", where="neutrams chips", fix="name it, as in `neutrams chips tianji`"
        )
    from neutrams.hardware import load_chip, preset_names

    lines = [_line(load_chip(preset)) for preset in preset_names()]
    if as_json:
        emit({"chips": lines})
        return
    from neutrams.report.terminal import chips_table

    console().print(chips_table(lines))


def _one(name: str, overrides: dict[str, str], explained: bool, as_json: bool) -> None:
    from dataclasses import asdict

    from neutrams.hardware import chip_to_toml, disagreements, explain, kinds_of, load_chip

    chip = load_chip(name, overrides)
    rows = explain(chip, load_chip(name) if overrides else None)
    warn(chip)
    if as_json:
        more = {"keys": [asdict(row) for row in rows], "kinds": kinds_of(chip), "warnings": disagreements(chip)}
        emit({"chips": [{**_line(chip), **more}]})
    elif explained:
        from neutrams.report.explanation import explanation

        console().print(*explanation(chip, rows), sep="\n")
    else:
        print(chip_to_toml(chip), end="")


def _line(chip: "Chip") -> dict[str, object]:
    from neutrams.neurons import find_model
    from neutrams.report.summary import chip_object

    found = (find_model(model, chip.name, chip.neuron.definitions) for model in chip.neuron.models)
    return chip_object(chip, tuple(dict.fromkeys(model.mode for model in found)))
