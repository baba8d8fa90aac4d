"""Arrays that users bring: npz files, and the names of a model's inputs."""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import FormatError, InputError
from neutrams.base.files import read_bytes
from neutrams.flow.events import EVENTS, has_events, spike_array
from neutrams.network import ops

DAMAGED = (
    ValueError, OSError, EOFError, KeyError, TypeError, RuntimeError, SyntaxError, MemoryError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What NumPy and zipfile raise for a broken file."""


def load_arrays(path: Path | str) -> dict[str, AnyArray]:
    """Return the arrays of an npz file by name. Never executes code from the file.

    Raises:
        InputError: The file cannot be read.
        FormatError: It is damaged, no npz file, or holds objects instead of numbers.
    """
    data = read_bytes(Path(path), "array file")
    try:
        return _read(data)
    except DAMAGED as error:
        objects = "allow_pickle" in str(error)  # NumPy's advice to read them all the same is not passed on
        raise FormatError(
            f"not a readable npz file ({'an array in it holds objects, not numbers' if objects else error})",
            where=str(path),
            fix="write it with numpy.savez(file, x=array), numbers only",
        ) from error


def _read(data: bytes) -> dict[str, AnyArray]:
    if data.startswith(b"\x93NUMPY"):
        raise ValueError("a single array, not an npz archive")
    if not data.startswith(b"PK"):  # NumPy would take it for a pickle
        raise ValueError("it is no npz archive")
    file = np.load(BytesIO(data), allow_pickle=False)
    arrays: dict[str, AnyArray] = {name: file[name] for name in file.files}
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):  # NumPy gives the bytes of a member that is no array
            raise ValueError(f"{name!r} in it is no array")
    return arrays


def named_inputs(
    arrays: Mapping[str, AnyArray], inputs: Sequence[ops.Input], labels: str | None = None
) -> dict[str, AnyArray]:
    """Return the arrays that are inputs, under the model's own names; a single key ``x`` serves a model with one input.

    An input may be an event list (`neutrams.flow.events`).

    Args:
        arrays: Arrays by name, as read from a file.
        inputs: The model's inputs.
        labels: Name of the array of class ids, which is no input; ``labels`` and the names of other arrays are left
            out.

    Raises:
        InputError: An input is missing, there in two forms, or an event list does not suit it.
    """
    given = {name: array for name, array in arrays.items() if name != labels}
    found: dict[str, AnyArray] = {}
    for node in inputs:
        keys = (node.name, "x") if len(inputs) == 1 else (node.name,)
        key = next((key for key in keys if key in given or has_events(given, key)), None)
        if key is None:
            raise InputError(
                f"there is no array {node.name!r} (there are {', '.join(sorted(arrays)) or 'none'})",
                where="inputs",
                fix="name each array as the model names its input, or give a single one as x",
            )
        if key in given and has_events(given, key):
            raise InputError(
                f"it is there as an array and as an event list, {key + EVENTS!r}",
                where=f"input {key!r}",
                fix="leave one of them out",
            )
        found[node.name] = given[key] if key in given else spike_array(given, key, node.shape)
    return found


def check_labels(labels: AnyArray | None, samples: int) -> None:
    """Refuse class ids that do not belong to ``samples`` samples; None stands for no labels.

    Of no samples at all the labels are not to blame: that is told of the inputs.

    Raises:
        InputError: They are not one whole number a sample.
    """
    if labels is not None and samples > 0 and (labels.shape != (samples,) or labels.dtype.kind not in "iu"):
        raise InputError(
            f"labels have shape {labels.shape} and type {labels.dtype} for {samples} samples",
            where="labels",
            fix="give one whole number a sample",
        )


def samples_of(arrays: Mapping[str, AnyArray]) -> int:
    """Return the length of the batch axis of the first array; 0 where it has none."""
    first = next(iter(arrays.values()), None)
    return 0 if first is None or first.ndim == 0 else len(first)
