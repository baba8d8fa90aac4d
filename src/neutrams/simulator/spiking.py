"""Integrate-and-fire programs, event-driven: tables for the compiled tick loop, and its run over some samples.

Input channels coded ``level`` carry the same value at every step, so what they add to a tile's accumulator is the same
in every step from the first in which they stand. It is computed once a sample, by an exact matrix product, and joins the
leak: a *pulse* of current. Integer addition is associative, so the sum is the same. Only axons that carry spikes are
looked at in a tick.
"""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.kernels import spiking as kernels
from neutrams.program import Program
from neutrams.simulator import synapses
from neutrams.simulator.cores import Product, product
from neutrams.simulator.inputs import channel_limit, spread_channels, spread_table
from neutrams.simulator.schedule import Schedule
from neutrams.simulator.tally import Tally, output_neurons

RESETS = {"if_hard": False, "if_soft": True}
"""The models the compiled loop knows, and whether their reset is soft."""

CHUNK_BYTES = 32 << 20
"""Memory for the currents of one chunk of samples [byte]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pulse:
    """What the level-coded channels of one tile that stand from the same step on add to its accumulator.

    Attributes:
        tile: The tile.
        step: The step of the tile from which they stand.
        channels: int64 ``[rows]``, the channels.
        product: The rows' weights.
    """

    tile: int
    step: int
    channels: IntArray
    product: Product


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
        neurons: The kernel's neuron parameters, in the type of the potential.
        pulses: The currents of level-coded channels, by tile.
        columns: int64 ``[pulses + 1]``, first column of each pulse in the kernel's ``current``.
        accumulator: Type of the accumulator.
        table: uint8 ``[T, T + 1]``, the spread of input spikes.
    """

    program: Program
    clock: Schedule
    places: synapses.Layout
    tiles: kernels.Tiles
    axons: kernels.Axons
    weights: kernels.Weights
    neurons: kernels.Neurons
    pulses: tuple[Pulse, ...]
    columns: IntArray
    accumulator: np.dtype[np.signedinteger]
    table: AnyArray

    @property
    def chunk(self) -> int:
        """Samples to run at once, so that memory stays bounded [count]."""
        bytes_a_sample = 8 * int(self.columns[-1]) + 24 * self.program.channels + 1
        return int(np.clip(CHUNK_BYTES // bytes_a_sample, 1, 128))

    def run(self, q: IntArray, raster: bool) -> Tally:
        """Run the samples of ``q``, int64 ``[channels, n]``, each from t = 0 with fresh state."""
        program, clock = self.program, self.clock
        bits = program.chip.neuron.potential_bits
        counted = self._counters(q.shape[1], raster)
        channel = np.flatnonzero(spread_channels(program))
        kernels.run_samples(
            kernels.Clock(
                ticks=clock.ticks,
                steps=program.steps,
                period=program.ticks_per_step,
                depth=clock.depth,
                soft=RESETS[program.model],
                low=-(1 << (bits - 1)),
                high=(1 << (bits - 1)) - 1,
            ),
            self.tiles,
            self.axons,
            self._currents(q),
            self.weights,
            self.neurons,
            kernels.Spread(q=np.ascontiguousarray(q[channel].T, dtype=np.int32), channel=channel, table=self.table),
            self._scratch(),
            counted,
        )
        return self._tally(q, counted)

    def _currents(self, q: IntArray) -> kernels.Pulses:
        """The current of every pulse, for each sample."""
        current = np.zeros((q.shape[1], int(self.columns[-1])), dtype=self.neurons.leak.dtype)
        for pulse, column in zip(self.pulses, self.columns[:-1], strict=True):
            acc = pulse.product(q[pulse.channels])
            current[:, column : column + len(acc)] = acc.T
        steps = np.array([pulse.step for pulse in self.pulses], dtype=np.int64)
        return kernels.Pulses(step=steps, column=self.columns[:-1], current=current)

    def _scratch(self) -> kernels.Scratch:
        places, word = len(self.neurons.leak), self.neurons.leak.dtype
        axons = int(np.diff(self.program.tiles.axons).max(initial=0))
        return kernels.Scratch(
            registers=np.zeros((self.clock.depth, places + self.program.channels), dtype=np.uint8),
            v=np.zeros(places, dtype=word),
            drive=np.zeros(places, dtype=word),
            acc=np.zeros(int(np.diff(self.places.first).max(initial=0)), dtype=self.accumulator),
            active=np.zeros(axons + 4, dtype=self.axons.row.dtype),
            counts=np.zeros(places, dtype=np.int32),
        )

    def _counters(self, n: int, raster: bool) -> kernels.Counted:
        wanted = self.places.neuron[output_neurons(self.program)]
        places = len(self.neurons.leak)
        return kernels.Counted(
            wanted=wanted,
            outputs=np.zeros((n, len(wanted)), dtype=np.int64),
            axon_events=np.zeros(len(self.program.tiles), dtype=np.int64),
            sent=np.zeros(places, dtype=np.int64),
            raster=np.zeros((self.clock.ticks if raster else 0, places), dtype=np.uint8),
        )

    def _tally(self, q: IntArray, counted: kernels.Counted) -> Tally:
        """Bring the counts back to the program's numbers and add the events of level-coded channels."""
        program, clock = self.program, self.clock
        spread = spread_channels(program)
        received = program.steps * np.count_nonzero(q, axis=1)
        received[spread] = self.table.sum(axis=0, dtype=np.int64)[q[spread]].sum(axis=1)
        level = ~self.places.spiking
        active = np.count_nonzero(q, axis=1)[clock.register[level] - len(program.neurons)]
        steps = np.maximum(0, program.steps - np.maximum(0, -clock.offset[level]))
        events = counted.axon_events.copy()
        np.add.at(events, clock.tile[level], active * steps)
        raster = counted.raster[:, self.places.neuron].astype(np.bool_)
        return Tally(
            outputs=counted.outputs,
            axon_events=events,
            sent=counted.sent[self.places.neuron],
            received=received,
            raster=raster if len(raster) else None,
        )


def fits(program: Program) -> bool:
    """Whether the compiled loop can run ``program``: it knows the model, and input spikes are 0 or 1."""
    spreads = (port for port in program.inputs if port.code == "spread")
    return program.model in RESETS and all(0 <= p.low and p.high <= program.steps for p in spreads)


def spiking(program: Program, clock: Schedule) -> Spiking:
    """Prepare ``program``."""
    places = synapses.layout(program, clock)
    weights, rows, listed = synapses.store_weights(program, clock, places)
    axons, spans = synapses.spiking_axons(program, clock, places, rows)
    pulses = _pulses(program, clock, places)
    widths = np.array([len(program.blocks[program.tiles.block[pulse.tile]].T) for pulse in pulses], dtype=np.int64)
    padded = -(-widths // synapses.PAD) * synapses.PAD
    first = np.searchsorted([pulse.tile for pulse in pulses], np.arange(len(program.tiles) + 1))
    bound = synapses.accumulator_bound(program, clock, places)
    return Spiking(
        program=program,
        clock=clock,
        places=places,
        tiles=synapses.tile_rows(program, places, spans, first, listed),
        axons=axons,
        weights=weights,
        neurons=_parameters(program, places, bound + _current_bound(program, pulses)),
        pulses=pulses,
        columns=np.concatenate([[0], np.cumsum(padded)]).astype(np.int64),
        accumulator=_word(bound, (np.int16, np.int32, np.int64)),
        table=spread_table(program),
    )


def _pulses(program: Program, clock: Schedule, places: synapses.Layout) -> tuple[Pulse, ...]:
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
            pulses.append(Pulse(tile=tile, step=int(step), channels=channels, product=chosen))
    return tuple(pulses)


def _current_bound(program: Program, pulses: tuple[Pulse, ...]) -> int:
    """Return the largest |sum of currents| of any neuron [LSB]."""
    bounds = np.zeros(len(program.tiles), dtype=np.int64)
    np.add.at(bounds, [pulse.tile for pulse in pulses], [pulse.product.bound for pulse in pulses])
    return int(bounds.max(initial=0))


def _word(bound: int, types: tuple[type[np.signedinteger], ...]) -> np.dtype[np.signedinteger]:
    """Return the first of ``types`` that holds -bound … bound."""
    return np.dtype(next(kind for kind in types if bound <= np.iinfo(kind).max))


def _parameters(program: Program, places: synapses.Layout, bound: int) -> kernels.Neurons:
    """Neuron parameters in place, in a type no sum of one update leaves; padding has weight 0 and never fires."""
    given = program.neurons.parameters
    largest = sum(int(np.abs(values).max(initial=0)) for values in given.values())
    largest += bound + (1 << (program.chip.neuron.potential_bits - 1))
    word = _word(largest, (np.int32, np.int64))

    def placed(name: str, padding: int) -> AnyArray:
        values = np.full(int(places.first[-1]), padding, dtype=word)
        values[places.neuron] = given[name]
        return values

    return kernels.Neurons(
        leak=placed("leak", 0), threshold=placed("threshold", np.iinfo(word).max), initial=placed("initial", 0)
    )
