"""Tables for the terminal."""

from collections.abc import Iterable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from neutrams.report.data import LedgerEntry, RunRecord
from neutrams.report.ledger import worst
from neutrams.report.quantities import count, percent, points, si, significant


def runs_table(runs: Iterable[RunRecord]) -> Table:
    """Return one row a run, for 80 columns: accuracy before and after, cores, energy above its band, latency."""
    table = _table(("run", "float", "chip", "points", "cores", "energy a sample", "latency"), left=1)
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


def ledger_table(ledger: Sequence[LedgerEntry]) -> Table:
    """Return the loss ledger, the costliest row in bold."""
    table = _table(("layer", "unit", "constraint", "relative error", "agreement", "accuracy"), left=3)
    blamed = worst(tuple(ledger))
    for row in ledger:
        error = "–" if row.relative_error is None else significant(row.relative_error)
        cells = (Text(row.layer), Text(row.unit or "all"), Text(row.constraint), error, percent(row.agreement))
        table.add_row(*cells, percent(row.accuracy), style="bold" if row is blamed else None)
    return table


def run_facts(run: RunRecord) -> dict[str, object]:
    """Return the main numbers of one run with units, without those that were not computed."""
    band = run.energy_band_j
    facts: dict[str, object] = {
        "samples": run.samples,
        "accuracy": None if run.chip_accuracy is None else percent(run.chip_accuracy),
        "float network": None if run.float_accuracy is None else percent(run.float_accuracy),
        "same answer as float": None if run.agreement is None else percent(run.agreement),
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
        table.add_row(Text(name), Text(_told(value)))
    return table


def chips_table(chips: Iterable[Mapping[str, object]]) -> Table:
    """Return the chips, each with its main limits and its description."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for chip in chips:
        limits = "modes {modes}; crossbar {axons} x {neurons}; {weight_bits}-bit weights; {cores_per_chip} cores a chip"
        told = limits.format_map({key: _told(value) for key, value in chip.items()})
        table.add_row(Text(str(chip["name"])), Text(f"{told}\n{chip['description']}"))
    return table


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_told(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(_told(item) for item in value) or "none"
    if isinstance(value, float):
        return significant(value, 4)
    if isinstance(value, int) and not isinstance(value, bool):
        return count(value)
    return "–" if value is None else str(value)


def _table(head: Sequence[str], left: int) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for i, name in enumerate(head):
        table.add_column(name, justify="left" if i < left else "right", no_wrap=i >= left, overflow="fold")
    return table
