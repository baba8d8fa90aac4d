"""One sample with words that may be missed: registers, copies of them in other cores, potentials."""

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.codec import spread_step
from neutrams.neurons import find_model
from neutrams.program import Program
from neutrams.simulator.cycle import Beat
from neutrams.simulator.inputs import spread_channels
from neutrams.simulator.late.copies import Copies
from neutrams.simulator.memory import first_registers
from neutrams.simulator.moment import Look, Moment
from neutrams.simulator.schedule import INPUT_START, Schedule, due
from neutrams.simulator.tally import Tally, output_neurons, potential_rows, synapses_of_axons


class Wiring:
    """Who reads what, and how soon after it was sent.

    Attributes:
        program: The program.
        clock: Its schedule.
        model: Its neuron model.
        neuron: int64 ``[pairs]``, for each pair of a neuron and another core that reads it: the neuron.
        key: int64 ``[pairs]``, neuron * (largest core + 1) + core, ascending.
        pair: int64 ``[axons]``, the pair whose copy an axon reads, -1 where it reads a channel or its own core.
        synapses: int64 ``[axons]``, how many synapses an axon reads.
        soon: bool ``[axons]``, whether it reads the register as it stood right after the tick in which it was written.
    """

    def __init__(self, program: Program, clock: Schedule) -> None:
        tiles, source = program.tiles, program.axons.source
        self.program, self.clock = program, clock
        self.model = find_model(program.model, "program, model", program.chip.neuron.definitions)
        self._cores = int(tiles.core.max(initial=0)) + 1
        sender = np.searchsorted(tiles.neurons, np.maximum(source, 0), side="right") - 1
        away = (source >= 0) & (tiles.core[sender] != tiles.core[clock.tile])
        wanted = source * self._cores + tiles.core[clock.tile]
        self.key = np.unique(wanted[away])
        self.neuron = self.key // self._cores
        self.pair = np.where(away, np.searchsorted(self.key, wanted), -1)
        ahead = tiles.start[clock.tile] - tiles.start[sender]
        self.synapses = synapses_of_axons(program)
        self.soon = away & (ahead - program.axons.delay == clock.offset * program.ticks_per_step)

    def missed(self, beat: Beat) -> AnyArray:
        """Return which pairs' words a tick missed, bool ``[pairs]``."""
        words = beat.words
        found = np.zeros(len(self.key), dtype=np.bool_)
        found[np.searchsorted(self.key, words.sender[beat.missed] * self._cores + words.target[beat.missed])] = True
        return found


class LateSample:
    """The state of a sample while the clock runs."""

    def __init__(self, wiring: Wiring, q: IntArray, always: AnyArray, watched: IntArray) -> None:
        """Begin with fresh state.

        Args:
            wiring: The program, looked at.
            q: int64 ``[T or 1, channels]``, what the channels carry.
            always: bool ``[pairs]``, words that are missed in every step.
            watched: int64, neurons whose potentials are shown.
        """
        self._wiring, self._q, self._always, self._watched = wiring, q, always, watched
        program, clock = wiring.program, wiring.clock
        neurons = len(program.neurons)
        self._before = first_registers(program, q[0][:, None])[:, 0]
        self._state = wiring.model.start(program.neurons.parameters, (1, neurons))
        self._registers = np.zeros((clock.depth, neurons + program.channels), dtype=np.int64)
        lost = program.chip.tick.late == "lost"
        self._copies = Copies(clock.depth, self._before[wiring.neuron], program.mode == "snn", lost)
        self._outputs = np.zeros((program.steps, len(output_neurons(program))), dtype=np.int64)
        self._events = np.zeros((3, len(program.tiles)), dtype=np.int64)
        self._sent, self._received = np.zeros(neurons, dtype=np.int64), np.zeros(program.channels, dtype=np.int64)

    def run(self, look: Look) -> Tally:
        """Let the clock run (the order inside a tick: see `neutrams.simulator.engine`)."""
        program = self._wiring.program
        for tick in range(INPUT_START, self._wiring.clock.ticks):
            self._tick(tick, due(program, tick), look)
            step, rest = divmod(tick - INPUT_START, program.ticks_per_step)
            if rest == 0 and step < program.steps:
                self._present(step)
        by_step = any(port.sequence for port in program.outputs)
        return Tally(
            outputs=self._outputs[None] if by_step else self._outputs.sum(axis=0)[None],
            axon_events=self._events[0],
            synapse_events=self._events[1],
            idle_updates=self._events[2],
            sent=self._sent,
            received=self._received,
        )

    def _tick(self, tick: int, tiles: IntArray, look: Look) -> None:
        """Let all due tiles read and compute, see what the network makes of their words, then write."""
        program = self._wiring.program
        steps = (tick - program.tiles.start[tiles]) // program.ticks_per_step
        given = [self._compute(int(tile), int(step)) for tile, step in zip(tiles, steps, strict=True)]
        rows, synapses = np.array([read for read, _ in given], dtype=np.int64).reshape(-1, 2).T
        neurons = [np.arange(program.tiles.neurons[tile], program.tiles.neurons[tile + 1]) for tile in tiles]
        fired = [own[y != 0] for own, (_, y) in zip(neurons, given, strict=True)]
        missed = self._always
        if tick >= 0:
            potential = self._state[0, 0, self._watched] if len(self._watched) else self._watched
            whole = np.concatenate([*fired, np.zeros(0, dtype=np.int64)])
            beat = look(Moment(tick=tick, tiles=tiles, rows=rows, synapses=synapses, fired=whole, potential=potential))
            missed = missed if beat is None else self._wiring.missed(beat)
        self._events[:, tiles] += np.stack([rows, synapses, rows == 0])
        for step, own, (_, y) in zip(steps.tolist(), neurons, given, strict=True):
            self._write(step, own, y, missed)

    def _compute(self, tile: int, step: int) -> tuple[tuple[int, int], IntArray]:
        """Return how many axons of a tile carry something other than 0, their synapses, and what its neurons give."""
        program, model = self._wiring.program, self._wiring.model
        axons = slice(program.tiles.axons[tile], program.tiles.axons[tile + 1])
        own = slice(program.tiles.neurons[tile], program.tiles.neurons[tile + 1])
        x = self._read(axons, step)
        read = int(np.count_nonzero(x)), int(self._wiring.synapses[axons][x != 0].sum())
        acc = x @ program.blocks[program.tiles.block[tile]].astype(np.int64)
        parameters = {name: values[own] for name, values in program.neurons.parameters.items()}
        y, state = model.step(acc[None], self._state[..., own], parameters, program.chip.widths)
        self._state[..., own] = state
        table = program.lookup[own]
        if (table >= 0).any():
            index = np.where(table >= 0, y[0] - parameters["low"], 0)
            return read, np.where(table >= 0, program.tables[table, index], y[0]).astype(np.int64)
        return read, y[0]

    def _read(self, axons: slice, step: int) -> IntArray:
        """Return what axons find in the ``step`` of their tile, int64."""
        wiring = self._wiring
        seen, register, pair = step + wiring.clock.offset[axons], wiring.clock.register[axons], wiring.pair[axons]
        held = np.minimum(seen, wiring.program.steps - 1)
        slot = held % wiring.clock.depth
        found = self._registers[slot, register]
        away = pair >= 0
        fresh = wiring.soon[axons] & (seen == held)
        copies = np.where(fresh, self._copies.fresh[slot, pair], self._copies.settled[slot, pair]) if away.any() else 0
        return np.where(seen < 0, self._before[register], np.where(away, copies, found))

    def _write(self, step: int, neurons: IntArray, y: IntArray, missed: AnyArray) -> None:
        """Write what neurons gave in a step of theirs: into registers, copies and outputs."""
        program, first = self._wiring.program, int(neurons[0]) if len(neurons) else 0
        self._registers[step % len(self._registers), neurons] = y
        self._sent[neurons] += y != 0
        pairs = np.flatnonzero((self._wiring.neuron >= first) & (self._wiring.neuron < first + len(neurons)))
        self._copies.write(step, pairs, y[self._wiring.neuron[pairs] - first], missed[pairs])
        wanted = output_neurons(program)
        mine = np.flatnonzero((wanted >= first) & (wanted < first + len(neurons)))
        values = y[wanted[mine] - first]
        read = potential_rows(program)[mine]
        if read.any():
            last = step == program.steps - 1 or any(port.sequence for port in program.outputs)
            values = np.where(read, self._state[0, 0, wanted[mine]] * last, values)
        self._outputs[step, mine] = values

    def _present(self, step: int) -> None:
        """Let the input channels stand at ``step``."""
        program = self._wiring.program
        q, spread = self._q[step if len(self._q) > 1 else 0], spread_channels(program)
        values = np.where(spread, spread_step(q, step, program.steps), q) if spread.any() else q
        self._registers[step % len(self._registers), len(program.neurons) :] = values
        self._received += values != 0
