"""The compiled file: program, transformed and source network, ledger, statistics, provenance. Versioned, no pickle."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import FormatError
from neutrams.base.files import pack, unpack, write_atomically
from neutrams.flow.compile import Compiled
from neutrams.mapping import MappingStats
from neutrams.network.store import network_from_parts, network_parts
from neutrams.program.store import program_from_parts, program_parts
from neutrams.transform.ledger import LedgerRow

KIND = "compiled program"
VERSION = 2


def save_compiled(compiled: Compiled, path: Path | str) -> None:
    """Write a compiled model; the same content gives the same bytes.

    Raises:
        InputError: The folder does not exist or cannot be written.
    """
    header: dict[str, object] = {
        "ledger": [asdict(row) for row in compiled.ledger],
        "stats": asdict(compiled.stats),
        "provenance": dict(compiled.provenance),
    }
    arrays: dict[str, AnyArray] = {}
    parts = {
        "program": program_parts(compiled.program),
        "network": network_parts(compiled.network),
        "source": network_parts(compiled.source),
    }
    for name, (own_header, own_arrays) in parts.items():
        header[name] = own_header
        arrays |= {f"{name}/{key}": array for key, array in own_arrays.items()}
    write_atomically(Path(path), pack(KIND, VERSION, header, arrays))


def load_compiled(path: Path | str) -> Compiled:
    """Read a compiled model.

    Raises:
        InputError: The file cannot be read.
        FormatError: It is truncated, damaged or of another kind.
    """
    header, arrays = unpack(Path(path), KIND, VERSION)
    try:
        return Compiled(
            source=network_from_parts(_mapping(header["source"]), _under("source", arrays)),
            network=network_from_parts(_mapping(header["network"]), _under("network", arrays)),
            program=program_from_parts(_mapping(header["program"]), _under("program", arrays)),
            ledger=tuple(LedgerRow(**row) for row in header["ledger"]),  # type: ignore[attr-defined]
            stats=MappingStats(**_mapping(header["stats"])),  # type: ignore[arg-type]
            provenance=_mapping(header["provenance"]),
            seconds={},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(
            f"its header is damaged ({error})",
            where=str(path),
            fix="compile the model again, or take an undamaged copy",
        ) from error


def _under(name: str, arrays: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    return {key.removeprefix(f"{name}/"): array for key, array in arrays.items() if key.startswith(f"{name}/")}


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is not a table")
    return value
