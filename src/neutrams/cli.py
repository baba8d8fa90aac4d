"""The commands. Everything heavy is imported inside them, so that help and messages come at once."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from neutrams.base.errors import InputError, NeutramsError, SpecError, UnsupportedError

if TYPE_CHECKING:
    from rich.console import Console

    from neutrams.base.arrays import AnyArray
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
    from rich.progress import Progress

    with Progress(console=_console(), transient=True) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


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
    as_json: Json = False,
) -> None:
    """Train an MLP on bundled real digits and put it on TIANJI and PRIME, from training to report."""
    from neutrams.flow.demo import run_demo
    from neutrams.report.data import ReportData, to_json
    from neutrams.report.page import write_report

    _make_folder(out)
    with _progress("demo") as progress:
        runs = tuple(_demo_records(run_demo(out, progress)))
    data = ReportData(title="Real digits on TIANJI and PRIME", runs=runs)
    _write_text(out / "result.json", to_json(data))
    page = out / "report.html"
    write_report(data, page)
    if as_json:
        rows = [{**_summary(run), "report": str(page), "title": run.title} for run in runs]
        first = next((row for row in rows if (row["chip"], row["mode"]) == ("tianji", "ann")), rows[0])
        _emit({**{key: first[key] for key in DEMO_KEYS}, "runs": rows})
    else:
        _demo_table(runs, page)


DEMO_KEYS = (
    "samples", "float_accuracy", "chip_accuracy", "cores", "energy_j_per_inference", "energy_band_j", "latency_s", "report",
)  # fmt: skip


def _demo_records(items: list[Any]) -> Iterator["RunRecord"]:
    from neutrams.report.record import record_of

    for item in items:
        yield record_of(item.compiled, item.evaluated, item.title, item.float_accuracy, item.agreement)


def _demo_table(runs: tuple["RunRecord", ...], page: Path) -> None:
    from neutrams.report.terminal import runs_table

    console = _console(stderr=False)
    console.print(runs_table(runs))
    console.print(f"{runs[0].samples:,} held-out digits each. The whole story: {page}", highlight=False)


def _summary(run: "RunRecord") -> dict[str, object]:
    nominal = None if run.energy_band_j is None else run.energy_band_j[1]
    return {
        "chip": run.chip,
        "mode": run.mode,
        "steps": run.steps,
        "samples": run.samples,
        "float_accuracy": run.float_accuracy,
        "chip_accuracy": run.chip_accuracy,
        "cores": run.cores,
        "energy_j_per_inference": nominal,
        "energy_band_j": _band(run.energy_band_j),
        "latency_s": run.latency_s,
    }


def _band(band: tuple[float, float, float] | None) -> dict[str, float] | None:
    return None if band is None else dict(zip(("low", "nominal", "high"), map(float, band), strict=True))


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

    target = None if chip is None else load_chip(chip, {})
    network = load_compiled(file).network if file.suffix == ".neu" else load(file)
    found = {"operators": {}, "parameters": None, "macs": None, "unsupported": [], **inspect_network(network, target)}
    _show(found, as_json)


@app.command()
def chips(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Preset name or path of a chip file.")] = None,
    as_json: Json = False,
) -> None:
    """List the chips, or check one chip file and print it whole, with unit and source on every number."""
    from dataclasses import asdict

    from neutrams.hardware import chip_to_toml, explain, load_chip, preset_names

    loaded = [load_chip(n, {}) for n in (preset_names() if name is None else (name,))]
    if as_json:
        rows = [{} if name is None else {"keys": [asdict(row) for row in explain(chip)]} for chip in loaded]
        _emit({"chips": [{**_chip_line(chip), **more} for chip, more in zip(loaded, rows, strict=True)]})
    elif name is not None:
        print(chip_to_toml(loaded[0]), end="")
    else:
        from neutrams.report.terminal import rows_table

        lines = [_chip_line(chip) for chip in loaded]
        _console(stderr=False).print(rows_table(tuple(lines[0]), [tuple(line.values()) for line in lines]))


def _chip_line(chip: Any) -> dict[str, object]:
    from neutrams.neurons import find_model

    modes = dict.fromkeys(find_model(model, chip.name).mode for model in chip.neuron.models)
    return {
        "name": chip.name,
        "modes": list(modes),
        "axons": chip.core.axons,
        "neurons": chip.core.neurons,
        "weight_bits": chip.core.weight_bits,
        "cores_per_chip": chip.board.rows * chip.board.columns,
        "chips": chip.board.chips,
        "description": chip.description,
    }


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
    seed: Annotated[int, typer.Option(min=0, help="Of every random choice.")] = 0,
    as_json: Json = False,
) -> None:
    """Transform a model for a chip, map it, and write the program."""
    from neutrams.flow import CompileOptions, compile_model, save_compiled
    from neutrams.hardware import load_chip
    from neutrams.importers import load

    target = load_chip(chip, _overrides(overrides or []))
    arrays, classes = _arrays(calibration, labels)
    window = steps if steps is not None else (1 if mode is Mode.ANN else 64)
    options = CompileOptions(mode=mode.value, steps=window, effort=effort, seed=seed, labels=classes)
    with _console().status(f"compiling {model.name} for {target.name}"):
        compiled = compile_model(load(model), target, arrays, options)
        save_compiled(compiled, output)
    _show_compiled(compiled, output, as_json)


def _show_compiled(compiled: Any, output: Path, as_json: bool) -> None:
    from dataclasses import asdict

    from neutrams.report.record import ledger_of

    ledger, stats = ledger_of(compiled.ledger), compiled.stats
    names = (
        "cores",
        "chips",
        "tiles",
        "neurons",
        "synapses",
        "utilization",
        "weighted_hops",
        "sequential_weighted_hops",
    )
    found: dict[str, object] = {name: getattr(stats, name) for name in names}
    found |= {"host_ops": list(compiled.host_ops), "chip_mac_fraction": compiled.chip_mac_fraction}
    found |= {"seconds": dict(compiled.seconds), "file": str(output)}
    if as_json:
        _emit({**found, "ledger": [asdict(row) for row in ledger]})
        return
    from neutrams.report.terminal import ledger_table

    _show(found, as_json=False)
    _console(stderr=False).print(ledger_table(ledger))


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


def _arrays(path: Path, key: str | None) -> tuple[dict[str, "AnyArray"], "AnyArray | None"]:
    """Return the inputs of a file, and its class ids where it has them."""
    from neutrams.flow import load_arrays

    arrays = dict(load_arrays(path))
    if key is not None and key not in arrays:
        raise InputError(
            f"it has no array {key!r}, it has {', '.join(sorted(arrays)) or 'none'}",
            where=str(path),
            fix="give --labels one of these names, or leave it out",
        )
    classes = arrays.pop(key or "labels", None)
    return arrays, classes


@app.command()
def verify(
    program: Annotated[Path, typer.Argument(metavar="P.neu", help="A compiled program.")], as_json: Json = False
) -> None:
    """Check a program against its chip, independently of the compiler; exit status 1 where it breaks a limit."""
    from dataclasses import asdict

    from neutrams.flow import load_compiled
    from neutrams.program.verify import verify_program

    violations = verify_program(load_compiled(program).program)
    if as_json:
        _emit({"violations": [asdict(v) for v in violations]})
    for violation in violations if not as_json else ():
        print(violation)
    if violations:
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
    from neutrams.flow import load_compiled, run_compiled
    from neutrams.report.data import ReportData, to_json
    from neutrams.report.result import Simulation

    if level is Level.CYCLE:
        raise UnsupportedError(
            "level cycle comes with a later release", where="option --level", fix="take --level tick or functional"
        )
    compiled = load_compiled(program)
    arrays, classes = _arrays(inputs, labels)
    with _progress("simulating") as progress:
        evaluated = run_compiled(
            compiled,
            arrays,
            labels=classes,
            level=level.value,
            limit=limit,
            raster=result is not None,
            progress=progress,
        )
    record = Simulation(compiled=compiled, evaluated=evaluated).record(program.stem)
    if outputs is not None:
        _write_outputs(outputs, evaluated.outputs)
    if result is not None:
        _write_text(result, to_json(ReportData(title=record.title, runs=(record,))))
    _show(_simulated(record), as_json)


def _simulated(run: "RunRecord") -> dict[str, object]:
    nominal = None if run.energy_band_j is None else run.energy_band_j[1]
    computed = run.energy_band_j is not None
    parts = {key: band[1] for key, band in run.energy_breakdown_j.items()} if computed else None
    bands = {key: _band(band) for key, band in run.energy_breakdown_j.items()} if computed else None
    return {
        "samples": run.samples,
        "accuracy": run.chip_accuracy,
        "latency_s": run.latency_s,
        "throughput_hz": run.throughput_hz,
        "tick_s": run.tick_s,
        "energy_j_per_inference": nominal,
        "energy_band_j": _band(run.energy_band_j),
        "energy_breakdown": parts,
        "energy_breakdown_band_j": bands,
        "power_w": run.power_w,
        "area_mm2": run.area_mm2,
        "noc": dict(run.noc) if computed else None,
        "seconds": run.seconds.get("simulation"),
    }


@app.command()
def report(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A result file of `simulate` or `demo`.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PAGE.html", help="The page to write.")],
    as_json: Json = False,
) -> None:
    """Write one self-contained HTML page for a result."""
    from neutrams.base.files import read_bytes
    from neutrams.report.data import from_json
    from neutrams.report.page import write_report

    write_report(from_json(read_bytes(result, "result file"), str(result)), output)
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
    from neutrams.report.terminal import facts_table

    _console(stderr=False).print(facts_table({key.replace("_", " "): value for key, value in found.items()}))


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make this folder ({error.strerror})", where=str(path), fix="give another --out"
        ) from None


def _write_text(path: Path, text: str) -> None:
    from neutrams.base.files import write_atomically

    write_atomically(path, text.encode())


def _write_outputs(path: Path, outputs: Mapping[str, "AnyArray"]) -> None:
    from io import BytesIO

    import numpy as np

    from neutrams.base.files import write_atomically

    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **dict(outputs))
    write_atomically(path, buffer.getvalue())
