"""An ONNX file from bytes to a checked model: damage, external data, and what a graph must have."""

from collections.abc import Iterator
from pathlib import Path

import onnx
import onnx.inliner
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx.checker import ValidationError
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from neutrams.base.errors import FormatError, InputError, UnsupportedError
from neutrams.base.files import read_bytes

OLDEST_OPSET = 7
MAIN_DOMAINS = ("", "ai.onnx")


def parse(path: Path) -> onnx.ModelProto:
    """Return the model in ``path``, unchecked and without external data.

    Raises:
        InputError: The file is missing or unreadable.
        FormatError: It is not an ONNX model.
    """
    data = read_bytes(path, "ONNX file")
    try:
        model = onnx.load_model_from_string(data)
    except (DecodeError, ValueError, RuntimeError) as error:
        raise damaged(path, f"it cannot be parsed ({error})") from error
    if not model.HasField("graph") or not model.graph.output:
        raise damaged(path, "it holds no graph with an output")
    if any(isinstance(name, bytes) for name in _names(model.graph)):  # protobuf's way to say so
        raise damaged(path, "a name in it is not UTF-8 text")
    return model


def _names(graph: onnx.GraphProto) -> Iterator[str | bytes]:
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output, *(a.name for a in node.attribute))
    yield from (item.name for items in (graph.input, graph.output, graph.initializer) for item in items)


def opset(model: onnx.ModelProto, path: Path) -> int:
    """Return the version of the main operator set.

    Raises:
        UnsupportedError: It is older than version 7.
    """
    version = max((int(o.version) for o in model.opset_import if o.domain in MAIN_DOMAINS), default=1)
    if version < OLDEST_OPSET:
        raise UnsupportedError(
            f"operator set {version} is older than {OLDEST_OPSET}",
            where=str(path),
            fix="export the model again, or lift it with onnx.version_converter",
        )
    return version


def complete(model: onnx.ModelProto, path: Path) -> None:
    """Load external data into ``model`` and check it against the ONNX specification.

    Raises:
        InputError: A file of external data is missing.
        FormatError: The model breaks the specification.
    """
    outside = [t for t in model.graph.initializer if uses_external_data(t)]
    try:
        load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, RuntimeError, ValidationError) as error:
        name = f" of tensor {outside[0].name!r}" if outside else ""
        raise InputError(
            f"the external data{name} cannot be read ({str(error).strip()})",
            where=str(path),
            fix="put the data file beside the model, or save the model with its data inside",
        ) from error
    try:
        onnx.checker.check_model(model)
    except (ValidationError, ValueError, RuntimeError) as error:
        raise damaged(path, f"it breaks the ONNX specification ({str(error).strip().splitlines()[0]})") from error


def inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with the functions it defines itself replaced by their nodes."""
    if not model.functions:
        return model
    without: onnx.ModelProto = onnx.inliner.inline_local_functions(model)
    return without


def damaged(path: Path, what: str) -> FormatError:
    """Return the error for a file that is not a sound ONNX model."""
    return FormatError(what, where=str(path), fix="take an undamaged copy, or export the model again")
