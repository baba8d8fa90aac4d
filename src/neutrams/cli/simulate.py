"""``neutrams simulate``: run a program on inputs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from neutrams.cli.options import Json, Labels, ProgramFile, arrays_of
from neutrams.cli.show import console, emit, progress, warn


class Level(StrEnum):
    """How much a simulation computes."""

    FUNCTIONAL = "functional"
    TICK = "tick"
    CYCLE = "cycle"


def simulate(
    program: ProgramFile,
    inputs: Annotated[Path, typer.Option(metavar="X.npz", help="Inputs by the model's own names, or x.")],
    labels: Labels = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Simulate the first N samples.")] = None,
    level: Annotated[Level, typer.Option(help="How much to compute.")] = Level.TICK,
    outputs: Annotated[Path | None, typer.Option(metavar="Y.npz", help="Write the outputs here.")] = None,
    result: Annotated[Path | None, typer.Option(metavar="R.json", help="Write a result for `neutrams report`.")] = None,
    observe: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write Parquet files of what the run shows, tick by tick.")
    ] = None,
    watch: Annotated[
        str, typer.Option(metavar="0,5,12-20,y", help="Neurons, or outputs, whose potentials these files hold.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Run a program on inputs: outputs, accuracy, time, energy."""
    from neutrams.base.files import check_writable
    from neutrams.flow import load_compiled, run_compiled
    from neutrams.report.data import ReportData
    from neutrams.report.result import Simulation
    from neutrams.report.store import save_result
    from neutrams.report.summary import simulate_object

    check_writable(outputs, result, keep=(program, inputs))
    _check_apart(observe, outputs, result)
    compiled = load_compiled(program)
    warn(compiled.program.chip)
    arrays, classes = arrays_of(inputs, compiled.source, labels)
    with progress("simulating") as tell:
        evaluated = run_compiled(
            compiled,
            arrays,
            labels=classes,
            level=level.value,
            limit=limit,
            raster=result is not None,
            progress=tell,
            observe=observe,
            watch=watch,
        )
    simulation = Simulation(compiled=compiled, evaluated=evaluated)
    record = simulation.record(program.stem)
    if outputs is not None:
        simulation.save_outputs(outputs)
    if result is not None:
        save_result(ReportData(title=record.title, runs=(record,)), result)
    if as_json:
        emit(simulate_object(record))
        return
    from neutrams.report.terminal import facts_table, run_facts

    console().print(facts_table(run_facts(record)))


def _check_apart(observe: Path | None, *files: Path | None) -> None:
    """Refuse to write files into the folder of an observation, which is replaced as a whole."""
    from neutrams.base.errors import InputError

    for file in files:
        if observe is not None and file is not None and file.resolve().is_relative_to(observe.resolve()):
            raise InputError(
                f"{file} lies in the folder of the observation, {observe}",
                where="option --observe",
                fix="write it elsewhere",
            )
