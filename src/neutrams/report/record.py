"""From what the flow gives to the record a page shows."""

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neutrams.hardware import Chip, disagreements
from neutrams.report.before import sequential_of
from neutrams.report.cite import cite
from neutrams.report.data import Band, FigureRow, LedgerEntry, RunRecord
from neutrams.report.latency import bars_of
from neutrams.report.layout import floor_of, links_of, routers_of
from neutrams.report.sampling import raster_of

if TYPE_CHECKING:
    from neutrams.evaluate import SpikeAgreement
    from neutrams.flow import Compiled, Evaluated
    from neutrams.simulator.result import Cost, Cycles


def record_of(
    compiled: "Compiled",
    evaluated: "Evaluated",
    title: str,
    float_accuracy: float | None = None,
) -> RunRecord:
    """Return the record of one simulated program.

    Args:
        compiled: The program with its ledger, figures and provenance.
        evaluated: Its simulation.
        title: Heading of the run.
        float_accuracy: Of the source network on the same samples [1], where it is known better than ``evaluated`` does.
    """
    program, stats, run = compiled.program, compiled.stats, evaluated.run
    return RunRecord(
        title=title,
        chip=program.chip.name,
        mode=program.mode,
        steps=program.steps,
        samples=run.activity.samples,
        float_accuracy=_plain(evaluated.float_accuracy if float_accuracy is None else float_accuracy),
        chip_accuracy=_plain(evaluated.accuracy),
        agreement=_plain(evaluated.agreement),
        cores=stats.cores,
        chips=stats.chips,
        tiles=stats.tiles,
        neurons=stats.neurons,
        synapses=stats.synapses,
        utilization=float(stats.utilization),
        chip_mac_fraction=_plain(compiled.chip_mac_fraction),
        host_ops=tuple(compiled.host_ops),
        ledger=ledger_of(compiled),
        weighted_hops=_plain(stats.weighted_hops),
        sequential_weighted_hops=_plain(stats.sequential_weighted_hops),
        floor=floor_of(program, run.activity),
        routers=routers_of(program),
        links=() if run.cost is None else links_of(program, run.cost),
        sequential=None if run.cost is None else sequential_of(program, run.activity),
        raster=None if run.raster is None else raster_of(program, run.raster),
        figures=figures_of(program.chip),
        warnings=(*disagreements(program.chip), *run.warnings),
        references=cite(
            program.model,
            dict.fromkeys(row.constraint for row in compiled.ledger),
            program.chip.neuron.definitions,
        ),
        provenance=json.loads(json.dumps(dict(compiled.provenance), default=str)),
        seconds={**{k: float(v) for k, v in compiled.seconds.items()}, "simulation": float(run.seconds)},
        **_spike_fields(evaluated.spikes),
        **{**_cost_fields(run.cost), **_cycle_fields(run.cost, run.cycles)},
    )


def ledger_of(compiled: "Compiled") -> tuple[LedgerEntry, ...]:
    """Return the loss ledger as rows of a record; what a layer was lowered to is booked on the layer itself."""
    known = {"_".join(name.split()): name for name in compiled.source.by_name}  # as `plain_names` calls them
    return tuple(
        LedgerEntry(
            layer=_source_layer(row.layer, known),
            unit=row.unit,
            constraint=row.constraint,
            relative_error=_plain(row.relative_error),
            output_error=_plain(row.output_error),
            agreement=_plain(row.agreement),
            accuracy=_plain(row.accuracy),
        )
        for row in compiled.ledger
    )


def _source_layer(name: str, known: Mapping[str, str]) -> str:
    """Return the source network's tensor that ``name`` begins with, in whole words; else ``name``."""
    start = name
    while start and start not in known:
        start = start.rpartition(" ")[0]
    return known.get(start, name)


def figures_of(chip: Chip) -> tuple[FigureRow, ...]:
    """Return every number that the chip file gives."""
    return tuple(
        FigureRow(key=key, value=float(f.value), unit=f.unit, kind=f.kind, source=f.source, low=f.low, high=f.high)
        for key, f in chip.figures.items()
    )


def _spike_fields(spikes: "SpikeAgreement | None") -> dict[str, Any]:
    if spikes is None:
        return {}
    return {
        "spikes_equal": spikes.equal,
        "spikes_coincident": spikes.coincident,
        "rate_error": spikes.rate_error,
    }


def _cost_fields(cost: "Cost | None") -> dict[str, Any]:
    if cost is None:
        return {}
    return {
        "energy_band_j": _floats(cost.energy_band_j),
        "energy_breakdown_j": {name: _floats(band) for name, band in cost.energy_breakdown_j.items()},
        "latency_s": float(cost.latency_s),
        "throughput_hz": float(cost.throughput_hz),
        "power_w": float(cost.power_w),
        "power_band_w": _floats(cost.power_band_w),
        "area_mm2": float(cost.area_mm2),
        "area_band_mm2": _floats(cost.area_band_mm2),
        "tick_s": float(cost.tick_s),
        "tick_limit": cost.tick_limit,
        "noc": {key: float(value) for key, value in cost.noc.items()},
    }


def _floats(band: Band) -> Band:
    low, nominal, high = band
    return float(low), float(nominal), float(high)


def _cycle_fields(cost: "Cost | None", cycles: "Cycles | None") -> dict[str, Any]:
    if cost is None or cycles is None:
        return {}
    step, bars = bars_of(cycles.latency)
    noc = {key: float(value) for key, value in {**cost.noc, **cycles.network}.items()}
    return {"noc": noc, "word_latencies": bars, "word_latency_step": step}


def _plain(value: float | None) -> float | None:
    """Return a Python float; None where there is no finite number."""
    return None if value is None or not math.isfinite(value) else float(value)
