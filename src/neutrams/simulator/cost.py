"""Time, energy and area of a run from its event counts: the analytic level ``tick``."""

import numpy as np

from neutrams.base.errors import InputError
from neutrams.program import Program
from neutrams.simulator.energy import event_energy, leakage_energy, scaled, total
from neutrams.simulator.result import Activity, Cost
from neutrams.simulator.stores import access_energy, accesses_of, deliveries, memory_area, memory_leakage
from neutrams.simulator.timing import Timing, timing_of
from neutrams.simulator.traffic import Traffic, routers_in_use, traffic_of


def cost_of(program: Program, activity: Activity, timing: Timing | None = None) -> Cost:
    """Return what ``activity`` costs on the program's chip, per sample.

    Energy = events * technology figure, component by component, + accesses of the memories that the chip has apart,
    + leakage of cores, their memories and routers in use over the time one sample takes (1 / throughput). A hop is one
    router and one link. Formulas of the times: `timing_of`; of the flits: `traffic_of`, `flits_per_word`; of the
    accesses: `accesses_of`.

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
    timing = timing or timing_of(program, traffic, activity)
    chip, cores, time_s = program.chip, len(np.unique(program.tiles.core)), 1 / timing.throughput_hz
    routers = len(routers_in_use(program))
    energy = event_energy(chip, _events(program, activity, traffic))
    energy |= access_energy(chip, accesses_of(program, activity))
    energy["leakage"] = total([leakage_energy(chip, cores, routers, time_s), memory_leakage(chip, cores, time_s)])
    energy_band_j = total(list(energy.values()))
    area = {"core": scaled(chip.technology.core_mm2, cores), "router": scaled(chip.technology.router_mm2, routers)}
    area |= memory_area(chip, cores)
    area_band_mm2 = total(list(area.values()))
    low, nominal, high = (end * timing.throughput_hz for end in energy_band_j)
    links = zip(traffic.link_from.tolist(), traffic.link_to.tolist(), strict=True)
    return Cost(
        latency_s=timing.latency_s,
        throughput_hz=timing.throughput_hz,
        tick_s=timing.tick_s,
        tick_limit=timing.limit,
        energy_band_j=energy_band_j,
        energy_breakdown_j=energy,
        power_w=nominal,
        power_band_w=(low, nominal, high),
        area_mm2=area_band_mm2[1],
        area_band_mm2=area_band_mm2,
        area_breakdown_mm2={name: band[1] for name, band in area.items()},
        noc=_noc(traffic),
        link_flits=dict(zip(links, traffic.flits.tolist(), strict=True)),
    )


def _events(program: Program, activity: Activity, traffic: Traffic) -> dict[str, float]:
    """Events of each component per sample.

    A word into the chip counts once for each core that reads it; one out of it once, however often it is decoded. A
    potential that is read is a word, a sample or step of a sequence.
    """
    source, _ = deliveries(program)
    outputs = [port.neuron for port in program.outputs]
    leaving = np.unique(np.concatenate(outputs)) if outputs else np.zeros(0, dtype=np.int64)
    read = {int(n) for port in program.outputs if port.potential for n in port.neuron}
    reads = activity.samples * (program.steps if program.sequential else 1)
    idle = int((activity.idle_updates * np.diff(program.tiles.neurons)).sum())
    whole = {
        "axon": activity.axon_events.sum(),
        "synapse": activity.synapse_events.sum(),
        "array": activity.tile_updates.sum(),
        "neuron": activity.neuron_updates.sum() - idle,
        "idle_neuron": idle,
        "input": activity.received[-1 - source[source < 0]].sum(),
        "output": activity.sent[leaving].sum() + reads * len(read),
    }
    return {
        **{name: float(count) / activity.samples for name, count in whole.items()},
        "inject": traffic.words,
        "router": float(traffic.flits.sum()),
        "link": float(traffic.flits[~traffic.crossing & ~traffic.along_y].sum()),
        "link_y": float(traffic.flits[traffic.along_y].sum()),
        "chip_link": float(traffic.flits[traffic.crossing].sum()),
    }


def _noc(traffic: Traffic) -> dict[str, float]:
    hops = float(traffic.flits.sum())
    return {
        "flits": traffic.injected,
        "hops": hops,
        "peak_link_flits": float(traffic.flits.max(initial=0.0)),
        "mean_hops": hops / traffic.injected if traffic.injected else 0.0,
    }
