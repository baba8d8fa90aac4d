"""Any neuron model, many samples at once: one exact matrix product a tile and step, then the model's own rule.

Registers are kept feature-major, ``[registers, n]``, so that an axon's gather copies whole rows. Where samples take one
step, tiles of one weight block run together (`neutrams.simulator.groups`).
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.codec import spread_step
from neutrams.kernels.compiled import thread_count
from neutrams.kernels.grouped import requantize_tiles
from neutrams.kernels.requantize import requantize
from neutrams.neurons import NeuronModel, find_model
from neutrams.program import Program
from neutrams.simulator.cores import Product, exact_type, product
from neutrams.simulator.groups import Group, groups_of
from neutrams.simulator.inputs import channel_limit, encode_channels, spread_channels
from neutrams.simulator.memory import Memory, first_registers
from neutrams.simulator.moment import Look, Moment
from neutrams.simulator.schedule import INPUT_START, Schedule, due
from neutrams.simulator.tally import (
    Tally,
    counts_every_word,
    merge,
    output_neurons,
    potential_rows,
    synapses_of_axons,
)

PART_BYTES = 384 << 20
"""Memory for the registers and states of one thread's samples [byte]."""

PART = 128
"""Samples of one thread at a time: enough for the vector loops, few enough for the caches [count]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batched:
    """A program made ready for batched execution.

    Attributes:
        program: The program.
        clock: Its schedule.
        model: Its neuron model.
        width: Range of the accumulator (ann) or potential (snn) [LSB].
        products: The product of each tile.
        parameters: The model's parameters in its own order, int64 ``[neurons]`` each.
        lookup: The look-up table of each neuron (-1: none), int64 ``[neurons]``, and all tables, ``[K, entries]``.
        kind: Type of the registers: holds every value exactly.
        spread: bool ``[channels]``.
        groups: Its tiles by weight block, where they can run together; else None.
        synapses: int64 ``[axons]``, how many synapses each axon reads.
    """

    program: Program
    clock: Schedule
    model: NeuronModel
    width: tuple[int, int]
    products: tuple[Product, ...]
    parameters: tuple[IntArray, ...]
    lookup: tuple[IntArray, IntArray]
    kind: np.dtype[np.generic]
    spread: AnyArray
    groups: tuple[Group, ...] | None
    synapses: IntArray

    @property
    def part(self) -> int:
        """Samples a thread runs at once, so that memory stays bounded [count]."""
        registers = len(self.program.neurons) + self.program.channels
        bytes_a_sample = registers * (self.clock.depth * self.kind.itemsize + 8)
        return int(np.clip(PART_BYTES // max(1, bytes_a_sample), 1, PART))

    def run(self, inputs: Mapping[str, AnyArray], part: slice, memory: Memory | None = None) -> Tally:
        """Run some samples of ``inputs``, from t = 0 with fresh state or what ``memory`` has of them, on all cores."""
        threads = thread_count()
        size = min(self.part, -(-(part.stop - part.start) // threads))

        def run_part(start: int) -> Tally:
            own = slice(start, min(start + size, part.stop))
            held = None if memory is None else memory.part(slice(own.start - part.start, own.stop - part.start))
            return _Part(self, encode_channels(self.program, inputs, own), held).run()

        # one thread a product: threads of threads would get in each other's way
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
            return merge(list(pool.map(run_part, range(part.start, part.stop, size))))

    def watch(
        self, inputs: Mapping[str, AnyArray], sample: int, look: Look, watched: IntArray, memory: Memory | None = None
    ) -> Tally:
        """Run one sample in this thread, and show ``look`` each tick, and the potentials of ``watched`` neurons."""
        own = slice(sample, sample + 1)
        part = _Part(self, encode_channels(self.program, inputs, own), None if memory is None else memory.part(own))
        part.watch(look, watched)
        return part.tally()


def batched(program: Program, clock: Schedule, tick_by_tick: bool = False) -> Batched:
    """Prepare ``program``; ``tick_by_tick`` where runs are to be watched, so that tiles do not run together."""
    model = find_model(program.model, "program, model", program.chip.neuron.definitions)
    limit = _register_limit(program, model)
    groups = groups_of(program, clock, limit) if model.name == "requantize" and not tick_by_tick else None
    return Batched(
        program=program,
        clock=clock,
        model=model,
        width=program.chip.register_range(model.mode),
        products=() if groups is not None else _products(program, clock, limit),
        parameters=tuple(program.neurons.parameters[p.name] for p in model.parameters),
        lookup=(program.lookup, np.ascontiguousarray(program.tables, dtype=np.int64)),
        kind=exact_type(int(limit.max(initial=0))),
        spread=spread_channels(program),
        groups=groups,
        synapses=synapses_of_axons(program),
    )


def _products(program: Program, clock: Schedule, limit: IntArray) -> tuple[Product, ...]:
    """Return the product of each tile."""
    tiles = program.tiles
    products: dict[tuple[int, bytes], Product] = {}
    chosen = []
    for i, block in enumerate(tiles.block):
        limits = limit[clock.register[tiles.axons[i] : tiles.axons[i + 1]]]
        key = (int(block), limits.tobytes())
        if key not in products:
            products[key] = product(program.blocks[block], limits)
        chosen.append(products[key])
    return tuple(chosen)


def _register_limit(program: Program, model: NeuronModel) -> IntArray:
    """Return int64 ``[neurons + channels]``: the largest magnitude each register can hold."""
    if model.mode == "ann":
        low, high = program.output_limits
        neurons = np.maximum(np.abs(low), np.abs(high))
    else:
        most = max(abs(end) for end in model.output_range(program.chip.widths))
        neurons = np.full(len(program.neurons), most, dtype=np.int64)
    memory, channels = program.memory, channel_limit(program)
    begins = np.where(memory.channel < 0, np.abs(memory.value), channels[memory.channel] if len(channels) else 0)
    neurons = neurons.copy()
    neurons[memory.neuron] = np.maximum(neurons[memory.neuron], begins)
    return np.concatenate([neurons, channels])


class _Part:
    """The state of some samples while the clock runs."""

    def __init__(self, engine: Batched, q: IntArray, memory: Memory | None) -> None:
        self.engine, self.q = engine, q
        program, clock = engine.program, engine.clock
        neurons, n = len(program.neurons), q.shape[2]
        self.before = first_registers(program, q[0]).astype(engine.kind)
        self.registers = np.zeros((clock.depth, neurons + program.channels, n), dtype=engine.kind)
        own = {name: values[:, None] for name, values in program.neurons.parameters.items()}
        self.state, self.widths = engine.model.start(own, (neurons, n)), program.chip.widths
        if memory is not None:
            self.before[:neurons], self.state = memory.registers.T, memory.states.transpose(1, 2, 0).copy()
        self.wanted = output_neurons(program)
        self.potential = potential_rows(program)
        self.by_step = any(port.sequence for port in program.outputs)
        self.outputs = np.zeros((program.steps if self.by_step else 1, len(self.wanted), n), dtype=np.int64)
        self.axon_events, self.synapse_events, self.idle_updates = np.zeros((3, len(program.tiles)), dtype=np.int64)
        self.sent = np.zeros(neurons, dtype=np.int64)
        self.received = np.zeros(program.channels, dtype=np.int64)
        self.fired: list[IntArray] | None = None
        self.counts = not counts_every_word(program)

    def run(self) -> Tally:
        """Let the clock run (the order inside a tick: see `neutrams.simulator.engine`)."""
        if self.engine.groups is not None:
            self._run_groups(self.engine.groups)
            return self.tally()
        for tick in range(INPUT_START, self.engine.clock.ticks):
            self._run_tick(tick, due(self.engine.program, tick))
        return self.tally()

    def watch(self, look: Look, watched: IntArray) -> None:
        """Let the clock run over a single sample, and show each tick."""
        for tick in range(INPUT_START, self.engine.clock.ticks):
            tiles = due(self.engine.program, tick)
            self.fired, before = [], np.stack([self.axon_events, self.synapse_events])[:, tiles]
            self._run_tick(tick, tiles)
            if tick >= 0:
                rows, synapses = np.stack([self.axon_events, self.synapse_events])[:, tiles] - before
                fired = np.concatenate([*self.fired, np.zeros(0, dtype=np.int64)])
                potential = self.state[0, watched, 0] if len(watched) else watched
                look(
                    Moment(
                        tick=tick,
                        tiles=tiles,
                        rows=rows,
                        synapses=synapses,
                        fired=fired,
                        potential=potential.astype(np.int64),
                    )
                )

    def tally(self) -> Tally:
        """Return what was counted."""
        program, outputs = self.engine.program, self.outputs.transpose(2, 0, 1)
        last = self.registers[(program.steps - 1) % self.engine.clock.depth, : len(program.neurons)]
        return Tally(
            outputs=outputs if self.by_step else outputs[:, 0],
            memory=Memory(registers=last.T.astype(np.int64), states=self.state.transpose(2, 0, 1))
            if program.sequential
            else None,
            axon_events=self.axon_events,
            synapse_events=self.synapse_events,
            idle_updates=self.idle_updates,
            sent=self.sent,
            received=self.received,
        )

    def _run_groups(self, groups: tuple[Group, ...]) -> None:
        """Let groups run in the order of their ticks: all that a group reads was written in an earlier one."""
        engine = self.engine
        self._present(0)
        registers = self.registers[0]
        for group in groups:
            for part, rows, acc in group.sums(registers):
                if self.counts:
                    self._count(group.tiles[part], rows.reshape(len(rows), part.stop - part.start, -1))
                requantize_tiles(acc, registers, engine.parameters, engine.lookup, group.first[part], engine.width)
        self.outputs[0] += registers[self.wanted].astype(np.int64)
        if self.counts:
            self.sent += np.count_nonzero(registers[: len(self.sent)], axis=1)

    def _run_tick(self, tick: int, tiles: IntArray) -> None:
        """Let the due ``tiles`` read, compute and write; then the channels may go on to their next step."""
        program = self.engine.program
        steps = [(tick - int(program.tiles.start[tile])) // program.ticks_per_step for tile in tiles]
        sums = [self._sum(int(tile), step) for tile, step in zip(tiles, steps, strict=True)]
        for tile, step, acc in zip(tiles, steps, sums, strict=True):
            self._update(int(tile), step, acc)
        step, rest = divmod(tick - INPUT_START, program.ticks_per_step)
        if rest == 0 and step < program.steps:
            self._present(step)

    def _sum(self, tile: int, step: int) -> AnyArray:
        """What the axons of ``tile`` bring in its ``step``, ``[columns, n]``."""
        program, clock = self.engine.program, self.engine.clock
        rows = slice(program.tiles.axons[tile], program.tiles.axons[tile + 1])
        seen = np.minimum(step + clock.offset[rows], program.steps - 1)
        source = clock.register[rows]
        if len(seen) and seen[0] >= 0 and (seen == seen[0]).all():
            registers = self.registers[seen[0] % clock.depth]
        else:  # axons that see different steps, or a register as it was before its first one
            registers = np.where((seen >= 0)[:, None], self.registers[seen % clock.depth, source], self.before[source])
            source = np.arange(len(seen))
        if self.counts:
            self._count(np.array([tile]), registers[source][:, None])
        return self.engine.products[tile](registers, source)

    def _count(self, tiles: IntArray, values: AnyArray) -> None:
        """Count the events of an update of tiles with one block, whose axons carry ``values``, ``[rows, tiles, n]``."""
        carried, first = values != 0, self.engine.program.tiles.axons[tiles[0]]
        events = np.count_nonzero(carried, axis=2)
        self.axon_events[tiles] += events.sum(axis=0)
        self.synapse_events[tiles] += self.engine.synapses[first : first + len(events)] @ events
        self.idle_updates[tiles] += np.count_nonzero(~carried.any(axis=0), axis=1)

    def _update(self, tile: int, step: int, acc: AnyArray) -> None:
        engine, program = self.engine, self.engine.program
        first, last = int(program.tiles.neurons[tile]), int(program.tiles.neurons[tile + 1])
        registers, columns = self.registers[step % engine.clock.depth], slice(first, last)
        if engine.model.name == "requantize":
            requantize(acc, registers, engine.parameters, engine.lookup, first, last, engine.width)
        elif engine.model.kernel is not None:
            engine.model.kernel(acc, registers, self.state, engine.parameters, self.widths, first, last)
        else:
            own = {name: values[columns] for name, values in program.neurons.parameters.items()}
            before = self.state[:, columns].swapaxes(1, 2)
            given, state = engine.model.step(acc.T.astype(np.int64), before, own, self.widths)
            self.state[:, columns], registers[columns] = state.swapaxes(1, 2), given.T
        mine = (self.wanted >= first) & (self.wanted < last)
        given = registers[self.wanted[mine]].astype(np.int64)
        if self.potential.any():
            given = np.where(self.potential[mine, None], self._potential(mine, step), given)
        self.outputs[step if self.by_step else 0, mine] += given
        if self.counts:
            self.sent[columns] += np.count_nonzero(registers[columns], axis=1)
        if self.fired is not None:
            self.fired.append(first + np.flatnonzero(registers[columns, 0]))

    def _potential(self, mine: AnyArray, step: int) -> IntArray:
        """Potentials of output neurons, ``[rows, n]``; before the last step, where only that counts, 0."""
        counts = self.by_step or step == self.engine.program.steps - 1
        found: IntArray = self.state[0, self.wanted[mine]] * int(counts)
        return found

    def _present(self, step: int) -> None:
        """Let the input channels stand at ``step``."""
        engine, program = self.engine, self.engine.program
        values = self.q[step if len(self.q) > 1 else 0]
        if engine.spread.any():
            values = np.where(engine.spread[:, None], spread_step(values, step, program.steps), values)
        self.registers[step % engine.clock.depth, len(program.neurons) :] = values
        if self.counts:
            self.received += np.count_nonzero(values, axis=1)
