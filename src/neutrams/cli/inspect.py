"""``neutrams inspect``: what a model or a program holds."""

from pathlib import Path
from typing import Annotated

import typer

from neutrams.base.errors import InputError
from neutrams.cli.options import Json, Nir, Shapes, format_options
from neutrams.cli.show import console, emit


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model or a compiled program (.neu).")],
    chip: Annotated[str | None, typer.Option(metavar="C", help="Also say how this chip runs each part.")] = None,
    shapes: Shapes = None,
    nir: Nir = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Of a program: its loss ledger by layer and limit.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what a model or a program holds, and what a chip can run of it."""
    from neutrams.flow import inspect_model
    from neutrams.hardware import load_chip
    from neutrams.importers import parse_input_shapes

    target = None if chip is None else load_chip(chip)
    given = parse_input_shapes(shapes or [])
    if file.suffix == ".neu":
        _refuse(bool(given), "--input-shape", "the shapes of a program are fixed", file)
        _refuse(bool(nir), "--nir", "a program has been read already", file)
        _inspect_program(file, chip, explain, as_json)
        return
    _refuse(explain, "--explain", "a model has no loss ledger", file)
    found = inspect_model(file, target, given, **format_options(file, nir or []))
    _print(found, as_json)


def _refuse(wrong: bool, option: str, why: str, file: Path) -> None:
    if wrong:
        raise InputError(f"{why}, so {option} says nothing here", where=str(file), fix=f"leave {option} out")


def _inspect_program(file: Path, chip: str | None, explain: bool, as_json: bool) -> None:
    from neutrams.flow import inspect_network, load_compiled
    from neutrams.hardware import load_chip
    from neutrams.report.record import ledger_of
    from neutrams.report.summary import program_object

    compiled = load_compiled(file)
    target = compiled.program.chip if chip is None else load_chip(chip)
    found = {**inspect_network(compiled.source, target), "program": program_object(compiled)}
    _print(found, as_json)
    if explain and not as_json:
        from neutrams.report.terminal import losses_table

        console().print("", losses_table(ledger_of(compiled)), sep="\n")


def _print(found: dict[str, object], as_json: bool) -> None:
    if as_json:
        emit(found)
        return
    from neutrams.report.inspection import inspection_tables

    for table in inspection_tables(found):
        console().print(table)
