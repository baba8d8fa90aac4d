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
matrix products, and `neutrams.simulator.spiking` for integrate-and-fire models, by events. A third,
`neutrams.simulator.late`, lets words miss a fixed tick where the chip says so.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from neutrams.base.arrays import AnyArray, IntArray
from neutrams.program import Program
from neutrams.simulator.batched import Batched, batched
from neutrams.simulator.late import Late
from neutrams.simulator.memory import Memory
from neutrams.simulator.moment import Look
from neutrams.simulator.schedule import Schedule
from neutrams.simulator.spiking import Spiking, fits, spiking
from neutrams.simulator.tally import Tally, merge

Engine = Batched | Spiking | Late

CHUNK = 2048
"""Samples between two calls of the progress function [count]."""

WATCHED_CHUNK = 8
"""The same, a thread, where every tick is looked at [count]."""


def choose_engine(program: Program, clock: Schedule, tick_by_tick: bool = False) -> Engine:
    """Return the fastest engine that can run ``program``, ready to run; ``tick_by_tick`` where runs are watched."""
    return spiking(program, clock) if fits(program) else batched(program, clock, tick_by_tick)


def run_chunks(
    engine: Engine,
    inputs: Mapping[str, AnyArray],
    samples: range,
    progress: Callable[[int], None],
    memory: Memory | None = None,
) -> list[Tally]:
    """Run some samples, chunk by chunk; the engines use all cores of the machine inside a chunk.

    Args:
        engine: Made ready by `choose_engine`.
        inputs: Checked tensors ``[N, *shape]`` by port name.
        samples: Which of them.
        progress: Called after each chunk with the number of samples that are done.
        memory: What sequences go on from; None for their beginning.

    Returns:
        A tally for each chunk; no number in their sum depends on chunks or threads.
    """
    parts = []
    for start in samples[::CHUNK]:
        part = slice(start, min(start + CHUNK, samples.stop))
        if memory is not None and isinstance(engine, Batched):
            parts.append(engine.run(inputs, part, memory.part(part)))
        else:
            parts.append(engine.run(inputs, part))
        progress(part.stop)
    return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How runs are looked at.

    Attributes:
        begin: Called with the number of a sample before it runs; what it returns is called with each tick.
        neurons: int64 ``[watched]``, neurons whose potentials are shown.
        end: Called with the number of a sample and its tally, sample after sample in order.
        threads: How many samples run side by side [count].
    """

    begin: Callable[[int], Look]
    neurons: IntArray
    end: Callable[[int, Tally], None]
    threads: int


def watch_chunks(
    engine: Engine,
    inputs: Mapping[str, AnyArray],
    samples: range,
    watch: Watch,
    progress: Callable[[int], None],
    memory: Memory | None = None,
) -> list[Tally]:
    """Run some samples one by one, or side by side in threads, and show every tick; else as `run_chunks`."""

    def run_sample(sample: int) -> Tally:
        look = watch.begin(sample)
        if isinstance(engine, Batched):
            return engine.watch(inputs, sample, look, watch.neurons, memory)
        return engine.watch(inputs, sample, look, watch.neurons)

    parts = []
    alone = nullcontext() if isinstance(engine, Spiking) else threadpool_limits(1, "blas")  # which takes 2 ms
    with alone, ThreadPoolExecutor(watch.threads) as pool:
        for start in samples[:: WATCHED_CHUNK * watch.threads]:
            chunk = samples[start - samples.start :][: WATCHED_CHUNK * watch.threads]
            found = list(pool.map(run_sample, chunk) if watch.threads > 1 else map(run_sample, chunk))
            for sample, tally in zip(chunk, found, strict=True):
                watch.end(sample, tally)
            parts.append(merge(found))
            progress(chunk.stop)
    return parts
