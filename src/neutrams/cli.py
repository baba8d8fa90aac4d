"""The commands. Everything heavy is imported inside them, so that help and messages come at once."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from neutrams.base.errors import InputError, NeutramsError, SpecError, UnsupportedError

if TYPE_CHECKING:
    from rich.console import Console

    from neutrams.base.arrays import AnyArray
    from neutrams.flow import Compiled
    from neutrams.hardware import Chip
    from neutrams.network import Network
    from neutrams.report.data import RunRecord

app = typer.Typer(
    name="neutrams",
    help="Put a trained neural network on a neuromorphic chip: transform, map, simulate, report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Mode(StrEnum):
    """How the chip runs a network."""

    ANN = "ann"
    SNN = "snn"


class Level(StrEnum):
    """How much a simulation computes."""

    FUNCTIONAL = "functional"
    TICK = "tick"
    CYCLE = "cycle"


class Format(StrEnum):
    """What `export` writes."""

    ONNX = "onnx"
    NIR = "nir"


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Labels = Annotated[str | None, typer.Option(metavar="KEY", help="Key of the class ids; 'labels' where it is there.")]
ChipName = Annotated[str, typer.Option("--chip", metavar="C", help="Preset name or path of a chip file.")]
Override = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a chip key; may be repeated.")
]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 on success, 1 on violations, 2 on a user's mistake."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        app(args=given, prog_name="neutrams")
    except NeutramsError as error:
        _complain(error, "--json" in given)
    except MemoryError as error:
        told, fix = f"not enough memory ({error})", "take fewer samples, a smaller model or a smaller board"
        _complain(InputError(told, where=f"neutrams {given[0]}", fix=fix), "--json" in given)
    sys.exit(0)


def _complain(error: NeutramsError, as_json: bool) -> NoReturn:
    if as_json:
        _emit({"error": {"what": error.what, "where": error.where, "fix": error.fix}})
    print(f"neutrams: {' '.join(str(error).split())}.", file=sys.stderr)
    sys.exit(2)


def _emit(document: Mapping[str, object]) -> None:
    print(json.dumps(document, allow_nan=False))


def _console(stderr: bool = True) -> "Console":
    from rich.console import Console

    return Console(stderr=stderr)


@contextmanager
def _progress(text: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function (done, total) that draws a bar on standard error."""
    with _stages() as show:
        yield lambda done, total: show(text, done, total)


@contextmanager
def _stages() -> Iterator[Callable[[str, int, int], None]]:
    """Give a function (what comes next, done, total) that draws a bar on standard error."""
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console(), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda text, done, total: bar.update(task, description=text, completed=done, total=total)


def _version(wanted: bool) -> None:
    if wanted:
        from neutrams import __version__

        print(f"neutrams {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Put a trained neural network on a neuromorphic chip: transform, map, simulate, report."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder for what it writes.")] = Path(
        "demo-out"
    ),
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the training.")] = 0,
    as_json: Json = False,
) -> None:
    """Train an MLP on bundled real digits and put it on TIANJI and PRIME, from training to report."""
    from neutrams.flow.demo import run_demo
    from neutrams.report.data import ReportData
    from neutrams.report.page import write_report
    from neutrams.report.record import record_of
    from neutrams.report.store import make_folder, save_result
    from neutrams.report.summary import demo_object

    make_folder(out)
    with _stages() as progress:
        done = run_demo(out / "digits.onnx", _exchange, seed=seed, progress=progress)
    runs = tuple(record_of(item.compiled, item.evaluated, item.target.title) for item in done)
    data = ReportData(title="Real digits on TIANJI and PRIME", runs=runs)
    page = out / "report.html"
    save_result(data, out / "result.json")
    write_report(data, page)
    if as_json:
        _emit(demo_object(runs, str(page)))
    else:
        _demo_table(runs, page)


def _exchange(network: "Network", path: Path) -> "Network":
    """Write a network as ONNX and read it back, as a user's model would come."""
    from neutrams.exporters.float_onnx import export_float_onnx
    from neutrams.importers import load

    export_float_onnx(network, path)
    return load(path)


def _demo_table(runs: tuple["RunRecord", ...], page: Path) -> None:
    from neutrams.report.terminal import runs_table

    console = _console(stderr=False)
    console.print(runs_table(runs))
    console.print(f"{runs[0].samples:,} held-out digits each. The whole story: {page}", highlight=False)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model or a compiled program (.neu).")],
    chip: Annotated[str | None, typer.Option(metavar="C", help="Also say what this chip runs natively.")] = None,
    as_json: Json = False,
) -> None:
    """Show what a model or a program holds, and what a chip can run of it."""
    from neutrams.flow import inspect_network, load_compiled
    from neutrams.hardware import load_chip
    from neutrams.importers import load
    from neutrams.report.summary import program_object

    target = None if chip is None else load_chip(chip)
    if file.suffix == ".neu":
        compiled = load_compiled(file)
        found = {**inspect_network(compiled.source, target), "program": program_object(compiled)}
    else:
        found = inspect_network(load(file), target)
    _show(found, as_json)


@app.command()
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
        _emit({"chips": [{**_chip_line(chip), **more} for chip, more in zip(loaded, rows, strict=True)]})
    elif name is not None:
        print(chip_to_toml(loaded[0]), end="")
    else:
        from neutrams.report.terminal import chips_table

        _console(stderr=False).print(chips_table([_chip_line(chip) for chip in loaded]))


def _chip_line(chip: "Chip") -> dict[str, object]:
    from neutrams.neurons import find_model
    from neutrams.report.summary import chip_object

    return chip_object(chip, tuple(dict.fromkeys(find_model(model, chip.name).mode for model in chip.neuron.models)))


@app.command()
def compile(  # noqa: A001 (the command's name; its options are its arguments)
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file (.onnx).")],
    chip: ChipName,
    calibration: Annotated[Path, typer.Option(metavar="X.npz", help="Inputs like those in use.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="P.neu", help="The program to write.")],
    mode: Annotated[Mode, typer.Option(help="How the chip shall run it.")] = Mode.ANN,
    steps: Annotated[int | None, typer.Option(metavar="T", help="Time window: 1 in ann mode, 64 in snn mode.")] = None,
    labels: Labels = None,
    overrides: Override = None,
    effort: Annotated[int, typer.Option(min=0, max=3, help="How much search and tuning to spend.")] = 1,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of every random choice.")] = 0,
    as_json: Json = False,
) -> None:
    """Transform a model for a chip, map it, and write the program."""
    from neutrams.base.files import check_writable
    from neutrams.flow import CompileOptions, compile_model, default_steps, save_compiled
    from neutrams.hardware import load_chip
    from neutrams.importers import load
    from neutrams.report.summary import compile_object

    check_writable(output, keep=(model, calibration))
    target = load_chip(chip, _overrides(overrides or []))
    network = load(model)
    arrays, classes = _arrays(calibration, network, labels)
    window = default_steps(mode.value) if steps is None else steps
    options = CompileOptions(mode=mode.value, steps=window, effort=effort, seed=seed, labels=classes)
    with _progress(f"compiling {model.name} for {target.name}") as progress:
        compiled = compile_model(network, target, arrays, options, progress)
    save_compiled(compiled, output)
    _show_compiled(compile_object(compiled, str(output)), compiled, as_json)


def _show_compiled(found: dict[str, object], compiled: "Compiled", as_json: bool) -> None:
    if as_json:
        _emit(found)
        return
    from neutrams.report.record import ledger_of
    from neutrams.report.terminal import ledger_table

    _show({key: value for key, value in found.items() if key != "ledger"}, as_json=False)
    _console(stderr=False).print(ledger_table(ledger_of(compiled.ledger)))


def _overrides(given: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise SpecError(
                f"{text!r} is not KEY=VALUE", where="option --set", fix="write e.g. --set core.weight_bits=3"
            )
        pairs[key.strip()] = value.strip()
    return pairs


def _arrays(path: Path, network: "Network", key: str | None) -> tuple[dict[str, "AnyArray"], "AnyArray | None"]:
    """Return the inputs of a file by the network's names, and its class ids where it has them."""
    from neutrams.flow import load_arrays, named_inputs

    arrays = load_arrays(path)
    if key is not None and key not in arrays:
        raise InputError(
            f"it has no array {key!r}, it has {', '.join(sorted(arrays)) or 'none'}",
            where=str(path),
            fix="give --labels one of these names, or leave it out",
        )
    names = tuple(node.name for node in network.inputs)
    classes = None if key is None and "labels" in names else arrays.get(key or "labels")
    return named_inputs(arrays, names, key), classes


@app.command()
def verify(
    program: Annotated[Path, typer.Argument(metavar="P.neu", help="A compiled program.")], as_json: Json = False
) -> None:
    """Check a program against its chip, independently of the compiler; exit status 1 where it breaks a limit."""
    from dataclasses import asdict

    from neutrams.flow import load_compiled
    from neutrams.program.verify import violations

    found = violations(load_compiled(program).program)
    if as_json:
        _emit({"violations": [asdict(violation) for violation in found]})
    for violation in () if as_json else found:
        print(f"{violation.constraint}: {violation.message}")
    if found:
        raise typer.Exit(1)
    if not as_json:
        print(f"{program}: legal")


@app.command()
def simulate(
    program: Annotated[Path, typer.Argument(metavar="P.neu", help="A compiled program.")],
    inputs: Annotated[Path, typer.Option(metavar="X.npz", help="Inputs by the model's own names, or x.")],
    labels: Labels = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Simulate the first N samples.")] = None,
    level: Annotated[Level, typer.Option(help="How much to compute.")] = Level.TICK,
    outputs: Annotated[Path | None, typer.Option(metavar="Y.npz", help="Write the outputs here.")] = None,
    result: Annotated[Path | None, typer.Option(metavar="R.json", help="Write a result for `neutrams report`.")] = None,
    as_json: Json = False,
) -> None:
    """Run a program on inputs: outputs, accuracy, time, energy."""
    from neutrams.base.files import check_writable
    from neutrams.flow import load_compiled, run_compiled
    from neutrams.report.data import ReportData
    from neutrams.report.result import Simulation
    from neutrams.report.store import save_result
    from neutrams.report.summary import simulate_object

    if level is Level.CYCLE:
        raise UnsupportedError(
            "level cycle comes with a later release", where="option --level", fix="take --level tick or functional"
        )
    check_writable(outputs, result, keep=(program, inputs))
    compiled = load_compiled(program)
    arrays, classes = _arrays(inputs, compiled.source, labels)
    with _progress("simulating") as show:
        evaluated = run_compiled(
            compiled, arrays, labels=classes, level=level.value, limit=limit, raster=result is not None, progress=show
        )
    simulation = Simulation(compiled=compiled, evaluated=evaluated)
    record = simulation.record(program.stem)
    if outputs is not None:
        simulation.save_outputs(outputs)
    if result is not None:
        save_result(ReportData(title=record.title, runs=(record,)), result)
    if as_json:
        _emit(simulate_object(record))
        return
    from neutrams.report.terminal import facts_table, run_facts

    _console(stderr=False).print(facts_table(run_facts(record)))


@app.command()
def report(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A result file of `simulate` or `demo`.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PAGE.html", help="The page to write.")],
    as_json: Json = False,
) -> None:
    """Write one self-contained HTML page for a result."""
    from neutrams.report.page import write_report
    from neutrams.report.store import load_result

    write_report(load_result(result), output)
    _show({"report": str(output)}, as_json)


@app.command()
def export(
    program: Annotated[Path, typer.Argument(metavar="P.neu", help="A compiled program.")],
    to: Annotated[Format, typer.Option(help="onnx: integer-exact standard ONNX, ann mode.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The file to write.")],
    as_json: Json = False,
) -> None:
    """Hand a transformed network over to other tools."""
    if to is Format.NIR:
        raise UnsupportedError("export to nir comes with a later release", where="option --to", fix="take --to onnx")
    from neutrams.exporters.onnx import export_onnx
    from neutrams.flow import load_compiled

    compiled = load_compiled(program)
    export_onnx(compiled.network, compiled.program.chip, output)
    _show({"file": str(output)}, as_json)


def _show(found: Mapping[str, object], as_json: bool) -> None:
    if as_json:
        _emit(found)
        return
    from neutrams.report.summary import spaced
    from neutrams.report.terminal import facts_table

    _console(stderr=False).print(facts_table(spaced(found)))
