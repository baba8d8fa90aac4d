"""A first look over an ONNX graph: which tensors are constant, and every operator that cannot be imported."""

from collections.abc import Iterator
from pathlib import Path

from onnx import GraphProto, NodeProto

from neutrams.base.errors import UnsupportedError
from neutrams.importers.onnx_call import HANDLERS
from neutrams.importers.onnx_file import MAIN_DOMAINS
from neutrams.importers.onnx_fold import FOLDED, SHAPES


def label(node: NodeProto) -> str:
    """Return the name of an ONNX node, or that of its first output where it has none."""
    return node.name or next(iter(node.output), "?")


def survey(graph: GraphProto, path: Path) -> None:
    """Refuse a graph with operators, or forms of operators, that cannot be imported.

    Raises:
        UnsupportedError: One message that lists all of them with their nodes.
    """
    found: dict[str, list[str]] = {}
    for what, name in _unsupported(graph):
        found.setdefault(what, []).append(name)
    if not found:
        return
    listed = "; ".join(f"{what} ({_some(names)})" for what, names in sorted(found.items()))
    raise UnsupportedError(
        f"{len(found)} operator(s) cannot be imported: {listed}",
        where=str(path),
        fix=f"rebuild the model from {', '.join(sorted(HANDLERS))}, or cut it before these nodes",
    )


def _some(names: list[str]) -> str:
    return f"node{'s' * (len(names) > 1)} {', '.join(map(repr, names))}"


def _unsupported(graph: GraphProto) -> Iterator[tuple[str, str]]:
    used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    constant = {tensor.name for tensor in graph.initializer}
    if graph.sparse_initializer:
        yield "sparse initializers", graph.sparse_initializer[0].values.name
    for node in graph.node:
        ours = node.domain in MAIN_DOMAINS
        if ours and (
            node.op_type in SHAPES or (node.op_type in FOLDED and constant.issuperset(filter(None, node.input)))
        ):
            constant.update(node.output)
        elif not ours or node.op_type not in HANDLERS:
            yield (node.op_type if ours else f"{node.domain}.{node.op_type}"), label(node)
        else:
            needed = [node.input[i] for i in HANDLERS[node.op_type].constants if i < len(node.input)]
            if any(name and name not in constant for name in needed):
                yield f"{node.op_type} with a computed parameter", label(node)
            if used.intersection(filter(None, node.output[1:])):
                yield f"{node.op_type} with a second output", label(node)
