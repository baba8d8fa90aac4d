"""Checks of what travels: fan-out, delays, timing, and values an axon can take."""

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.neurons import find_model
from neutrams.program.tables import Program
from neutrams.program.verify_parameters import neuron_tiles
from neutrams.program.violation import Found, Violation, places, span


def check_signals(program: Program) -> Found:
    """No neuron drives too many axons, and every axon reads the right step of a value it can take."""
    reader = np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.axons))
    tile_of = neuron_tiles(program)
    yield from _fan_out(program, tile_of)
    yield from _delays(program, reader)
    yield from _starts(program)
    yield from _timing(program, reader, tile_of)
    yield from _values(program, reader)


def _fan_out(program: Program, tile_of: AnyArray) -> Found:
    source, limit = program.axons.source, program.chip.core.fan_out
    driven = np.bincount(source[source >= 0], minlength=len(program.neurons))
    for n in places(driven > limit):
        message = f"neuron {n} of tile {int(tile_of[n])} drives {int(driven[n])} axons, allowed are {limit}"
        yield Violation(
            constraint="fan_out", tile=int(tile_of[n]), neuron=n, value=int(driven[n]), limit=limit, message=message
        )


def _delays(program: Program, reader: AnyArray) -> Found:
    delay, most = program.axons.delay, program.chip.board.max_delay
    for i in places((delay < 1) | (delay > most)):
        tile, value = int(reader[i]), int(delay[i])
        message = f"tile {tile}, {_axon(program, i, tile)}: delay {value}, allowed are {span(1, most)} ticks"
        yield Violation(
            constraint="axon_delay", tile=tile, neuron=_neuron(program, i), value=value, limit=span(1, most),
            message=message,
        )  # fmt: skip


def _starts(program: Program) -> Found:
    start = program.tiles.start
    for tile in places((start < 0) | (start > 1 << 31)):
        message = f"tile {tile} starts in tick {int(start[tile])}, the first tick is 0"
        yield Violation(constraint="start_tick", tile=tile, value=int(start[tile]), limit="0 or more", message=message)


def _timing(program: Program, reader: AnyArray, tile_of: AnyArray) -> Found:
    """The register a reader sees in its step k must hold step k: held from its update until the next one."""
    source, start = program.axons.source, program.tiles.start
    fixed = np.concatenate([np.zeros(0, dtype=np.bool_), *(port.element < 0 for port in program.inputs)])
    outside = source < 0
    from_neuron, channel = np.where(outside, 0, source), np.where(outside, -1 - source, 0)
    first = np.full(len(source), -1, dtype=np.int64)
    if len(tile_of):
        first = np.where(outside, first, start[tile_of[from_neuron]])
    any_step = outside & fixed[channel] if len(fixed) else np.zeros(len(source), dtype=np.bool_)
    lag = program.axons.lag if len(program.axons.lag) else np.zeros(len(source), dtype=np.int64)
    for i in places((lag < 0) | (lag > 1) | (outside & (lag > 0))):
        message = f"tile {int(reader[i])}, {_axon(program, i, int(reader[i]))}: reads {int(lag[i])} steps back"
        limit = "0, or 1 from a neuron"
        yield Violation(constraint="axon_lag", tile=int(reader[i]), value=int(lag[i]), limit=limit, message=message)
    first = first - lag * program.ticks_per_step
    seen = start[reader] - program.axons.delay
    last = first + program.ticks_per_step - 1
    for i in places(((seen < first) | (seen > last)) & ~any_step):
        tile, limit = int(reader[i]), span(int(first[i]), int(last[i]))
        message = (
            f"tile {tile}, {_axon(program, i, tile)}: in its first step it sees the register after tick "
            f"{int(seen[i])}, the value it needs stands after ticks {limit}"
        )
        yield Violation(
            constraint="timing", tile=tile, neuron=_neuron(program, i), value=int(seen[i]), limit=limit, message=message
        )


def _values(program: Program, reader: AnyArray) -> Found:
    """Outputs that reach an axon fit it; a signed one only where the chip carries signed partial sums."""
    parameters, signal = program.neurons.parameters, program.chip.signal
    if "low" not in parameters or "high" not in parameters:
        yield from _graded(program, reader)
        return
    source = program.axons.source
    inner = np.flatnonzero(source >= 0)
    low, high = (ends[source[inner]] for ends in program.output_limits)
    most = np.where(low < 0, signal.partial_range[1], (1 << signal.input_bits) - 1)
    least = signal.partial_range[0] if signal.partial_sums == "signed" else 0
    for i in places((low < least) | (high > most)):
        axon = int(inner[i])
        tile, value, limit = int(reader[axon]), span(int(low[i]), int(high[i])), span(least, int(most[i]))
        message = f"tile {tile}, {_axon(program, axon, tile)}: its source gives {value}, an axon takes {limit}"
        yield Violation(
            constraint="axon_values", tile=tile, neuron=_neuron(program, axon), value=value, limit=limit,
            message=message,
        )  # fmt: skip


def _graded(program: Program, reader: AnyArray) -> Found:
    """A graded output that reaches an axon fits it; spikes, 0 or 1, always do."""
    bits = program.chip.signal.graded_bits
    chip = program.chip
    low, high = find_model(program.model, "program", chip.neuron.definitions).output_range(chip.widths)
    least, most = (-(1 << bits) // 2, (1 << bits) // 2 - 1) if bits else (0, 1)
    for i in places((program.axons.source >= 0) & (low < least or high > max(1, most))):
        tile, value, limit = int(reader[i]), span(low, high), span(least, most)
        message = f"tile {tile}, {_axon(program, i, tile)}: its source gives {value}, an axon takes {limit}"
        yield Violation(
            constraint="axon_values", tile=tile, neuron=_neuron(program, i), value=value, limit=limit, message=message
        )


def _neuron(program: Program, axon: int) -> int | None:
    source = int(program.axons.source[axon])
    return source if source >= 0 else None


def _axon(program: Program, axon: int, tile: int) -> str:
    source = int(program.axons.source[axon])
    name = f"neuron {source}" if source >= 0 else f"channel {-1 - source}"
    return f"axon {axon - int(program.tiles.axons[tile])} reading {name}"
