"""Import an ONNX file (operator sets 7 and newer) as a float network."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from onnx import ModelProto

from neutrams.base.errors import FormatError, NeutramsError
from neutrams.importers import (
    onnx_conv,
    onnx_functions,
    onnx_index,
    onnx_math,
    onnx_move,
    onnx_norm,
    onnx_pool,
    onnx_quantized,
    onnx_recurrent,
    onnx_reduce,
    onnx_resize,
)
from neutrams.importers.onnx_call import HANDLERS
from neutrams.importers.onnx_file import complete, damaged, inlined, opset, parse
from neutrams.importers.onnx_graph import MALFORMED, Problem, converted
from neutrams.importers.onnx_input import graph_inputs
from neutrams.importers.onnx_survey import failure, lines, operators, strangers
from neutrams.importers.survey import Survey
from neutrams.network import Network

__all__ = ["HANDLERS", "describe", "read"]
SUFFIXES = (".onnx",)
HANDLER_MODULES = (  # importing them fills the table of handlers
    onnx_conv, onnx_functions, onnx_index, onnx_math, onnx_move, onnx_norm, onnx_pool, onnx_quantized,
    onnx_recurrent, onnx_reduce, onnx_resize,
)  # fmt: skip
Shapes = Mapping[str, Sequence[int]]


def read(path: Path, input_shapes: Shapes | None = None) -> Network:
    """Return the network in the ONNX file ``path``; the first axis of every input is the batch axis and is dropped.

    Inputs and outputs keep their names, other nodes bear the name of the ONNX tensor they give. Shape arithmetic
    and branches on it are folded. Weights become float64.

    Args:
        path: The file.
        input_shapes: Full shapes by input, for axes the file leaves open; their batch entry is ignored.

    Raises:
        InputError: The file or its external data is missing, a weight is not finite, or shapes do not fit.
        FormatError: The file is damaged or not ONNX.
        UnsupportedError: Operators cannot be imported; the message lists all of them.
    """
    network, problems = _read(parse(path), path, input_shapes)
    if network is None:
        raise failure(problems, str(path))
    return network


def describe(path: Path, input_shapes: Shapes | None = None) -> Survey:
    """Return what the ONNX file ``path`` holds and what of it cannot be imported.

    Raises:
        InputError: The file is missing, or ``input_shapes`` do not suit it.
        FormatError: It is not ONNX.
    """
    model = parse(path)
    found = operators(model.graph)
    graph_inputs(model.graph, input_shapes)
    try:
        network, problems = _read(model, path, input_shapes)
    except NeutramsError as error:
        return Survey(found, (str(error),), None)
    return Survey(found, lines(problems), network)


def _read(model: ModelProto, path: Path, input_shapes: Shapes | None) -> tuple[Network | None, Sequence[Problem]]:
    version = opset(model, path)
    try:
        complete(model, path)
    except FormatError:
        foreign = strangers(model.graph)
        if foreign:
            return None, foreign
        raise
    try:
        model = inlined(model)
        work = converted(model, version, graph_inputs(model.graph, input_shapes))
        return (None if work.problems else work.builder.network()), work.problems
    except NeutramsError as error:
        raise type(error)(error.what, where=f"{path}, {error.where}", fix=error.fix) from error
    except MALFORMED as error:
        raise damaged(path, f"its graph is malformed ({error})") from error
