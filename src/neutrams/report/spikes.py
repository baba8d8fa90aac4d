"""The spike raster of one sample: a mark a spike, time to the right, neurons downward in bands by layer."""

from neutrams.report.data import Raster, RunRecord
from neutrams.report.markup import Markup, join, tag
from neutrams.report.quantities import count, plural

WIDTH, LEFT, BOTTOM = 900, 130, 34
LEAST_BAND_PX = 14.0


def raster_section(run: RunRecord) -> Markup | None:
    """Return the raster with its sentence; None where none was recorded."""
    raster = run.raster
    if raster is None or raster.neurons < 1 or raster.ticks < 1:
        return None
    shown = f"{plural(raster.neurons, 'neuron')}"
    if raster.of > raster.neurons:
        shown = f"{count(raster.neurons)} of {count(raster.of)} neurons, evenly taken"
    rate = len(raster.spikes) / (raster.neurons * raster.ticks)
    text = f"One sample: {plural(len(raster.spikes), 'spike')} of {shown}, in {plural(raster.ticks, 'tick')}"
    return join(
        tag("p", f"{text}; a neuron fires in {100 * rate:.1f} % of its ticks.", class_="finding"), _chart(raster)
    )


def _chart(raster: Raster) -> Markup:
    row = min(max(320.0 / raster.neurons, 1.2), 14.0)
    tick = (WIDTH - LEFT - 10) / raster.ticks
    bottom = row * raster.neurons
    bands = (_band(i, band, row) for i, band in enumerate(raster.bands))
    d = "".join(
        f"M{LEFT + tick * (t + 0.5):.1f} {row * (n + 0.1):.1f}v{max(row * 0.8, 1):.1f}"
        for t, n in raster.spikes
        if t < raster.ticks and n < raster.neurons
    )
    marks = tag("path", d=d, class_="spikes", stroke_width=f"{min(max(tick * 0.45, 0.8), 3):.1f}")
    label = f"Spike raster, {raster.neurons} neurons by {raster.ticks} ticks, {len(raster.spikes)} spikes"
    svg = tag(
        "svg",
        *bands,
        marks,
        *_axis(raster.ticks, tick, bottom),
        viewBox=f"0 0 {WIDTH} {bottom + BOTTOM:.0f}",
        class_="raster",
        role="img",
        aria_label=label,
    )
    return tag("div", svg, class_="scroll", tabindex="0", role="region", aria_label=label)


def _band(index: int, band: tuple[str, int, int], row: float) -> Markup:
    name, first, rows = band
    y, height = row * first, row * rows
    shade = tag(
        "rect", x=LEFT, y=f"{y:.1f}", width=WIDTH - LEFT - 10, height=f"{height:.1f}", class_=f"band{index % 2}"
    )
    short = name if len(name) <= 17 else name[:16] + "…"
    text = tag("text", short, x=LEFT - 8, y=f"{y + height / 2 + 4:.1f}", text_anchor="end")
    return tag(
        "g", tag("title", f"{name}: {plural(rows, 'neuron')} shown"), shade, text if height >= LEAST_BAND_PX else None
    )


def _axis(ticks: int, tick: float, bottom: float) -> list[Markup]:
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**9) if ticks / s <= 12)
    parts = [tag("line", x1=LEFT, y1=f"{bottom:.1f}", x2=WIDTH - 10, y2=f"{bottom:.1f}", class_="axis")]
    for t in range(0, ticks, step):
        x = f"{LEFT + tick * (t + 0.5):.1f}"
        parts.append(tag("text", t, x=x, y=f"{bottom + 16:.1f}", text_anchor="middle", class_="faint"))
    parts.append(tag("text", "tick", x=LEFT - 8, y=f"{bottom + 16:.1f}", text_anchor="end", class_="faint"))
    return parts
