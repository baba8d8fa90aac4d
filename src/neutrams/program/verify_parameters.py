"""Checks of neurons: the model, every parameter within its register, one scale a core."""

from collections.abc import Iterator

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.hardware import Chip
from neutrams.neurons import Parameter, find_model
from neutrams.program.tables import Program
from neutrams.program.violation import Found, Violation, places, span

UNSIGNED = ("multiplier_bits", "shift_bits")


def check_parameters(program: Program) -> Found:
    """The chip runs the model, and every parameter fits where the chip keeps it."""
    chip = program.chip
    if program.model not in chip.neuron.models:
        known = ", ".join(chip.neuron.models)
        message = f"the neurons follow {program.model!r}, {chip.name} runs {known}"
        yield Violation(constraint="model", value=program.model, limit=known, message=message)
    tile_of = neuron_tiles(program)
    for parameter in find_model(program.model, "program").parameters:
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


def neuron_tiles(program: Program) -> AnyArray:
    """int64 ``[neurons]``: the tile of each neuron."""
    return np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.neurons))


def _limits(
    parameter: Parameter, chip: Chip, program: Program, values: AnyArray
) -> Iterator[tuple[int, int, AnyArray]]:
    """Yield (smallest, largest, which neurons)."""
    everyone: AnyArray = np.ones(len(values), dtype=np.bool_)
    if parameter.width == "output_bits":
        signed = program.neurons.parameters["low"] < 0
        if chip.signal.partial_sums != "signed":
            signed = ~everyone
        yield (*chip.signal.output_range, ~signed)
        yield (*chip.signal.partial_range, signed)
        return
    if parameter.name == "bias" and chip.core.bias == "row":
        yield 0, 0, everyone
        return
    bits = getattr(chip.neuron, parameter.width)
    low, high = (0, (1 << bits) - 1) if parameter.width in UNSIGNED else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
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
