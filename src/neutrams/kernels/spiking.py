"""The tick loop of spiking programs: whole samples inside one compiled call, the work following the spikes."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neutrams.kernels.compiled import kernel
from neutrams.kernels.integrate_fire import integrate_and_fire
from neutrams.kernels.synapses import add_dense_rows, add_listed_rows, add_strands, find_active, find_active_run

PAD = 64
"""Room behind registers and accumulator, so that padded strands stay inside."""

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]


class Clock(NamedTuple):
    """Ticks begin … end - 1 of -1 … ticks - 1; steps T, ticks a step L, ring depth D; the neurons' rule.

    The rule is that of `integrate_and_fire`.
    """

    begin: int
    end: int
    ticks: int
    steps: int
    period: int
    depth: int
    rule: tuple[int, int, bool]


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
    """Axons that carry spikes; those of a tile with one step offset are a *span*, or several.

    Arrays:
        offset  int64[spans]      in step k they read step k + offset of their registers
        begin   int64[spans + 1]  first axon
        run     int64[spans]      register of its first axon where the others read those that follow; else -1
        source  int32[axons]      register read
        row     int32 or int64[axons + 1]  where its dense row begins in the weights, or its listed row; then a zero row
        synapses  int32[axons]     synapses it reads; none: those of one axon are not counted
    """

    offset: Ints
    begin: Ints
    run: Ints
    source: Words
    row: npt.NDArray[Any]
    synapses: Words


class Pulses(NamedTuple):
    """Constant currents: in step ``step[p]`` of its tile, pulse p begins and stays.

    Arrays:
        step     int64[pulses]
        column   int64[pulses]  first column of it in ``current``
        current  int32 or int64[n, columns]  [LSB]
        awake    int64[n, tiles]  first step of each tile in which some channel brings it a current
    """

    step: Ints
    column: Ints
    current: npt.NDArray[Any]
    awake: Ints


class Weights(NamedTuple):
    """Dense rows and listed rows, as `neutrams.kernels.synapses` says."""

    dense: npt.NDArray[Any]
    begin: Words
    column: Words
    weight: Words


class Strands(NamedTuple):
    """Strands (`neutrams.kernels.synapses.add_strands`), by tile; they read the step their tile is in.

    Arrays:
        first     int64[tiles + 1]    first strand of each tile
        register  int64[strands]
        column    int64[strands]
        begin     int64[strands + 1]
        weight    int16[weights]
        covered   int64[tiles + 1]    first of the axons that the strands of each tile stand for
        source    int32[covered]      register each of them reads
        synapses  int32[covered]      synapses of each; none: those of one axon are not counted
    """

    first: Ints
    register: Ints
    column: Ints
    begin: Ints
    weight: npt.NDArray[np.int16]
    covered: Ints
    source: Words
    synapses: Words


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
        registers  uint8[D * (neurons + channels) + PAD]
        v, drive   int32 or int64[neurons]
        acc        int16, 32 or 64[widest tile + PAD], all 0
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
        potential    uint8[rows]      whether their potential is wanted, not their spikes; read
        outputs      int64[n, rows]   their spikes, or last potentials; overwritten
        axon_events  int64[tiles]     spikes read; added to
        synapse_events  int64[tiles]  their synapses, where those of one axon are counted; added to
        idle         int64[tiles]     updates of a tile to which nothing came; added to
        sent         int64[neurons]   spikes sent; added to
    """

    wanted: Ints
    potential: Bytes
    outputs: Ints
    axon_events: Ints
    synapse_events: Ints
    idle: Ints
    sent: Ints


class Trace(NamedTuple):
    """What is kept of each tick begin … end - 1, of a single sample; ``rows`` of no length: nothing is.

    Arrays:
        rows     int32[ticks, tiles]           axons of a due tile that carried a spike; overwritten
        reads    int64[ticks, tiles]           their synapses, where those of one axon are counted; overwritten
        fired    int32[ticks * neurons + 1]    neurons that fired, tick after tick; overwritten
        ends     int64[ticks]                  how many those are until the end of each tick; overwritten
        watched  int64[W]                      neurons whose potential is wanted; read
        v        int64[ticks, W]               their potentials after each tick [LSB]; overwritten
    """

    rows: Words
    reads: Ints
    fired: Words
    ends: Ints
    watched: Ints
    v: Ints


@kernel
def run_samples(
    clock: Clock,
    tiles: Tiles,
    axons: Axons,
    pulses: Pulses,
    weights: Weights,
    strands: Strands,
    neurons: Neurons,
    spread: Spread,
    scratch: Scratch,
    counted: Counted,
    trace: Trace,
) -> None:
    """Run n samples one after another, each from t = 0 with fresh state.

    Where ``clock`` does not cover all ticks, n is 1, and the next call goes on with what stands in ``scratch``.
    A tile reads, in one tick, only register slots that no tile writes in that tick: slot = step mod D, and D covers the
    steps between the one being written and the oldest read. So "all read before any writes" holds in any tile order.
    Tables are unpacked, not passed on: passing one costs a reference count, which threads would fight over.
    """
    since, until, ticks, steps, period, depth, rule = clock
    phase, order, start, neuron, spans, pulse, listed = tiles
    offset, span, run, source, row, synapses = axons
    dense, begin, column, weight = weights
    strand, register, into, strip, strength, covered, behind, several = strands
    leak, threshold, initial = neurons
    registers, v, drive, acc, active, counts = scratch
    wanted, potential, outputs, axon_events, synapse_events, idle, sent = counted
    rows, reads, fired, ends, watched, kept = trace
    traced = rows.shape[0] > 0
    width = (registers.shape[0] - PAD) // depth
    for i in range(outputs.shape[0]):
        if since < 0:
            v[:], drive[:], counts[:] = initial, leak, 0
        noted = 0
        for tick in range(since, until):
            for j in range(phase[tick % period], phase[tick % period + 1]):
                tile = order[j]
                step = (tick - start[tile]) // period
                if tick < start[tile] or step >= steps:
                    continue
                first, last, slot = neuron[tile], neuron[tile + 1], step % depth * width
                for p in range(pulse[tile], pulse[tile + 1]):
                    if pulses.step[p] == step:
                        add_current(drive, first, last, pulses.current, i, pulses.column[p])
                found = 0
                for s in range(spans[tile], spans[tile + 1]):
                    seen = min(step + offset[s], steps - 1)  # after the last step a register holds
                    if seen >= 0:  # before the first it is 0
                        at = seen % depth * width
                        if run[s] >= 0:
                            found = find_active_run(registers, at + run[s], span[s], span[s + 1], active, found)
                        else:
                            found = find_active(registers, at, source, span[s], span[s + 1], active, found)
                axon_events[tile] += found
                read = count_synapses(synapses, active, found) if synapses.shape[0] > 0 else 0
                synapse_events[tile] += read
                if found == 0 and step < pulses.awake[i, tile]:
                    idle[tile] += silent(registers, slot, behind, covered[tile], covered[tile + 1])
                if traced:
                    more = find_active(registers, slot, behind, covered[tile], covered[tile + 1], active, found)
                    rows[tick - since, tile] = more
                    if several.shape[0] > 0:
                        read += count_synapses(several, active[found:], more - found)
                    reads[tick - since, tile] = read
                add_strands(acc, registers, slot, register, into, strip, strength, strand[tile], strand[tile + 1])
                if listed[tile]:
                    add_listed_rows(acc, begin, column, weight, row, active, found)
                else:
                    add_dense_rows(acc, dense, row, active, found, last - first)
                integrate_and_fire(v, drive, threshold, acc, registers, counts, first, last, slot, rule)
                if traced:
                    noted = note_fired(fired, noted, registers, slot, first, last)
            step = (tick + 1) // period
            if (tick + 1) % period == 0 and step < steps:
                present(registers, step % depth * width + v.shape[0], spread.table, step, spread.q, i, spread.channel)
            if traced:
                ends[tick - since] = noted
                for n in range(watched.shape[0]):
                    kept[tick - since, n] = v[watched[n]]
        if until == ticks:
            take_counts(outputs[i], counts, v, (wanted, potential), sent)


@kernel
def note_fired(fired: Words, noted: int, registers: Bytes, slot: int, first: int, last: int) -> int:
    """Append the neurons ``first`` … ``last`` - 1 whose register holds a spike to ``fired``; return the new length.

    Without a branch: every neuron is written, the length grows by its spike.
    """
    for n in range(first, last):
        fired[noted] = n
        noted += registers[slot + n]
    return noted


@kernel
def add_current(drive: npt.NDArray[Any], first: int, last: int, current: npt.NDArray[Any], i: int, column: int) -> None:
    """Add the current of sample ``i``, from ``column`` on, to the drive of neurons ``first`` … ``last`` - 1."""
    for n in range(last - first):
        drive[first + n] += current[i, column + n]


@kernel
def count_synapses(synapses: Words, active: Words, found: int) -> int:
    """Return the sum of ``synapses`` over the first ``found`` axons in ``active``."""
    total = 0
    for i in range(found):
        total += synapses[active[i]]
    return total


@kernel
def silent(registers: Bytes, slot: int, source: Words, first: int, last: int) -> bool:
    """Whether no register of sources ``first`` … ``last`` - 1, counted from ``slot``, holds a spike."""
    spikes = 0
    for s in range(first, last):
        spikes += registers[slot + source[s]]
    return spikes == 0


@kernel
def take_counts(outputs: Ints, counts: Words, v: Words, read: tuple[Ints, Bytes], sent: Ints) -> None:
    """Keep a sample's counts, or potentials, of the output neurons; add all counts to what was sent."""
    wanted, potential = read
    for n in range(counts.shape[0]):
        sent[n] += counts[n]
    for r in range(wanted.shape[0]):
        outputs[r] = v[wanted[r]] if potential[r] else counts[wanted[r]]


@kernel
def present(registers: Bytes, slot: int, table: Bytes, step: int, q: Words, i: int, channel: Ints) -> None:
    """Let the spiking input channels of sample ``i`` stand at ``step`` in the registers from ``slot`` on."""
    for c in range(channel.shape[0]):
        registers[slot + channel[c]] = table[step, q[i, c]]
