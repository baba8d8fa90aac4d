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
from neutrams.simulator.cycle import run_cycles
from neutrams.simulator.engine import choose_engine, run_chunks
from neutrams.simulator.inputs import check_inputs, encode_channels
from neutrams.simulator.memory import Memory, check_memory
from neutrams.simulator.result import Run
from neutrams.simulator.schedule import schedule
from neutrams.simulator.tally import activity

LEVELS = ("functional", "tick", "cycle")


def simulate(
    program: Program,
    inputs: Mapping[str, AnyArray],
    level: str = "functional",
    limit: int | None = None,
    raster: bool = False,
    memory: Memory | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Run:
    """Run ``program`` on a batch of samples, tick by tick (the order inside a tick: `neutrams.simulator.engine`).

    Args:
        program: What the chip is loaded with.
        inputs: Each input tensor ``[N, *shape]`` by name, in source units; a single key ``x`` serves a program with a
            single input. Integers such as uint8 images are taken at face value.
        level: ``functional`` (values and events), ``tick`` (also time, energy and area) or ``cycle`` (the same, with
            cores and network simulated cycle by cycle; in snn mode for every tick of every sample).
        limit: Run the first so many samples only.
        raster: Keep the first sample's spikes, tick by tick (snn mode only).
        memory: What the run of the steps before gave as its ``memory``: sequences go on from there. Then, and where
            no host operator needs all steps, inputs may have any number of steps.
        progress: Called with (samples done, N) now and then.

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
    engine = choose_engine(program, clock)
    tally = run_chunks(engine, samples, raster and program.mode == "snn", progress, memory)
    events = activity(program, clock, tally)
    cycles = timing = None
    if level == "cycle":

        def spikes(sample: int) -> tuple[AnyArray, IntArray]:
            one = slice(sample, sample + 1)
            found = engine.run(samples, one, raster=True).raster
            assert found is not None
            return found, encode_channels(program, samples, one)[..., 0]

        cycles, timing = run_cycles(program, len(tally.outputs), spikes, progress)
    rows = np.cumsum([len(port.neuron) for port in program.outputs])[:-1]
    counts = dict(zip([port.name for port in program.outputs], np.split(tally.outputs, rows, axis=-1), strict=True))
    return Run(
        outputs={port.name: _decoded(port, counts[port.name]) for port in program.outputs},
        counts=counts,
        level=level,
        activity=events,
        cost=None if level == "functional" else cost_of(program, events, timing),
        cycles=cycles,
        raster=tally.raster,
        seconds=time.perf_counter() - began,
        memory=tally.memory,
    )


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
