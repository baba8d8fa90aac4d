"""Level ``cycle``: what cores and network do in a tick, against event counts, a plain queue and a chain by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains import chain, round_chip
from neutrams.base.arrays import AnyArray, IntArray
from neutrams.base.errors import SpecError
from neutrams.hardware import Board, load_chip
from neutrams.program import Program
from neutrams.simulator import simulate
from neutrams.simulator.cycle import run_cycles
from neutrams.simulator.cycle.network import Bus, Routers
from neutrams.simulator.cycle.spikes import Spikes
from neutrams.simulator.cycle.work import Words, Work
from neutrams.simulator.inputs import encode_channels
from neutrams.simulator.schedule import due, schedule
from routing import routed
from simulator_programs import programs, random_inputs

SPIKING = ("if_hard", "if_soft")


def placed(program: Program, columns: int) -> Program:
    """The program with its tiles on cores of their own."""
    chip = program.chip.with_values(board={"rows": 8, "columns": columns})
    tiles = replace(program.tiles, core=np.arange(len(program.tiles)))
    return routed(replace(program, chip=chip, tiles=tiles))


@given(program=programs(SPIKING), seed=st.integers(0, 99))
def test_rows_and_sends_of_all_ticks_are_the_events_of_a_run(program: Program, seed: int) -> None:
    inputs, clock = random_inputs(program, 1, seed), schedule(program)
    run = simulate(program, inputs, raster=True)
    assert run.raster is not None
    spikes = Spikes(program, clock, run.raster, encode_channels(program, inputs, slice(0, 1))[..., 0])
    rows, sent = np.zeros(len(program.tiles), dtype=np.int64), np.zeros(len(program.neurons), dtype=np.int64)
    for tick in range(clock.ticks):
        tiles = due(program, tick)
        rows[tiles] += spikes.rows(tiles, tick)
        sent += spikes.sends(tick)
    np.testing.assert_array_equal(rows, run.activity.axon_events)
    np.testing.assert_array_equal(sent, run.activity.sent)


@given(program=programs((*SPIKING, "requantize")), columns=st.integers(1, 4))
def test_values_and_energy_of_events_are_those_of_level_tick(program: Program, columns: int) -> None:
    program, inputs = placed(program, columns), random_inputs(program, 2, 0)
    tick, cycle = (simulate(program, inputs, level=level) for level in ("tick", "cycle"))
    np.testing.assert_array_equal(cycle.counts["y"], tick.counts["y"])
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


def no_spikes(sample: int) -> tuple[AnyArray, IntArray]:
    raise AssertionError("ann mode needs no spikes")


def words(source: IntArray, target: IntArray, created: IntArray) -> Words:
    one = np.ones(len(source), dtype=np.int64)
    return Words(sender=np.arange(len(source)), source=source, target=target, flits=one, created=created)


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
    sent, cores, done = work.of(both, np.array([2, 3]))
    assert (cores.tolist(), done.tolist()) == ([0, 1], [2 + 2 + 9, 3 + 2 + 9])
    assert (sent.source.tolist(), sent.target.tolist(), sent.created.tolist()) == ([0] * 3, [1] * 3, [7, 10, 13])
    # into the router 2, two routers of 4, the link of 5, to the core 1; the link takes a flit every 5 cycles
    assert Routers(program).deliver(sent).arrived.tolist() == [7 + 16, 10 + 18, 13 + 20]
    cycles, timing = run_cycles(program, 3, no_spikes)
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
    cycles, timing = run_cycles(chain(chip, (0, 1)), 1, no_spikes)
    assert cycles.late == 2  # they arrive in cycles 23, 28 and 33
    assert cycles.limit == "fixed, too short: network, to core 1 needs 33 cycles"
    assert timing.tick_s == pytest.approx(0.027)


def test_two_chips_are_as_far_apart_as_their_link() -> None:
    chip = round_chip().with_values(tick={"cycle_s": 1e-3}, technology={"chip_link_s": 50e-3})
    near, far = (
        Routers(chain(chip, cores)).deliver(words(np.array([cores[0]]), np.array([cores[1]]), np.array([0]))).arrived[0]
        for cores in ((1, 2), (2, 6))
    )
    assert far - near == 45


def test_traffic_that_depends_on_values_is_refused_in_ann_mode() -> None:
    chip = round_chip().with_values(signal={"skip_zero": True})
    with pytest.raises(SpecError, match=r"do not send zeros.*take level tick"):
        run_cycles(chain(chip, (0, 1)), 1, no_spikes)
