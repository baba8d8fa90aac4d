"""Time, energy and area of a run from its event counts: the analytic level ``tick``."""

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.base.errors import InputError
from neutrams.hardware import Board
from neutrams.program import Program
from neutrams.simulator.energy import event_energy, leakage_energy, total
from neutrams.simulator.result import Activity, Cost
from neutrams.simulator.timing import Timing, timing_of
from neutrams.simulator.traffic import Traffic, traffic_of


def cost_of(program: Program, activity: Activity, timing: Timing | None = None) -> Cost:
    """Return what ``activity`` costs on the program's chip, per sample.

    Energy = events * technology figure, component by component, + leakage of cores and routers in use over the time one
    sample takes (1 / throughput). A hop is one router and one link. Formulas of the times: `timing_of`; of the
    flits: `traffic_of`, `flits_per_word`.

    Args:
        program: The program that ran.
        activity: Its event counts, summed over at least one sample.
        timing: Its times where they were simulated; None: analytic.

    Raises:
        InputError: There is no sample.
        SpecError: The chip's figures give a tick of no length.
    """
    if activity.samples < 1:
        raise InputError("0 samples have no mean cost", where="simulation", fix="give at least one sample")
    traffic = traffic_of(program, activity)
    timing = timing or timing_of(program, traffic)
    cores, routers = _parts_in_use(program, traffic)
    energy = event_energy(program.chip, _events(program, activity, traffic))
    energy["leakage"] = leakage_energy(program.chip, cores, routers, 1 / timing.throughput_hz)
    energy_band_j = total(list(energy.values()))
    technology = program.chip.technology
    area = {"core": cores * float(technology.core_mm2.value), "router": routers * float(technology.router_mm2.value)}
    links = zip(traffic.link_from.tolist(), traffic.link_to.tolist(), strict=True)
    return Cost(
        latency_s=timing.latency_s,
        throughput_hz=timing.throughput_hz,
        tick_s=timing.tick_s,
        tick_limit=timing.limit,
        energy_band_j=energy_band_j,
        energy_breakdown_j=energy,
        power_w=energy_band_j[1] * timing.throughput_hz,
        area_mm2=sum(area.values()),
        area_breakdown_mm2=area,
        noc=_noc(traffic),
        link_flits=dict(zip(links, traffic.flits.tolist(), strict=True)),
    )


def _events(program: Program, activity: Activity, traffic: Traffic) -> dict[str, float]:
    """Events of each component per sample.

    A word into the chip counts once for each core that reads it; one out of it once, however often it is decoded. A
    potential that is read is a word, a sample or step of a sequence.
    """
    outputs = [port.neuron for port in program.outputs]
    leaving = np.unique(np.concatenate(outputs)) if outputs else np.zeros(0, dtype=np.int64)
    read = {int(n) for port in program.outputs if port.potential for n in port.neuron}
    reads = activity.samples * (program.steps if program.sequential else 1)
    whole = {
        "axon": activity.axon_events.sum(),
        "synapse": activity.synapse_events.sum(),
        "array": activity.tile_updates.sum(),
        "neuron": activity.neuron_updates.sum(),
        "input": activity.received[_deliveries(program)].sum(),
        "output": activity.sent[leaving].sum() + reads * len(read),
    }
    return {
        **{name: float(count) / activity.samples for name, count in whole.items()},
        "router": float(traffic.flits.sum()),
        "link": float(traffic.flits[~traffic.crossing].sum()),
        "chip_link": float(traffic.flits[traffic.crossing].sum()),
    }


def _deliveries(program: Program) -> IntArray:
    """int64, the input channel of each delivery: once for each core with axons that read it."""
    reader = np.repeat(np.arange(len(program.tiles)), np.diff(program.tiles.axons))
    outside = program.axons.source < 0
    pairs = np.stack([-1 - program.axons.source[outside], program.tiles.core[reader[outside]]])
    channels: IntArray = np.unique(pairs, axis=1)[0]
    return channels


def _parts_in_use(program: Program, traffic: Traffic) -> tuple[int, int]:
    """(cores that hold a tile, routers that serve a tile or are passed by a link)."""
    cores = np.unique(program.tiles.core)
    routers = Board.of(program.chip).router_of(cores)
    return len(cores), len(np.union1d(routers, np.concatenate([traffic.link_from, traffic.link_to])))


def _noc(traffic: Traffic) -> dict[str, float]:
    hops = float(traffic.flits.sum())
    return {
        "flits": traffic.injected,
        "hops": hops,
        "peak_link_flits": float(traffic.flits.max(initial=0.0)),
        "mean_hops": hops / traffic.injected if traffic.injected else 0.0,
    }
