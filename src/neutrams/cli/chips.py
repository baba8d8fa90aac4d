"""``neutrams chips``: list the chips, or check and print one."""

from typing import TYPE_CHECKING, Annotated

import typer

from neutrams.cli.options import Json
from neutrams.cli.show import console, emit

if TYPE_CHECKING:
    from neutrams.hardware import Chip


def chips(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Preset name or path of a chip file.")] = None,
    as_json: Json = False,
) -> None:
    """List the chips, or check one chip file and print it whole, with unit and source on every number."""
    from dataclasses import asdict

    from neutrams.hardware import chip_to_toml, explain, load_chip, preset_names

    loaded = [load_chip(n) for n in (preset_names() if name is None else (name,))]
    if as_json:
        rows = [{} if name is None else {"keys": [asdict(row) for row in explain(chip)]} for chip in loaded]
        emit({"chips": [{**_line(chip), **more} for chip, more in zip(loaded, rows, strict=True)]})
    elif name is not None:
        print(chip_to_toml(loaded[0]), end="")
    else:
        from neutrams.report.terminal import chips_table

        console().print(chips_table([_line(chip) for chip in loaded]))


def _line(chip: "Chip") -> dict[str, object]:
    from neutrams.neurons import find_model
    from neutrams.report.summary import chip_object

    found = (find_model(model, chip.name, chip.neuron.definitions) for model in chip.neuron.models)
    return chip_object(chip, tuple(dict.fromkeys(model.mode for model in found)))
