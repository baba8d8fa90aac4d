"""What stands in the way of importing an ONNX graph: one line a kind of problem."""

from collections import Counter
from collections.abc import Iterable, Sequence

from onnx import GraphProto
from onnx.defs import has

from neutrams.base.errors import NeutramsError, UnsupportedError
from neutrams.importers.builder import refusal
from neutrams.importers.onnx_file import MAIN_DOMAINS
from neutrams.importers.onnx_graph import Problem, label, nodes_of

SHOWN = 8  # nodes named in one line


def operators(graph: GraphProto) -> tuple[tuple[str, int], ...]:
    """Return every operator of a graph, inner graphs included, with its count."""
    names = (
        node.op_type if node.domain in MAIN_DOMAINS else f"{node.domain}.{node.op_type}" for node in nodes_of(graph)
    )
    return tuple(sorted(Counter(names).items()))


def lines(problems: Iterable[Problem]) -> tuple[str, ...]:
    """Return what the problems say, those that say the same in one line with all their nodes."""
    found: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        error = problem.error
        what = error.what if isinstance(error, UnsupportedError) else f"{error.what}; {error.fix}"
        found.setdefault((what, problem.kind), []).append(problem.label)
    return tuple(
        f"{what} ({_some(kind, list(dict.fromkeys(labels)))})" for (what, kind), labels in sorted(found.items())
    )


def _some(kind: str, labels: Sequence[str]) -> str:
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    return f"{kind}{'s' * (len(labels) > 1)} {', '.join(map(repr, labels[:SHOWN]))}{more}"


def failure(problems: Sequence[Problem], path: str) -> NeutramsError:
    """Return the error to raise: all that is not supported in one message, or else the first problem."""
    unsupported = [problem for problem in problems if isinstance(problem.error, UnsupportedError)]
    if not unsupported:
        error = problems[0].error
        return type(error)(error.what, where=f"{path}, {error.where}", fix=error.fix)
    listed = lines(unsupported)
    return UnsupportedError(
        f"{len(listed)} operator(s) cannot be imported: {'; '.join(listed)}",
        where=path,
        fix="rebuild the model from the operators of docs/reference/operators.md, or cut it before these nodes",
    )


def strangers(graph: GraphProto) -> list[Problem]:
    """Return a problem for each operator that is not of the ONNX standard: the checker may know nothing of it."""
    return [
        Problem(
            refusal(node.op_type if main else f"{node.domain}.{node.op_type}", f"node {label(node)!r}"), label(node)
        )
        for node in nodes_of(graph)
        if not (main := node.domain in MAIN_DOMAINS) or not has(node.op_type)
    ]
