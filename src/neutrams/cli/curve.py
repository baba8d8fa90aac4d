"""``neutrams curve``: accuracy of a network of rates against T."""

from pathlib import Path
from typing import Annotated

import typer

from neutrams.base.errors import InputError, SpecError
from neutrams.cli.options import Json, Labels, Shapes, arrays_of, overrides_of
from neutrams.cli.show import console, emit, stages


def curve(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file (.onnx).")],
    chip: Annotated[str, typer.Option("--chip", metavar="C", help="Preset name or path of a chip file.")],
    calibration: Annotated[Path, typer.Option(metavar="X.npz", help="Inputs like those in use.")],
    inputs: Annotated[Path, typer.Option(metavar="Y.npz", help="Inputs to measure on, with class ids.")],
    steps: Annotated[str, typer.Option(metavar="T,T,…", help="Numbers of steps.")] = "4,8,16,32,64",
    labels: Labels = None,
    shapes: Shapes = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a chip key; may be repeated.")
    ] = None,
    effort: Annotated[int, typer.Option(min=0, max=3, help="How much search and tuning to spend.")] = 1,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of every random choice.")] = 0,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="PAGE.html", help="A page to write.")] = None,
    as_json: Json = False,
) -> None:
    """Measure accuracy against T in snn mode, reading spikes and reading potentials, whole and stopped early."""
    from dataclasses import asdict, replace

    from neutrams.base.files import check_writable
    from neutrams.flow import CompileOptions, run_compiled
    from neutrams.flow.curve import accuracy_curve
    from neutrams.hardware import load_chip
    from neutrams.importers import load, parse_input_shapes
    from neutrams.report.data import CurveEntry, ReportData
    from neutrams.report.page import write_report
    from neutrams.report.record import record_of
    from neutrams.report.terminal import curve_table

    if output is not None:
        check_writable(output, keep=(model, calibration, inputs))
    target = load_chip(chip, overrides_of(overrides or []))
    network = load(model, parse_input_shapes(shapes or []))
    data, _ = arrays_of(calibration, network, labels)
    arrays, classes = arrays_of(inputs, network, labels)
    if classes is None:
        raise InputError("it has no class ids", where=str(inputs), fix="add an array 'labels', or name it by --labels")
    options = CompileOptions(mode="snn", steps=1, effort=effort, seed=seed)
    with stages() as tell:
        found = accuracy_curve(network, target, data, (arrays, classes), _numbers(steps), options, tell)
    points = tuple(CurveEntry(**asdict(point)) for point in found.points)
    if output is not None:
        run = run_compiled(found.last, arrays, classes, raster=True)
        record = record_of(found.last, run, f"{model.name} on {target.name}, SNN mode")
        write_report(ReportData(title="Accuracy against T", runs=(replace(record, curve=points),)), output)
    page = None if output is None else str(output)
    told = {"samples": found.samples, "float_accuracy": found.float_accuracy}
    if as_json:
        emit({**told, "points": [asdict(point) for point in points], "report": page})
        return
    console().print(curve_table(points, found.float_accuracy, found.samples))


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        fix = "write e.g. --steps 8,16,32"
        raise SpecError(f"{text!r} is no list of whole numbers", where="option --steps", fix=fix) from None
