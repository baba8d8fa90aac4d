"""What the commands print: one JSON object, or tables for people; progress and mistakes on standard error."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from neutrams.base.errors import NeutramsError

if TYPE_CHECKING:
    from rich.console import Console

    from neutrams.hardware import Chip


def emit(document: Mapping[str, object]) -> None:
    """Print one JSON object."""
    print(json.dumps(document, allow_nan=False))


def show(found: Mapping[str, object], as_json: bool) -> None:
    """Print an object, for people as names beside values."""
    if as_json:
        emit(found)
        return
    from neutrams.report.summary import spaced
    from neutrams.report.terminal import facts_table

    console().print(facts_table(spaced(found)))


def complain(error: NeutramsError, as_json: bool) -> NoReturn:
    """Print a mistake in one paragraph and exit with status 2."""
    if as_json:
        emit({"error": {"what": error.what, "where": error.where, "fix": error.fix}})
    print(f"neutrams: {' '.join(str(error).split())}.", file=sys.stderr)
    sys.exit(2)


def warn(chip: "Chip") -> None:
    """Print what in a chip's description contradicts each other, a paragraph each on standard error."""
    from neutrams.hardware import disagreements

    for text in disagreements(chip):
        print(f"neutrams: warning: chip {chip.name!r}: {text}.", file=sys.stderr)


def console(stderr: bool = False) -> "Console":
    """Return the terminal to print tables on."""
    from rich.console import Console

    return Console(stderr=stderr)


@contextmanager
def progress(text: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function (done, total) that draws a bar on standard error."""
    with stages() as tell:
        yield lambda done, total: tell(text, done, total)


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Give a function (what comes next, done, total) that draws a bar on standard error."""
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda text, done, total: bar.update(task, description=text, completed=done, total=total)
