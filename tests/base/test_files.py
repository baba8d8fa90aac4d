"""Files of others and odd paths are refused with a message, whatever the library below makes of them."""

import json
import struct
from pathlib import Path

import pytest

from neutrams.base.errors import FormatError, InputError
from neutrams.base.files import pack, read_bytes, unpack


def safetensors(metadata: dict[str, str]) -> bytes:
    """A file with one array of a type NumPy has not (four float8 numbers)."""
    header = {"__metadata__": metadata, "w": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(4)


def test_a_safetensors_file_of_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(safetensors({"format": "pt"}))
    with pytest.raises(FormatError, match=r"not a readable program file \(a safetensors file that neutrams did not"):
        unpack(path, "program", 1)


def test_arrays_of_types_numpy_has_not_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd"
    path.write_bytes(safetensors({"neutrams": json.dumps({"kind": "program", "version": 1, "header": "{}"})}))
    with pytest.raises(FormatError, match="not a readable program file"):
        unpack(path, "program", 1)


def test_what_is_packed_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_bytes(pack("program", 1, {"a": 1}, {}))
    assert unpack(path, "program", 1) == ({"a": 1}, {})


def test_a_zero_byte_in_a_path_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read this array file \(embedded null byte\)"):
        read_bytes(tmp_path / "a\0b", "array file")


def test_a_missing_file_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read this array file \(No such file or directory\)"):
        read_bytes(tmp_path / "gone", "array file")
