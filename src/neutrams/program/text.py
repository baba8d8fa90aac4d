"""A program as text: lines of a keyword and JSON that say what it is, and a listing for people behind ``#``."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import FormatError
from neutrams.program.store import program_from_parts, program_parts
from neutrams.program.tables import Program

SINGLE = ("model", "steps", "ticks_per_step", "blocks", "parameters", "origins", "chip")
REPEATED = {"input": "inputs", "output": "outputs"}


def to_text(program: Program) -> str:
    """Return the program's header and a listing of ports, tiles and flows; arrays are not in it.

    Example lines::

        model "requantize"
        input {"name": "x", "shape": [784], ...}
        # tile 0: core 5, start 0, 256 axons, 250 neurons of fc1, block 0 int8 256 x 250, 63872 weights -128 to 127
    """
    header, _ = program_parts(program)
    lines = ["# a program of neutrams; its arrays are kept beside it"]
    lines += [f"{key} {json.dumps(header[key])}" for key in SINGLE]
    for word, key in REPEATED.items():
        lines += [f"{word} {json.dumps(port)}" for port in header[key]]
    return "\n".join([*lines, *_ports(program), *_tiles(program), *_flows(program)]) + "\n"


def from_text(text: str, arrays: Mapping[str, AnyArray]) -> Program:
    """Return the program that :func:`to_text` wrote, with the arrays of `store.program_parts` beside it.

    Raises:
        FormatError: A line is damaged or missing; names it.
    """
    header: dict[str, Any] = {key: [] for key in REPEATED.values()}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        try:
            value = json.loads(rest)
        except (ValueError, RecursionError) as error:
            raise _refusal(f"{word!r} is not followed by JSON ({error})", number) from None
        if word in REPEATED:
            header[REPEATED[word]].append(value)
        elif word in SINGLE and word not in header:
            header[word] = value
        else:
            raise _refusal(f"{word!r} is no keyword, or is given twice", number)
    return program_from_parts(header, arrays)


def _refusal(what: str, number: int) -> FormatError:
    return FormatError(what, where=f"program text, line {number}", fix="write the text again with to_text")


def _ports(program: Program) -> Iterator[str]:
    for port in program.inputs:
        fixed = int((port.element < 0).sum())
        last = port.first + len(port.element) - 1
        yield f"# input {port.name}: channels {port.first} to {last}, {fixed} of them constant, {port.code}"
    for out in program.outputs:
        yield f"# output {out.name}: {len(out.scale)} elements from {len(out.neuron)} neurons"


def _tiles(program: Program) -> Iterator[str]:
    tiles = program.tiles
    for i in range(len(tiles)):
        own = slice(int(tiles.neurons[i]), int(tiles.neurons[i + 1]))
        axons = slice(int(tiles.axons[i]), int(tiles.axons[i + 1]))
        block = program.blocks[int(tiles.block[i])]
        names = ", ".join(program.origins[int(o)] for o in np.unique(program.neurons.origin[own]))
        delay = int(program.axons.delay[axons].max(initial=1))
        yield (
            f"# tile {i}: core {int(tiles.core[i])}, start {int(tiles.start[i])}, {axons.stop - axons.start} axons "
            f"(delay up to {delay}), {own.stop - own.start} neurons of {names}, block {int(tiles.block[i])} "
            f"{block.dtype} {block.shape[0]} x {block.shape[1]}, {np.count_nonzero(block)} weights "
            f"{int(block.min(initial=0))} to {int(block.max(initial=0))}"
        )


def _flows(program: Program) -> Iterator[str]:
    routes = program.routes
    for i in range(len(routes.tile)):
        senders = int(routes.sources[i + 1] - routes.sources[i])
        part = slice(int(routes.links[i]), int(routes.links[i + 1]))
        sender = f"tile {int(routes.tile[i])}, {senders} neurons" if routes.tile[i] >= 0 else f"{senders} channels"
        hops = ", ".join(f"{a}-{b}" for a, b in zip(routes.link_from[part], routes.link_to[part], strict=True))
        yield f"# flow {i}: {sender}, links {hops or 'none'}"
