"""The text form of a network: one node a line, arrays by reference; it round-trips exactly.

``fc1 = Linear(x) weights=@fc1.weights bias=@fc1.bias`` is a node: name, operator, inputs, then every other field.
``@name`` refers to an array kept beside the text; everything else is a JSON literal. A name that is not a plain word
is written as a JSON string.
"""

import re
from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import FormatError, NeutramsError
from neutrams.network.fields import check_fields
from neutrams.network.graph import Network
from neutrams.network.ops import OPERATORS, Node
from neutrams.network.scan import Scanner, quoted, written

TEXT_VERSION = 1
HEADER = re.compile(r"neutrams network (\d{1,9}) steps=([1-9]\d{0,8})")


def to_text(network: Network) -> tuple[str, dict[str, AnyArray]]:
    """Return the text of ``network`` and the arrays it refers to; same network, same text."""
    arrays: dict[str, AnyArray] = {}
    lines = [f"neutrams network {TEXT_VERSION} steps={network.steps}"]
    lines.extend(_line(node, arrays) for node in network.nodes)
    return "\n".join(lines) + "\n", arrays


def from_text(text: str, arrays: Mapping[str, AnyArray]) -> Network:
    """Return the network that :func:`to_text` wrote.

    Raises:
        FormatError: A line cannot be read (the message gives its number), or the nodes do not form a network.
    """
    lines = text.split("\n")
    header = HEADER.fullmatch(lines[0])
    if header is None or int(header[1]) != TEXT_VERSION:
        raise FormatError(
            f"the first line is {lines[0][:60]!r}, wanted is 'neutrams network {TEXT_VERSION} steps=T'",
            where="network text, line 1",
            fix="give text written by this release of neutrams",
        )
    nodes = [_parsed(line, number, arrays) for number, line in enumerate(lines[1:], 2) if line]
    try:
        return Network(tuple(nodes), int(header[2]))
    except (NeutramsError, ValueError, TypeError, IndexError, OverflowError) as error:
        raise FormatError(
            f"the nodes do not form a network ({error})", where="network text", fix="take an undamaged copy"
        ) from error


def _line(node: Node, arrays: dict[str, AnyArray]) -> str:
    inputs = ", ".join(quoted(name) for name in node.inputs)
    parts = [f"{quoted(node.name)} = {node.op}({inputs})"]
    for f in fields(node):
        if f.name not in ("name", "inputs"):
            parts.append(f"{f.name}={_value(getattr(node, f.name), f'{node.name}.{f.name}', arrays)}")
    return " ".join(parts)


def _value(value: object, name: str, arrays: dict[str, AnyArray]) -> str:
    if isinstance(value, np.ndarray):
        while name in arrays:  # node "a.b" field "c" meets node "a" key "b.c"
            name += "'"
        arrays[name] = value
        return f"@{quoted(name)}"
    if isinstance(value, Mapping):
        items = (f"{written(key)}: {_value(item, f'{name}.{key}', arrays)}" for key, item in value.items())
        return "{" + ", ".join(items) + "}"
    return written(value)


def _parsed(line: str, number: int, arrays: Mapping[str, AnyArray]) -> Node:
    try:
        return _node(Scanner(line), arrays)
    except (ValueError, TypeError, IndexError, RecursionError) as error:
        raise FormatError(
            str(error), where=f"network text, line {number}", fix="correct this line, or take an undamaged copy"
        ) from error


def _node(scanner: Scanner, arrays: Mapping[str, AnyArray]) -> Node:
    name = scanner.name()
    scanner.expect(" = ")
    op = scanner.name()
    if op not in OPERATORS:
        raise ValueError(f"there is no operator {op!r}")
    scanner.expect("(")
    inputs: list[str] = []
    while not scanner.take(")"):
        if inputs:
            scanner.expect(", ")
        inputs.append(scanner.name())
    values: dict[str, object] = {}
    while not scanner.done():
        scanner.expect(" ")
        key = scanner.name()
        scanner.expect("=")
        if key in values:
            raise ValueError(f"{key} is given twice")
        values[key] = scanner.value(arrays)
    check_fields(OPERATORS[op], values)
    return OPERATORS[op](name=name, inputs=tuple(inputs), **values)
