"""Checks of neurons: the model, every parameter within its register, one scale a core, look-up tables."""

from collections.abc import Iterator

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.hardware import Chip
from neutrams.neurons import Parameter, find_model, register_range
from neutrams.program.tables import Program
from neutrams.program.violation import Found, Violation, places, span

CLIPPING = ("relu",)
"""Functions of ``neuron.functions`` that take no look-up table."""


def check_parameters(program: Program) -> Found:
    """The chip runs the model, and every parameter fits where the chip keeps it."""
    chip = program.chip
    if program.model not in chip.neuron.models:
        known = ", ".join(chip.neuron.models)
        message = f"the neurons follow {program.model!r}, {chip.name} runs {known}"
        yield Violation(constraint="model", value=program.model, limit=known, message=message)
    tile_of = neuron_tiles(program)
    for parameter in find_model(program.model, "program", chip.neuron.definitions).parameters:
        values = program.neurons.parameters[parameter.name]
        for low, high, mask in _limits(parameter, chip, program, values):
            for n in places(mask & ((values < low) | (values > high))):
                tile, value, name = int(tile_of[n]), int(values[n]), parameter.name
                message = f"neuron {n} of tile {tile}: {name} is {value}, {chip.name} holds {span(low, high)}"
                yield Violation(
                    constraint=f"parameter_{name}", tile=tile, neuron=n, value=value, limit=span(low, high),
                    message=message,
                )  # fmt: skip
    yield from _output_order(program, tile_of)
    yield from _core_scale(program, tile_of)
    if len(program.tables):
        yield from _tables(program)
        yield from _indices(program, tile_of)


def neuron_tiles(program: Program) -> AnyArray:
    """int64 ``[neurons]``: the tile of each neuron."""
    return np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.neurons))


def _limits(
    parameter: Parameter, chip: Chip, program: Program, values: AnyArray
) -> Iterator[tuple[int, int, AnyArray]]:
    """Yield (smallest, largest, which neurons)."""
    everyone: AnyArray = np.ones(len(values), dtype=np.bool_)
    if parameter.width == "output_bits":
        looks_up = program.lookup >= 0
        signed = program.neurons.parameters["low"] < 0
        if chip.signal.partial_sums != "signed":
            signed = ~everyone
        yield (*chip.signal.output_range, ~signed & ~looks_up)
        yield (*chip.signal.partial_range, signed & ~looks_up)
        yield (-_entries(chip), _entries(chip) - 1, looks_up)
        return
    if parameter.name == "bias" and chip.core.bias == "row":
        yield 0, 0, everyone
        return
    low, high = register_range(parameter.width, chip.widths)
    yield low if parameter.least is None else max(low, parameter.least), high, everyone


def _output_order(program: Program, tile_of: AnyArray) -> Found:
    parameters = program.neurons.parameters
    if "low" not in parameters or "high" not in parameters:
        return
    low, high = parameters["low"], parameters["high"]
    for n in places(low > high):
        message = f"neuron {n} of tile {int(tile_of[n])}: low {int(low[n])} is above high {int(high[n])}"
        yield Violation(
            constraint="output_order", tile=int(tile_of[n]), neuron=n, value=int(low[n]), limit=int(high[n]),
            message=message,
        )  # fmt: skip


def _entries(chip: Chip) -> int:
    """How many entries a look-up table has; 0 where the chip has none."""
    fixed = set(chip.neuron.functions) - set(CLIPPING)
    bits = chip.neuron.table_bits or (chip.signal.output_bits if fixed else 0)
    return 1 << bits if bits else 0


def _tables(program: Program) -> Found:
    """Tables are as long as the chip has them, and hold what a neuron may send."""
    chip, entries = program.chip, program.tables.shape[1]
    if program.model != "requantize":
        message = f"neurons of model {program.model!r} look nothing up, there are {len(program.tables)} tables"
        yield Violation(constraint="lookup_model", value=len(program.tables), limit=0, message=message)
    if entries != _entries(chip):
        message = f"look-up tables have {entries} entries, those of {chip.name} have {_entries(chip)}"
        yield Violation(constraint="lookup_entries", value=entries, limit=_entries(chip), message=message)
        return
    least, most = program.tables.min(axis=1), program.tables.max(axis=1)
    signed = (least < 0) & (chip.signal.partial_sums == "signed")
    for (low, high), mask in ((chip.signal.output_range, ~signed), (chip.signal.partial_range, signed)):
        for k in places(mask & ((least < low) | (most > high))):
            value, limit = span(int(least[k]), int(most[k])), span(low, high)
            message = f"look-up table {k} holds {value}, a neuron gives {limit}"
            yield Violation(constraint="lookup_values", value=value, limit=limit, message=message)


def _indices(program: Program, tile_of: AnyArray) -> Found:
    """A neuron's index stays in its table."""
    parameters, entries = program.neurons.parameters, program.tables.shape[1]
    if "low" not in parameters or "high" not in parameters:
        return
    reach = parameters["high"] - parameters["low"]
    for n in places((program.lookup >= 0) & (reach >= entries)):
        tile, value = int(tile_of[n]), int(reach[n]) + 1
        message = f"neuron {n} of tile {tile} has {value} indices, its look-up table {entries} entries"
        yield Violation(constraint="lookup_reach", tile=tile, neuron=n, value=value, limit=entries, message=message)


def _core_scale(program: Program, tile_of: AnyArray) -> Found:
    if program.chip.neuron.scale != "core":
        return
    first = program.tiles.neurons[:-1][tile_of]
    for name in ("multiplier", "shift"):
        values = program.neurons.parameters.get(name)
        if values is None:
            continue
        for n in places(values != values[first]):
            tile, value, limit = int(tile_of[n]), int(values[n]), int(values[first[n]])
            message = f"neuron {n} of tile {tile}: {name} is {value}, its core has one for all, {limit}"
            yield Violation(constraint="core_scale", tile=tile, neuron=n, value=value, limit=limit, message=message)
