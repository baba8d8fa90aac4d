"""A network in a file: its text in the header, its arrays beside it."""

from collections.abc import Mapping
from pathlib import Path

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import FormatError
from neutrams.base.files import pack, unpack, write_atomically
from neutrams.network.graph import Network
from neutrams.network.text import from_text, to_text

KIND = "network"
FILE_VERSION = 1


def save_network(network: Network, path: Path) -> None:
    """Write ``network`` to ``path``, whole or not at all; same network, same bytes.

    Raises:
        InputError: The folder does not exist or cannot be written.
    """
    header, arrays = network_parts(network)
    write_atomically(path, pack(KIND, FILE_VERSION, header, arrays))


def load_network(path: Path) -> Network:
    """Read what :func:`save_network` wrote.

    Raises:
        InputError: The file is missing or unreadable.
        FormatError: It is truncated, damaged, of another kind, or of another version.
    """
    header, arrays = unpack(path, KIND, FILE_VERSION)
    try:
        return network_from_parts(header, arrays)
    except FormatError as error:
        raise FormatError(error.what, where=f"{path}, {error.where}", fix=error.fix) from error


def network_parts(network: Network) -> tuple[dict[str, object], dict[str, AnyArray]]:
    """Return ``network`` as a header for JSON and named arrays, to be embedded in a file."""
    text, arrays = to_text(network)
    return {"text": text}, arrays


def network_from_parts(header: Mapping[str, object], arrays: Mapping[str, AnyArray]) -> Network:
    """Return the network that :func:`network_parts` took apart; ``arrays`` holds exactly its arrays.

    Raises:
        FormatError: The parts are damaged or do not belong together.
    """
    text = header.get("text")
    if not isinstance(text, str):
        raise FormatError("the text is missing", where="network", fix="take an undamaged copy, or write it again")
    return from_text(text, arrays)
