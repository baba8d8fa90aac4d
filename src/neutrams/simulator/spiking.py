"""Integrate-and-fire programs, event-driven: tables for the compiled tick loop, and its run over some samples.

Input channels coded ``level`` carry the same value at every step, so what they add to a tile's accumulator is the same
in every step from the first in which they stand. It is computed once a sample, by an exact matrix product, and joins
the leak: a *pulse* of current. Integer addition is associative, so the sum is the same. Only axons that carry spikes
are looked at in a tick.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.kernels import spiking as kernels
from neutrams.kernels.compiled import thread_count
from neutrams.neurons import find_model
from neutrams.program import Program
from neutrams.simulator import synapses
from neutrams.simulator.cores import Product, exact_type, product
from neutrams.simulator.inputs import channel_limit, encode_channels, spread_channels, spread_table
from neutrams.simulator.moment import Look
from neutrams.simulator.schedule import Schedule
from neutrams.simulator.strands import find_strands
from neutrams.simulator.tally import Tally, lists_synapses, output_neurons, potential_rows, synapses_of_axons
from neutrams.simulator.trace import NO_TRACE, Constant, Tracer

ACCUMULATORS = {
    (np.dtype(np.int8), np.dtype(np.int32)): np.int16,
    (np.dtype(np.int16), np.dtype(np.int32)): np.int32,
    (np.dtype(np.int16), np.dtype(np.int64)): np.int64,
}
"""Type of the accumulator for the types of weights and potential: three compiled loops serve every program."""

PART_BYTES = 32 << 20
"""Memory for the currents of one thread's samples [byte]."""

PART = 128
"""Most samples of one thread at a time [count]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pulse:
    """What the level-coded channels of one tile that stand from the same step on add to its accumulator.

    Attributes:
        tile: The tile.
        step: The step of the tile from which they stand.
        channels: int64 ``[rows]``, the channels.
        product: The rows' weights.
        synapses: int64 ``[rows]``, how many of them each row reads.
    """

    tile: int
    step: int
    channels: IntArray
    product: Product
    synapses: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spiking:
    """A program made ready for the compiled tick loop.

    Attributes:
        program: The program.
        clock: Its schedule.
        places: Where its neurons stand in the kernel.
        tiles: The kernel's tiles.
        axons: The kernel's axons.
        weights: The kernel's weights.
        strands: The kernel's strands.
        covered: bool ``[axons]``, those the strands stand for.
        neurons: The kernel's neuron parameters, in the type of the potential.
        pulses: The currents of level-coded channels, by tile.
        columns: int64 ``[pulses + 1]``, first column of each pulse in the kernel's ``current``.
        table: uint8 ``[T, T + 1]``, the spread of input spikes.
        synapses: int64 ``[axons]``, how many each reads.
    """

    program: Program
    clock: Schedule
    places: synapses.Layout
    tiles: kernels.Tiles
    axons: kernels.Axons
    weights: kernels.Weights
    strands: kernels.Strands
    covered: AnyArray
    neurons: kernels.Neurons
    pulses: tuple[Pulse, ...]
    columns: IntArray
    table: AnyArray
    synapses: IntArray

    @property
    def part(self) -> int:
        """Samples a thread runs at once, so that memory stays bounded [count]."""
        bytes_a_sample = 8 * int(self.columns[-1]) + 24 * self.program.channels + 1
        return int(np.clip(PART_BYTES // bytes_a_sample, 1, PART))

    def run(self, inputs: Mapping[str, AnyArray], part: slice) -> Tally:
        """Run some samples of ``inputs``, each from t = 0 with fresh state, on all cores."""
        threads = thread_count()
        size = min(self.part, -(-(part.stop - part.start) // threads))

        def run_part(start: int) -> tuple[kernels.Counted, IntArray, IntArray]:
            q = encode_channels(self.program, inputs, slice(start, min(start + size, part.stop)))[0]
            counted = self._counters(q.shape[1])
            self._loop(q, counted)(-1, self.clock.ticks, NO_TRACE)
            return counted, np.count_nonzero(q, axis=1), q.sum(axis=1)

        with ThreadPoolExecutor(threads) as pool:
            counted, nonzero, spikes = zip(*pool.map(run_part, range(part.start, part.stop, size)), strict=True)
        return self._tally(list(counted), np.sum(nonzero, axis=0), np.sum(spikes, axis=0))

    def watch(self, inputs: Mapping[str, AnyArray], sample: int, look: Look, watched: IntArray) -> Tally:
        """Run one sample in this thread, and show ``look`` each tick, and the potentials of ``watched`` neurons."""
        q = encode_channels(self.program, inputs, slice(sample, sample + 1))[0]
        counted, tracer = self._counters(1), Tracer.of(self.program, self.places, watched, self.clock.ticks + 1)
        run_ticks, constant = self._loop(q, counted), self._constant(q[:, 0])
        for begin in range(-1, self.clock.ticks, tracer.ticks):
            end = min(begin + tracer.ticks, self.clock.ticks)
            run_ticks(begin, end, tracer.trace)
            for moment in tracer.moments(begin, end, constant):
                look(moment)
        return self._tally([counted], np.count_nonzero(q, axis=1), q.sum(axis=1))

    def _loop(self, q: IntArray, counted: kernels.Counted) -> Callable[[int, int, kernels.Trace], None]:
        """Return the compiled loop for the samples of ``q``, int64 ``[channels, n]``: it takes begin, end and trace."""
        channel = np.flatnonzero(spread_channels(self.program))
        spikes = np.ascontiguousarray(q[channel].T, dtype=np.int32)
        spread = kernels.Spread(q=spikes, channel=channel, table=self.table)
        currents, scratch = self._currents(q), self._scratch()

        def run_ticks(begin: int, end: int, trace: kernels.Trace) -> None:
            kernels.run_samples(
                self._rule(begin, end),
                self.tiles,
                self.axons,
                currents,
                self.weights,
                self.strands,
                self.neurons,
                spread,
                scratch,
                counted,
                trace,
            )

        return run_ticks

    def _constant(self, q: IntArray) -> Constant:
        """Return the rows that level-coded channels of one sample's ``q``, int64 ``[channels]``, drive."""
        return Constant(
            tile=np.array([pulse.tile for pulse in self.pulses], dtype=np.int64),
            step=np.array([pulse.step for pulse in self.pulses], dtype=np.int64),
            rows=np.array([np.count_nonzero(q[pulse.channels]) for pulse in self.pulses], dtype=np.int64),
            synapses=np.array([pulse.synapses[q[pulse.channels] != 0].sum() for pulse in self.pulses], dtype=np.int64),
        )

    def _rule(self, begin: int, end: int) -> kernels.Clock:
        low, high = self.program.chip.register_range("snn")
        return kernels.Clock(
            begin=begin,
            end=end,
            ticks=self.clock.ticks,
            steps=self.program.steps,
            period=self.program.ticks_per_step,
            depth=self.clock.depth,
            rule=(low, high, find_model(self.program.model, "program").reset == "subtract"),
        )

    def _currents(self, q: IntArray) -> kernels.Pulses:
        """The current of every pulse, for each sample."""
        current = np.zeros((q.shape[1], int(self.columns[-1])), dtype=self.neurons.leak.dtype)
        registers = q.astype(exact_type(int(channel_limit(self.program).max(initial=0))))
        awake = np.full((q.shape[1], len(self.program.tiles)), self.program.steps, dtype=np.int64)
        for pulse, column in zip(self.pulses, self.columns[:-1], strict=True):
            acc = pulse.product(registers, pulse.channels)
            current[:, column : column + len(acc)] = acc.T
            since = np.where(q[pulse.channels].any(axis=0), pulse.step, self.program.steps)
            awake[:, pulse.tile] = np.minimum(awake[:, pulse.tile], since)
        steps = np.array([pulse.step for pulse in self.pulses], dtype=np.int64)
        return kernels.Pulses(step=steps, column=self.columns[:-1], current=current, awake=awake)

    def _scratch(self) -> kernels.Scratch:
        places, word = len(self.neurons.leak), self.neurons.leak.dtype
        axons = int(np.diff(self.program.tiles.axons).max(initial=0))
        return kernels.Scratch(
            registers=np.zeros(self.clock.depth * (places + self.program.channels) + kernels.PAD, dtype=np.uint8),
            v=np.zeros(places, dtype=word),
            drive=np.zeros(places, dtype=word),
            acc=np.zeros(
                synapses.widest(self.places) + kernels.PAD,
                dtype=ACCUMULATORS[self.weights.dense.dtype, self.neurons.leak.dtype],
            ),
            active=np.zeros(axons + 4, dtype=np.int32),
            counts=np.zeros(places, dtype=np.int32),
        )

    def _counters(self, n: int) -> kernels.Counted:
        wanted = self.places.neuron[output_neurons(self.program)]
        places = len(self.neurons.leak)
        return kernels.Counted(
            wanted=wanted,
            potential=potential_rows(self.program).astype(np.uint8),
            outputs=np.zeros((n, len(wanted)), dtype=np.int64),
            axon_events=np.zeros(len(self.program.tiles), dtype=np.int64),
            synapse_events=np.zeros(len(self.program.tiles), dtype=np.int64),
            idle=np.zeros(len(self.program.tiles), dtype=np.int64),
            sent=np.zeros(places, dtype=np.int64),
        )

    def _tally(self, parts: list[kernels.Counted], nonzero: IntArray, spikes: IntArray) -> Tally:
        """Join the counts, in the program's own numbers, and add the events the kernel does not look at.

        Args:
            parts: What the kernel counted.
            nonzero: int64 ``[channels]``, samples in which each channel's q is not 0.
            spikes: int64 ``[channels]``, sum of q.
        """
        program, clock, neuron = self.program, self.clock, self.places.neuron
        sent = np.sum([part.sent for part in parts], axis=0)[neuron]
        received = np.where(spread_channels(program), spikes, program.steps * nonzero)
        level = ~self.places.spiking
        steps = np.maximum(0, program.steps - np.maximum(0, -clock.offset[level]))
        unseen = np.zeros(len(clock.tile), dtype=np.int64)
        unseen[level] = nonzero[clock.register[level] - len(program.neurons)] * steps
        unseen[self.covered] = np.concatenate([sent, received])[clock.register[self.covered]]
        events = np.sum([part.axon_events for part in parts], axis=0)
        np.add.at(events, clock.tile, unseen)
        synapse_events = events * np.diff(program.tiles.neurons)
        if lists_synapses(program):
            synapse_events = np.sum([part.synapse_events for part in parts], axis=0)
            np.add.at(synapse_events, clock.tile, unseen * self.synapses)
        return Tally(
            outputs=np.concatenate([part.outputs for part in parts]),
            axon_events=events,
            synapse_events=synapse_events,
            idle_updates=np.sum([part.idle for part in parts], axis=0),
            sent=sent,
            received=received,
        )


def fits(program: Program) -> bool:
    """Whether the compiled loop can run ``program``: it knows the model, no sequences, and input spikes are 0 or 1."""
    if program.sequential:
        return False
    spreads = (port for port in program.inputs if port.code == "spread")
    model = find_model(program.model, "program", program.chip.neuron.definitions)
    return model.reset is not None and all(p.low >= 0 and p.high <= program.steps for p in spreads)


def spiking(program: Program, clock: Schedule) -> Spiking:
    """Prepare ``program``."""
    places = synapses.layout(program, clock)
    read = synapses_of_axons(program)
    one_by_one = read if lists_synapses(program) else read[:0]
    pulses = _pulses(program, clock, places, read)
    bound = synapses.accumulator_bound(program, clock, places)
    neurons = _parameters(program, places, bound + _current_bound(program, pulses))
    narrow = bound <= np.iinfo(np.int16).max and neurons.leak.dtype == np.int32
    narrow &= all(block.dtype == np.int8 for block in program.blocks)
    weights, rows, listed = synapses.store_weights(program, clock, places, np.int8 if narrow else np.int16)
    strands, covered = find_strands(program, clock, places, one_by_one)
    looked_at = np.flatnonzero(places.spiking & ~covered)
    zero = len(weights.dense) - synapses.widest(places)
    axons, spans = synapses.spiking_axons(clock, places, looked_at, (rows, zero), one_by_one)
    widths = np.array([len(program.blocks[program.tiles.block[pulse.tile]].T) for pulse in pulses], dtype=np.int64)
    padded = -(-widths // synapses.PAD) * synapses.PAD
    first = np.searchsorted([pulse.tile for pulse in pulses], np.arange(len(program.tiles) + 1))
    return Spiking(
        program=program,
        clock=clock,
        places=places,
        tiles=synapses.tile_rows(program, places, spans, first, listed),
        axons=axons,
        weights=weights,
        strands=strands,
        covered=covered,
        neurons=neurons,
        pulses=pulses,
        columns=np.concatenate([[0], np.cumsum(padded)]).astype(np.int64),
        table=spread_table(program),
        synapses=read,
    )


def _pulses(program: Program, clock: Schedule, places: synapses.Layout, read: IntArray) -> tuple[Pulse, ...]:
    tiles, limit = program.tiles, channel_limit(program)
    first = np.maximum(0, -clock.offset)
    pulses = []
    for tile, block in enumerate(tiles.block):
        axons = slice(tiles.axons[tile], tiles.axons[tile + 1])
        level = ~places.spiking[axons]
        for step in np.unique(first[axons][level]):
            rows = np.flatnonzero(level & (first[axons] == step))
            channels = clock.register[axons][rows] - len(program.neurons)
            chosen = product(program.blocks[block][rows], limit[channels])
            pulses.append(
                Pulse(tile=tile, step=int(step), channels=channels, product=chosen, synapses=read[axons][rows])
            )
    return tuple(pulses)


def _current_bound(program: Program, pulses: tuple[Pulse, ...]) -> int:
    """Return the largest |sum of currents| of any neuron [LSB]."""
    bounds = np.zeros(len(program.tiles), dtype=np.int64)
    np.add.at(bounds, [pulse.tile for pulse in pulses], [pulse.product.bound for pulse in pulses])
    return int(bounds.max(initial=0))


def _parameters(program: Program, places: synapses.Layout, bound: int) -> kernels.Neurons:
    """Neuron parameters in place, in a type no sum of one update leaves; padding has weight 0 and never fires."""
    given = program.neurons.parameters
    largest = sum(int(np.abs(values).max(initial=0)) for values in given.values())
    largest += bound - program.chip.register_range("snn")[0]
    word = np.int32 if largest <= np.iinfo(np.int32).max else np.int64

    def placed(name: str, padding: int) -> AnyArray:
        values = np.full(int(places.first[-1]), padding, dtype=word)
        values[places.neuron] = given[name]
        return values

    return kernels.Neurons(
        leak=placed("leak", 0), threshold=placed("threshold", np.iinfo(word).max), initial=placed("initial", 0)
    )
