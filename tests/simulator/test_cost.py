"""Cost: linear in the counts, bands in order, one program worked out by hand, each limit of the tick."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains import activity_of, chain, full, ints, round_chip
from neutrams.base.errors import InputError, SpecError
from neutrams.hardware import Board, Figure, load_chip
from neutrams.program import Program
from neutrams.simulator.cost import cost_of
from neutrams.simulator.energy import EVENTS
from neutrams.simulator.result import Activity, Cost
from neutrams.simulator.traffic import flits_per_word


@st.composite
def cases(draw: st.DrawFn) -> tuple[Program, Activity]:
    name = draw(st.sampled_from(["tianji", "prime"]))
    multicast = draw(st.sampled_from(["copy", "tree"]))
    chip = load_chip(name).with_values(
        board={"multicast": multicast}, noc={"flit_bits": draw(st.sampled_from([8, 32]))}
    )
    cores = draw(st.lists(st.integers(0, min(40, Board.of(chip).cores - 1)), min_size=1, max_size=5, unique=True))
    model = draw(st.sampled_from(chip.neuron.models))
    steps = 1 if model == "requantize" else draw(st.integers(1, 4))
    program = chain(chip, tuple(cores), model=model, steps=steps, ticks=draw(st.integers(1, 2)))
    samples = draw(st.integers(1, 3))
    sent = draw(st.lists(st.integers(0, 9), min_size=len(program.neurons), max_size=len(program.neurons)))
    return program, activity_of(program, samples, ints(*sent), ints(3, 4))


def scaled(activity: Activity, factor: int) -> Activity:
    names = ("tile_updates", "axon_events", "synapse_events", "neuron_updates", "sent", "received")
    return replace(activity, **{name: factor * getattr(activity, name) for name in names})


@given(case=cases(), factor=st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_event_energy_is_linear_in_the_counts(case: tuple[Program, Activity], factor: int) -> None:
    program, activity = case
    once, many = cost_of(program, activity), cost_of(program, scaled(activity, factor))
    for name in EVENTS:
        assert many.energy_breakdown_j[name] == pytest.approx([factor * e for e in once.energy_breakdown_j[name]])


@given(case=cases())
@settings(deadline=None, max_examples=60)
def test_cost_is_per_sample(case: tuple[Program, Activity]) -> None:
    program, activity = case
    once, twice = (
        cost_of(program, activity),
        cost_of(program, replace(scaled(activity, 2), samples=2 * activity.samples)),
    )
    assert twice.energy_band_j == pytest.approx(once.energy_band_j)
    assert (twice.tick_s, twice.latency_s, twice.area_mm2) == pytest.approx(
        (once.tick_s, once.latency_s, once.area_mm2)
    )
    assert twice.noc == pytest.approx(once.noc)


@given(case=cases())
@settings(deadline=None, max_examples=60)
def test_bands_are_in_order_and_parts_sum_to_the_whole(case: tuple[Program, Activity]) -> None:
    program, activity = case
    cost = cost_of(program, activity)
    bands = np.array(list(cost.energy_breakdown_j.values()))
    assert set(cost.energy_breakdown_j) == {*EVENTS, "leakage"}
    assert (np.diff(bands) >= 0).all()
    assert (bands >= 0).all()
    assert np.diff(cost.energy_band_j).min() >= 0
    assert bands.sum(axis=0) == pytest.approx(cost.energy_band_j)
    assert sum(cost.area_breakdown_mm2.values()) == cost.area_mm2
    assert cost.power_w == pytest.approx(cost.energy_band_j[1] * cost.throughput_hz)


@given(case=cases())
@settings(deadline=None, max_examples=60)
def test_traffic_is_hops_times_what_was_sent(case: tuple[Program, Activity]) -> None:
    program, activity = case
    cost, board = cost_of(program, activity), Board.of(program.chip)
    bits = program.chip.signal.output_bits if program.mode == "ann" else 0
    flits = activity.sent.reshape(-1, 3).sum(axis=1) * flits_per_word(program.chip, bits) / activity.samples
    hops = board.hops(program.tiles.core[:-1], program.tiles.core[1:])
    assert cost.noc["hops"] == pytest.approx((flits[:-1] * hops).sum())
    assert cost.noc["flits"] == pytest.approx(flits[:-1].sum())
    assert sum(cost.link_flits.values()) == pytest.approx(cost.noc["hops"])
    assert cost.noc["peak_link_flits"] == max(cost.link_flits.values(), default=0)


def by_hand() -> Cost:
    """Two samples through tiles on cores 0 and 7: path 0, 1, 2 | 6, 7 (chip 0 | chip 1), 3 words a sample."""
    program = chain(round_chip(), (0, 7))
    return cost_of(program, full(program, 2))


def test_energy_by_hand() -> None:
    energy = {name: band[1] for name, band in by_hand().energy_breakdown_j.items()}
    assert energy == pytest.approx(
        {
            "axon": (2 + 3) * 1,
            "synapse": (2 * 3 + 3 * 3) * 2,
            "array": 2 * 3,
            "neuron": 6 * 5,
            "router": 4 * 3 * 7,
            "link": 3 * 3 * 11,
            "chip_link": 1 * 3 * 13,
            "input": 2 * 17,
            "output": 2 * 19,  # neurons 3 and 4; neuron 4 is decoded twice, but leaves once
            "leakage": (2 * 0.5 + 5 * 0.25) * 0.069,
        }
    )


def test_time_area_and_traffic_by_hand() -> None:
    cost = by_hand()
    # cores: 3 rows * 1 ms + 2 ms + 3 neurons * 3 ms = 14 ms; chip link: 3 flits * 6 ms + 3 * 9 ms + 10 ms = 55 ms
    assert (cost.tick_s, cost.tick_limit) == (pytest.approx(0.069), "link 2-6")
    assert (cost.latency_s, cost.throughput_hz) == pytest.approx((0.138, 1 / 0.069))
    assert cost.area_breakdown_mm2 == {"core": 8, "router": 2.5}
    assert cost.noc == {"flits": 3, "hops": 12, "peak_link_flits": 3, "mean_hops": 4}
    assert cost.link_flits == {(0, 1): 3, (1, 2): 3, (2, 6): 3, (6, 7): 3}


def test_tiles_of_one_core_follow_one_another_in_a_tick() -> None:
    program = chain(round_chip(), (4, 4))
    cost = cost_of(program, full(program, 1))
    assert (cost.tick_s, cost.tick_limit) == (pytest.approx(0.013 + 0.014), "core 4")
    assert (cost.noc["flits"], cost.area_breakdown_mm2["core"]) == (0, 4)
    apart = chain(round_chip(), (4, 4), ticks=2)  # start ticks 0 and 1: they take turns
    assert cost_of(apart, full(apart, 1)).tick_s == pytest.approx(0.014)


def test_snn_has_the_fixed_tick_and_no_pipeline() -> None:
    chip = round_chip().with_values(tick={"snn_s": 0.5})
    program = chain(chip, (0, 1), model="if_hard", steps=10)
    cost = cost_of(program, full(program, 1))
    assert (cost.tick_s, cost.tick_limit) == (0.5, "fixed")
    assert (cost.latency_s, cost.throughput_hz) == pytest.approx(((1 + 9 + 1) * 0.5, 1 / 5.5))
    short = replace(program, chip=round_chip())  # 1 ms
    assert cost_of(short, full(short, 1)).tick_limit == "fixed, too short: link 0-1 needs 0.038 s"


def test_a_step_of_two_ticks_lasts_two_ticks() -> None:
    chip = round_chip().with_values(tick={"ann_s": 0.5, "snn_s": 0.5})
    spiking = chain(chip, (0, 1), model="if_hard", steps=10, ticks=2)
    cost = cost_of(spiking, full(spiking, 1))
    assert (cost.latency_s, cost.throughput_hz) == pytest.approx(((1 + 9 * 2 + 1) * 0.5, 1 / 10))
    pipeline = chain(chip, (0, 1), ticks=2)
    cost = cost_of(pipeline, full(pipeline, 1))
    assert (cost.latency_s, cost.throughput_hz) == pytest.approx((2 * 0.5, 1 / (2 * 0.5)))
    # 2 cores and their routers leak until the next sample enters
    assert cost.energy_breakdown_j["leakage"][1] == pytest.approx(2 * (0.5 + 0.25) * 2 * 0.5)
    assert cost_of(spiking, full(spiking, 1)).energy_breakdown_j["leakage"][1] == pytest.approx(2 * 0.75 * 10)


def test_a_tick_holds_the_work_of_the_core_and_then_the_way() -> None:
    slow = round_chip().with_values(technology={"array_s": 0.1})
    program = chain(slow, (0, 1))  # cores 3 + 100 + 9 ms, link 3 * 5 + 9 ms
    cost = cost_of(program, full(program, 1))
    assert (cost.tick_s, cost.tick_limit) == (pytest.approx(0.112 + 0.024), "core 1")


def test_an_input_is_paid_once_for_each_core_that_reads_it() -> None:
    program = chain(round_chip(), (0, 1))
    axons = replace(program.axons, source=ints(-1, -2, -2, -2, 0))  # core 1 reads channel 1 over two axons
    program = replace(program, axons=axons)
    activity = replace(full(program, 2), received=ints(10, 4))
    assert cost_of(program, activity).energy_breakdown_j["input"][1] == pytest.approx((10 + 2 * 4) / 2 * 17)
    unread = replace(program, axons=replace(axons, source=ints(0, 1, 2, 0, 0)))
    assert cost_of(unread, activity).energy_breakdown_j["input"] == (0, 0, 0)


def test_transfers_of_a_bus_share_one_link() -> None:
    chip = round_chip().with_values(board={"topology": "bus", "chips": 4})
    program = chain(chip, (0, 1, 2, 3))
    cost = cost_of(program, full(program, 1))
    assert (cost.tick_s, cost.tick_limit) == (pytest.approx(9 * 0.005 + 0.009 + 0.014), "bus of chip 0")
    program = chain(chip, (0, 6, 12))
    cost = cost_of(program, full(program, 1))
    assert (cost.tick_s, cost.tick_limit) == (pytest.approx(6 * 0.006 + 0.010 + 0.014), "bus between chips")


@pytest.mark.parametrize(("multicast", "flits"), [("tree", 3), ("copy", 6)])
def test_a_copied_word_enters_once_a_destination(multicast: str, flits: int) -> None:
    chip = round_chip().with_values(board={"multicast": multicast})
    program = chain(chip, (0, 2))
    start, end = (ints(0, 1), ints(1, 2)) if multicast == "tree" else (ints(0, 0, 1), ints(1, 1, 2))
    routes = replace(program.routes, links=ints(0, len(start)), link_from=start, link_to=end)
    program = replace(program, routes=routes)
    noc = cost_of(program, full(program, 1)).noc
    assert (noc["flits"], noc["hops"]) == (flits, 3 * len(start))


@pytest.mark.parametrize(
    ("value_bits", "flit_bits", "flits"), [(8, 32, 1), (8, 31, 1), (8, 30, 2), (0, 23, 1), (0, 8, 3)]
)
def test_flits_of_a_word_hold_value_core_and_axon(value_bits: int, flit_bits: int, flits: int) -> None:
    chip = load_chip("tianji").with_values(noc={"flit_bits": flit_bits})  # 24576 cores: 15 bits; 256 axons: 8 bits
    assert flits_per_word(chip, value_bits) == flits


def test_a_prime_product_costs_its_composed_figure() -> None:
    program = chain(load_chip("prime"), (0,))
    cost = cost_of(program, full(program, 4))
    assert cost.energy_breakdown_j["array"] == pytest.approx((1.3e-9, 1.6e-9, 1.9e-9))
    assert (cost.tick_s, cost.tick_limit) == (pytest.approx(230e-9), "core 0")


def test_no_sample_is_refused() -> None:
    program = chain(round_chip(), (0,))
    with pytest.raises(InputError, match="0 samples have no mean cost; give at least one"):
        cost_of(program, full(program, 0))


@pytest.mark.parametrize("row_s", [0, 5e-324, 1e-16])
def test_a_tick_of_no_length_is_refused(row_s: float) -> None:
    chip = round_chip().with_values(technology={"row_s": row_s, "array_s": 0, "neuron_s": 0})
    program = chain(chip, (0,))
    with pytest.raises(
        SpecError, match=r"tick.ann_s, technology.row_s, array_s and neuron_s are all 0.*--set tick.ann_s"
    ):
        cost_of(program, full(program, 1))


def test_a_band_widens_the_cost() -> None:
    wide = Figure(value=2.0, unit="J", kind="tool", source="a test", low=1.0, high=4.0)
    program = chain(round_chip().with_values(technology={"synapse_j": wide}), (0,))
    cost = cost_of(program, full(program, 1))
    assert cost.energy_breakdown_j["synapse"] == (6, 12, 24)
    assert np.diff(cost.energy_band_j) == pytest.approx([6, 12])


def test_a_flow_from_outside_carries_what_its_channel_received() -> None:
    program = chain(round_chip(), (0, 1))
    routes = replace(program.routes, tile=ints(-1), sources=ints(0, 1), source=ints(-1))
    program = replace(program, routes=routes)
    activity = replace(full(program, 2), received=ints(10, 4))
    assert cost_of(program, activity).link_flits == {(0, 1): 5}
    narrow = replace(program, chip=program.chip.with_values(noc={"flit_bits": 8}))
    assert cost_of(narrow, activity).link_flits == {(0, 1): 5 * 4}  # 8 + 15 + 8 bits a word: 4 flits
