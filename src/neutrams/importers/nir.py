"""Import a graph of the Neuromorphic Intermediate Representation (NIR) as a float network with a loop over steps."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import nir

from neutrams.base.errors import NeutramsError, SpecError, UnsupportedError
from neutrams.importers.nir_file import Graph, graph_of, read_graph
from neutrams.importers.nir_graph import network_of
from neutrams.importers.nir_options import PRESETS, NirOptions, nir_options
from neutrams.importers.nir_recorded import Recorded
from neutrams.importers.survey import Survey
from neutrams.network import Network
from neutrams.network.nir_record import Record

__all__ = ["PRESETS", "NirOptions", "describe", "from_nir", "nir_options", "read"]
SUFFIXES = (".nir",)
Shapes = Mapping[str, Sequence[int]]


def read(path: Path, input_shapes: Shapes | None = None, preset: str | None = None, **options: object) -> Network:
    """Return the network in the NIR file ``path``: inputs ``[T, *shape]``, outputs ``[T, *shape]`` or their counts.

    Inputs, outputs and nodes keep their names, those of sub-graphs as ``graph.node``. What several edges bring to a
    node is summed. A file that neutrams wrote says itself how it runs, unless a preset is named; options change what
    they name of that.

    Args:
        path: The file.
        input_shapes: Not used: a NIR file has the shapes of its inputs.
        preset: A name in `PRESETS`; ``nir`` where the file says nothing.
        **options: Fields of `NirOptions` that differ from the preset; `nir_options` checks them.

    Raises:
        InputError: The file is missing, a value is not finite, or shapes do not fit.
        FormatError: The file is damaged or no NIR graph.
        UnsupportedError: It holds nodes that are no NIR primitives.
        SpecError: There is no such preset or option.
    """
    try:
        return _network(read_graph(path), preset, options)
    except NeutramsError as error:
        raise _located(error, path) from error


def _located(error: NeutramsError, path: Path) -> NeutramsError:
    """Return an error that says in which file it is, unless it is of options or says so already."""
    if error.where.startswith((str(path), "NIR import")):
        return error
    return type(error)(error.what, where=f"{path}, {error.where}", fix=error.fix)


def from_nir(graph: nir.NIRGraph, preset: str | None = None, **options: object) -> Network:
    """Return the network of a graph object of the nir package; arguments and errors as for :func:`read`."""
    return _network(graph_of(graph), preset, options)


def describe(path: Path, input_shapes: Shapes | None = None, preset: str | None = None, **options: object) -> Survey:
    """Return what the NIR file ``path`` holds and what of it cannot be imported; arguments as for :func:`read`.

    Raises:
        InputError: The file is missing.
        FormatError: It is not NIR.
        SpecError: There is no such preset or option.
    """
    nir_options(preset or "nir", **options)
    try:
        graph = read_graph(path)
    except UnsupportedError as error:
        return Survey((), (str(error),), None)
    except NeutramsError as error:
        raise _located(error, path) from error
    found = tuple(sorted(Counter(part.kind for part in graph.parts.values()).items()))
    try:
        return Survey(found, (), _network(graph, preset, options))
    except NeutramsError as error:
        return Survey(found, (str(error),), None)


def _network(graph: Graph, preset: str | None, changes: Mapping[str, object]) -> Network:
    options = nir_options(preset or "nir", **changes)
    if preset is not None or not graph.record:
        return network_of(graph, options, None)
    if "feedback" in changes:
        raise SpecError(
            f"feedback is {changes['feedback']!r}, but neutrams wrote into the file which edges are late",
            where="NIR import",
            fix="name further edges with delayed, or a preset: then what neutrams wrote is not used",
        )
    record = Record.of(graph.record)
    own = nir_options("nir", **{"steps": record.steps, "read": record.read, **changes})
    return network_of(graph, own, Recorded(record, frozenset(changes)))
