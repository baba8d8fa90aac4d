"""Placing again with what the cycle simulator finds never makes a mapping worse, and never changes a value."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from core_strategies import core_inputs, core_networks, dense, plain_chip
from neutrams.base.errors import CapacityError, SpecError
from neutrams.flow.refine import busy, refine
from neutrams.hardware import Chip
from neutrams.hardware.clock import clock_s, cycles_of
from neutrams.mapping import Plan, in_order, map_network, plan_network
from neutrams.network import Network
from neutrams.program.verify import violations
from neutrams.simulator import simulate
from tick_oracle import run_program

few_draws = settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))


def planned(network: Network, chip: Chip) -> Plan:
    try:
        return plan_network(network, chip)
    except CapacityError:
        assume(False)
        raise


@few_draws
@given(data=st.data(), case=core_networks())
def test_refined_is_legal_gives_the_same_and_is_no_worse(data: st.DataObject, case: tuple[Network, Chip]) -> None:
    network, chip = case
    plan, inputs = planned(network, chip), data.draw(core_inputs(network))
    before = plan.placed()
    try:
        best, rounds = refine(plan, network, inputs, rounds=2)
    except SpecError as refusal:  # some chips have no level ``cycle``
        assume("level cycle" not in str(refusal))
        raise
    assert 1 <= len(rounds) <= 3
    assert violations(best.program) == []
    assert best.stats.weighted_hops == min(rounds, key=lambda each: each.merit).weighted_hops
    assert rounds[0].weighted_hops == before.stats.weighted_hops
    wanted, found = run_program(before.program, inputs), run_program(best.program, inputs)
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)


def test_what_passes_the_busiest_link_counts_four_times() -> None:
    # 4 tiles in a row; each flow passes one link, that of 8 neurons carries the most
    chip = plain_chip(core={"neurons": 8, "axons": 8}, board={"rows": 1, "columns": 4, "chips": 1})
    program = in_order(map_network(dense([4, 4, 8, 4, 2]), chip).program)
    run = simulate(program, {"x": np.ones((1, 4), dtype=np.int64)}, level="cycle")
    heavier = busy(program, run)[np.diff(program.routes.links) > 0]
    assert heavier.max() == 4
    np.testing.assert_allclose(np.sort(heavier), [1 + 3 * (4 / 8) ** 8] * 2 + [4])


def test_on_a_fixed_tick_that_is_long_enough_fewest_hops_win() -> None:
    chip = plain_chip(
        core={"neurons": 8, "axons": 32}, board={"rows": 2, "columns": 4, "chips": 1}, tick={"ann_s": 1000.0}
    )
    plan = plan_network(dense([8, 24, 16, 8]), chip)
    best, rounds = refine(plan, dense([8, 24, 16, 8]), {"x": np.ones((1, 8), dtype=np.int64)}, rounds=4)
    assert {each.tick_cycles for each in rounds} == {cycles_of(1000.0, clock_s(chip))}
    assert best.stats.weighted_hops == min(each.weighted_hops for each in rounds)


def test_a_bus_has_but_one_round() -> None:
    chip = plain_chip(core={"neurons": 8, "axons": 32}, board={"topology": "bus"})
    _, rounds = refine(plan_network(dense([8, 24, 8]), chip), dense([8, 24, 8]), {"x": np.ones((1, 8))}, rounds=4)
    assert len(rounds) == 1


def test_a_chip_that_level_cycle_refuses_is_told_with_the_option() -> None:
    chip = plain_chip(core={"neurons": 8, "axons": 32}, tick={"cycle_s": 1e-9}, technology={"router_s": 1e-6})
    with pytest.raises(
        SpecError, match=r"compile, --refine-with-simulation: level cycle refuses .*router_s.*leave the"
    ):
        refine(plan_network(dense([8, 24, 8]), chip), dense([8, 24, 8]), {"x": np.ones((1, 8))}, rounds=1)


@pytest.mark.parametrize("rounds", [0, 101])
def test_rounds_out_of_range_are_refused(rounds: int) -> None:
    network = dense([2, 2])
    with pytest.raises(SpecError, match=f"{rounds} rounds.*take 1 to 100"):
        refine(plan_network(network, plain_chip()), network, {}, rounds)
