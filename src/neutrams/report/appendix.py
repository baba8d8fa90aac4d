"""What the numbers rest on: mapping and traffic figures, the chip's own figures, provenance, times, references."""

import json
from collections.abc import Mapping

from neutrams.report.data import FigureRow, RunRecord
from neutrams.report.markup import Markup, join, numeric, tag
from neutrams.report.markup import table as scrolling
from neutrams.report.quantities import DASH, count, percent, significant

KINDS = {
    "published": "from the primary paper",
    "derived": "arithmetic on published figures",
    "assumed": "field knowledge, not published",
    "peer": "an open tool's configuration",
    "tool": "a run of an open model",
    "user": "set by you",
}


def mapping_section(run: RunRecord) -> Markup:
    """Return sizes, host operators and traffic as a list of terms."""
    terms = {
        "Cores": count(run.cores),
        "Chips": count(run.chips),
        "Tiles": count(run.tiles),
        "Neurons": count(run.neurons),
        "Synapses": count(run.synapses),
        "Crossbar cells in use": percent(run.utilization, 1),
        "Products done on the chip": percent(run.chip_mac_fraction, 1),
        "On the host": ", ".join(run.host_ops) or "only the sums of the decoder",
    }
    traffic = {key.replace("_", " ").capitalize(): significant(value, 4) for key, value in run.noc.items()}
    return _terms({**terms, **traffic})


def figures_section(run: RunRecord) -> Markup:
    """Return every number of the chip file with value, band, unit, kind and source."""
    if not run.figures:
        return tag("p", "The record holds no chip figures.", class_="empty")
    kinds = [row.kind for row in run.figures]
    counted = ", ".join(
        f"{kinds.count(k)} {k} ({KINDS.get(k, k)})" for k in dict.fromkeys((*KINDS, *kinds)) if k in kinds
    )
    head = ("Key", *numeric("Value"), "Unit", *numeric("Low to high"), "Kind", "Source")
    full = scrolling(head, [_figure(row) for row in run.figures], f"Figures of {run.chip}", class_="figures")
    return join(tag("p", f"{counted}.", class_="note"), full)


def _figure(row: FigureRow) -> Markup:
    band = DASH
    if row.low is not None or row.high is not None:
        ends = (row.value if end is None else end for end in (row.low, row.high))
        band = " to ".join(_plain(end) for end in ends)
    return tag(
        "tr",
        tag("td", tag("code", row.key)),
        tag("td", _plain(row.value), class_="number"),
        tag("td", row.unit),
        tag("td", band, class_="number"),
        tag("td", tag("span", row.kind, class_=f"kind {row.kind}" if row.kind in KINDS else "kind")),
        tag("td", row.source),
    )


def _plain(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e9 else f"{value:.4g}"


def provenance_section(run: RunRecord) -> Markup:
    """Return versions, seed, options, hashes, times of the stages, and references."""
    parts = [_terms({key: _value(value) for key, value in sorted(run.provenance.items())}) if run.provenance else None]
    if run.seconds:
        times = {key.replace("_", " "): f"{value:.3g} s" for key, value in run.seconds.items()}
        parts += [tag("h4", "Time on this computer"), _terms(times)]
    if run.references:
        parts += [tag("h4", "Methods used"), tag("ol", *(tag("li", text) for text in run.references))]
    return join(*parts)


def _value(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {_value(inner)}" for key, inner in sorted(value.items())) or "none"
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _terms(terms: Mapping[str, str]) -> Markup:
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in terms.items()), class_="terms")
