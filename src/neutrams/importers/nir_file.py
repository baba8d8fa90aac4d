"""A NIR graph as plain data: read from its file, sub-graphs opened, its edges checked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import nir
import nir.serialization
import numpy as np

from neutrams.base.arrays import FloatArray, check_finite
from neutrams.base.errors import FormatError, InputError, UnsupportedError
from neutrams.base.files import read_bytes

Edge = tuple[str, str]
PRIMITIVES = (
    "Affine", "AvgPool2d", "Conv1d", "Conv2d", "CubaLI", "CubaLIF", "Delay", "Flatten", "I", "IF", "Input", "LI", "LIF",
    "Linear", "NIRGraph", "Output", "Scale", "SumPool2d", "Threshold",
)  # fmt: skip
MALFORMED = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, RecursionError, AssertionError)
DEEPEST = 50
"""Sub-graphs within sub-graphs."""


@dataclass(frozen=True, slots=True)
class Part:
    """A node of a NIR graph.

    Attributes:
        name: Its name, behind those of the graphs it is in: ``graph.node``.
        kind: A name of `PRIMITIVES`; ``Identity`` for the ports of a sub-graph.
        fields: Its values as the file has them.
    """

    name: str
    kind: str
    fields: Mapping[str, Any]

    def numbers(self, key: str, default: float | None = None) -> FloatArray:
        """Return a field as float64, any shape.

        Raises:
            FormatError: It is missing or holds no numbers.
            InputError: It holds NaN or infinity.
        """
        value = self.fields.get(key, default)
        try:
            array = np.asarray(value)
            if value is None or array.dtype.kind not in "biuf":
                raise ValueError
        except ValueError:
            raise self.damaged(f"{key} is missing or holds no numbers") from None
        check_finite(array, f"{key} of node {self.name!r}")
        return array.astype(np.float64)

    def whole(self, key: str, default: int | None = None) -> tuple[int, ...]:
        """Return a field of whole numbers, one or several.

        Raises:
            FormatError: It is missing or holds other numbers.
        """
        array = self.numbers(key, default)
        if array.ndim > 1 or (array != np.rint(array)).any() or (np.abs(array) >= 2**31).any():
            raise self.damaged(f"{key} holds no whole numbers")
        return tuple(int(n) for n in array.reshape(-1))

    def damaged(self, what: str) -> FormatError:
        """Return the error for a node that is not as NIR defines it."""
        return FormatError(what, where=f"node {self.name!r}", fix=f"write {self.kind} as NIR defines it")

    def unfit(self, what: str, fix: str) -> InputError:
        """Return the error for values that do not suit each other."""
        return InputError(what, where=f"node {self.name!r}", fix=fix)


@dataclass(frozen=True, slots=True)
class Graph:
    """A NIR graph without sub-graphs.

    Attributes:
        parts: Its nodes by name.
        edges: From, to; each once.
        record: What neutrams wrote beside a graph it exported, as JSON; empty otherwise.
    """

    parts: Mapping[str, Part]
    edges: tuple[Edge, ...]
    record: str = ""


def read_graph(path: Path) -> Graph:
    """Return the graph in the file ``path``.

    Raises:
        InputError: The file is missing or unreadable.
        FormatError: It is truncated, damaged, or no NIR file.
        UnsupportedError: It holds nodes that are no NIR primitives; the message lists them.
    """
    read_bytes(path, "NIR file")
    try:
        with h5py.File(path, "r") as file:
            found = nir.serialization.hdf2dict(file["node"])
    except MALFORMED as error:
        what = f"it cannot be read as NIR in HDF5 ({str(error).strip() or type(error).__name__})"
        fix = "take an undamaged copy, or write it again with nir.write"
        raise FormatError(what, where=str(path), fix=fix) from error
    return opened(found)


def graph_of(graph: nir.NIRGraph) -> Graph:
    """Return an object of the nir package as plain data."""
    return opened(graph.to_dict())


def opened(found: Mapping[str, Any]) -> Graph:
    """Return a graph, as nir's dictionaries have it, with its sub-graphs opened.

    Raises:
        FormatError: Nodes or edges are missing or malformed.
        UnsupportedError: There are nodes that are no NIR primitives.
    """
    if _kind("", found) != "NIRGraph":
        raise FormatError("it holds no graph", where="NIR file", fix="write a nir.NIRGraph")
    parts: dict[str, Part] = {}
    edges = _opened(found, "", parts)
    strangers = sorted({f"{p.kind} ({p.name!r})" for p in parts.values() if p.kind not in (*PRIMITIVES, "Identity")})
    if strangers:
        raise UnsupportedError(
            f"these nodes are no NIR primitives: {', '.join(strangers)}",
            where="NIR graph",
            fix=f"write the graph with {', '.join(PRIMITIVES)}",
        )
    _check_edges(parts, edges)
    metadata = found.get("metadata")
    record = metadata.get("neutrams") if isinstance(metadata, Mapping) else None
    return Graph(parts, tuple(edges), record if isinstance(record, str) else "")


def _opened(found: Mapping[str, Any], prefix: str, parts: dict[str, Part]) -> list[Edge]:
    """Add the nodes of a graph to ``parts`` under their full names; return its edges, between full names."""
    if prefix.count(".") > DEEPEST:
        raise FormatError(f"graphs stand more than {DEEPEST} deep in graphs", where=prefix, fix="flatten the graph")
    nodes = found.get("nodes", {})
    if not isinstance(nodes, Mapping):
        raise FormatError("it has no nodes", where=f"graph {prefix!r}", fix="write it again with nir.write")
    inner: list[Edge] = []
    ports: dict[str, dict[str, list[str]]] = {}
    for name, fields in nodes.items():
        kind, full = _kind(f"{prefix}{name}", fields), f"{prefix}{name}"
        if kind == "NIRGraph":
            inner += _opened(fields, f"{full}.", parts)
            below = {key: _kind(key, each) for key, each in fields.get("nodes", {}).items()}
            ports[full] = {
                port: [f"{full}.{key}" for key, each in below.items() if each == port] for port in ("Input", "Output")
            }
            continue
        if full in parts:
            raise FormatError("two nodes have this name", where=f"node {full!r}", fix="rename one of them")
        port = kind in ("Input", "Output") and prefix != ""
        parts[full] = Part(full, "Identity" if port else kind, fields)
    edges = [(f"{prefix}{a}", f"{prefix}{b}") for a, b in _edges(found, prefix)]
    return inner + [(_port(a, ports, "Output"), _port(b, ports, "Input")) for a, b in edges]


def _kind(name: str, fields: object) -> str:
    kind = fields.get("type") if isinstance(fields, Mapping) else None
    if isinstance(kind, bytes):
        kind = kind.decode("utf8", errors="replace")
    if not isinstance(kind, str):
        raise FormatError("it has no type", where=f"node {name!r}", fix="write it again with nir.write")
    return kind


def _edges(found: Mapping[str, Any], prefix: str) -> Iterable[Edge]:
    edges = found.get("edges", ())
    for edge in edges if _is_list(edges) else (edges,):
        pair = list(edge) if _is_list(edge) else [edge]
        words = [word.decode("utf8", errors="replace") if isinstance(word, bytes) else word for word in pair]
        if len(words) != 2 or not all(isinstance(word, str) for word in words):
            fix = "write it again with nir.write"
            raise FormatError("an edge is not a pair of names", where=f"graph {prefix or 'node'!r}", fix=fix)
        yield words[0], words[1]


def _is_list(value: object) -> bool:
    """Whether a value has items, each of them whole: texts, tables and single numbers do not."""
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _port(name: str, ports: Mapping[str, Mapping[str, list[str]]], side: str) -> str:
    """Return the node behind an edge's end: the only port on that side of a sub-graph, or the node itself."""
    if name not in ports:
        return name
    found = ports[name][side]
    if len(found) != 1:
        raise FormatError(
            f"an edge ends at it, and it has {len(found)} nodes of type {side}",
            where=f"graph {name!r}",
            fix=f"give it one {side}, or name the port in the edge: {name}.port",
        )
    return found[0]


def _check_edges(parts: Mapping[str, Part], edges: list[Edge]) -> None:
    seen: set[Edge] = set()
    for edge in edges:
        missing = [name for name in edge if name not in parts]
        if missing or edge in seen:
            what = f"there is no node {missing[0]!r}" if missing else "it is there twice"
            raise FormatError(what, where=f"edge {edge[0]!r} -> {edge[1]!r}", fix="correct the edges of the graph")
        seen.add(edge)
    for kind in ("Input", "Output"):
        if not any(part.kind == kind for part in parts.values()):
            raise FormatError(f"it has no {kind} node", where="NIR graph", fix=f"add a nir.{kind} with its shape")
    starts, targets = {a for a, _ in edges}, {b for _, b in edges}
    for part in parts.values():
        if part.kind == "Output" and part.name in starts:
            fix = "let it start at the node that this Output reads"
            raise FormatError("an edge starts at this Output", where=f"node {part.name!r}", fix=fix)
        if part.kind == "Input" and part.name in targets:
            raise FormatError("an edge leads to this Input", where=f"node {part.name!r}", fix="take the edge out")
        if part.kind != "Input" and part.name not in targets:
            raise FormatError("no edge leads to it", where=f"node {part.name!r}", fix="connect it, or take it out")
