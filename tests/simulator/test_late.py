"""Words that miss a fixed tick: late or lost, against a literal register a core and by hand; none missed, no change."""

from dataclasses import fields, replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neutrams.neurons import models
from neutrams.program import Program
from neutrams.simulator import simulate
from neutrams.simulator.result import Activity
from simulator_programs import programs, random_inputs

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
