"""Accuracy against T: a chart with a line for each read-out, and the numbers under it."""

from math import log2

from neutrams.report.data import CurveEntry, RunRecord
from neutrams.report.markup import Markup, join, numeric, table, tag
from neutrams.report.quantities import count, percent

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 70, 20, 14, 44
SHAPES = {"counts": "line1", "potentials": "line2"}


def curve_section(run: RunRecord) -> Markup | None:
    """Return the chart and its table; None where no curve was measured."""
    if not run.curve:
        return None
    best = max(run.curve, key=lambda point: point.accuracy)
    told = (
        f"{percent(best.accuracy)} of {count(run.samples)} samples at T = {best.steps} reading {best.read}; the float "
        f"network {percent(run.float_accuracy)}. Dashed: stopped early, compiled for T = {run.steps}."
    )
    return join(tag("p", told, class_="finding"), _chart(run), _table(run))


def _chart(run: RunRecord) -> Markup:
    steps = sorted({point.steps for point in run.curve})
    level = run.float_accuracy or 0.0
    found = [level, *(point.accuracy for point in run.curve)]
    low, high = min(found), max(found)
    low, high = low - 0.1 * (high - low or 0.01), high + 0.1 * (high - low or 0.01)
    span = log2(steps[-1] / steps[0]) or 1.0

    def place(step: float, accuracy: float) -> tuple[float, float]:
        x = LEFT + (WIDTH - LEFT - RIGHT) * (log2(step / steps[0]) / span if len(steps) > 1 else 0.5)
        return x, TOP + (HEIGHT - TOP - BOTTOM) * (high - accuracy) / (high - low)

    parts = [_level(place(steps[0], level)[1])]
    for read in SHAPES:
        for early in (True, False):
            points = [p for p in run.curve if p.read == read and (p.compiled_for > p.steps) == early]
            parts += _line([place(p.steps, p.accuracy) for p in points], read, early)
    for step in steps:
        x, _ = place(step, low)
        parts.append(tag("text", step, x=f"{x:.1f}", y=HEIGHT - BOTTOM + 18, text_anchor="middle", class_="faint"))
    for accuracy in (low, (low + high) / 2, high):
        _, y = place(steps[0], accuracy)
        parts.append(tag("text", percent(accuracy), x=LEFT - 8, y=f"{y + 4:.1f}", text_anchor="end", class_="faint"))
    parts.append(tag("text", "T [steps]", x=WIDTH - RIGHT, y=HEIGHT - 6, text_anchor="end", class_="faint"))
    label = f"Accuracy against T, from {steps[0]} to {steps[-1]} steps"
    return tag("svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", class_="curve", role="img", aria_label=label)


def _level(y: float) -> Markup:
    line = tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="axis")
    return tag("g", line, tag("text", "float", x=WIDTH - RIGHT, y=f"{y - 4:.1f}", text_anchor="end", class_="faint"))


def _line(places: list[tuple[float, float]], read: str, early: bool) -> list[Markup]:
    if not places:
        return []
    d = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    style = f"{SHAPES[read]} early" if early else SHAPES[read]
    marks = [] if early else [tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=4, class_=style) for x, y in places]
    return [tag("path", d=d, class_=style), *marks]


def _table(run: RunRecord) -> Markup:
    def cell(step: int, read: str, early: bool) -> Markup:
        found = (p.accuracy for p in run.curve if _is(p, step, read, early))
        return tag("td", percent(next(found, None)), class_="number")

    rows = [
        tag(
            "tr", tag("th", step, scope="row"), *(cell(step, read, early) for read in SHAPES for early in (False, True))
        )
        for step in sorted({point.steps for point in run.curve})
    ]
    heads = (f"{read}{', stopped early' if early else ''}" for read in SHAPES for early in (False, True))
    return table(("T", *numeric(*heads)), rows, f"Accuracy over {count(run.samples)} samples")


def _is(point: CurveEntry, step: int, read: str, early: bool) -> bool:
    return point.steps == step and point.read == read and (point.compiled_for > step) == early
