"""A folder written whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from neutrams.base.errors import InputError
from neutrams.base.files import refused


def check_folder(path: Path, own: Collection[str]) -> None:
    """Refuse a place where a folder of these files cannot be written, before the work that fills it.

    Args:
        path: The folder; it may exist if it holds nothing but such files, which are then replaced.
        own: Names of the files.

    Raises:
        InputError: It is a file, holds something else, or the folder around it is missing or closed.
    """
    with refused(path):
        why = _obstacle(path.resolve(), own)
    if why is not None:
        raise InputError(why, where=str(path), fix="give a new folder, in one that exists and is writable")


def _obstacle(path: Path, own: Collection[str]) -> str | None:
    if path.exists() and not path.is_dir():
        return "it is a file"
    others = sorted(child.name for child in path.iterdir() if child.name not in own) if path.exists() else []
    if others:
        return f"the folder holds something else: {', '.join(others[:3])}"
    if not path.parent.is_dir():
        return f"there is no folder {str(path.parent)!r}"
    return None if os.access(path.parent, os.W_OK) else f"the folder {str(path.parent)!r} is closed to you"


@contextmanager
def whole_folder(path: Path, own: Collection[str]) -> Iterator[Path]:
    """Give a temporary folder beside ``path``: it takes that name when the block ends well, else it vanishes.

    Raises:
        InputError: See `check_folder`.
    """
    check_folder(path, own)
    with refused(path):
        target = path.resolve()
        made = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        yield made
        with refused(path):
            _replace(target, made)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _replace(target: Path, made: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    made.chmod(0o777 & ~umask)
    if not target.exists():
        made.rename(target)
        return
    old = made.with_name(f"{made.name}.old")
    target.rename(old)
    try:
        made.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old)
