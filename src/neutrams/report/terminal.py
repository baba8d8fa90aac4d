"""Tables for the terminal."""

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from neutrams.mapping import LayerShare
from neutrams.report.data import CurveEntry, LedgerEntry, RunRecord
from neutrams.report.losses import losses_of, worst_of
from neutrams.report.quantities import DASH, count, percent, points, si, significant

LEAST_SHARE = 0.001
"""Losses below this share of the largest are not listed."""


def runs_table(runs: Iterable[RunRecord]) -> Table:
    """Return one row a run, for 80 columns: accuracy before and after, cores, energy above its band, latency."""
    table = table_of(("run", "float", "chip", "points", "cores", "energy a sample", "latency"), left=1)
    for run in runs:
        low, nominal, high = run.energy_band_j or (None, None, None)
        band = "" if low is None else f"\n{si(low, 'J')} to {si(high, 'J')}"
        table.add_row(
            Text(run.title),
            percent(run.float_accuracy),
            percent(run.chip_accuracy),
            points(run.float_accuracy, run.chip_accuracy).removesuffix(" points"),
            count(run.cores),
            Text.assemble(si(nominal, "J"), (band, "dim")),
            si(run.latency_s, "s"),
        )
    return table


def losses_table(ledger: Sequence[LedgerEntry]) -> Table:
    """Return what each limit costs in each layer, the costliest first and in bold; then what earlier layers cost."""
    losses = [loss for loss in losses_of(ledger) if loss.constraint != "all"]
    blamed = worst_of(losses)
    least = LEAST_SHARE * max((loss.output_error for loss in losses), default=0.0)
    shown = sorted((x for x in losses if x.output_error > least), key=lambda x: (not x.blames_a_limit, -x.output_error))
    table = table_of(("layer", "limit", "parts", "outputs change", "agreement", "accuracy"), left=2)
    table.columns[1].no_wrap = True
    for loss in shown:
        kept = DASH if loss.agreement is None else points(1.0, loss.agreement).removesuffix(" points")
        cells = (count(loss.parts), f"{significant(100 * loss.output_error, 2)} %", kept, percent(loss.accuracy))
        style = "bold" if loss is blamed else None if loss.blames_a_limit else "dim"
        table.add_row(Text(loss.layer), Text(loss.constraint), *cells, style=style)
    table.caption = "Each error alone, on calibration data; agreement in points. inherited: from earlier layers."
    if len(shown) < len(losses):
        table.caption += f" {len(losses) - len(shown)} more cost next to nothing."
    table.caption_justify = "left"
    return table


def curve_table(curve: Sequence[CurveEntry], float_accuracy: float, samples: int) -> Table:
    """Return a row for each T: accuracies by read-out, compiled for T and stopped early."""
    reads = tuple(dict.fromkeys(point.read for point in curve))
    heads = tuple(f"{read}{early}" for read in reads for early in ("", ", stopped early"))
    table = table_of(("T", *heads), left=0)
    for steps in sorted({point.steps for point in curve}):
        found = {(p.read, p.compiled_for > steps): p.accuracy for p in curve if p.steps == steps}
        table.add_row(count(steps), *(percent(found.get((read, early))) for read in reads for early in (False, True)))
    table.caption = f"Accuracy over {count(samples)} samples; the float network: {percent(float_accuracy)}."
    table.caption_justify = "left"
    return table


def run_facts(run: RunRecord) -> dict[str, object]:
    """Return the main numbers of one run with units, without those that were not computed."""
    band = run.energy_band_j
    facts: dict[str, object] = {
        "samples": run.samples,
        "accuracy": None if run.chip_accuracy is None else percent(run.chip_accuracy),
        "float network": None if run.float_accuracy is None else percent(run.float_accuracy),
        "same answer as float": None if run.agreement is None else percent(run.agreement),
        "same spikes as float": None if run.spikes_coincident is None else percent(run.spikes_coincident),
        "energy a sample": None if band is None else f"{si(band[1], 'J')} ({si(band[0], 'J')} to {si(band[2], 'J')})",
        "latency": None if run.latency_s is None else si(run.latency_s, "s"),
        "throughput": None if run.throughput_hz is None else f"{si(run.throughput_hz, '')} samples a second",
        "power": None if run.power_w is None else si(run.power_w, "W"),
        "area": None if run.area_mm2 is None else f"{run.area_mm2:.4g} mm2",
        "time to simulate": si(run.seconds.get("simulation"), "s"),
    }
    return {name: value for name, value in facts.items() if value is not None}


def facts_table(facts: Mapping[str, object]) -> Table:
    """Return names beside values, for people."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(Text(name), Text(told(value)))
    return table


def layers_table(layers: Iterable[LayerShare]) -> Table:
    """Return what each layer of a program takes: tiles, distinct weight blocks, cores, most tiles on one of these."""
    table = table_of(("layer", "tiles", "weight blocks", "cores", "tiles a core"), left=1)
    for row in layers:
        cells = (row.tiles, row.weight_blocks, row.cores, row.tiles_per_core)
        table.add_row(Text(row.layer), *map(count, cells))
    return table


def map_table(rows: Iterable[Mapping[str, object]]) -> Table:
    """Return the rows of ``map-bench``, for 80 columns: each workload's methods, one below the other."""
    table = table_of(("workload", "method", "cores", "least", "km1/net", "spikes", "axons", "CPU s", "hops"), left=2)
    for column in table.columns:
        column.no_wrap = True
    for row in rows:
        cells = [f"{row['cores']:,}", f"{row['fewest_cores']:,}", f"{row['km1_per_net']:.3f}"]
        cells += [f"{row['connectivity']:,.0f}", f"{row['most_axons']:,}"]
        cells += [f"{row['partition_s']:.1f}", f"{row['mean_hops']:.2f}"]
        style = None if row["legal"] else "dim"
        table.add_row(Text(str(row["workload"])), Text(str(row["method"])), *cells, style=style)
    table.caption = (
        "Dim: a core exceeds its limits. least: no partition has fewer cores. spikes: to other cores, a tick. "
        "axons: of the fullest core. CPU s: of the partition. hops: mean, cores placed in a square by our search."
    )
    table.caption_justify = "left"
    return table


def chips_table(chips: Iterable[Mapping[str, object]]) -> Table:
    """Return the chips, each with its main limits and its description."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for chip in chips:
        limits = "modes {modes}; crossbar {axons} x {neurons}; {weight_bits}-bit weights; {cores_per_chip} cores a chip"
        line = limits.format_map({key: told(value) for key, value in chip.items()})
        table.add_row(Text(str(chip["name"])), Text(f"{line}\n{chip['description']}"))
    return table


def told(value: object) -> str:
    """Return a value as people write it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {told(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(told(item) for item in value) or "none"
    if isinstance(value, float):
        return significant(value, 4)
    if isinstance(value, int) and not isinstance(value, bool):
        return count(value)
    return "–" if value is None else str(value)


def table_of(head: Sequence[str], left: int) -> Table:
    """Return an empty table, its first ``left`` columns for text, the others for numbers."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for i, name in enumerate(head):
        table.add_column(name, justify="left" if i < left else "right", no_wrap=i >= left, overflow="fold")
    return table
