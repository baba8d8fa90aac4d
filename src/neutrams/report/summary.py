"""The plain objects that the commands print under ``--json``."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from neutrams.hardware import disagreements
from neutrams.mapping import sharing_of
from neutrams.report.data import Band, RunRecord
from neutrams.report.losses import losses_of, verdict
from neutrams.report.record import ledger_of

if TYPE_CHECKING:
    from neutrams.flow import Compiled
    from neutrams.hardware import Chip

HEAD_KEYS = (
    "samples",
    "float_accuracy",
    "chip_accuracy",
    "cores",
    "energy_j_per_inference",
    "energy_band_j",
    "latency_s",
    "report",
)


def band_object(band: Band | None) -> dict[str, float] | None:
    """Return a band as ``{"low": …, "nominal": …, "high": …}``."""
    return None if band is None else {"low": band[0], "nominal": band[1], "high": band[2]}


def demo_object(runs: tuple[RunRecord, ...], page: str) -> dict[str, object]:
    """Return the answer of ``demo``: the figures of TIANJI in ann mode, and those of every run."""
    rows = [{**_run(run), "report": page} for run in runs]
    first = next((row for row in rows if (row["chip"], row["mode"]) == ("tianji", "ann")), rows[0])
    return {**{key: first[key] for key in HEAD_KEYS}, "runs": rows}


def _run(run: RunRecord) -> dict[str, object]:
    return {
        "title": run.title,
        "chip": run.chip,
        "mode": run.mode,
        "steps": run.steps,
        "samples": run.samples,
        "float_accuracy": run.float_accuracy,
        "chip_accuracy": run.chip_accuracy,
        "agreement": run.agreement,
        "cores": run.cores,
        "energy_j_per_inference": None if run.energy_band_j is None else run.energy_band_j[1],
        "energy_band_j": band_object(run.energy_band_j),
        "latency_s": run.latency_s,
    }


def simulate_object(run: RunRecord) -> dict[str, object]:
    """Return the answer of ``simulate``; what its level did not compute is null."""
    computed = run.energy_band_j is not None
    parts = run.energy_breakdown_j
    return {
        "samples": run.samples,
        "accuracy": run.chip_accuracy,
        "float_accuracy": run.float_accuracy,
        "agreement": run.agreement,
        "spikes_equal": run.spikes_equal,
        "spikes_coincident": run.spikes_coincident,
        "rate_error": run.rate_error,
        "latency_s": run.latency_s,
        "throughput_hz": run.throughput_hz,
        "tick_s": run.tick_s,
        "energy_j_per_inference": None if run.energy_band_j is None else run.energy_band_j[1],
        "energy_band_j": band_object(run.energy_band_j),
        "energy_breakdown": {key: band[1] for key, band in parts.items()} if computed else None,
        "energy_breakdown_band_j": {key: band_object(band) for key, band in parts.items()} if computed else None,
        "power_w": run.power_w,
        "power_band_w": band_object(run.power_band_w),
        "area_mm2": run.area_mm2,
        "area_band_mm2": band_object(run.area_band_mm2),
        "noc": dict(run.noc) if computed else None,
        "warnings": list(run.warnings),
        "seconds": run.seconds.get("simulation"),
    }


def compile_object(compiled: "Compiled", file: str) -> dict[str, object]:
    """Return the answer of ``compile``."""
    stats, ledger = compiled.stats, ledger_of(compiled)
    sharing = sharing_of(compiled.program)
    return {
        "cores": stats.cores,
        "chips": stats.chips,
        "tiles": stats.tiles,
        "neurons": stats.neurons,
        "synapses": stats.synapses,
        "utilization": stats.utilization,
        "weighted_hops": stats.weighted_hops,
        "sequential_weighted_hops": stats.sequential_weighted_hops,
        "refinement": compiled.provenance.get("refinement"),
        **asdict(sharing),
        "layers": [asdict(layer) for layer in sharing.layers],
        "table_entries_max": stats.table_entries_max,
        "table_entries_max_uncompressed": stats.table_entries_max_uncompressed,
        "host_ops": list(compiled.host_ops),
        "chip_mac_fraction": compiled.chip_mac_fraction,
        "ledger": [asdict(row) for row in ledger],
        "verdict": verdict(losses_of(ledger)),
        "warnings": disagreements(compiled.program.chip),
        "seconds": sum(compiled.seconds.values()),
        "stage_seconds": dict(compiled.seconds),
        "file": file,
    }


def program_object(compiled: "Compiled") -> dict[str, object]:
    """Return what a compiled program is and takes, for ``inspect``."""
    program, stats = compiled.program, compiled.stats
    return {
        "chip": program.chip.name,
        "mode": program.mode,
        "steps": program.steps,
        "cores": stats.cores,
        "tiles": stats.tiles,
        "neurons": stats.neurons,
        "synapses": stats.synapses,
        "utilization": stats.utilization,
        "ledger": [asdict(row) for row in ledger_of(compiled)],
        "provenance": dict(compiled.provenance),
    }


def chip_object(chip: "Chip", modes: tuple[str, ...]) -> dict[str, object]:
    """Return the main limits of a chip."""
    return {
        "name": chip.name,
        "modes": list(modes),
        "axons": chip.core.axons,
        "neurons": chip.core.neurons,
        "weight_bits": chip.core.weight_bits,
        "cores_per_chip": chip.board.rows * chip.board.columns,
        "chips": chip.board.chips,
        "description": chip.description,
    }


def spaced(found: Mapping[str, object]) -> dict[str, object]:
    """Return the object with its keys as people write them."""
    return {key.replace("_", " "): value for key, value in found.items()}
