"""Level ``cycle``: what cores and network do in a tick, against event counts, a plain queue and a chain by hand."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains import chain, round_chip
from core_parts import core_parts, sram_chip
from neutrams.base.arrays import IntArray
from neutrams.base.errors import SpecError
from neutrams.hardware import Board, Chip, load_chip
from neutrams.hardware.core_times import in_cycles
from neutrams.program import Program
from neutrams.simulator import Run, batched, engine, simulate, spiking, view
from neutrams.simulator.cycle import Beat, Clockwork, Count, recent, run_steady, ticks, timing_of
from neutrams.simulator.cycle.buffers import stored
from neutrams.simulator.cycle.network import Bus, Routers
from neutrams.simulator.cycle.work import Due, Words, Work
from neutrams.simulator.moment import Moment
from neutrams.simulator.result import Activity, Cycles
from neutrams.simulator.tally import synapses_of_tiles
from neutrams.simulator.timing import Timing
from routing import routed
from simulator_programs import programs, random_inputs, random_program

SPIKING = ("if_hard", "if_soft")


def in_line(program: Program) -> Program:
    """The program with tile i at tick i, which reads channels or tiles before it, in step, and no value ever 0."""
    tiles, neurons = program.tiles, len(program.neurons)
    reader = np.repeat(np.arange(len(tiles)), np.diff(tiles.axons))
    sender = np.searchsorted(tiles.neurons, program.axons.source, side="right") - 1
    inside = (program.axons.source >= 0) & (sender < reader)
    axons = replace(
        program.axons,
        source=np.where(inside, program.axons.source, -1),
        delay=np.where(inside, reader - sender, reader + 1),
    )
    parameters = {**program.neurons.parameters, "low": np.full(neurons, 1), "high": np.full(neurons, 9)}
    return replace(
        program,
        tiles=replace(tiles, start=np.arange(len(tiles))),
        axons=axons,
        neurons=replace(program.neurons, parameters=parameters, table=np.zeros(0, dtype=np.int64)),
        inputs=tuple(replace(port, low=1, high=9) for port in program.inputs),
    )


class Beats:
    """An observer that keeps what goes on below each tick, by sample and tick."""

    neurons = np.zeros(0, dtype=np.int64)

    def __init__(self) -> None:
        self.found: dict[tuple[int, int], Beat] = {}

    def see(self, sample: int, moment: Moment) -> None: ...

    def hear(self, sample: int, tick: int, beat: Beat) -> None:
        self.found[sample, tick] = beat

    def end_sample(self, sample: int, events: Activity) -> None: ...

    def end(self, run: Run) -> None: ...


def senders(program: Program) -> IntArray:
    """The neurons of all words that leave their core when every neuron sends: one to each other core that reads it."""
    home = program.tiles.core[np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.neurons))]
    reader = program.tiles.core[np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.axons))]
    pairs = {(int(s), int(r)) for s, r in zip(program.axons.source, reader, strict=True) if s >= 0 and home[s] != r}
    return np.array([s for s, _ in pairs], dtype=np.int64)


def placed(program: Program, columns: int) -> Program:
    """The program with its tiles on cores of their own."""
    chip = program.chip.with_values(board={"rows": 8, "columns": columns})
    tiles = replace(program.tiles, core=np.arange(len(program.tiles)))
    return routed(replace(program, chip=chip, tiles=tiles))


@given(program=programs((*SPIKING, "requantize")), columns=st.integers(1, 4))
def test_values_and_energy_of_events_are_those_of_level_tick(program: Program, columns: int) -> None:
    program, inputs = placed(program, columns), random_inputs(program, 2, 0)
    tick, cycle = (simulate(program, inputs, level=level, raster=True) for level in ("tick", "cycle"))
    np.testing.assert_array_equal(cycle.counts["y"], tick.counts["y"])
    assert tick.raster is None or np.array_equal(cycle.raster, tick.raster)
    assert tick.cost is not None
    assert cycle.cost is not None
    for name, band in tick.cost.energy_breakdown_j.items():
        assert name == "leakage" or cycle.cost.energy_breakdown_j[name] == band


@given(program=programs((*SPIKING, "requantize")), columns=st.integers(1, 4))
def test_a_tick_lasts_until_the_last_core_and_the_last_word(program: Program, columns: int) -> None:
    program = placed(program, columns)
    program = replace(program, chip=program.chip.with_values(tick={"ann_s": 0.0, "snn_s": 0.0}))
    inputs = random_inputs(program, 1, 0)
    cycles = simulate(program, inputs, level="cycle").cycles
    assert cycles is not None
    assert cycles.late == 0
    assert cycles.tick_cycles.sum() >= max(cycles.core_cycles, 1)
    assert cycles.longest_cycles == cycles.tick_cycles.max()
    assert len(cycles.latency) <= cycles.longest_cycles + 1


@given(seed=st.integers(0, 1 << 32), period=st.integers(1, 3), steps=st.sampled_from([1, 1, 2, 4]))
def test_neurons_that_do_not_send_zeros_send_no_more_than_those_that_do(seed: int, period: int, steps: int) -> None:
    """Phase by phase of each step of each sample: words, rows and core cycles."""
    program = placed(random_program(seed, "requantize", steps, period), 3)
    fewer, inputs = (
        replace(program, chip=program.chip.with_values(signal={"skip_zero": True})),
        random_inputs(program, 3),
    )
    most, some = Beats(), Beats()
    full, part = (simulate(p, inputs, level="cycle", observer=o) for p, o in ((program, most), (fewer, some)))
    np.testing.assert_array_equal(part.counts["y"], full.counts["y"])
    assert list(some.found) == [(sample, k) for sample in range(3) for k in range(steps * period)]
    for (_, number), beat in some.found.items():
        upper = most.found[0, number % period]
        np.testing.assert_array_equal(beat.due.tile, upper.due.tile)
        assert (beat.due.rows <= upper.due.rows).all()
        assert len(beat.words) <= len(upper.words)
        assert beat.core_cycles <= upper.core_cycles
    assert sum(beat.due.rows.sum() for beat in some.found.values()) == part.activity.axon_events.sum()
    assert part.cycles is not None
    assert part.cost is not None
    step_s = part.cycles.period_s * part.cycles.tick_cycles.sum() / (3 * steps)
    assert steps > 1 or part.cost.throughput_hz == pytest.approx(1 / step_s)
    sent = np.bincount(senders(fewer), minlength=len(program.neurons)) @ part.activity.sent
    assert sum(len(beat.words) for beat in some.found.values()) == sent


@given(seed=st.integers(0, 1 << 32), period=st.integers(1, 3), steps=st.sampled_from([1, 3]))
def test_where_no_value_is_zero_skipping_zeros_changes_nothing(seed: int, period: int, steps: int) -> None:
    program = placed(in_line(random_program(seed, "requantize", steps, period)), 3)
    fewer = replace(program, chip=program.chip.with_values(signal={"skip_zero": True}))
    full, part = (simulate(p, random_inputs(program, 2), level="cycle") for p in (program, fewer))
    assert full.cycles is not None
    assert part.cycles is not None
    np.testing.assert_array_equal(part.cycles.tick_cycles, np.tile(full.cycles.tick_cycles, 2 * steps))
    assert part.cost is not None
    assert full.cost is not None
    assert part.cost.latency_s == pytest.approx(full.cost.latency_s)
    assert part.cost.throughput_hz == pytest.approx(full.cost.throughput_hz)


@given(program=programs((*SPIKING, "requantize")), skip_zero=st.booleans())
def test_two_threads_give_the_bits_of_one(program: Program, skip_zero: bool) -> None:
    program = placed(program, 3)
    chip = program.chip.with_values(signal={"skip_zero": skip_zero}, tick={"ann_s": 0.0, "snn_s": 0.0})
    program = replace(program, chip=chip)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "WATCHED_CHUNK", 2)
        runs = []
        for threads in (1, 2):
            for module in (view, batched, spiking):
                patch.setattr(module, "thread_count", lambda threads=threads: threads)
            runs.append(simulate(program, random_inputs(program, 7), level="cycle", raster=True))
    one, two = runs
    np.testing.assert_array_equal(one.counts["y"], two.counts["y"])
    np.testing.assert_array_equal(one.outputs["y"], two.outputs["y"])
    assert one.cost == two.cost
    assert one.raster is None or np.array_equal(one.raster, two.raster)
    for f in fields(Activity):
        np.testing.assert_array_equal(getattr(one.activity, f.name), getattr(two.activity, f.name))
    for f in fields(Cycles):
        np.testing.assert_array_equal(getattr(one.cycles, f.name), getattr(two.cycles, f.name))


def steady(program: Program) -> tuple[Cycles, Timing]:
    """The phases of an ann program, without a run of its values."""
    clockwork, count = Clockwork(program), Count()
    run_steady(program, clockwork, lambda tick, beat: count.add(beat))
    cycles = count.result(clockwork, 1)
    return cycles, timing_of(program, cycles)


@given(program=programs((*SPIKING, "requantize")), skip_zero=st.booleans())
def test_ticks_that_come_again_are_as_if_they_were_run_again(program: Program, skip_zero: bool) -> None:
    program = replace(placed(program, 3), chip=program.chip.with_values(signal={"skip_zero": skip_zero}))
    inputs = {name: np.repeat(x, 2, axis=0) for name, x in random_inputs(program, 2).items()}
    found = []
    for remembered in (0, 4):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(recent, "REMEMBERED", remembered)
            found.append(simulate(program, inputs, level="cycle").cycles)
    for f in fields(Cycles):
        np.testing.assert_equal(getattr(found[0], f.name), getattr(found[1], f.name))


def test_only_the_same_tick_is_not_run_again() -> None:
    program = chain(round_chip().with_values(tick={"cycle_s": 1e-3}), (0, 1), model="if_hard")
    work, both, rows = Clockwork(program), np.array([0, 1]), np.array([2, 3])
    first = work.beat([(both, rows, 3 * rows, np.arange(6))])
    assert work.beat([(both.copy(), rows.copy(), 3 * rows, np.arange(6))]) is first
    others = [(both, rows, np.arange(5)), (both, rows[::-1].copy(), np.arange(6)), (both[:1], rows[:1], np.arange(3))]
    assert all(work.beat([(tiles, read, 3 * read, fired)]) is not first for tiles, read, fired in others)


@given(program=programs(SPIKING), enough=st.integers(1, 50))
def test_ticks_run_together_are_as_if_each_were_run_alone(program: Program, enough: int) -> None:
    program = placed(program, 3)
    inputs = random_inputs(program, 2)
    alone = simulate(program, inputs, level="cycle", observer=Beats()).cycles
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ticks, "ENOUGH", enough)
        together = simulate(program, inputs, level="cycle").cycles
    for f in fields(Cycles):
        np.testing.assert_equal(getattr(together, f.name), getattr(alone, f.name))


def words(source: IntArray, target: IntArray, created: IntArray) -> Words:
    one, sender = np.ones(len(source), dtype=np.int64), np.arange(len(source))
    return Words(tick=0 * one, pair=sender, sender=sender, source=source, target=target, flits=one, created=created)


@given(data=st.data(), n=st.integers(1, 30))
def test_a_bus_serves_one_word_after_another(data: st.DataObject, n: int) -> None:
    chip = load_chip("prime")
    cores = st.lists(st.integers(0, 2 * chip.board.rows * chip.board.columns), min_size=n, max_size=n)
    source, target = np.array(data.draw(cores)), np.array(data.draw(cores))
    created = np.sort(data.draw(st.lists(st.integers(0, 20), min_size=n, max_size=n)))
    bus, board = Bus(chip), Board.of(chip)
    found = bus.deliver(words(source, target, created)).arrived
    free: dict[int, int] = {}
    for i in range(n):
        if source[i] == target[i]:  # a core tells itself nothing
            continue
        near = bool(board.same_chip(source[i], target[i]))
        lane = int(board.chip_of(source[i])) if near else -1
        free[lane] = max(free.get(lane, 0), int(created[i])) + (bus.near if near else bus.far)
        assert found[i] == free[lane] + bus.router


def test_a_chain_by_hand() -> None:
    """Two tiles of 3 neurons on neighbouring cores: cycles of 1 ms, rows 1, array 2, neurons 3, routers 4, links 5."""
    chip = round_chip().with_values(tick={"cycle_s": 1e-3})
    program = chain(chip, (0, 1))
    work, both = Work(program), np.array([0, 1])
    sent, busy = work.of(Due.of([(both, np.array([2, 3]), np.array([6, 9]), None)]))
    assert (busy.core.tolist(), busy.done.tolist()) == ([0, 1], [2 + 2 + 9, 3 + 2 + 9])
    assert (sent.source.tolist(), sent.target.tolist(), sent.created.tolist()) == ([0] * 3, [1] * 3, [7, 10, 13])
    # into the router 2, two routers of 4, the link of 5, to the core 1; the link takes a flit every 5 cycles
    assert Routers(program).deliver(sent).arrived.tolist() == [7 + 16, 10 + 18, 13 + 20]
    cycles, timing = steady(program)
    assert cycles.tick_cycles.tolist() == [13 + 20]
    assert cycles.latency.tolist() == [0] * 16 + [1, 0, 1, 0, 1]
    assert (cycles.limit, cycles.late, cycles.samples) == ("network, to core 1", 0, 1)
    network = cycles.network
    assert [network[f"{name}_latency_cycles"] for name in ("mean", "p99", "worst")] == [18, 20, 20]
    assert (network["mean_tick_cycles"], network["core_cycle_share"]) == (33, pytest.approx(14 / 33))
    assert (timing.tick_s, timing.latency_s) == pytest.approx((0.033, 0.066))
    assert timing.throughput_hz == pytest.approx(1 / 0.033)


def test_words_that_miss_a_fixed_tick_are_counted() -> None:
    chip = round_chip().with_values(tick={"cycle_s": 1e-3, "ann_s": 27e-3})
    cycles, timing = steady(chain(chip, (0, 1)))
    assert cycles.late == 2  # they arrive in cycles 23, 28 and 33
    assert cycles.limit == "fixed, too short: network, to core 1 needs 33 cycles"
    assert timing.tick_s == pytest.approx(0.027)


def test_a_word_is_late_where_it_is_not_in_its_buffer_in_time() -> None:
    chip = round_chip().with_values(tick={"cycle_s": 1e-3}, pipeline={"axon_cycles": 7})
    cycles, _ = steady(chain(chip, (0, 1)))
    assert (cycles.tick_cycles.tolist(), cycles.limit) == ([33 + 7], "network, to core 1")
    assert cycles.latency.tolist() == [0] * 16 + [1, 0, 1, 0, 1], (
        "the way into the buffer is no way through the network"
    )
    fixed = chip.with_values(tick={"ann_s": 31e-3})  # placed in cycles 30, 35 and 40
    assert steady(chain(fixed, (0, 1)))[0].late == 2


def test_two_chips_are_as_far_apart_as_their_link() -> None:
    chip = round_chip().with_values(tick={"cycle_s": 1e-3}, technology={"chip_link_s": 50e-3})
    near, far = (
        Routers(chain(chip, cores)).deliver(words(np.array([cores[0]]), np.array([cores[1]]), np.array([0]))).arrived[0]
        for cores in ((1, 2), (2, 6))
    )
    assert far - near == 45


@given(data=st.data(), n=st.integers(1, 30), cycles=st.integers(0, 4), ports=st.integers(1, 4))
def test_ports_of_a_buffer_take_words_in_the_order_of_arrival(
    data: st.DataObject, n: int, cycles: int, ports: int
) -> None:
    core = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    arrived = np.array(data.draw(st.lists(st.integers(0, 20), min_size=n, max_size=n)))
    found = stored(core, arrived, cycles, ports)
    free: dict[int, list[int]] = {}
    for i in np.argsort(arrived, kind="stable").tolist():
        own = free.setdefault(int(core[i]), [0] * ports)
        port = own.index(min(own))
        own[port] = max(own[port], int(arrived[i])) + cycles
        assert found[i] == own[port]


@given(chip=core_parts(), program=programs((*SPIKING, "requantize")), columns=st.integers(1, 4))
def test_a_tick_with_any_parts_holds_its_rows_and_the_way_into_the_buffer(
    chip: Chip, program: Program, columns: int
) -> None:
    program = placed(program, columns)
    parts = {name: dict(getattr(chip, name)) for name in ("pipeline", "weights", "state", "buffer")}
    times = {"ann_s": 0.0, "snn_s": 0.0, "cycle_s": 1e-3}
    parted = replace(program, chip=program.chip.with_values(tick=times, **parts))
    later = replace(parted, chip=parted.chip.with_values(pipeline={"axon_cycles": chip.pipeline.axon_cycles + 7}))
    inputs = random_inputs(program, 1, 0)
    runs = [simulate(p, inputs, level="cycle") for p in (program, parted, later)]
    for run in runs:
        np.testing.assert_array_equal(run.counts["y"], runs[0].counts["y"])
    first, second = (run.cycles for run in runs[1:])
    assert first is not None
    assert second is not None
    if program.mode == "ann":
        axons, columns_of = np.diff(program.tiles.axons), np.diff(program.tiles.neurons)
        rows = in_cycles(parted.chip, program.model).rows(axons, synapses_of_tiles(program), columns_of)
        assert first.tick_cycles.max() >= rows.max()
    longer = second.tick_cycles - first.tick_cycles
    assert ((longer >= 0) & (longer <= 7)).all()
    np.testing.assert_array_equal(second.latency, first.latency)


def test_an_sram_core_by_hand() -> None:
    """Per row: word 1, reads 1, sums 1 cycle; then 3 neurons, each a cycle, and 3 more through their pipeline."""
    program = chain(sram_chip(), (0, 1))
    work = Work(program)
    sent, busy = work.of(Due.of([(np.array([0, 1]), np.array([2, 3]), np.array([6, 9]), None)]))
    assert busy.done.tolist() == [2 + 2 + 3 + 3, 3 + 2 + 3 + 3]
    assert sent.created.tolist() == [2 + 2 + 3 + place for place in (1, 2, 3)]
    # 2 cycles into the buffer, 1 to write; the second word, here at the same time, waits for the port
    assert work.placed(sent, np.array([20, 20, 30])).tolist() == [23, 24, 33]


def test_a_tile_that_looks_up_is_deeper() -> None:
    chip = round_chip().with_values(tick={"cycle_s": 1e-3}, pipeline={"table_cycles": 4})
    program = chain(chip, (0, 1))
    neurons = replace(program.neurons, table=np.array([-1, 0, -1, -1, -1, -1]))
    looking = replace(program, neurons=neurons, tables=np.zeros((1, 256), dtype=np.int64))
    due = Due.of([(np.array([0, 1]), np.array([2, 3]), np.array([6, 9]), None)])
    plain, deep = (Work(p).of(due) for p in (program, looking))
    assert (deep[1].done - plain[1].done).tolist() == [4, 0]
    assert (deep[0].created - plain[0].created).tolist() == [4, 4, 4]


def test_a_fixed_tick_lasts_as_the_chip_says_also_between_two_cycles() -> None:
    chip = round_chip().with_values(tick={"cycle_s": 10e-3, "ann_s": 14e-3})
    cycles, timing = steady(chain(chip, (0, 1)))
    assert cycles.tick_cycles.tolist() == [2]
    assert timing.tick_s == pytest.approx(14e-3)
    short = round_chip().with_values(tick={"cycle_s": 10e-3, "ann_s": 1e-3})
    cycles, timing = steady(chain(short, (0, 1)))
    assert (cycles.tick_cycles.tolist(), cycles.late) == ([1], 3)
    assert timing.tick_s == pytest.approx(1e-3)


def test_ticks_without_anything_to_do_are_ticks() -> None:
    program = chain(round_chip().with_values(tick={"cycle_s": 1e-3}), (0, 1), model="if_hard")
    work, none = Clockwork(program), np.zeros(0, dtype=np.int64)
    tick = (np.array([0]), np.array([2]), np.array([6]), np.arange(3))
    assert len(work.beat([tick]).cycles) == 1
    assert len(work.beat([tick, (none, none, none, none)]).cycles) == 2


@pytest.mark.parametrize(
    ("tick_s", "technology", "message"),
    [
        (1e-9, {"router_s": 1e-7}, "technology.router_s takes 100 cycles of 1e-09 s, allowed are 67"),
        (
            1e-9,
            {"router_s": 4e-8, "link_s": 1e-3},
            "technology.link_s takes 1000000 cycles of 1e-09 s, allowed are 4096",
        ),
        (1e-9, {"router_s": 4e-8, "link_s": 1e-9, "row_s": 1.0}, "a core works 3002000003 cycles"),
    ],
)
def test_times_that_are_too_long_for_the_clock_are_refused(
    tick_s: float, technology: dict[str, float], message: str
) -> None:
    chip = round_chip().with_values(tick={"cycle_s": tick_s}, technology={"neuron_s": 1e-9, **technology})
    with pytest.raises(SpecError, match=message):
        steady(chain(chip, (0, 1)))
