"""`simulate`: a program and inputs in, a `Run` out."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.base.codec import decode
from neutrams.base.errors import InputError, SpecError
from neutrams.program import OutputPort, Program
from neutrams.simulator.cost import cost_of
from neutrams.simulator.cycle import Clockwork, timing_of
from neutrams.simulator.engine import Engine, choose_engine, run_chunks, watch_chunks
from neutrams.simulator.inputs import check_inputs
from neutrams.simulator.late import Late, may_miss
from neutrams.simulator.memory import Memory, check_memory
from neutrams.simulator.observer import Observer
from neutrams.simulator.result import Run
from neutrams.simulator.schedule import schedule
from neutrams.simulator.tally import Tally, activity, merge
from neutrams.simulator.view import View

LEVELS = ("functional", "tick", "cycle")


def simulate(
    program: Program,
    inputs: Mapping[str, AnyArray],
    level: str = "functional",
    limit: int | None = None,
    raster: bool = False,
    memory: Memory | None = None,
    progress: Callable[[int, int], None] | None = None,
    observer: Observer | None = None,
) -> Run:
    """Run ``program`` on a batch of samples, tick by tick (the order inside a tick: `neutrams.simulator.engine`).

    Args:
        program: What the chip is loaded with.
        inputs: Each input tensor ``[N, *shape]`` by name, in source units; a single key ``x`` serves a program with a
            single input. Integers such as uint8 images are taken at face value.
        level: ``functional`` (values and events), ``tick`` (also time, energy and area) or ``cycle`` (the same, with
            cores and network simulated cycle by cycle; for every tick of every sample where words depend on values).
        limit: Run the first so many samples only.
        raster: Keep the first sample's spikes, tick by tick (snn mode only).
        memory: What the run of the steps before gave as its ``memory``: sequences go on from there. Then, and where
            no host operator needs all steps, inputs may have any number of steps.
        progress: Called with (samples done, N) now and then.
        observer: Sees the run as it goes (`neutrams.simulator.observe`); samples then run one after another.

    Returns:
        The finished run. Its outputs and counts depend on program and inputs alone, not on the number of threads.

    Raises:
        SpecError: There is no such level.
        InputError: The inputs do not suit the program, or ``limit`` is below 1.
    """
    began = time.perf_counter()
    if level not in LEVELS:
        raise SpecError(f"there is no level {level!r}", where="simulate, level", fix=f"take one of {', '.join(LEVELS)}")
    samples = check_inputs(program, inputs, limit)
    program = _of_length(program, samples)
    if memory is not None:
        check_memory(program, memory, len(next(iter(samples.values()))))
    clock = schedule(program)
    n, snn = len(next(iter(samples.values()))), program.mode == "snn"
    view = View(
        program=program,
        clock=clock,
        raster=np.zeros((clock.ticks, len(program.neurons)), dtype=np.bool_) if raster and snn else None,
        clockwork=Clockwork(program) if level == "cycle" else None,
        observer=observer,
    )
    tally = _run(view, samples, progress, memory)
    cycles = view.cycles(n)
    timing = None if cycles is None else timing_of(program, cycles)
    events = activity(program, clock, tally)
    rows = np.cumsum([len(port.neuron) for port in program.outputs])[:-1]
    counts = dict(zip([port.name for port in program.outputs], np.split(tally.outputs, rows, axis=-1), strict=True))
    run = Run(
        outputs={port.name: _decoded(port, counts[port.name]) for port in program.outputs},
        counts=counts,
        level=level,
        activity=events,
        cost=None if level == "functional" else cost_of(program, events, timing),
        cycles=cycles,
        raster=view.raster,
        seconds=time.perf_counter() - began,
        memory=tally.memory,
        warnings=_not_modelled(program, level),
    )
    if observer is not None:
        observer.end(run)
    return run


def _run(
    view: View,
    inputs: Mapping[str, AnyArray],
    progress: Callable[[int, int], None] | None,
    memory: Memory | None,
) -> Tally:
    """Run all samples, those with the view that it wants to look at."""
    n = len(next(iter(inputs.values())))
    first = view.watched(n)
    engine: Engine
    if view.clockwork is not None and may_miss(view.program):
        engine = Late(view.program, view.clock, view.clockwork, memory)
    else:
        engine = choose_engine(view.program, view.clock, tick_by_tick=first > 0)

    def tell(done: int) -> None:
        if progress is not None:
            progress(done, n)

    parts = watch_chunks(engine, inputs, range(first), view.watch, tell, memory)
    tally = merge([*parts, *run_chunks(engine, inputs, range(first, n), tell, memory)])
    if first == 0:
        view.alike(n, tally)
    return tally


def _not_modelled(program: Program, level: str) -> tuple[str, ...]:
    if level == "cycle" or not may_miss(program):
        return ()
    late = program.chip.tick.late
    return (f"tick.late is {late!r}, which level cycle alone models: at level {level} no word misses the fixed tick",)


def _of_length(program: Program, samples: Mapping[str, AnyArray]) -> Program:
    """Return the program for sequences as long as those given.

    Raises:
        InputError: They differ in length.
    """
    lengths = {port.name: samples[port.name].shape[1] for port in program.inputs if port.sequence}
    if len(set(lengths.values())) > 1:
        raise InputError(
            f"the sequences differ in their number of steps: {lengths}",
            where="simulate, inputs",
            fix="give all as many",
        )
    if not lengths:
        return program
    steps = next(iter(lengths.values()))
    ports = tuple(replace(p, shape=(steps, *p.shape[1:])) if p.sequence else p for p in program.inputs)
    return replace(program, steps=steps, inputs=ports)


def _decoded(port: OutputPort, counts: IntArray) -> FloatArray:
    flat = decode(counts.reshape(-1, counts.shape[-1]), port.coefficient, port.element, port.scale, port.offset)
    return flat.reshape(*counts.shape[:-1], -1)
