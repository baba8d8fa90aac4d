"""The answer first: one sentence and a few large numbers a run, and one table over all runs."""

from neutrams.report.data import RunRecord
from neutrams.report.markup import Markup, join, tag
from neutrams.report.quantities import DASH, count, percent, plural, points, si, wilson


def answer(run: RunRecord) -> Markup:
    """Return the sentence and the tiles of one run, and what in its chip's description cannot all be true."""
    doubts = (tag("p", tag("strong", "Warning: "), text, class_="note") for text in run.warnings)
    return join(tag("p", _sentence(run), class_="lead"), tag("dl", *_tiles(run), class_="tiles"), *doubts)


def mode_text(run: RunRecord) -> str:
    """Return the mode with its time window: "ANN", "SNN, T = 64"."""
    return "ANN" if run.mode == "ann" else f"{run.mode.upper()}, T = {count(run.steps)}"


def _sentence(run: RunRecord) -> str:
    parts = []
    if run.chip_accuracy is not None and run.float_accuracy is not None:
        parts.append(
            f"On {plural(run.samples, 'sample')} the chip is right on {percent(run.chip_accuracy)}; "
            f"the float network on {percent(run.float_accuracy)}: {points(run.float_accuracy, run.chip_accuracy)}."
        )
    elif run.chip_accuracy is not None:
        parts.append(f"On {plural(run.samples, 'sample')} the chip is right on {percent(run.chip_accuracy)}.")
    else:
        parts.append(f"{plural(run.samples, 'sample')} simulated, without labels to score them.")
    place = f"It takes {plural(run.cores, 'core')} on {plural(run.chips, 'chip')}"
    if run.energy_band_j is not None:
        parts.append(f"{place}, {si(run.energy_band_j[1], 'J')} and {si(run.latency_s, 's')} a sample.")
    else:
        parts.append(f"{place}; energy and time were not computed (level functional).")
    return " ".join(parts)


def _tiles(run: RunRecord) -> list[Markup]:
    band = run.energy_band_j
    energy_note = None if band is None else f"{si(band[0], 'J')} to {si(band[2], 'J')}"
    return [
        _tile("Accuracy on the chip", percent(run.chip_accuracy), _interval(run), main=True),
        _tile(
            "Float network", percent(run.float_accuracy), f"{points(run.float_accuracy, run.chip_accuracy)} on the chip"
        ),
        _tile("Same answer as float", percent(run.agreement), "arg-max agreement"),
        *_spike_tiles(run),
        _tile("Energy a sample", si(None if band is None else band[1], "J"), energy_note, main=True),
        _tile("Latency", si(run.latency_s, "s"), _tick(run), main=True),
        _tile("Throughput", _rate(run.throughput_hz), "samples a second"),
        _tile(
            "Cores", count(run.cores), f"{plural(run.chips, 'chip')}, {percent(run.utilization, 1)} of cells", main=True
        ),
        _tile("Power", si(run.power_w, "W"), "at full throughput"),
        _tile("Area", DASH if run.area_mm2 is None else f"{run.area_mm2:.4g} mm²", _area(run)),
    ]


def _spike_tiles(run: RunRecord) -> list[Markup]:
    if run.spikes_coincident is None:
        return []
    note = f"in the same step; {percent(run.spikes_equal)} of all steps agree"
    rates = _tile("Error of rates", percent(run.rate_error), "root mean square, of the float network's")
    return [_tile("Same spikes as float", percent(run.spikes_coincident), note), rates]


def _tile(name: str, value: str, note: str | None, main: bool = False) -> Markup:
    kind = "tile main" if main else "tile"
    return tag("div", tag("dt", name), tag("dd", value), tag("dd", note, class_="note") if note else None, class_=kind)


def _interval(run: RunRecord) -> str:
    if run.chip_accuracy is None:
        return "no labels were given"
    low, high = wilson(run.chip_accuracy, run.samples)
    return f"{plural(run.samples, 'sample')}; 95 % interval {100 * low:.1f} to {percent(high, 1)}"


def _tick(run: RunRecord) -> str | None:
    if run.tick_s is None:
        return None
    limit = run.tick_limit or ""
    told = limit.replace("fixed", "fixed by the chip", 1) if limit.startswith("fixed") else f"mostly set by {limit}"
    return f"tick {si(run.tick_s, 's')}" + (f", {told}" if limit else "")


def _area(run: RunRecord) -> str:
    band = run.area_band_mm2
    return "cores and routers in use" + ("" if band is None else f"; {band[0]:.4g} to {band[2]:.4g} mm²")


def _rate(value: float | None) -> str:
    return si(value, "/s")


def comparison(runs: tuple[RunRecord, ...]) -> Markup:
    """Return the table over all runs; each name leads to its section."""
    head = (
        "Run",
        "Mode",
        "Float",
        "Chip",
        "Difference",
        "Samples",
        "Cores",
        "Energy a sample",
        "Latency",
        "Throughput",
    )
    rows = [_comparison_row(number, run) for number, run in enumerate(runs, 1)]
    cells = tag(
        "tr", *(tag("th", text, scope="col", class_=None if i < 2 else "number") for i, text in enumerate(head))
    )
    inner = tag("table", tag("thead", cells), tag("tbody", *rows), class_="comparison")
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label="All runs side by side")


def _comparison_row(number: int, run: RunRecord) -> Markup:
    band = run.energy_band_j
    values = (
        percent(run.float_accuracy),
        percent(run.chip_accuracy),
        points(run.float_accuracy, run.chip_accuracy),
        count(run.samples),
        count(run.cores),
        si(None if band is None else band[1], "J"),
        si(run.latency_s, "s"),
        _rate(run.throughput_hz),
    )
    name = tag("th", tag("a", run.title, href=f"#run-{number}"), scope="row")
    cells = (tag("td", value, class_="number strong" if i == 1 else "number") for i, value in enumerate(values))
    return tag("tr", name, tag("td", mode_text(run)), *cells)
