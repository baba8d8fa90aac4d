"""The tick, and the choice of the engine that runs it.

The order inside tick t = 0, 1, …, written down here once:

1. Every tile with t = s + k L and 0 <= k < T is *due* (s its start tick, L ticks a step, T steps a sample).
2. All due tiles read: each axon of delay d takes its source's register as it stood after tick t - d. A register that
   has not been written yet holds what the program's memory table says, else 0; one whose tile is done its last value.
3. All due tiles compute: the exact sum of weight times value over their axons, then the neuron model's rule on sum,
   parameters and potential.
4. All due tiles write their outputs to their registers. Thus in one tick all read before any writes.
5. If t + 1 = k L with k < T, the input channels now stand at step k (so the inputs of step k stand after tick k L - 1;
   those of step 0 after tick -1, before the clock starts). After the last step they stay.

Samples of a batch know nothing of each other: each runs from t = 0 with registers 0 and initial potentials. A sample's
count of an output neuron is the sum over that neuron's own T steps.

Two engines follow this order and give the same integers: `neutrams.simulator.batched` for every neuron model, by
matrix products, and `neutrams.simulator.spiking` for integrate-and-fire models, by events.
"""

from collections.abc import Callable, Mapping

from neutrams.base.arrays import AnyArray
from neutrams.program import Program
from neutrams.simulator.batched import Batched, batched
from neutrams.simulator.memory import Memory
from neutrams.simulator.schedule import Schedule
from neutrams.simulator.spiking import Spiking, fits, spiking
from neutrams.simulator.tally import Tally, merge

Engine = Batched | Spiking

CHUNK = 2048
"""Samples between two calls of the progress function [count]."""


def choose_engine(program: Program, clock: Schedule) -> Engine:
    """Return the fastest engine that can run ``program``, ready to run."""
    return spiking(program, clock) if fits(program) else batched(program, clock)


def run_chunks(
    engine: Engine,
    inputs: Mapping[str, AnyArray],
    raster: bool,
    progress: Callable[[int, int], None] | None,
    memory: Memory | None = None,
) -> Tally:
    """Run all samples, chunk by chunk; the engines use all cores of the machine inside a chunk.

    Args:
        engine: Made ready by `choose_engine`.
        inputs: Checked tensors ``[N, *shape]`` by port name.
        raster: Whether to keep the first sample's outputs tick by tick.
        progress: Called with (samples done, N) after each chunk.
        memory: What sequences go on from; None for their beginning.

    Returns:
        The tally of all samples; no number in it depends on chunks or threads.
    """
    n = len(next(iter(inputs.values())))
    parts = []
    for start in range(0, n, CHUNK):
        stop = min(start + CHUNK, n)
        part = slice(start, stop)
        if memory is None or isinstance(engine, Spiking):
            parts.append(engine.run(inputs, part, raster and start == 0))
        else:
            parts.append(engine.run(inputs, part, raster and start == 0, memory.part(part)))
        if progress is not None:
            progress(stop, n)
    return merge(parts)
