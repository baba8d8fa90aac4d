"""Files written whole or not at all, and array files that cannot execute code."""

import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import FormatError, InputError


def check_writable(*paths: Path | None, keep: Collection[Path] = ()) -> None:
    """Refuse places that cannot be written, before the work that fills them; None stands for no file.

    Args:
        *paths: Files to be written.
        keep: Files that the work reads, which must stay.

    Raises:
        InputError: A path is a folder, no ordinary file, read-only or one to keep, or its folder is missing or closed.
    """
    for path in paths:
        if path is not None:
            with refused(path):
                kept = path.resolve() in {read.resolve() for read in keep}
                obstacle = ("it is read in the same command", "give another name") if kept else _obstacle(path)
            if obstacle is not None:
                raise _cannot_write(path, *obstacle)


def _obstacle(path: Path) -> tuple[str, str] | None:
    if path.exists():
        if path.is_dir():
            return "it is a folder", "give the name of a file in it"
        if not path.is_file():
            return "it is not an ordinary file", "give the name of a file"
        if not path.stat().st_mode & 0o222:
            return "it is read-only", "give another name, or make it writable"
    if not path.parent.is_dir():
        return f"there is no folder {str(path.parent)!r}", "make that folder, or give one that exists"
    if not os.access(path.parent, os.W_OK):
        return f"the folder {str(path.parent)!r} is closed to you", "give a folder that is writable"
    return None


def _cannot_write(path: Path, why: str, fix: str = "give a folder that exists and is writable") -> InputError:
    return InputError(f"cannot write here ({why})", where=str(path), fix=fix)


@contextmanager
def refused(path: Path) -> Iterator[None]:
    """Turn what the system says about ``path`` into an error that says what to do.

    Raises:
        InputError: In place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from error
    except ValueError as error:  # a zero byte in it
        raise _cannot_write(path, str(error)) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` under a temporary name beside ``path``, then rename.

    Raises:
        InputError: It cannot be written (`check_writable`), or the disk is full.
    """
    check_writable(path)
    with refused(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            umask = os.umask(0)
            os.umask(umask)
            Path(name).chmod(0o666 & ~umask)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def read_bytes(path: Path, what: str) -> bytes:
    """Read a whole file; ``what`` names its kind in the message.

    Raises:
        InputError: The file is missing or unreadable.
    """
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot read this {what} ({why})", where=str(path), fix="check the path and its permissions"
        ) from error


def pack(kind: str, version: int, header: Mapping[str, object], arrays: Mapping[str, AnyArray]) -> bytes:
    """Return a safetensors file: a JSON header beside arrays. Same content, same bytes."""
    text = json.dumps(header, sort_keys=True, separators=(",", ":"))
    outer = {"header": text, "kind": kind, "version": version, "digest": content_digest(text, arrays)}
    metadata = {"neutrams": json.dumps(outer, sort_keys=True)}
    contiguous = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    return save(contiguous, metadata)


def content_digest(text: str, arrays: Mapping[str, AnyArray]) -> str:
    """Return the SHA-256 of a text and of arrays with their names, types and shapes."""
    digest = hashlib.sha256(json.dumps(text).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def unpack(path: Path, kind: str, version: int) -> tuple[dict[str, object], dict[str, AnyArray]]:
    """Read what :func:`pack` wrote: (header, arrays).

    Raises:
        InputError: The file is missing or unreadable.
        FormatError: It is truncated, damaged, of another kind, or of a newer version.
    """
    read_bytes(path, f"{kind} file")
    advice = f"write the {kind} again, or take an undamaged copy"
    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            if "neutrams" not in metadata:  # of others; its types may be none of NumPy's
                raise ValueError("a safetensors file that neutrams did not write")
            outer = json.loads(metadata["neutrams"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        found = (outer["kind"], outer["version"])
        header = json.loads(outer["header"])
    except (SafetensorError, AttributeError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise FormatError(f"not a readable {kind} file ({error})", where=str(path), fix=advice) from error
    if found[0] != kind or not isinstance(header, dict):
        raise FormatError(f"this holds a {found[0]}, wanted is a {kind}", where=str(path), fix=advice)
    if found[1] != version:
        raise FormatError(
            f"format version is {found[1]}, this release reads {version}",
            where=str(path),
            fix="use the release of neutrams that wrote it, or write it again with this one",
        )
    if outer.get("digest") != content_digest(outer["header"], arrays):
        raise FormatError("its content is not what was written (the digest differs)", where=str(path), fix=advice)
    return header, arrays
