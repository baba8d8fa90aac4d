"""``neutrams verify``, ``report`` and ``export``: what else is done with programs and results."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from neutrams.cli.options import Json, ProgramFile
from neutrams.cli.show import emit, show


class Format(StrEnum):
    """What `export` writes."""

    ONNX = "onnx"
    NIR = "nir"


def verify(program: ProgramFile, as_json: Json = False) -> None:
    """Check a program against its chip, independently of the compiler; exit status 1 where it breaks a limit."""
    from dataclasses import asdict

    from neutrams.flow import load_compiled
    from neutrams.program.verify import violations

    found = violations(load_compiled(program).program)
    if as_json:
        emit({"violations": [asdict(violation) for violation in found]})
    for violation in () if as_json else found:
        print(f"{violation.constraint}: {violation.message}")
    if found:
        raise typer.Exit(1)
    if not as_json:
        print(f"{program}: legal")


def report(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A result file of `simulate` or `demo`.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PAGE.html", help="The page to write.")],
    as_json: Json = False,
) -> None:
    """Write one self-contained HTML page for a result."""
    from neutrams.report.page import write_report
    from neutrams.report.store import load_result

    write_report(load_result(result), output)
    show({"report": str(output)}, as_json)


def export(
    program: ProgramFile,
    to: Annotated[Format, typer.Option(help="onnx: exact integers, ann mode; nir: spiking networks.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The file to write.")],
    as_json: Json = False,
) -> None:
    """Hand a transformed network over to other tools."""
    from neutrams.flow import load_compiled

    compiled = load_compiled(program)
    chip = compiled.program.chip
    if to is Format.NIR:
        from neutrams.exporters.nir import export_nir

        export_nir(compiled.network, output, chip)
    else:
        from neutrams.exporters.onnx import export_onnx

        export_onnx(compiled.network, chip, output)
    show({"file": str(output)}, as_json)
