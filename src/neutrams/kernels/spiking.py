"""The tick loop of spiking programs: whole samples inside one compiled call, the work following the spikes."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel
from neutrams.kernels.integrate_fire import integrate_and_fire
from neutrams.kernels.synapses import add_dense_rows, add_listed_rows, find_active

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]


class Clock(NamedTuple):
    """ticks, steps T, ticks a step L, ring depth D; whether reset is soft; range of the potential [LSB]."""

    ticks: int
    steps: int
    period: int
    depth: int
    soft: bool
    low: int
    high: int


class Tiles(NamedTuple):
    """Tiles by phase (start mod L): those of phase p are ``order[phase[p]:phase[p + 1]]``; then a row a tile.

    Arrays:
        phase    int64[L + 1]
        order    int64[tiles]
        start    int64[tiles]      start tick
        neurons  int64[tiles + 1]  first neuron
        spans    int64[tiles + 1]  first span
        pulses   int64[tiles + 1]  first pulse
        listed   bool[tiles]       rows are listed entries rather than dense rows
    """

    phase: Ints
    order: Ints
    start: Ints
    neurons: Ints
    spans: Ints
    pulses: Ints
    listed: npt.NDArray[np.bool_]


class Axons(NamedTuple):
    """Axons that carry spikes; those of a tile with one step offset are a *span*.

    Arrays:
        offset  int64[spans]      in step k they read step k + offset of their registers
        begin   int64[spans + 1]  first axon
        source  int32[axons]      register read
        row     int32[axons]      where its dense row begins in the weights, or its listed row
    """

    offset: Ints
    begin: Ints
    source: Words
    row: Words


class Pulses(NamedTuple):
    """Constant currents: in step ``step[p]`` of its tile, pulse p begins and stays.

    Arrays:
        step     int64[pulses]
        column   int64[pulses]  first column of it in ``current``
        current  int32 or int64[n, columns]  [LSB]
    """

    step: Ints
    column: Ints
    current: npt.NDArray[Any]


class Weights(NamedTuple):
    """Dense rows and listed rows, as `neutrams.kernels.synapses` says."""

    dense: npt.NDArray[Any]
    begin: Words
    column: Words
    weight: Words


class Neurons(NamedTuple):
    """Parameters, int32 or int64[neurons] [LSB]."""

    leak: npt.NDArray[Any]
    threshold: npt.NDArray[Any]
    initial: npt.NDArray[Any]


class Spread(NamedTuple):
    """Input channels that carry spikes: ``table[step, q[i, c]]`` stands in register ``first + channel[c]``.

    Arrays:
        q        int32[n, spread channels]
        channel  int64[spread channels]
        table    uint8[T, T + 1]
    """

    q: Words
    channel: Ints
    table: Bytes


class Scratch(NamedTuple):
    """Working memory of one thread.

    Arrays:
        registers  uint8[D, neurons + channels]
        v, drive   int32 or int64[neurons]
        acc        int16 or int32[widest tile], all 0
        active     int32[most axons + 4]
        counts     int32[neurons]
    """

    registers: Bytes
    v: npt.NDArray[Any]
    drive: npt.NDArray[Any]
    acc: npt.NDArray[Any]
    active: Words
    counts: Words


class Counted(NamedTuple):
    """What is counted.

    Arrays:
        wanted       int64[rows]      output neurons; read
        outputs      int64[n, rows]   their spikes; overwritten
        axon_events  int64[tiles]     spikes read; added to
        sent         int64[neurons]   spikes sent; added to
        raster       uint8[ticks, neurons]  spikes of sample 0; overwritten; no rows: not wanted
    """

    wanted: Ints
    outputs: Ints
    axon_events: Ints
    sent: Ints
    raster: Bytes


@kernel
def run_samples(
    clock: Clock,
    tiles: Tiles,
    axons: Axons,
    pulses: Pulses,
    weights: Weights,
    neurons: Neurons,
    spread: Spread,
    scratch: Scratch,
    counted: Counted,
) -> None:
    """Run n samples one after another, each from t = 0 with fresh state.

    A tile reads, in one tick, only register slots that no tile writes in that tick: slot = step mod D, and D covers the
    steps between the one being written and the oldest read. So "all read before any writes" holds in any tile order.
    """
    for i in range(counted.outputs.shape[0]):
        scratch.v[:] = neurons.initial
        scratch.drive[:] = neurons.leak
        scratch.counts[:] = 0
        for tick in range(-1, clock.ticks):
            phase = tick % clock.period
            for j in range(tiles.phase[phase], tiles.phase[phase + 1]):
                tile = tiles.order[j]
                step = (tick - tiles.start[tile]) // clock.period
                if tick >= tiles.start[tile] and step < clock.steps:
                    for p in range(tiles.pulses[tile], tiles.pulses[tile + 1]):
                        if pulses.step[p] == step:
                            begin_pulse(i, tile, p, tiles, pulses, scratch.drive)
                    sum_synapses(clock, tile, step, tiles, axons, weights, scratch, counted.axon_events)
                    first, last = tiles.neurons[tile], tiles.neurons[tile + 1]
                    fire_neurons(clock, first, last, scratch.registers[step % clock.depth], neurons.threshold, scratch)
                    if i == 0 and counted.raster.shape[0] > 0:
                        counted.raster[tick, first:last] = scratch.registers[step % clock.depth, first:last]
            step = (tick + 1) // clock.period
            if (tick + 1) % clock.period == 0 and step < clock.steps:
                present(scratch.registers[step % clock.depth], spread.table[step], spread, i, neurons.leak.shape[0])
        counted.sent[:] += scratch.counts
        for r in range(counted.wanted.shape[0]):
            counted.outputs[i, r] = scratch.counts[counted.wanted[r]]


@kernel
def begin_pulse(i: int, tile: int, p: int, tiles: Tiles, pulses: Pulses, drive: npt.NDArray[Any]) -> None:
    """Add pulse ``p`` of sample ``i`` to the drive of its tile's neurons, for good."""
    first, column = tiles.neurons[tile], pulses.column[p]
    for n in range(tiles.neurons[tile + 1] - first):
        drive[first + n] += pulses.current[i, column + n]


@kernel
def sum_synapses(
    clock: Clock,
    tile: int,
    step: int,
    tiles: Tiles,
    axons: Axons,
    weights: Weights,
    scratch: Scratch,
    axon_events: Ints,
) -> None:
    """Add the weights of the tile's active axons to the accumulator and count those axons."""
    found = 0
    for s in range(tiles.spans[tile], tiles.spans[tile + 1]):
        seen = min(step + axons.offset[s], clock.steps - 1)
        if seen >= 0:
            span = (axons.begin[s], axons.begin[s + 1])
            registers = scratch.registers[seen % clock.depth]
            found = find_active(registers, axons.source, axons.row, span, scratch.active, found)
    axon_events[tile] += found
    if tiles.listed[tile]:
        add_listed_rows(scratch.acc, weights.begin, weights.column, weights.weight, scratch.active, found)
    else:
        columns = tiles.neurons[tile + 1] - tiles.neurons[tile]
        add_dense_rows(scratch.acc, weights.dense, scratch.active, found, columns)


@kernel
def fire_neurons(
    clock: Clock, first: int, last: int, slot: Bytes, threshold: npt.NDArray[Any], scratch: Scratch
) -> None:
    """Update neurons ``first`` … ``last`` - 1 and write their spikes to register slot ``slot``."""
    integrate_and_fire(
        scratch.v[first:last],
        scratch.drive[first:last],
        threshold[first:last],
        scratch.acc[: last - first],
        slot[first:last],
        scratch.counts[first:last],
        (clock.low, clock.high, clock.soft),
    )


@kernel
def present(slot: Bytes, pattern: Bytes, spread: Spread, i: int, first: int) -> None:
    """Let the spiking input channels of sample ``i`` stand in register slot ``slot``."""
    for c in range(spread.channel.shape[0]):
        slot[first + spread.channel[c]] = pattern[spread.q[i, c]]
