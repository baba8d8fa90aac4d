"""How long a tick lasts and what sets it, without simulating below the tick."""

from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.base.errors import SpecError
from neutrams.hardware import Board
from neutrams.hardware.clock import fixed_tick_s
from neutrams.hardware.core_times import CoreTimes, in_seconds
from neutrams.program import Program
from neutrams.simulator.result import Activity
from neutrams.simulator.stores import slowest_buffer
from neutrams.simulator.tally import synapses_of_tiles
from neutrams.simulator.traffic import Traffic, routers_in_use

LEAST_S = 1e-15
"""A tick shorter than this is taken for none [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The analytic times of a program.

    Attributes:
        tick_s: Period of one tick [s].
        limit: What sets it (see `neutrams.simulator.result.Cost.tick_limit`).
        latency_s: From a sample's first input to its last output [s].
        throughput_hz: Samples a second [Hz].
    """

    tick_s: float
    limit: str
    latency_s: float
    throughput_hz: float


def barrier_s(program: Program) -> float:
    """Return the end of a tick: ``barrier_s``, and ``barrier_router_s`` for each router in use but one [s]."""
    technology = program.chip.technology
    further = len(routers_in_use(program)) - 1
    return technology.number("barrier_s") + further * technology.number("barrier_router_s")


def timing_of(program: Program, traffic: Traffic, activity: Activity) -> Timing:
    """Return tick, latency and throughput.

    The tick is ``tick.ann_s`` or ``tick.snn_s`` where that is above 0. Otherwise it is the sum of two times, since no
    word leaves before its rows are summed, and of the barrier (`barrier_s`):

    * cores, the longest sum over the tiles of one core that update in one tick (start mod L the same), of their rows,
      array and neurons (`neutrams.hardware.core_times.CoreTimes`); all rows count, since the period must hold the
      busiest tick. Neurons of a tile that nothing reached in the whole run take idle_neuron_s;
    * network: flits of the most loaded link in a step (mean over samples and steps) * its time (`traffic.link_times`),
      or the writes of the busiest axon buffer where they take longer, + the longest path, inject_s + hops * (router_s +
      that time), + the way into the buffer. A step's flits are taken to go in one tick. On a bus all transfers of a
      chip share one link, and all those between chips another.

    The longer of the two is named as the limit.

    Latency = (last start tick + (T - 1) L + 1) * tick. Throughput = 1 / (L * tick) in ann mode, where samples follow
    one another through the pipeline, and 1 / latency in snn mode, where the state is restored between samples.

    Raises:
        SpecError: The technology figures give a tick of no length.
    """
    times = in_seconds(program.chip, program.model)
    core, link = _slowest_core(program, times, activity), _slowest_way(program, traffic, activity, times)
    needed, limit = core[0] + link[0] + barrier_s(program), max(core, link)[1]
    fixed = fixed_tick_s(program.chip, program.mode)
    if fixed > 0:
        limit = "fixed" if needed <= fixed else f"fixed, too short: {limit} needs {needed:.3g} s"
    tick_s = fixed or needed
    if tick_s < LEAST_S:
        raise SpecError(
            f"a tick has no length: tick.{program.mode}_s, technology.row_s, array_s and neuron_s are all 0"
            + (f" or next to it ({tick_s:.3g} s)" if tick_s else ""),
            where=f"chip {program.chip.name!r}",
            fix=f"give one of them a value above 0, such as --set tick.{program.mode}_s=1e-3",
        )
    last_start = int(program.tiles.start.max(initial=0))
    latency_s = (last_start + (program.steps - 1) * program.ticks_per_step + 1) * tick_s
    throughput_hz = 1 / (program.ticks_per_step * tick_s if program.mode == "ann" and program.steps == 1 else latency_s)
    return Timing(tick_s=tick_s, limit=limit, latency_s=latency_s, throughput_hz=throughput_hz)


def _slowest_core(program: Program, times: CoreTimes, activity: Activity) -> tuple[float, str]:
    tiles, columns = program.tiles, np.diff(program.tiles.neurons)
    if not len(tiles):
        return 0.0, "nothing"
    never = activity.idle_updates == activity.tile_updates
    looking = np.bincount(np.repeat(np.arange(len(tiles)), columns)[program.lookup >= 0], minlength=len(tiles)) > 0
    busy_s = times.rows(np.diff(tiles.axons), synapses_of_tiles(program), columns)
    busy_s = busy_s + times.array + times.turns(columns, never) + times.depth(looking)
    phase = tiles.core * program.ticks_per_step + tiles.start % program.ticks_per_step
    slots, which = np.unique(phase, return_inverse=True)
    sums: FloatArray = np.bincount(which, weights=busy_s).astype(np.float64)
    worst = int(sums.argmax())
    return float(sums[worst]), f"core {int(slots[worst]) // program.ticks_per_step}"


def _slowest_way(program: Program, traffic: Traffic, activity: Activity, times: CoreTimes) -> tuple[float, str]:
    """How long the words of a step are under way, and what most of it is spent on."""
    if not len(traffic.flits):
        return traffic.path_s, "router"
    store_s = times.store * times.cycle
    load_s, link = _slowest_link(program, traffic)
    slowest = max((load_s + store_s, link), slowest_buffer(program, activity, store_s), key=lambda way: way[0])
    return slowest[0] + traffic.path_s + program.chip.pipeline.axon_cycles * times.cycle, slowest[1]


def _slowest_link(program: Program, traffic: Traffic) -> tuple[float, str]:
    load_s = traffic.flits * traffic.link_s / program.steps
    names = [f"link {a}-{b}" for a, b in zip(traffic.link_from, traffic.link_to, strict=True)]
    if program.chip.board.topology == "bus":
        chip = Board.of(program.chip).ways.chip(traffic.link_from)
        shared = np.where(traffic.crossing, -1, chip)
        buses, which = np.unique(shared, return_inverse=True)
        load_s = np.bincount(which, weights=load_s).astype(np.float64)
        names = ["bus between chips" if bus < 0 else f"bus of chip {bus}" for bus in buses]
    worst = int(load_s.argmax())
    return float(load_s[worst]), names[worst]
