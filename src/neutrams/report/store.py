"""Result files and the folders of pages on disk."""

from pathlib import Path

from neutrams.base.errors import InputError
from neutrams.base.files import read_bytes, write_atomically
from neutrams.report.data import ReportData, from_json, to_json


def save_result(data: ReportData, path: Path) -> None:
    """Write a result file.

    Raises:
        InputError: The folder does not exist or cannot be written.
    """
    write_atomically(path, to_json(data).encode())


def load_result(path: Path) -> ReportData:
    """Read a result file.

    Raises:
        InputError: The file is missing or unreadable.
        FormatError: It is damaged or not a result file.
    """
    return from_json(read_bytes(path, "result file"), str(path))


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where missing.

    Raises:
        InputError: It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make this folder ({error.strerror})", where=str(path), fix="give a place that is writable"
        ) from None
