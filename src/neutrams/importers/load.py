"""Load a model file by its suffix; a module of this folder that declares ``SUFFIXES`` is an importer."""

import ast
import importlib
import importlib.abc
import importlib.util
import inspect
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from neutrams.base.errors import InputError, SpecError
from neutrams.importers.survey import Survey
from neutrams.network import Network

PACKAGE = "neutrams.importers"


def load(path: str | Path, input_shapes: Mapping[str, Sequence[int]] | None = None, **options: object) -> Network:
    """Return the network in the model file ``path``.

    Args:
        path: The file.
        input_shapes: For inputs with axes that the file leaves open: the full shape by name, batch axis first (its
            entry is ignored).
        **options: What the format leaves open: for ``.nir`` a ``preset`` and fields of `importers.nir.NirOptions`.

    Raises:
        SpecError: The format has no such option, or not that value.
        InputError: The file is missing or unreadable, its suffix is unknown, or a weight is not finite.
        FormatError: It is truncated, damaged, or not of the kind its suffix claims.
        UnsupportedError: It holds operators that cannot be imported; the message lists all of them.
    """
    path = Path(path)
    read = _reader(path).read
    if options and "options" not in inspect.signature(read).parameters:
        raise SpecError(
            f"files with the suffix {path.suffix!r} have no option {min(options)!r}",
            where=str(path),
            fix="leave it out",
        )
    network: Network = read(path, input_shapes, **options)
    return network


def describe(path: str | Path, input_shapes: Mapping[str, Sequence[int]] | None = None, **options: object) -> Survey:
    """Return what the model file ``path`` holds and what of it cannot be imported, however much that is.

    Arguments are those of :func:`load`.

    Raises:
        InputError: The file is missing or its suffix is unknown.
        FormatError: It is not of the kind its suffix claims.
    """
    path = Path(path)
    survey: Survey = _reader(path).describe(path, input_shapes, **options)
    return survey


def _reader(path: Path) -> Any:
    readers = importers()
    suffix = path.suffix.lower()
    if suffix not in readers:
        raise InputError(
            f"no importer reads files with the suffix {suffix!r}",
            where=str(path),
            fix=f"give a model file with one of the suffixes {', '.join(sorted(readers))}",
        )
    return importlib.import_module(readers[suffix])


@cache
def importers() -> dict[str, str]:
    """The importer module of each suffix, read from the sources: none is imported, so PyTorch is not loaded in vain."""
    package = importlib.import_module(PACKAGE)
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(package.__path__):
        name = f"{PACKAGE}.{module.name}"
        found.update(dict.fromkeys(_suffixes(name), name))
    return found


def _suffixes(module: str) -> tuple[str, ...]:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert isinstance(spec.loader, importlib.abc.InspectLoader)
    for statement in ast.parse(spec.loader.get_source(module) or "").body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "SUFFIXES":
            suffixes: tuple[str, ...] = ast.literal_eval(statement.value)
            return suffixes
    return ()
