"""Import an ONNX file (operator sets 7 and newer) as a float network."""

from pathlib import Path

from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from neutrams.base.errors import InputError, NeutramsError
from neutrams.importers import onnx_math, onnx_move
from neutrams.importers.builder import Builder, Tensor, Value, refusal
from neutrams.importers.onnx_call import HANDLERS, Call
from neutrams.importers.onnx_file import complete, damaged, opset, parse
from neutrams.importers.onnx_fold import FOLDED, SHAPES, fold
from neutrams.importers.onnx_survey import label, survey
from neutrams.network import Input, Network, Output

SUFFIXES = (".onnx",)
HANDLER_MODULES = (onnx_math, onnx_move)  # importing them fills HANDLERS
INTEGERS = {TensorProto.INT64, TensorProto.INT32, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16}
MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError, RuntimeError)


def read(path: Path) -> Network:
    """Return the network in the ONNX file ``path``; the first axis of every input is the batch axis and is dropped.

    Inputs and outputs keep their names, other nodes bear the name of the ONNX tensor they give. Shape arithmetic
    is folded. Weights become float64.

    Raises:
        InputError: The file or its external data is missing, a weight is not finite, or shapes do not fit.
        FormatError: The file is damaged or not ONNX.
        UnsupportedError: Operators cannot be imported; the message lists all of them.
    """
    model = parse(path)
    survey(model.graph, path)
    version = opset(model, path)
    complete(model, path)
    try:
        return _converted(model, version)
    except NeutramsError as error:
        raise type(error)(error.what, where=f"{path}, {error.where}", fix=error.fix) from error
    except MALFORMED as error:
        raise damaged(path, f"its graph is malformed ({error})") from error


def _converted(model: ModelProto, version: int) -> Network:
    graph = model.graph
    values: dict[str, Value] = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    inputs = [_input(info) for info in graph.input if info.name not in values]
    outputs = [info.name for info in graph.output]
    tensors = [name for node in graph.node for name in node.output]
    builder = Builder(
        [*values, *(node.name for node, _, _ in inputs), *outputs, *tensors], {1, *(b for _, b, _ in inputs)}
    )
    for node, _, integer in inputs:
        values[node.name] = builder.emit(node, integer)
    for proto in graph.node:
        values.update(_results(proto, values, builder, version, set(outputs)))
    for name in outputs:
        tensor = builder.tensor(values[name], f"{name}.value")
        builder.emit(
            Output(name=name if name not in builder.shapes else builder.fresh(f"{name}.out"), inputs=(tensor.name,))
        )
    return builder.network()


def _input(info: ValueInfoProto) -> tuple[Input, int, bool]:
    """Return the node of a graph input, the length its batch axis has in the file (0: any), whether it is integer."""
    kind = info.type.tensor_type
    sizes = [int(d.dim_value) for d in kind.shape.dim]
    if not info.type.HasField("tensor_type") or not kind.HasField("shape") or not sizes:
        raise refusal("it is not a tensor with a batch axis", f"input {info.name!r}")
    if min(sizes[1:], default=1) < 1:
        raise InputError(
            f"only the first axis (the batch) may vary, the shape is {['?' if n < 1 else n for n in sizes]}",
            where=f"input {info.name!r}",
            fix="export the model with fixed sizes after the first axis",
        )
    return Input(name=info.name, shape=tuple(sizes[1:])), sizes[0], kind.elem_type in INTEGERS


def _results(
    node: NodeProto, values: dict[str, Value], builder: Builder, version: int, outputs: set[str]
) -> dict[str, Value]:
    given = [values[name] if name else None for name in node.input]
    constant = not any(isinstance(value, Tensor) for value in given)
    if node.op_type in SHAPES or (constant and node.op_type in FOLDED):
        results = fold(node, given, version, label(node))
        return dict(zip([name for name in node.output if name], results, strict=True))
    first = node.output[0]
    call = Call(
        op=node.op_type,
        name=first if first not in outputs else builder.fresh(_inner_name(node)),
        label=label(node),
        opset=version,
        names=tuple(node.input),
        inputs=tuple(given),
        attributes={a.name: helper.get_attribute_value(a) for a in node.attribute},
        builder=builder,
    )
    return {first: HANDLERS[node.op_type].convert(call)}


def _inner_name(node: NodeProto) -> str:
    """Return a name for the node behind a graph output: that name is the Output's."""
    return node.name if node.name and node.name != node.output[0] else f"{node.output[0]}.pre"
