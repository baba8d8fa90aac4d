"""Words that miss a fixed tick: late or lost, against a literal register a core and by hand; none missed, no change."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neutrams.base.errors import SpecError
from neutrams.hardware import load_chip
from neutrams.neurons import models
from neutrams.program import InputPort, OutputPort, Program
from neutrams.simulator import simulate
from neutrams.simulator.inputs import encode_channels
from neutrams.simulator.late.copies import Copies
from neutrams.simulator.late.sample import LateSample, Wiring
from neutrams.simulator.result import Activity
from neutrams.simulator.schedule import schedule
from simulator_programs import NONE, assemble, programs, random_inputs, random_program, standing

SPIKING = ("if_hard", "if_soft")
LEAKY = tuple(sorted(name for name, model in models().items() if model.mode == "snn" and model.reset is None))


def timed(program: Program, late: str, cycles: int) -> Program:
    """The program on cores of its own, with a fixed tick of so many cycles of 1 ns; 0: as long as it needs."""
    chip = program.chip.with_values(
        board={"rows": 8, "columns": 2},
        tick={"ann_s": cycles * 1e-9, "snn_s": cycles * 1e-9, "cycle_s": 1e-9, "late": late},
    )
    return replace(program, chip=chip, tiles=replace(program.tiles, core=np.arange(len(program.tiles))))


@given(program=programs((*SPIKING, *LEAKY, "requantize")), late=st.sampled_from(["late", "lost"]))
def test_a_tick_long_enough_gives_the_values_of_the_other_levels(program: Program, late: str) -> None:
    program, inputs = timed(program, late, 10**6), random_inputs(program, 2, 0)
    plain, run = simulate(program, inputs, raster=True), simulate(program, inputs, level="cycle", raster=True)
    np.testing.assert_array_equal(run.counts["y"], plain.counts["y"])
    np.testing.assert_array_equal(run.outputs["y"], plain.outputs["y"])
    assert run.raster is None or np.array_equal(run.raster, plain.raster)
    for f in fields(Activity):
        np.testing.assert_array_equal(getattr(run.activity, f.name), getattr(plain.activity, f.name))
    assert run.cycles is not None
    assert (run.cycles.late, run.cycles.lost) == (0, 0)


@given(program=programs((*SPIKING, *LEAKY, "requantize")), late=st.sampled_from(["late", "lost"]))
def test_where_every_word_is_missed_axons_read_a_step_later_or_nothing(program: Program, late: str) -> None:
    """As a program does whose axons have longer delays, where no word can be missed."""
    program, inputs = timed(program, late, 1), random_inputs(program, 2, 0)
    wiring, period = Wiring(program, schedule(program)), program.ticks_per_step
    far = int(program.tiles.start.max()) + (program.steps + 1) * period
    more = period * wiring.soon if late == "late" else far * (wiring.pair >= 0)
    longer = replace(program, axons=replace(program.axons, delay=program.axons.delay + more))
    run, wanted = simulate(program, inputs, level="cycle", raster=True), simulate(longer, inputs, raster=True)
    np.testing.assert_array_equal(run.counts["y"], wanted.counts["y"])
    assert run.raster is None or np.array_equal(run.raster, wanted.raster)
    for f in fields(Activity):
        np.testing.assert_array_equal(getattr(run.activity, f.name), getattr(wanted.activity, f.name))


@dataclass
class Literal:
    """A literal chip: what every register and every copy of it held after every tick, by neuron and reading core."""

    program: Program
    missed: Any
    y: Any

    def arrived(self, k: int, pair: tuple[int, int]) -> float:
        """The tick at the end of which the word of step ``k`` is there."""
        program = self.program
        tile = int(np.searchsorted(program.tiles.neurons, pair[0], side="right")) - 1
        sent = int(program.tiles.start[tile]) + k * program.ticks_per_step
        if pair not in self.missed:
            return sent
        return sent + 1 if program.chip.tick.late == "late" else np.inf

    def copy(self, pair: tuple[int, int], tick: int) -> int:
        """What the core's copy of a value holds after ``tick``: of the words that are there the last one sent."""
        there = [k for k in range(self.program.steps) if self.arrived(k, pair) <= tick and k < len(self.y[pair[0]])]
        return self.y[pair[0]][there[-1]] if there else 0


def literal(program: Program, inputs: dict[str, Any], missed: set[tuple[int, int]]) -> Any:
    """Sums of the output neurons of an ann program, tick by tick, where the words of ``missed`` pairs always are."""
    model, tiles, period = models()[program.model], program.tiles, program.ticks_per_step
    y: dict[int, list[int]] = {n: [] for n in range(len(program.neurons))}
    chip = Literal(program, missed, y)
    home = {n: int(t) for t in range(len(tiles)) for n in range(tiles.neurons[t], tiles.neurons[t + 1])}
    for tick in range(int(tiles.start.max()) + (program.steps - 1) * period + 1):
        written = []
        for t in np.flatnonzero(
            [(tick - s) % period == 0 and 0 <= tick - s < program.steps * period for s in tiles.start]
        ):
            x = []
            for a in range(tiles.axons[t], tiles.axons[t + 1]):
                n, seen = int(program.axons.source[a]), tick - int(program.axons.delay[a])
                if n < 0:
                    x.append(int(standing(program, inputs, max(seen, -99))[0, -1 - n]))
                elif home[n] == t:
                    x.append(Literal(program, set(), y).copy((n, int(tiles.core[t])), seen))
                else:
                    x.append(chip.copy((n, int(tiles.core[t])), seen))
            acc = np.array(x, dtype=np.int64) @ program.blocks[tiles.block[t]].astype(np.int64)
            own = slice(tiles.neurons[t], tiles.neurons[t + 1])
            parameters = {name: values[own] for name, values in program.neurons.parameters.items()}
            out, _ = model.step(acc[None], np.zeros((0, 1, len(acc)), dtype=np.int64), parameters, program.chip.widths)
            written += list(zip(range(own.start, own.stop), out[0].tolist(), strict=True))
        for n, value in written:
            table = int(program.lookup[n])
            index = value - int(program.neurons.parameters["low"][n])
            y[n].append(int(program.tables[table, index]) if table >= 0 else value)
    return np.array([sum(y[n]) for n in program.outputs[0].neuron])


@given(
    seed=st.integers(0, 1 << 32),
    steps=st.sampled_from([1, 3]),
    period=st.integers(1, 3),
    late=st.sampled_from(["late", "lost"]),
    share=st.sampled_from([0.1, 0.5, 1.0]),
)
def test_values_that_are_late_or_lost_leave_what_stood_before(
    seed: int, steps: int, period: int, late: str, share: float
) -> None:
    """Any set of words that are always missed, against copies looked up in the whole past."""
    program = timed(random_program(seed, "requantize", steps, period), late, 10**6)
    inputs, wiring = random_inputs(program, 1, 0), Wiring(program, schedule(program))
    always = np.random.default_rng(seed).random(len(wiring.key)) < share
    q = encode_channels(program, inputs, slice(0, 1))[..., 0]
    tally = LateSample(wiring, q, always, NONE).run(lambda moment: None)
    cores = int(program.tiles.core.max()) + 1
    missed = {divmod(int(key), cores) for key in wiring.key[always]}
    np.testing.assert_array_equal(tally.outputs[0], literal(program, inputs, missed))


def two_neurons(late: str, snn_s: float, steps: int = 4) -> Program:
    """A neuron that gives the spikes of the input on, and one on another core that gives its spikes on."""
    chip = load_chip("tianji").with_values(
        board={"rows": 2, "columns": 2},
        tick={"snn_s": snn_s, "cycle_s": 1e-9, "late": late},
    )
    port = InputPort(
        name="x", shape=(1,), first=0, element=np.array([0]), scale=1.0, zero=0.0, low=0, high=steps, code="spread"
    )
    out = OutputPort(
        name="y",
        neuron=np.array([1]),
        coefficient=np.array([1]),
        element=np.array([0]),
        scale=np.ones(1),
        offset=np.zeros(1),
    )
    return assemble(
        "if_hard",
        chip,
        [np.array([[1]], dtype=np.int8), np.array([[1]], dtype=np.int8)],
        [0, 1],
        [np.array([-1]), np.array([0])],
        delay=np.array([1, 1]),
        parameters={"leak": np.zeros(2, int), "threshold": np.ones(2, int), "initial": np.zeros(2, int)},
        inputs=[port],
        outputs=[out],
        steps=steps,
        ticks_per_step=1,
    )


@pytest.mark.parametrize(
    ("late", "cycles", "second", "missed"),
    [
        ("wait", 1, [1, 3], (2, 0)),
        ("late", 1000, [1, 3], (0, 0)),
        ("late", 1, [2, 4], (2, 0)),
        ("lost", 1000, [1, 3], (0, 0)),
        ("lost", 1, [], (0, 2)),
    ],
)
def test_two_spikes_by_hand(late: str, cycles: int, second: list[int], missed: tuple[int, int]) -> None:
    """The first neuron fires in ticks 0 and 2; a cycle is too short for its words, so they miss these ticks."""
    program = two_neurons(late, cycles * 1e-9)
    run = simulate(program, {"x": np.array([[2.0]])}, level="cycle", raster=True)
    assert run.raster is not None
    assert [np.flatnonzero(column).tolist() for column in run.raster.T] == [[0, 2], second]
    assert run.counts["y"].tolist() == [[len(second)]]
    assert run.cycles is not None
    assert (run.cycles.late, run.cycles.lost) == missed
    assert run.activity.axon_events.tolist() == [2, len(second)]


def test_a_late_spike_and_one_on_time_are_read_as_one() -> None:
    copies = Copies(3, np.zeros(2, dtype=np.int64), spikes=True, lost=False)
    pairs, yes, no = np.array([0, 1]), np.array([True, True]), np.array([False, False])
    copies.write(0, pairs, np.array([1, 0]), yes)
    copies.write(1, pairs, np.array([1, 1]), no)
    copies.write(2, pairs, np.array([0, 1]), no)
    assert copies.fresh[:, 0].tolist() == [0, 1, 0]
    assert copies.fresh[:, 1].tolist() == [0, 1, 1]
    assert copies.settled.tolist() == [[1, 0], [1, 1], [0, 1]]


@given(seed=st.integers(0, 1 << 32), steps=st.sampled_from([1, 3]), late=st.sampled_from(["late", "lost"]))
def test_where_every_word_is_missed_all_are_counted(seed: int, steps: int, late: str) -> None:
    program = timed(random_program(seed, "requantize", steps, 1), late, 1)
    inputs, wiring = random_inputs(program, 1, 0), Wiring(program, schedule(program))
    run = simulate(program, inputs, level="cycle")
    cores = int(program.tiles.core.max()) + 1
    wanted = literal(program, inputs, {divmod(int(key), cores) for key in wiring.key})
    np.testing.assert_array_equal(run.counts["y"][0], wanted)
    assert run.cycles is not None
    assert (run.cycles.late, run.cycles.lost) == ((len(wiring.key), 0) if late == "late" else (0, len(wiring.key)))


@given(program=programs(SPIKING), late=st.sampled_from(["late", "lost"]), cycles=st.sampled_from([1, 30, 60, 100, 300]))
def test_words_that_are_missed_and_those_that_are_not_add_up(program: Program, late: str, cycles: int) -> None:
    program = timed(program, late, cycles)
    run = simulate(program, random_inputs(program, 3, 0), level="cycle")
    assert run.cycles is not None
    readers = np.bincount(Wiring(program, schedule(program)).neuron, minlength=len(program.neurons))
    assert run.cycles.latency.sum() == readers @ run.activity.sent
    assert 0 <= 3 * (run.cycles.late + run.cycles.lost) <= run.cycles.latency.sum()
    assert (run.cycles.late if late == "lost" else run.cycles.lost) == 0


def test_chips_that_do_not_send_zeros_are_refused() -> None:
    program = timed(random_program(1, "requantize", 1, 1), "late", 100)
    program = replace(program, chip=program.chip.with_values(signal={"skip_zero": True}))
    with pytest.raises(SpecError, match=r"tick.late is 'late', but signal.skip_zero.*set tick.late=wait"):
        simulate(program, random_inputs(program, 1), level="cycle")


def test_the_other_levels_say_that_they_wait() -> None:
    program = two_neurons("lost", 1e-9)
    assert simulate(program, {"x": np.array([[2.0]])}, level="cycle").warnings == ()
    run = simulate(program, {"x": np.array([[2.0]])}, level="tick")
    assert run.counts["y"].tolist() == [[2]]
    assert run.warnings == (
        "tick.late is 'lost', which level cycle alone models: at level tick no word misses the fixed tick",
    )
    assert simulate(two_neurons("lost", 0.0), {"x": np.array([[2.0]])}, level="tick").warnings == ()
