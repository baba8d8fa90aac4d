"""``neutrams demo``: the main job on bundled digits, from training to report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neutrams.cli.options import Json
from neutrams.cli.show import console, emit, stages

if TYPE_CHECKING:
    from neutrams.network import Network
    from neutrams.report.data import RunRecord


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
    with stages() as progress:
        done = run_demo(out / "digits.onnx", _exchange, seed=seed, progress=progress)
    runs = tuple(record_of(item.compiled, item.evaluated, item.target.title) for item in done)
    data = ReportData(title="Real digits on TIANJI and PRIME", runs=runs)
    page = out / "report.html"
    save_result(data, out / "result.json")
    write_report(data, page)
    if as_json:
        emit(demo_object(runs, str(page)))
    else:
        _print_table(runs, page)


def _exchange(network: "Network", path: Path) -> "Network":
    """Write a network as ONNX and read it back, as a user's model would come."""
    from neutrams.exporters.float_onnx import export_float_onnx
    from neutrams.importers import load

    export_float_onnx(network, path)
    return load(path)


def _print_table(runs: tuple["RunRecord", ...], page: Path) -> None:
    from neutrams.report.terminal import runs_table

    terminal = console()
    terminal.print(runs_table(runs))
    terminal.print(f"{runs[0].samples:,} held-out digits each. The whole story: {page}", highlight=False)
