"""The inputs of an ONNX graph, and the sizes a user gives for axes that the file leaves open."""

from collections.abc import Iterator, Mapping, Sequence
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


def _batch_axis(info: ValueInfoProto, graph: GraphProto, wanted: Sequence[int] | None) -> int:
    """Return which axis of an input is the batch: the first, if nothing speaks for another.

    Recurrent operators want it behind the steps, or the directions. In a graph with one, an axis that is open where the
    first is fixed, and longer than 1, is the batch too, if the user does not fix it (``wanted``).
    """
    makers = {name: node for node in graph.node for name in node.output}
    for node in [node for node in graph.node if node.op_type in RECURRENT]:
        layout = next((a.i for a in node.attribute if a.name == "layout"), 0)
        if layout == 0 and info.name in [_cut_from(name, makers) for name in (node.input[0], *node.input[5:7])]:
            return 1
    sizes = [int(d.dim_value) for d in info.type.tensor_type.shape.dim]
    recurrent = any(node.op_type in RECURRENT for node in _nodes(graph))
    if recurrent and len(sizes) > 1 and sizes[0] > 1 and sizes.count(0) == 1:
        axis = sizes.index(0)
        return axis if wanted is None or len(wanted) != len(sizes) or wanted[axis] == 1 else 0
    return 0


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """Yield all nodes, those of branches too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g)


def _cut_from(name: str, makers: Mapping[str, NodeProto]) -> str:
    """Return the tensor that ``name`` is a part of, or a copy: exporters cut the states of a layer from one input."""
    while name in makers and makers[name].op_type in ("Slice", "Split", "Identity", "Cast"):
        name = makers[name].input[0]
    return name


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
