"""Energy by component: a bar for the nominal value, a whisker from low to high."""

from neutrams.report.data import Band, RunRecord
from neutrams.report.markup import Markup, join, tag
from neutrams.report.quantities import percent, si

WIDTH, ROW, LEFT, RIGHT = 640, 30, 96, 176
NAMES = {"chip_link": "chip to chip", "array": "whole array"}


def energy_section(run: RunRecord) -> Markup:
    """Return the chart, largest component first; components that cost nothing are named below it."""
    parts = sorted(run.energy_breakdown_j.items(), key=lambda item: (-item[1][1], item[0]))
    shown = [(name, band) for name, band in parts if band[2] > 0]
    if run.energy_band_j is None or not shown:
        return tag("p", "Energy was not computed: simulate at level tick.", class_="empty")
    nothing = [NAMES.get(name, name) for name, band in parts if band[2] <= 0]
    low, nominal, high = run.energy_band_j
    total = tag(
        "p",
        tag("strong", si(nominal, "J")),
        f" a sample; {si(low, 'J')} with every figure at its low end, {si(high, 'J')} at its high end.",
        class_="finding",
    )
    rest = tag("p", f"Nothing spent on: {', '.join(nothing)}.", class_="note") if nothing else None
    key = tag("p", "Bar: nominal. Whisker: low to high. Percentages are of the nominal total.", class_="note")
    return join(total, _chart(shown, nominal), key, rest)


def _chart(parts: list[tuple[str, Band]], total: float) -> Markup:
    top = max(band[2] for _, band in parts)
    rows = (_bar(i, name, band, (top, total)) for i, (name, band) in enumerate(parts))
    height = ROW * len(parts) + 6
    spoken = "; ".join(f"{NAMES.get(n, n)} {si(b[1], 'J')} ({si(b[0], 'J')} to {si(b[2], 'J')})" for n, b in parts)
    svg = tag(
        "svg",
        *rows,
        viewBox=f"0 0 {WIDTH} {height}",
        class_="energy",
        role="img",
        aria_label=f"Energy a sample: {spoken}",
    )
    return tag("div", svg, class_="scroll")


def _bar(index: int, name: str, band: Band, scale: tuple[float, float]) -> Markup:
    top, total = scale
    room = WIDTH - LEFT - RIGHT
    low, nominal, high = (LEFT + room * value / top for value in band)
    y = ROW * index + 4
    middle = y + ROW / 2 - 3
    share = percent(band[1] / total, 1) if total > 0 else ""
    return tag(
        "g",
        tag("title", f"{name}: {si(band[1], 'J')}, {si(band[0], 'J')} to {si(band[2], 'J')}"),
        tag("text", NAMES.get(name, name), x=LEFT - 8, y=_px(middle + 5), text_anchor="end"),
        tag("rect", x=LEFT, y=y, width=_px(max(nominal - LEFT, 1)), height=ROW - 8, class_="bar", rx=2),
        tag("path", d=_whisker(low, high, middle), class_="whisker"),
        tag("text", si(band[1], "J"), x=WIDTH - 76, y=_px(middle + 5), text_anchor="end", class_="strong"),
        tag("text", share, x=WIDTH - 4, y=_px(middle + 5), text_anchor="end", class_="faint"),
    )


def _whisker(low: float, high: float, y: float) -> str:
    return f"M{low:.1f} {y - 5:.1f}V{y + 5:.1f}M{low:.1f} {y:.1f}H{high:.1f}M{high:.1f} {y - 5:.1f}V{y + 5:.1f}"


def _px(value: float) -> str:
    return f"{value:.1f}"
