"""The engines against a literal clock in plain NumPy: same integers, same events, whatever chunks and threads."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_strategies import GRADED, dense, plain_chip
from neutrams.base.errors import InputError, SpecError
from neutrams.mapping import map_network
from neutrams.network import ops
from neutrams.neurons import models
from neutrams.program import InputPort, OutputPort, Program
from neutrams.simulator import batched, engine, simulate, spiking, synapses
from neutrams.simulator.cores import product
from neutrams.simulator.schedule import Schedule, schedule
from simulator_programs import a_chip, assemble, oracle, programs, random_inputs, random_program

SAMPLES = 5
LEAKY_MODELS = tuple(sorted(name for name, model in models().items() if model.mode == "snn" and model.reset is None))


def check(program: Program, n: int = SAMPLES, seed: int = 0) -> None:
    """The run and the oracle agree in every number that both have."""
    inputs = random_inputs(program, n, seed)
    wanted = oracle(program, inputs)
    run = simulate(program, inputs, raster=True)
    np.testing.assert_array_equal(run.counts["y"], wanted.counts)
    if program.mode == "ann" and not program.chip.signal.skip_zero:
        assert run.raster is None
        held = [np.count_nonzero(program.blocks[b]) for b in program.tiles.block]
        if program.chip.core.synapses == "crossbar":
            held = [program.blocks[b].size for b in program.tiles.block]
        np.testing.assert_array_equal(run.activity.synapse_events, n * program.steps * np.array(held))
        return
    np.testing.assert_array_equal(run.activity.synapse_events, wanted.synapse_events)
    np.testing.assert_array_equal(run.activity.idle_updates, wanted.idle_updates)
    np.testing.assert_array_equal(run.activity.axon_events, wanted.axon_events)
    np.testing.assert_array_equal(run.activity.sent, wanted.sent)
    np.testing.assert_array_equal(run.activity.received, wanted.received)
    if program.mode == "snn":
        np.testing.assert_array_equal(run.raster, wanted.raster)


@given(program=programs(("if_hard", "if_soft")), seed=st.integers(0, 1000), run=st.sampled_from((1, 2, 16)))
def test_spiking_programs_run_as_the_literal_clock_says(program: Program, seed: int, run: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synapses, "SHORTEST_RUN", run)
        check(program, seed=seed)


@given(program=programs(("requantize",)), skip_zero=st.booleans())
def test_ann_programs_run_as_the_literal_clock_says(program: Program, skip_zero: bool) -> None:
    check(replace(program, chip=program.chip.with_values(signal={"skip_zero": skip_zero})))


@given(program=programs(("if_hard", "if_soft")))
def test_batched_execution_serves_spiking_models_too(program: Program) -> None:
    """What a model without a compiled loop would take."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "fits", lambda program: False)
        check(program)


@given(program=programs(LEAKY_MODELS), compiled=st.booleans())
def test_leaky_and_graded_models_run_as_the_literal_clock_says(program: Program, compiled: bool) -> None:
    """By their kernels, or by their steps."""
    with pytest.MonkeyPatch.context() as patch:
        if not compiled:
            plain = replace(models()[program.model], kernel=None)
            patch.setattr(batched, "find_model", lambda *given: plain)
        check(program)


@given(seed=st.integers(0, 1 << 32), model=st.sampled_from(GRADED), wide=st.booleans())
def test_graded_outputs_travel_exactly(seed: int, model: str, wide: bool) -> None:
    """Potentials of 32 bits, which float32 would not hold, reach other tiles."""
    program = random_program(seed, model, 3, 1, wide)
    program = replace(program, chip=program.chip.with_values(neuron={"potential_bits": 32}))
    initial = np.random.default_rng(seed).integers(-(1 << 31), 1 << 31, len(program.neurons))
    parameters = {**program.neurons.parameters, "initial": initial}
    check(replace(program, neurons=replace(program.neurons, parameters=parameters)))


@given(program=programs(("if_hard", "requantize")), threads=st.sampled_from([1, 2, 5]), part=st.integers(1, 4))
def test_chunks_and_threads_change_nothing(program: Program, threads: int, part: int) -> None:
    inputs = random_inputs(program, 11)
    before = simulate(program, inputs, raster=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "CHUNK", 7)
        for module in (batched, spiking):
            patch.setattr(module, "PART", part)
            patch.setattr(module, "thread_count", lambda: threads)
        after = simulate(program, inputs, raster=True)
    np.testing.assert_array_equal(before.counts["y"], after.counts["y"])
    np.testing.assert_array_equal(before.outputs["y"], after.outputs["y"])
    assert before.raster is None or np.array_equal(before.raster, after.raster)
    for f in fields(before.activity):
        np.testing.assert_array_equal(getattr(before.activity, f.name), getattr(after.activity, f.name))


def test_the_random_programs_have_strands_and_lists_and_rows() -> None:
    """Guards the tests above: each of the three ways to sum synapses is taken."""
    ready = [spiking.spiking(p, schedule(p)) for p in (random_program(s, "if_soft", 3, 1) for s in range(40))]
    assert sum(bool(r.covered.any()) for r in ready) >= 4
    assert sum(bool(r.tiles.listed.any()) for r in ready) >= 4
    assert sum(bool((~r.tiles.listed).any()) for r in ready) >= 4


def test_the_random_programs_have_axons_in_runs_and_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards them too: spans of axons are found both ways, also within one program."""
    monkeypatch.setattr(synapses, "SHORTEST_RUN", 2)
    ready = [spiking.spiking(p, schedule(p)) for p in (random_program(s, "if_soft", 3, 1) for s in range(40))]
    assert sum(bool((r.axons.run >= 0).any() and (r.axons.run < 0).any()) for r in ready) >= 4


@pytest.mark.parametrize("wide", [False, True])
def test_the_random_programs_really_spike(wide: bool) -> None:
    """Guards the tests above: programs in which nothing happens would agree trivially."""
    runs = [oracle(p, random_inputs(p, 3)) for p in (random_program(s, "if_hard", 9, 1, wide) for s in range(8))]
    assert sum(int(run.counts.sum()) > 0 for run in runs) >= 6
    assert sum(int(run.axon_events.sum()) > 0 for run in runs) >= 6


def port(**more: Any) -> InputPort:
    values: dict[str, Any] = {"name": "x", "shape": (2,), "first": 0, "element": np.array([0, 1]), "scale": 1.0}
    values |= {"zero": 0.0, "low": 0, "high": 9, "code": "level"}
    return InputPort(**(values | more))


RULE = {"leak": 0, "threshold": 4, "initial": 0}


def tiny(model: str = "if_soft", steps: int = 4, block: Any = ((1,), (2,)), **more: Any) -> Program:
    """One neuron that adds x0 + 2 x1; theta 4."""
    parameters = {"leak": np.array([0]), "threshold": np.array([4]), "initial": np.array([0])}
    output = OutputPort(
        name="y",
        neuron=np.array([0]),
        coefficient=np.array([3]),
        element=np.array([0]),
        scale=np.array([0.5]),
        offset=np.array([1.0]),
    )
    defaults: dict[str, Any] = {
        "delay": np.array([1, 1]), "parameters": parameters, "inputs": [port()], "outputs": [output], "steps": steps,
        "ticks_per_step": 1,
    }  # fmt: skip
    return assemble(model, a_chip(), [np.array(block, dtype=np.int8)], [0], [np.array([-1, -2])], **(defaults | more))


def test_an_example_by_hand() -> None:
    """Input 3 a step, theta 4: potentials 3, 6 fires -> 2, 5 fires -> 1, 4 fires; y = 0.5 * 3 * 3 + 1."""
    run = simulate(tiny(), {"x": np.array([[1, 1], [0, 0]])}, raster=True)
    assert run.raster is not None
    assert run.raster[:, 0].tolist() == [False, True, True, True]
    assert run.counts["y"].tolist() == [[3], [0]]
    assert run.outputs["y"].tolist() == [[5.5], [1.0]]
    events = run.activity
    assert (events.samples, events.ticks) == (2, 4)
    assert [events.tile_updates.tolist(), events.neuron_updates.tolist()] == [[8], [8]]
    assert [events.axon_events.tolist(), events.synapse_events.tolist()] == [[8], [8]]
    assert [events.sent.tolist(), events.received.tolist()] == [[3], [4, 4]]
    assert events.idle_updates.tolist() == [4]  # nothing comes in the second sample
    assert (run.cost, run.level) == (None, "functional")


def test_a_core_that_lists_synapses_reads_those_that_are_there() -> None:
    program = tiny(block=((1, 0), (2, 3)), parameters={k: np.zeros(2, np.int64) + v for k, v in RULE.items()})
    program = replace(program, chip=program.chip.with_values(core={"synapses": "list"}))
    events = simulate(program, {"x": np.array([[1, 0], [0, 1]])}).activity
    assert [events.axon_events.tolist(), events.synapse_events.tolist()] == [[8], [4 * 1 + 4 * 2]]


def test_reset_to_zero_by_hand() -> None:
    """The same, potentials 3, 6 fires -> 0, 3, 6 fires."""
    run = simulate(tiny("if_hard"), {"x": np.array([[1, 1]])}, raster=True)
    assert run.raster is not None
    assert run.raster[:, 0].tolist() == [False, True, False, True]


def test_level_tick_adds_the_cost() -> None:
    run = simulate(tiny(), {"x": np.ones((1, 2))}, level="tick")
    assert run.cost is not None
    assert run.cost.latency_s > 0


@pytest.mark.parametrize("rows", [258, 259, 400])
def test_sums_of_many_spikes_do_not_wrap(rows: int) -> None:
    """258 rows of weight 127 fill 16 bits; all spike at once, behind a relay that fires every step."""
    identity, heavy = np.eye(rows, dtype=np.int8), np.full((rows, 1), 127, dtype=np.int8)
    neurons = rows + 1
    parameters = {
        "leak": np.zeros(neurons, dtype=np.int64),
        "threshold": np.append(np.ones(rows, dtype=np.int64), 127 * rows),
        "initial": np.zeros(neurons, dtype=np.int64),
    }
    output = replace(tiny().outputs[0], neuron=np.array([rows]))
    program = assemble(
        "if_soft", a_chip(), [identity, heavy], [0, 1], [-1 - np.zeros(rows, dtype=np.int64), np.arange(rows)],
        delay=np.ones(2 * rows, dtype=np.int64), parameters=parameters, inputs=[port(high=1)], outputs=[output],
        steps=3, ticks_per_step=1,
    )  # fmt: skip
    assert simulate(program, {"x": np.ones((1, 2))}).counts["y"].tolist() == [[3]]


@pytest.mark.parametrize(("weight", "kind"), [(127, np.float32), (128, np.float64)])
def test_products_are_exact_on_both_sides_of_float32(weight: int, kind: type) -> None:
    """The bound of 128 rows of weights 127 and inputs 1031 is just below 2^24; with weights 128 it is above."""
    block, limit = np.full((128, 3), weight), np.full(128, 1031)
    ready = product(block, limit)
    x = np.random.default_rng(0).integers(0, 1032, (128, 9))
    assert ready.matrix.dtype == kind
    np.testing.assert_array_equal(ready(x.astype(kind), np.arange(128)), block.T @ x)


def test_products_beyond_float64_are_exact_in_int64() -> None:
    block, limit = np.full((2, 1), (1 << 31) - 1), np.full(2, 1 << 29)
    x = np.full((2, 1), (1 << 29) - 1)
    assert product(block, limit)(x.astype(np.float64), np.arange(2)).tolist() == (block.T @ x).tolist()


def test_inputs_may_be_named_x_or_bytes_and_limited() -> None:
    program = tiny(inputs=[port(name="image")])
    calls: list[tuple[int, int]] = []
    x = np.array([[1, 1], [2, 2], [3, 3]], dtype=np.uint8)
    run = simulate(program, {"x": x}, limit=2, progress=lambda done, total: calls.append((done, total)))
    np.testing.assert_array_equal(run.outputs["y"], simulate(program, {"image": x[:2] * 1.0}).outputs["y"])
    assert calls == [(2, 2)]


@pytest.mark.parametrize(
    ("inputs", "where", "what"),
    [
        ({}, "simulate, inputs", r"missing are \['x'\]"),
        ({"x": np.ones((1, 2)), "z": 1}, "simulate, inputs", r"unknown are \['z'\]"),
        ({"x": np.ones((1, 3))}, "input 'x'", r"its shape is \[1, 3\], wanted is \[N, 2\]"),
        ({"x": np.ones(2)}, "input 'x'", r"its shape is \[2\]"),
        ({"x": np.ones((0, 2))}, "input 'x'", "no samples"),
        ({"x": np.array([[1, np.nan]])}, "input 'x'", "NaN"),
        ({"x": np.array([["a", "b"]])}, "input 'x'", "its type is <U1"),
    ],
)
def test_unsuitable_inputs_are_refused(inputs: dict[str, Any], where: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        simulate(tiny(), inputs)
    assert caught.value.where == where


def test_inputs_of_different_length_are_refused() -> None:
    program = tiny(inputs=[port(), port(name="z", first=2)])
    with pytest.raises(InputError, match="differ in their number of samples"):
        simulate(program, {"x": np.ones((2, 2)), "z": np.ones((3, 2))})


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="limit is 0"):
        simulate(tiny(), {"x": np.ones((1, 2))}, limit=0)


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(SpecError, match="functional, tick"):
        simulate(tiny(), {"x": np.ones((1, 2))}, level="gate")


def test_a_sample_takes_the_ticks_to_its_last_output() -> None:
    """An output on a tile that starts in tick 0; a tile that starts in tick 2 is not read."""
    parameters = {name: np.array([value, value]) for name, value in (("leak", 0), ("threshold", 4), ("initial", 0))}
    program = assemble(
        "if_soft", a_chip(), [np.ones((2, 1), dtype=np.int8), np.ones((1, 1), dtype=np.int8)], [0, 2],
        [np.array([-1, -2]), np.array([0])], delay=np.array([1, 1, 1]), parameters=parameters, inputs=[port()],
        outputs=[tiny().outputs[0]], steps=4, ticks_per_step=2,
    )  # fmt: skip
    run = simulate(program, {"x": np.ones((1, 2))}, raster=True)
    assert run.raster is not None
    assert (run.activity.ticks, len(run.raster)) == (0 + 3 * 2 + 1, 2 + 3 * 2 + 1)


def test_a_register_read_one_step_too_early_is_noticed() -> None:
    """The comparison is not blind: a schedule off by one step fails it."""
    real = engine.spiking

    def late(program: Program, clock: Schedule) -> Any:
        return real(program, replace(clock, offset=clock.offset - 1, depth=clock.depth + 1))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "spiking", late)
        with pytest.raises(AssertionError):
            check(random_program(4, "if_soft", 9, 1))


def test_sums_of_what_was_looked_up_are_exact_beyond_float32() -> None:
    """257 * 65535 - 257 * 65535 is 0, and (0 + 1) >> 1 too; from float32 the sum came out one higher."""
    chip = plain_chip(
        core={"weight_bits": 12, "accumulator_bits": 32}, neuron={"bias_bits": 32, "table_bits": 1},
        signal={"input_bits": 16, "output_bits": 16},
    )  # fmt: skip
    own = {"fc0": {"high": 1}, "fc1": {"bias": -257 * 65535}}

    def changed(node: ops.Node) -> ops.Node:
        if isinstance(node, ops.Linear) and node.name == "acc1":
            return replace(node, weights=257 * node.weights)
        if not isinstance(node, ops.Neuron):
            return node
        values = {key: np.array([value]) for key, value in own[node.name].items()}
        table = np.array([0, 65535] if node.name == "fc0" else [], dtype=np.int64)
        return replace(node, parameters={**node.parameters, **values}, table=table)

    program = map_network(dense([1, 1, 1], high=65535).map(lambda node: [changed(node)]), chip).program
    (found,) = simulate(program, {"x": np.array([[0.0], [1.0], [9.0]])}).outputs.values()
    assert found.tolist() == [[0.0], [0.0], [0.0]]
