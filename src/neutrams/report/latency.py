"""How long words are on their way at level ``cycle``: a histogram, a bar for some cycles."""

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.report.data import RunRecord
from neutrams.report.markup import Markup, join, tag
from neutrams.report.quantities import count

WIDTH, HEIGHT, LEFT, BOTTOM = 900, 180, 70, 40
MOST_BARS = 60


def bars_of(latency: IntArray) -> tuple[int, tuple[int, ...]]:
    """Return (cycles a bar stands for, words of each bar from 0 cycles on) of a histogram by single cycles."""
    step = -(-max(1, len(latency)) // MOST_BARS)
    padded = np.pad(latency, (0, -len(latency) % step))
    return step, tuple(int(n) for n in padded.reshape(-1, step).sum(axis=1))


def latency_section(run: RunRecord) -> Markup | None:
    """Return the histogram with its sentence; None where no words were followed."""
    bars = run.word_latencies
    if not sum(bars):
        return None
    noc = run.noc
    text = (
        f"From creation to arrival a word takes {noc['mean_latency_cycles']:.1f} cycles in the mean, 99 % take at most "
        f"{count(noc['p99_latency_cycles'])}, the slowest {count(noc['worst_latency_cycles'])}. "
    )
    late = noc["late_words"]
    text += f"{late:.3g} words a sample miss their tick." if late else "None misses its tick."
    return join(tag("p", text, class_="finding"), _chart(bars, run.word_latency_step))


def _chart(bars: tuple[int, ...], step: int) -> Markup:
    wide, top = (WIDTH - LEFT - 10) / len(bars), max(bars)
    shown = [
        tag(
            "rect",
            tag("title", f"{k * step} to {(k + 1) * step - 1} cycles: {count(n)} words"),
            x=f"{LEFT + wide * k + 0.5:.1f}",
            y=f"{HEIGHT * (1 - n / top):.1f}",
            width=f"{max(wide - 1, 0.5):.1f}",
            height=f"{HEIGHT * n / top:.1f}",
            class_="bar",
        )
        for k, n in enumerate(bars)
        if n
    ]
    label = f"Histogram of word latencies, 0 to {step * len(bars)} cycles, at most {count(top)} words a bar"
    axis = tag("line", x1=LEFT, y1=HEIGHT, x2=WIDTH - 10, y2=HEIGHT, class_="axis")
    every = max(1, len(bars) // 10)
    ticks = [
        tag("text", k * step, x=f"{LEFT + wide * k:.1f}", y=HEIGHT + 16, text_anchor="middle", class_="faint")
        for k in range(0, len(bars), every)
    ]
    most = tag("text", count(top), x=LEFT - 8, y=12, text_anchor="end", class_="faint")
    unit = tag("text", "cycles", x=WIDTH - 10, y=HEIGHT + 34, text_anchor="end", class_="faint")
    box = f"0 0 {WIDTH} {HEIGHT + BOTTOM}"
    svg = tag("svg", *shown, axis, *ticks, most, unit, viewBox=box, class_="histogram", role="img", aria_label=label)
    return tag("div", svg, class_="scroll", tabindex="0", role="region", aria_label=label)
