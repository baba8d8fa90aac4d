"""What a simulation gives: outputs, counters, and (from level ``tick`` on) time, energy and area with their bands."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.simulator.memory import Memory

Band = tuple[float, float, float]
"""(low, nominal, high), from the spread of the sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Event counts, summed over the samples.

    Attributes:
        samples: N.
        ticks: Ticks one sample takes from its first input to its last output.
        tile_updates: int64 ``[tiles]``, updates of each tile (N * T each).
        axon_events: int64 ``[tiles]``, axons that carried something (all of them in ann mode unless ``skip_zero``).
        synapse_events: int64 ``[tiles]``, weights read and added: axon events x columns; where a core lists its
            synapses, those of the axons that carried something.
        neuron_updates: int64 ``[tiles]``.
        idle_updates: int64 ``[tiles]``, of ``tile_updates`` those in which no axon of the tile carried anything.
        sent: int64 ``[neurons]``, words or spikes each neuron sent.
        received: int64 ``[channels]``, words or spikes each input channel brought.
    """

    samples: int
    ticks: int
    tile_updates: IntArray
    axon_events: IntArray
    synapse_events: IntArray
    neuron_updates: IntArray
    idle_updates: IntArray
    sent: IntArray
    received: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Time, energy and area of a run.

    Attributes:
        latency_s: From a sample's first input to its last output [s].
        throughput_hz: Samples a second, pipelined as the program allows [Hz].
        tick_s: Period of one tick [s].
        tick_limit: What sets the tick: ``core N``, ``link A-B``, ``bus of chip N``, ``bus between chips`` or ``buffer
            of core N`` (``router`` where words pass no link), the longer of its two parts; ``fixed`` where the chip
            file does; ``fixed, too short: <the longer part> needs <both> s`` where the work would need more.
        energy_band_j: Per sample, all components [J].
        energy_breakdown_j: Per sample and component (axon, synapse, array, neuron, inject, router, link, chip_link,
            input, output, leakage; weights, state, buffer where the chip has such a memory) [J].
        power_w: Nominal energy per sample times throughput [W].
        power_band_w: The same of the energy's band [W].
        area_mm2: Nominal area of the cores, their memories and the routers in use [mm2].
        area_band_mm2: The same with its band [mm2].
        area_breakdown_mm2: By component.
        noc: Per sample: ``flits``, ``hops``, ``peak_link_flits`` (the most loaded link), ``mean_hops`` per flit.
        link_flits: (from router, to router) -> flits per sample.
    """

    latency_s: float
    throughput_hz: float
    tick_s: float
    tick_limit: str
    energy_band_j: Band
    energy_breakdown_j: Mapping[str, Band]
    power_w: float
    power_band_w: Band
    area_mm2: float
    area_band_mm2: Band
    area_breakdown_mm2: Mapping[str, float]
    noc: Mapping[str, float]
    link_flits: Mapping[tuple[int, int], float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cycles:
    """What level ``cycle`` counted.

    Attributes:
        samples: How many samples were run cycle by cycle; 1 where each is like the other (ann mode).
        period_s: Clock period [s].
        tick_cycles: int64 ``[ticks]``, length of each tick, sample after sample; in ann mode of each phase of a step.
        core_cycles: Cycles until the last core was done, summed over the ticks.
        longest_cycles: What the longest tick needs.
        limit: What sets it: ``core N``, ``network, to core N``, or ``fixed`` as in `Cost.tick_limit`.
        latency: int64, how many words had each latency, from creation to arrival of the last flit, by cycles.
        peak_flits: Router -> the most flits that stood in its buffers.
        late: Words a sample that arrived after a fixed tick was over; of a program of ann mode, words a step.
        lost: The same where the chip loses them, so that they never arrived.
    """

    samples: int
    period_s: float
    tick_cycles: IntArray
    core_cycles: int
    longest_cycles: int
    limit: str
    latency: IntArray
    peak_flits: Mapping[int, int]
    late: float
    lost: float = 0.0

    @property
    def network(self) -> dict[str, float]:
        """Figures of the network: mean, 99 % and worst ``latency_cycles``, peak of a buffer, late words a sample."""
        words = int(self.latency.sum())
        below = np.cumsum(self.latency)
        mean = float(self.latency @ np.arange(len(self.latency))) / words if words else 0.0
        return {
            "mean_latency_cycles": mean,
            "p99_latency_cycles": float(np.searchsorted(below, 0.99 * words)) if words else 0.0,
            "worst_latency_cycles": float(np.flatnonzero(self.latency).max(initial=0)),
            "peak_router_flits": float(max(self.peak_flits.values(), default=0)),
            "late_words": self.late,
            "lost_words": self.lost,
            "mean_tick_cycles": float(self.tick_cycles.mean()),
            "core_cycle_share": self.core_cycles / max(1, int(self.tick_cycles.sum())),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished simulation.

    Attributes:
        outputs: float64 ``[N, elements]`` for each output port, of sequences ``[N, T, elements]``, in the source
            network's units, before host operators.
        counts: int64 ``[N, rows]`` for each output port: what its neurons gave, summed over the steps; of sequences
            ``[N, T, rows]``.
        level: ``functional``, ``tick`` or ``cycle``.
        activity: Event counts.
        cost: None at level ``functional``.
        cycles: None below level ``cycle``.
        raster: bool ``[ticks, neurons]`` of the first sample in snn mode on request, else None.
        seconds: Wall time of the simulation [s].
        memory: What a run of the steps that follow goes on from; None where samples are no sequences.
        warnings: What the chip does and this level does not model.
    """

    outputs: Mapping[str, FloatArray]
    counts: Mapping[str, IntArray]
    level: str
    activity: Activity
    cost: Cost | None
    raster: AnyArray | None
    seconds: float
    cycles: Cycles | None = None
    memory: Memory | None = None
    warnings: tuple[str, ...] = ()
