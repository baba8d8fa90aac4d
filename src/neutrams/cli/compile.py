"""``neutrams compile``: a model becomes a program."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neutrams.cli.options import (
    Json,
    Labels,
    Nir,
    Overrides,
    Shapes,
    arrays_of,
    format_options,
    overrides_of,
    pairs_of,
    pins_of,
)
from neutrams.cli.show import console, emit, progress, show, warn

if TYPE_CHECKING:
    from neutrams.flow import Compiled


class Mode(StrEnum):
    """How the chip runs a network."""

    ANN = "ann"
    SNN = "snn"


class Balance(StrEnum):
    """Where thresholds of rates come from."""

    PERCENTILE = "percentile"
    MAX = "max"
    ERROR = "error"


def compile(  # noqa: A001 (the command's name; its options are its arguments)
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file (.onnx, .nir).")],
    chip: Annotated[str, typer.Option("--chip", metavar="C", help="Preset name or path of a chip file.")],
    calibration: Annotated[Path, typer.Option(metavar="X.npz", help="Inputs like those in use.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="P.neu", help="The program to write.")],
    mode: Annotated[Mode, typer.Option(help="How the chip shall run it.")] = Mode.ANN,
    steps: Annotated[int | None, typer.Option(metavar="T", help="Time window: 1 in ann mode, 64 in snn mode.")] = None,
    labels: Labels = None,
    shapes: Shapes = None,
    nir: Nir = None,
    overrides: Overrides = None,
    effort: Annotated[int, typer.Option(min=0, max=3, help="How much search and tuning to spend.")] = 1,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of every random choice.")] = 0,
    copies: Annotated[
        int, typer.Option(min=1, max=16, help="Most neurons to carry a channel of few bits or of rates.")
    ] = 1,
    balance: Annotated[Balance, typer.Option(help="Where thresholds of rates come from, in snn mode.")] = (
        Balance.PERCENTILE
    ),
    state_bits: Annotated[int, typer.Option(metavar="8|16", help="What loops remember their states in.")] = 8,
    feedback: Annotated[
        list[str] | None,
        typer.Option(
            "--feedback", metavar="OUTPUT=INPUT", help="The next step takes this output as that input; may be repeated."
        ),
    ] = None,
    frames: Annotated[int, typer.Option(min=1, metavar="T", help="Steps of a sequence, with --feedback.")] = 32,
    refine: Annotated[
        int,
        typer.Option(
            "--refine-with-simulation",
            metavar="ROUNDS",
            min=0,
            max=100,
            help="How often to place again with what level cycle finds.",
        ),
    ] = 0,
    multiplex: Annotated[
        str, typer.Option(metavar="auto|most|N", help="How many tiles of one weight block a core serves in a tick.")
    ] = "auto",
    pin: Annotated[
        list[str] | None,
        typer.Option("--pin", metavar="LAYER=CORE,…", help="Put a layer on these cores; may be repeated."),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Print what each layer and each limit cost.")] = False,
    as_json: Json = False,
) -> None:
    """Transform a model for a chip, map it, and write the program."""
    from neutrams.base.files import check_writable
    from neutrams.flow import CompileOptions, compile_model, default_steps, save_compiled
    from neutrams.hardware import load_chip
    from neutrams.importers import load, parse_input_shapes
    from neutrams.network import as_sequence

    check_writable(output, keep=(model, calibration))
    target = load_chip(chip, overrides_of(overrides or []))
    warn(target)
    network = load(model, parse_input_shapes(shapes or []), **format_options(model, nir or []))
    if feedback:
        network = as_sequence(network, frames, pairs_of(feedback, "--feedback", "OUTPUT=INPUT", "stateN=state"))
    arrays, classes = arrays_of(calibration, network, labels)
    window = default_steps(mode.value, network) if steps is None else steps
    options = CompileOptions(
        mode=mode.value, steps=window, effort=effort, seed=seed, copies=copies, balance=balance.value,
        state_bits=state_bits, labels=classes,
    )  # fmt: skip
    pins = pins_of(pin or [])
    with progress(f"compiling {model.name} for {target.name}") as tell:
        compiled = compile_model(
            network, target, arrays, options, tell, refine_rounds=refine, multiplex=multiplex, pins=pins
        )
    save_compiled(compiled, output)
    _print(compiled, output, explain, as_json)


def _print(compiled: "Compiled", output: Path, explain: bool, as_json: bool) -> None:
    from neutrams.mapping import sharing_of
    from neutrams.report.losses import losses_of, verdict
    from neutrams.report.record import ledger_of
    from neutrams.report.summary import compile_object

    found = compile_object(compiled, str(output))
    if as_json:
        emit(found)
        return
    show(
        {key: value for key, value in found.items() if key not in ("ledger", "layers", "verdict", "warnings")},
        as_json=False,
    )
    from neutrams.report.terminal import layers_table, losses_table

    terminal, ledger = console(), ledger_of(compiled)
    if explain or compiled.program.chip.board.virtual_tiles > 1:
        terminal.print("", layers_table(sharing_of(compiled.program).layers), "", sep="\n")
    if explain:
        terminal.print("", losses_table(ledger), sep="\n")
    told = verdict(losses_of(ledger)) + ("" if explain else " (--explain shows each layer and limit)")
    terminal.print(told, highlight=False, markup=False)
