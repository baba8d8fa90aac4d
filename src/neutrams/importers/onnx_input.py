"""The inputs of an ONNX graph, and the sizes a user gives for axes that the file leaves open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onnx import GraphProto, TensorProto, ValueInfoProto

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
    """

    name: str
    node: Input | NeutramsError
    batch: int
    integer: bool


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
    return [_input(info, given.get(info.name)) for info in infos]


def _input(info: ValueInfoProto, wanted: Sequence[int] | None) -> GraphInput:
    kind = info.type.tensor_type
    integer = kind.elem_type in INTEGERS
    where = f"input {info.name!r}"
    if not info.type.HasField("tensor_type") or kind.elem_type not in FLOATS | INTEGERS:
        return GraphInput(info.name, refusal("it is not a tensor of numbers", where), 0, integer)
    known = kind.HasField("shape")
    sizes = _sizes([int(d.dim_value) for d in kind.shape.dim] if known else None, wanted, info.name)
    if sizes is None:
        return GraphInput(info.name, _open(where, info.name, None), 0, integer)
    if not sizes:
        return GraphInput(
            info.name, refusal("it has no batch axis, so it is not a tensor of samples", where), 0, integer
        )
    if min(sizes[1:], default=1) < 1:
        return GraphInput(info.name, _open(where, info.name, sizes), sizes[0], integer)
    return GraphInput(info.name, Input(name=info.name, shape=tuple(sizes[1:])), sizes[0], integer)


def _sizes(declared: list[int] | None, wanted: Sequence[int] | None, name: str) -> list[int] | None:
    """Return the sizes of an input, batch axis first, 0 where open; None where not even their number is known."""
    if wanted is None:
        return declared
    clash = declared is not None and (
        len(declared) != len(wanted)
        or any(have > 0 and have != want for have, want in zip(declared[1:], wanted[1:], strict=True))
    )
    if clash or min(wanted, default=1) < 1:
        shape = ["?" if n < 1 else n for n in declared or []]
        raise InputError(
            f"the shape {list(wanted)} does not suit the model, which has {shape}",
            where=f"--input-shape {name}={','.join(map(str, wanted))}",
            fix="give the full shape, batch axis first, with a size of at least 1 for each axis the model leaves open",
        )
    return [(declared or [0])[0] if wanted else 0, *wanted[1:]] if wanted else []


def _open(where: str, name: str, sizes: list[int] | None) -> InputError:
    shape = "unknown" if sizes is None else ["?" if n < 1 else n for n in sizes]
    example = "1,..." if sizes is None else ",".join(str(n) if n > 0 else "SIZE" for n in [1, *sizes[1:]])
    return InputError(
        f"only the first axis (the batch) may vary, the shape is {shape}",
        where=where,
        fix=f"fix the open sizes by --input-shape {name}={example} (from Python: input_shapes)",
    )
