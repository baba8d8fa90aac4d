"""A program as a JSON header and named arrays, and back: what a compiled file holds."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import FormatError, NeutramsError
from neutrams.base.files import content_digest
from neutrams.hardware import Chip
from neutrams.program.tables import (
    AxonTable,
    InputPort,
    MemoryTable,
    NeuronTable,
    OutputPort,
    Program,
    RouterTable,
    RouteTable,
    TileTable,
)

T = TypeVar("T")

TABLES: dict[str, tuple[str, ...]] = {
    "tiles": ("block", "core", "start", "axons", "neurons"),
    "axons": ("source", "delay"),
    "neurons": ("scale", "zero", "origin", "element"),
    "routes": ("tile", "links", "link_from", "link_to", "sources", "source"),
}
LOOKUP = "neurons.table"
"""With ``tables``, kept only where neurons have look-up tables."""
LAG = "axons.lag"
"""Kept only where a state is fed back; ``memory`` where registers do not begin with 0."""
TABLES_OF_MEMORY = ("neuron", "value", "channel")
TABLES_OF_ROUTERS = ("key", "router", "value", "mask", "ports", "port")
"""Kept only where the chip's routers have tables."""
FLOATS = ("scale", "zero", "offset")
INPUT_ARRAYS = ("element",)
OUTPUT_ARRAYS = ("neuron", "coefficient", "element", "scale", "offset")
WHERE = "program tables"


def program_parts(program: Program) -> tuple[dict[str, Any], dict[str, AnyArray]]:
    """Return the header (JSON values only) and the arrays by dotted name, in a fixed order."""
    header = {
        "chip": program.chip.model_dump(mode="json"),
        "model": program.model,
        "steps": program.steps,
        "ticks_per_step": program.ticks_per_step,
        "blocks": len(program.blocks),
        "parameters": list(program.neurons.parameters),
        "origins": list(program.origins),
        "inputs": [
            {"name": p.name, "shape": list(p.shape), "first": p.first, "scale": p.scale, "zero": p.zero, "low": p.low,
             "high": p.high, "code": p.code} | ({"sequence": True} if p.sequence else {})
            for p in program.inputs
        ],
        "outputs": [{"name": p.name} | ({"sequence": True} if p.sequence else {}) for p in program.outputs],
    }  # fmt: skip
    arrays: dict[str, AnyArray] = {f"blocks.{i}": block for i, block in enumerate(program.blocks)}
    for table, columns in TABLES.items():
        arrays |= {f"{table}.{column}": getattr(getattr(program, table), column) for column in columns}
    arrays |= {f"neurons.parameters.{name}": values for name, values in program.neurons.parameters.items()}
    if len(program.neurons.table):
        arrays |= {LOOKUP: program.neurons.table, "tables": program.tables}
    if len(program.axons.lag):
        arrays[LAG] = program.axons.lag
    if len(program.memory):
        arrays |= {f"memory.{column}": getattr(program.memory, column) for column in TABLES_OF_MEMORY}
    if len(program.routers.key):
        arrays |= {f"routers.{column}": getattr(program.routers, column) for column in TABLES_OF_ROUTERS}
    for i, port in enumerate(program.inputs):
        arrays |= {f"inputs.{i}.{column}": getattr(port, column) for column in INPUT_ARRAYS}
    for i, out in enumerate(program.outputs):
        arrays |= {f"outputs.{i}.{column}": getattr(out, column) for column in OUTPUT_ARRAYS}
    return header, arrays


def program_digest(program: Program) -> str:
    """Return the SHA-256 of a program."""
    header, arrays = program_parts(program)
    return content_digest(json.dumps(header, sort_keys=True), arrays)


def program_from_parts(header: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Program:
    """Return the program that :func:`program_parts` took apart.

    It may still break constraints of its chip: `program.verify` tells.

    Raises:
        FormatError: A key or array is missing, or of the wrong kind.
    """
    try:
        return _joined(header, arrays)
    except FormatError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, NeutramsError) as error:
        raise _refusal(f"the header is damaged ({type(error).__name__}: {error})") from None


def _joined(header: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> Program:
    parameters = {_text(name): _array(arrays, f"neurons.parameters.{name}") for name in header["parameters"]}
    return Program(
        chip=Chip.model_validate(header["chip"]),
        model=_text(header["model"]),
        steps=_whole(header["steps"]),
        ticks_per_step=_whole(header["ticks_per_step"]),
        blocks=tuple(_block(arrays, f"blocks.{i}") for i in range(_whole(header["blocks"]))),
        tiles=_table(TileTable, arrays, "tiles"),
        axons=AxonTable(
            **{column: _array(arrays, f"axons.{column}") for column in TABLES["axons"]},
            **({"lag": _array(arrays, LAG)} if LAG in arrays else {}),
        ),
        neurons=NeuronTable(
            parameters=parameters,
            **{column: _array(arrays, f"neurons.{column}") for column in TABLES["neurons"]},
            **({"table": _array(arrays, LOOKUP)} if LOOKUP in arrays else {}),
        ),
        origins=tuple(_text(name) for name in header["origins"]),
        inputs=tuple(_input(port, arrays, i) for i, port in enumerate(header["inputs"])),
        outputs=tuple(_output(port, arrays, i) for i, port in enumerate(header["outputs"])),
        routes=_table(RouteTable, arrays, "routes"),
        **({"tables": _lookup_tables(arrays)} if LOOKUP in arrays else {}),
        memory=MemoryTable(
            **({c: _array(arrays, f"memory.{c}") for c in TABLES_OF_MEMORY} if "memory.neuron" in arrays else {})
        ),
        routers=RouterTable(
            **({c: _array(arrays, f"routers.{c}") for c in TABLES_OF_ROUTERS} if "routers.key" in arrays else {})
        ),
    )


def _table(kind: Callable[..., T], arrays: Mapping[str, AnyArray], table: str) -> T:
    return kind(**{column: _array(arrays, f"{table}.{column}") for column in TABLES[table]})


def _input(port: Mapping[str, Any], arrays: Mapping[str, AnyArray], i: int) -> InputPort:
    return InputPort(
        name=_text(port["name"]),
        shape=tuple(_whole(n) for n in port["shape"]),
        first=_whole(port["first"]),
        scale=float(port["scale"]),
        zero=float(port["zero"]),
        low=_whole(port["low"]),
        high=_whole(port["high"]),
        code=_text(port["code"]),
        sequence=_flag(port),
        **{column: _array(arrays, f"inputs.{i}.{column}") for column in INPUT_ARRAYS},
    )


def _output(port: Mapping[str, Any], arrays: Mapping[str, AnyArray], i: int) -> OutputPort:
    columns = {column: _array(arrays, f"outputs.{i}.{column}") for column in OUTPUT_ARRAYS}
    return OutputPort(name=_text(port["name"]), sequence=_flag(port), potential=_flag(port, "potential"), **columns)


def _flag(port: Mapping[str, Any], name: str = "sequence") -> bool:
    value = port.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _array(arrays: Mapping[str, AnyArray], name: str) -> AnyArray:
    """One table column: int64, or float64 where the name says so, with one axis."""
    found = _found(arrays, name)
    wanted = np.dtype(np.float64 if name.rsplit(".", 1)[-1] in FLOATS else np.int64)
    if found.dtype != wanted or found.ndim != 1:
        raise _refusal(f"array {name!r} is {found.dtype} {found.shape}, wanted is {wanted} with one axis")
    return found


def _block(arrays: Mapping[str, AnyArray], name: str) -> AnyArray:
    found = _found(arrays, name)
    if found.dtype not in (np.int8, np.int16) or found.ndim != 2:
        raise _refusal(f"array {name!r} is {found.dtype} {found.shape}, wanted is int8 or int16 with two axes")
    return found


def _lookup_tables(arrays: Mapping[str, AnyArray]) -> AnyArray:
    found = _found(arrays, "tables")
    if found.dtype != np.int64 or found.ndim != 2:
        raise _refusal(f"array 'tables' is {found.dtype} {found.shape}, wanted is int64 with two axes")
    return found


def _found(arrays: Mapping[str, AnyArray], name: str) -> AnyArray:
    if name not in arrays:
        raise _refusal(f"array {name!r} is missing")
    return arrays[name]


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a whole number")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    return value


def _refusal(what: str) -> FormatError:
    return FormatError(what, where=WHERE, fix="compile the program again, or take an undamaged copy of the file")
