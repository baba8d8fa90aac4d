"""`simulate`: a program and inputs in, a `Run` out."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.base.codec import decode
from neutrams.base.errors import SpecError
from neutrams.program import Program
from neutrams.simulator.cost import cost_of
from neutrams.simulator.engine import choose_engine, run_chunks
from neutrams.simulator.inputs import check_inputs
from neutrams.simulator.result import Run
from neutrams.simulator.schedule import schedule
from neutrams.simulator.tally import activity

LEVELS = ("functional", "tick")


def simulate(
    program: Program,
    inputs: Mapping[str, AnyArray],
    level: str = "functional",
    limit: int | None = None,
    raster: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Run:
    """Run ``program`` on a batch of samples, tick by tick (the order inside a tick: `neutrams.simulator.engine`).

    Args:
        program: What the chip is loaded with.
        inputs: Each input tensor ``[N, *shape]`` by name, in source units; a single key ``x`` serves a program with a
            single input. Integers such as uint8 images are taken at face value.
        level: ``functional`` (values and events) or ``tick`` (also time, energy and area).
        limit: Run the first so many samples only.
        raster: Keep the first sample's spikes, tick by tick (snn mode only).
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
    clock = schedule(program)
    tally = run_chunks(choose_engine(program, clock), samples, raster and program.mode == "snn", progress)
    events = activity(program, clock, tally)
    rows = np.cumsum([len(port.neuron) for port in program.outputs])[:-1]
    counts = dict(zip([port.name for port in program.outputs], np.split(tally.outputs, rows, axis=1), strict=True))
    return Run(
        outputs={
            port.name: decode(counts[port.name], port.coefficient, port.element, port.scale, port.offset)
            for port in program.outputs
        },
        counts=counts,
        level=level,
        activity=events,
        cost=cost_of(program, events) if level == "tick" else None,
        raster=tally.raster,
        seconds=time.perf_counter() - began,
    )
