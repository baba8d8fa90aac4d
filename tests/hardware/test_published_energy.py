"""What presets say of energy against what is published of the chips: calibrations say so, and hold out a point."""

from itertools import pairwise

import numpy as np
import pytest

from neutrams.hardware import Board, load_chip
from neutrams.program import AxonTable, InputPort, NeuronTable, OutputPort, Program, RouteTable, TileTable
from neutrams.program.verify import violations
from neutrams.simulator import simulate
from neutrams.simulator.energy import EVENTS, event_energy, leakage_energy

RATES_HZ = np.array([11.58, 20.07, 95.93])
POWERS_W = np.array([68e-3, 71e-3, 94e-3])
"""Operating points of TrueNorth; 2^20 neurons, 128 synapses each."""
SYNAPSES = (1 << 20) * 128
CORES = 4096


def power_w(rate_hz: float) -> tuple[float, float, float]:
    """Return what the preset says of a second at ``rate_hz``, (low, nominal, high)."""
    chip = load_chip("truenorth")
    events = dict.fromkeys(EVENTS, 0.0) | {"synapse": rate_hz * SYNAPSES}
    bands = [*event_energy(chip, events).values(), leakage_energy(chip, CORES, CORES, 1.0)]
    low, nominal, high = np.sum(bands, axis=0)
    return low, nominal, high


def test_truenorth_is_fitted_on_two_operating_points() -> None:
    slope, static_w = np.polyfit(RATES_HZ[[0, 2]], POWERS_W[[0, 2]], 1)
    technology = load_chip("truenorth").technology
    assert technology.synapse_j.value == pytest.approx(slope / SYNAPSES, rel=2e-3)
    assert technology.core_w.value == pytest.approx(static_w / CORES, rel=2e-3)
    for pair in ([0, 1], [1, 2]):
        slope, static_w = np.polyfit(RATES_HZ[pair], POWERS_W[pair], 1)
        for figure, value in ((technology.synapse_j, slope / SYNAPSES), (technology.core_w, static_w / CORES)):
            low, _, high = figure.band
            assert low <= value <= high


def test_truenorth_predicts_the_operating_point_held_out() -> None:
    low, nominal, high = power_w(20.07)
    assert nominal == pytest.approx(71e-3, rel=0.03)
    assert low <= 71e-3 <= high


def test_nothing_of_truenorth_is_counted_twice() -> None:
    """The all-in 26 pJ a synaptic event holds the static power, which the preset has apart from events."""
    technology = load_chip("truenorth").technology
    assert power_w(20.07)[1] / (20.07 * SYNAPSES) == pytest.approx(26e-12, rel=0.02)
    assert technology.synapse_j.value < 26e-12 / 10
    assert technology.router_j.value == technology.link_j.value == 0


def test_the_all_in_energy_of_tianjic_is_not_the_cost_of_one_more_event() -> None:
    """1.54 pJ a synaptic operation: with all cores busy in each round that would be more than the chip's 400 mW."""
    chip = load_chip("tianjic")
    synapses = chip.board.rows * chip.board.columns * chip.core.axons * chip.core.neurons
    assert 1.54e-12 * synapses / chip.tick.ann_s > 400e-3
    assert chip.technology.synapse_j.band[2] < 1.54e-12
    assert chip.technology.synapse_j.value * synapses / chip.tick.ann_s < 400e-3


LOIHI = load_chip("loihi")
TILE = LOIHI.board.cores_per_router
"""Cores of a tile: those that share a router."""


def line(cores: tuple[int, ...], joined: bool = True) -> Program:
    """One neuron on each of some cores, fed by the one before it (or all by the input); one spike makes it fire."""
    n, board = len(cores), Board.of(LOIHI)
    routers = board.router_of(np.array(cores)).tolist()
    paths = [board.path(a, b) for a, b in pairwise(routers)] if joined else []
    links = [(a, b) for path in paths for a, b in pairwise(path)]
    start, end = np.array(links, dtype=np.int64).reshape(-1, 2).T
    ones, index = np.ones(n, dtype=np.int64), np.arange(n)
    return Program(
        chip=LOIHI,
        model="if_hard",
        steps=1,
        ticks_per_step=1,
        blocks=(np.ones((1, 1), dtype=np.int8),),
        tiles=TileTable(
            block=0 * index, core=np.array(cores), start=index * joined, axons=np.arange(n + 1),
            neurons=np.arange(n + 1),
        ),
        axons=AxonTable(source=index - 1 if joined else 0 * index - 1, delay=ones),
        neurons=NeuronTable(
            parameters={"leak": 0 * ones, "threshold": ones, "initial": 0 * ones},
            scale=ones.astype(float), zero=0.0 * ones, origin=0 * index, element=index,
        ),
        origins=("line",),
        inputs=(
            InputPort(
                name="x", shape=(1,), first=0, element=np.array([0]), scale=1.0, zero=0.0, low=0, high=1, code="spread"
            ),
        ),
        outputs=(
            OutputPort(
                name="y", neuron=index[-1:], coefficient=ones[:1], element=0 * index[:1], scale=np.ones(1),
                offset=np.zeros(1),
            ),
        ),
        routes=RouteTable(
            tile=np.arange(len(paths) + 1) - 1, links=np.cumsum([0, 0, *(len(path) - 1 for path in paths)]),
            link_from=start, link_to=end, sources=np.arange(len(paths) + 2), source=np.arange(len(paths) + 1) - 1,
        ),
    )  # fmt: skip


def cost(program: Program, spikes: int = 1) -> tuple[dict[str, float], float]:
    """Return the energy by component [J] and the tick [s] of a run at level tick."""
    assert violations(program) == []
    run = simulate(program, {"x": np.array([[spikes]])}, level="tick")
    assert run.cost is not None
    return {name: band[1] for name, band in run.cost.energy_breakdown_j.items()}, run.cost.tick_s


# Davies et al., IEEE Micro 38(1), 2018, Table 2: pre-silicon, at 0.75 V; a synaptic event takes at least its energy and
# at most its time.


def test_a_synaptic_event_and_an_active_update_of_loihi() -> None:
    energy, tick_s = cost(line((0,)))
    assert (energy["synapse"], energy["neuron"]) == pytest.approx((23.6e-12, 81e-12))
    assert tick_s == pytest.approx(3.5e-9 + 8.4e-9 + 113e-9)


def test_an_inactive_update_of_loihi() -> None:
    energy, tick_s = cost(line((0,)), spikes=0)
    assert (energy["synapse"], energy["neuron"]) == pytest.approx((0, 52e-12))
    assert tick_s == pytest.approx(3.5e-9 + 5.3e-9 + 113e-9)  # a period holds all synapses


def test_a_spike_within_a_tile_of_loihi() -> None:
    energy, tick_s = cost(line((0, 1)))
    assert energy["inject"] == pytest.approx(1.7e-12)
    assert energy["link"] == energy["router"] == 0
    assert tick_s == pytest.approx(3.5e-9 + 8.4e-9 + 113e-9 + 2.1e-9)


@pytest.mark.parametrize("hops", [1, 2, 7])
@pytest.mark.parametrize(("step", "hop_j", "hop_s"), [(TILE, 3.0e-12, 4.1e-9), (32, 4.0e-12, 6.5e-9)])
def test_hops_of_loihi(hops: int, step: int, hop_j: float, hop_s: float) -> None:
    """East-west and north-south; a link in use holds its spike as long as the hop takes."""
    if step == 32 and hops > 3:
        hops = 3
    energy, tick_s = cost(line((0, hops * step)))
    assert energy["link"] == pytest.approx(hops * hop_j)
    assert energy["inject"] == pytest.approx(1.7e-12)
    barrier_s = 113e-9 + hops * (465e-9 - 113e-9) / 31  # a router more a hop
    assert tick_s == pytest.approx(3.5e-9 + 8.4e-9 + hop_s + 2.1e-9 + hops * hop_s + barrier_s)


@pytest.mark.parametrize(("tiles", "barrier_s"), [(1, 113e-9), (32, 465e-9)])
def test_the_barrier_of_loihi(tiles: int, barrier_s: float) -> None:
    energy, tick_s = cost(line(tuple(4 * tile for tile in range(tiles)), joined=False))
    assert tick_s == pytest.approx(3.5e-9 + 8.4e-9 + barrier_s)
    assert energy["inject"] == energy["link"] == 0


def test_single_events_of_loihi_take_their_time_at_level_cycle() -> None:
    """0.1 ns a cycle: synapse and update 3.5 + 8.4, into the network 2.1, a hop 4.1, barrier of two tiles 124.4 ns."""
    within = simulate(line((0, 1)), {"x": np.array([[1]])}, level="cycle").cycles
    assert within is not None
    assert within.tick_cycles.tolist() == [35 + 84 + 21 + 1130, 35 + 84 + 1130]
    along_y = simulate(line((0, 32)), {"x": np.array([[1]])}, level="cycle").cycles
    assert along_y is not None
    assert along_y.tick_cycles.tolist() == [35 + 84 + 21 + 65 + 1244, 35 + 84 + 1244]
    cycles = simulate(line((0, TILE)), {"x": np.array([[1]])}, level="cycle").cycles
    assert cycles is not None
    assert cycles.tick_cycles.tolist() == [35 + 84 + 21 + 41 + 1244, 35 + 84 + 1244]
    quiet = simulate(line((0, TILE)), {"x": np.array([[0]])}, level="cycle").cycles
    assert quiet is not None
    assert quiet.tick_cycles.tolist() == [53 + 1244] * 2
