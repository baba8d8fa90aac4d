"""The commands. Everything heavy is imported inside them, so that help and messages come at once."""

import sys
from typing import Annotated, NoReturn

import typer

from neutrams.base.errors import InputError, NeutramsError
from neutrams.cli import chips, compile, curve, demo, inspect, map_bench, program, simulate  # noqa: A004 (the command's name)
from neutrams.cli.show import complain

__all__ = ["app", "main"]

app = typer.Typer(
    name="neutrams",
    help="Put a trained neural network on a neuromorphic chip: transform, map, simulate, report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    demo.demo, inspect.inspect, chips.chips, compile.compile, curve.curve, program.verify, simulate.simulate,
    program.report, program.export, map_bench.map_bench,
):  # fmt: skip
    app.command()(command)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 on success, 1 on violations, 2 on a user's mistake."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        app(args=given, prog_name="neutrams")
    except NeutramsError as error:
        complain(error, "--json" in given)
    except MemoryError as error:
        told, fix = f"not enough memory ({error})", "take fewer samples, a smaller model or a smaller board"
        complain(InputError(told, where=f"neutrams {given[0]}", fix=fix), "--json" in given)
    sys.exit(0)


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
