"""The inputs of an ONNX graph, and the sizes a user gives for axes that the file leaves open."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from onnx import GraphProto, NodeProto, TensorProto, ValueInfoProto

from neutrams.base.errors import InputError, NeutramsError
from neutrams.importers.builder import refusal
from neutrams.network import Input

FLOATS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}
INTEGERS = {
    TensorProto.INT64, TensorProto.INT32, TensorProto.INT16, TensorProto.INT8, TensorProto.UINT64, TensorProto.UINT32,
    TensorProto.UINT16, TensorProto.UINT8, TensorProto.BOOL,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class GraphInput:
    """One input of a graph.

    Attributes:
        name: Its name.
        node: The node it becomes, or why it becomes none.
        batch: The length its batch axis has in the file, 0 where that is open.
        integer: Whether it holds integers.
        axis: Which axis the batch is in the file; in samples given to the network it is the first.
    """

    name: str
    node: Input | NeutramsError
    batch: int
    integer: bool
    axis: int = 0


def graph_inputs(graph: GraphProto, input_shapes: Mapping[str, Sequence[int]] | None) -> list[GraphInput]:
    """Return the inputs of ``graph`` that are not initializers too.

    Raises:
        InputError: ``input_shapes`` names an input that is not there, or contradicts the file.
    """
    constant = {tensor.name for tensor in graph.initializer}
    infos = [info for info in graph.input if info.name not in constant]
    given = input_shapes or {}
    unknown = sorted(given.keys() - {info.name for info in infos})
    if unknown:
        raise InputError(
            f"there is no input {unknown[0]!r}, the inputs are {', '.join(repr(info.name) for info in infos)}",
            where=f"--input-shape {unknown[0]}=...",
            fix="give one of these names",
        )
    return [_input(info, given.get(info.name), _batch_axis(info, graph, given.get(info.name))) for info in infos]


RECURRENT = ("RNN", "GRU", "LSTM")
CUTS = ("Cast", "Identity", "Slice", "Split")
"""Operators that leave every axis where it is; so do Gather of several, and Gather of one with Unsqueeze behind."""


def _batch_axis(info: ValueInfoProto, graph: GraphProto, wanted: Sequence[int] | None) -> int:
    """Return which axis of an input is the batch: the first, if nothing speaks for another.

    Recurrent operators want it behind the steps, or the directions. In an input that one depends on, an axis that is
    open where the first is fixed, and longer than 1, is the batch too, if the user does not fix it (``wanted``).
    """
    makers = {name: node for node in graph.node for name in node.output}
    for node in [node for node in graph.node if node.op_type in RECURRENT]:
        layout = next((a.i for a in node.attribute if a.name == "layout"), 0)
        given = (*node.input[:1], *node.input[5:7])
        if layout == 0 and any(info.name in _wholes(name, makers) for name in given):
            return 1
    sizes = [int(d.dim_value) for d in info.type.tensor_type.shape.dim]
    if len(sizes) > 1 and sizes[0] > 1 and sizes.count(0) == 1 and info.name in _before_recurrent(graph):
        axis = sizes.index(0)
        return axis if wanted is None or len(wanted) != len(sizes) or wanted[axis] == 1 else 0
    return 0


def _nodes(found: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """Yield nodes and those of branches inside them."""
    for node in found:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g.node)


def _wholes(name: str, makers: Mapping[str, NodeProto]) -> list[str]:
    """Return the tensors that ``name`` is a part of: exporters cut the states of all layers from one input."""
    found: list[str] = []
    while name not in found:
        found.append(name)
        node = makers.get(name, NodeProto())
        source = next(iter(node.input), "")
        picked = node.op_type == "Unsqueeze" and _picks(makers.get(source, NodeProto()))
        if node.op_type in CUTS or picked or _picks(node):
            name = source
    return found


def _picks(node: NodeProto) -> bool:
    """Whether a node picks of the first axis."""
    return node.op_type == "Gather" and all(attribute.i == 0 for attribute in node.attribute)


def _before_recurrent(graph: GraphProto) -> set[str]:
    """Return the tensors that recurrent operators depend on."""
    names: set[str] = set()
    for node in reversed(graph.node):
        inner = list(_nodes([node]))
        if names.intersection(filter(None, node.output)) or any(n.op_type in RECURRENT for n in inner):
            names.update(name for n in inner for name in n.input)
    return names


def _input(info: ValueInfoProto, wanted: Sequence[int] | None, axis: int) -> GraphInput:
    kind = info.type.tensor_type
    integer = kind.elem_type in INTEGERS
    where = f"input {info.name!r}"
    if not info.type.HasField("tensor_type") or kind.elem_type not in FLOATS | INTEGERS:
        return GraphInput(info.name, refusal("it is not a tensor of numbers", where), 0, integer)
    known = kind.HasField("shape")
    sizes = _sizes([int(d.dim_value) for d in kind.shape.dim] if known else None, wanted, info.name, axis)
    if sizes is None:
        return GraphInput(info.name, _open(where, info.name, None, axis), 0, integer)
    if not sizes and integer:
        return GraphInput(info.name, Input(name=info.name, shape=()), 0, integer)
    if not sizes:
        return GraphInput(
            info.name, refusal("it has no batch axis, so it is not a tensor of samples", where), 0, integer
        )
    shape = (*sizes[:axis], *sizes[axis + 1 :])
    if min(shape, default=1) < 1:
        return GraphInput(info.name, _open(where, info.name, sizes, axis), sizes[axis], integer)
    return GraphInput(info.name, Input(name=info.name, shape=shape), sizes[axis], integer, axis)


def _sizes(declared: list[int] | None, wanted: Sequence[int] | None, name: str, batch: int) -> list[int] | None:
    """Return the sizes of an input, 0 where open; None where not even their number is known."""
    if wanted is None:
        return declared
    open_sizes = [-1 if axis == batch else have for axis, have in enumerate(declared or ())]
    clash = declared is not None and (
        len(declared) != len(wanted)
        or any(have > 0 and have != want for have, want in zip(open_sizes, wanted, strict=True))
    )
    if clash or min(wanted, default=1) < 1:
        shape = ["?" if n < 1 else n for n in declared or []]
        raise InputError(
            f"the shape {list(wanted)} does not suit the model, which has {shape}",
            where=f"--input-shape {name}={','.join(map(str, wanted))}",
            fix="give the full shape in the order of the model, with a size of at least 1 for each axis it leaves open",
        )
    return [(declared or [0] * len(wanted))[a] if a == batch else n for a, n in enumerate(wanted)]


def _open(where: str, name: str, sizes: list[int] | None, batch: int) -> InputError:
    shape = "unknown" if sizes is None else ["?" if n < 1 else n for n in sizes]
    example = "1,..."
    if sizes is not None:
        example = ",".join("1" if a == batch else str(n) if n > 0 else "SIZE" for a, n in enumerate(sizes))
    return InputError(
        f"only one axis (the batch, axis {batch}) may vary, the shape is {shape}",
        where=where,
        fix=f"fix the open sizes by --input-shape {name}={example} (from Python: input_shapes)",
    )
