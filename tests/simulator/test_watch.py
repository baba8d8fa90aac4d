"""What a watched run shows, tick by tick, against the literal clock."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neutrams.neurons import models
from neutrams.program import Program
from neutrams.simulator import trace
from neutrams.simulator.engine import choose_engine
from neutrams.simulator.moment import Moment
from neutrams.simulator.schedule import due, schedule
from neutrams.simulator.tally import Tally
from simulator_programs import oracle, programs, random_inputs

SPIKING = ("if_hard", "if_soft")
LEAKY = tuple(sorted(name for name, model in models().items() if model.mode == "snn" and model.reset is None))


def watched(program: Program, sample: int = 0) -> tuple[list[Moment], Tally]:
    """All ticks of one of three samples, with the potentials of every third neuron."""
    clock, moments = schedule(program), []
    engine = choose_engine(program, clock, tick_by_tick=True)
    neurons = np.arange(0, len(program.neurons), 3) if models()[program.model].states else np.zeros(0, dtype=np.int64)
    tally = engine.watch(random_inputs(program, 3, 0), sample, moments.append, neurons)
    return moments, tally


@given(program=programs((*SPIKING, *LEAKY, "requantize")), kilobytes=st.sampled_from([0, 1, 4, 1 << 14]))
def test_each_tick_is_that_of_the_literal_clock(program: Program, kilobytes: int) -> None:
    """However many ticks one compiled call goes through."""
    program = replace(program, chip=program.chip.with_values(signal={"skip_zero": True}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "BYTES", kilobytes << 10)
        moments, tally = watched(program)
    wanted = oracle(program, {name: x[:1] for name, x in random_inputs(program, 3, 0).items()})
    assert [moment.tick for moment in moments] == list(range(schedule(program).ticks))
    for moment in moments:
        np.testing.assert_array_equal(moment.tiles, due(program, moment.tick))
        np.testing.assert_array_equal(moment.rows, wanted.rows[moment.tick, moment.tiles])
        np.testing.assert_array_equal(moment.synapses, wanted.reads[moment.tick, moment.tiles])
        np.testing.assert_array_equal(moment.fired, np.flatnonzero(wanted.raster[moment.tick]))
        if len(moment.potential):
            np.testing.assert_array_equal(moment.potential, wanted.potential[moment.tick, ::3])
    np.testing.assert_array_equal(tally.outputs, wanted.counts)
    np.testing.assert_array_equal(tally.axon_events, wanted.axon_events)
    np.testing.assert_array_equal(tally.sent, wanted.sent)
