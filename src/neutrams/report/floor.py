"""The floor plan, twice: cores coloured by use of their crossbar, and by traffic with links drawn by load."""

from math import ceil

from neutrams.report.data import FloorCore, FloorLink, RunRecord
from neutrams.report.markup import Markup, join, numeric, tag
from neutrams.report.markup import table as scrolling
from neutrams.report.quantities import count, percent, plural, significant
from neutrams.report.scale import legend, step

PITCH, CELL = 56, 36
LARGEST_LABELLED = 160
LARGEST_TOLD = 1000
"""Cores up to which each can be pointed at; above, those of one colour are one path."""
MOST_ROWS = 500
MOST_LINKS = 600
WIDE = 13
LEAST_PX, LEAST_PX_UNTOLD = 30, 8

Bounds = tuple[int, int, int, int]
"""Smallest and largest x, then y."""


def floor_section(run: RunRecord) -> Markup:
    """Return both plans, what they say, and the same as a table."""
    if not run.floor:
        return tag("p", "No placement was recorded.", class_="empty")
    bounds = bounds_of(run)
    wide = bounds[1] - bounds[0] + 1 >= WIDE
    plans = tag("div", _use_plan(run, bounds), traffic_plan(run, bounds), class_="plans wide" if wide else "plans")
    return join(tag("p", _finding(run), class_="finding"), plans, _rows(run))


def bounds_of(run: RunRecord) -> Bounds:
    """Return the columns and rows that a plan of the run has."""
    xs, ys = [c.x for c in run.floor], [c.y for c in run.floor]
    return min(xs), max(xs), min(ys), max([*ys, *(ceil(r.y) for r in run.routers)])


def _finding(run: RunRecord) -> str:
    parts = [
        f"{plural(run.cores, 'core')} on {plural(run.chips, 'chip')}, {percent(run.utilization, 1)} of cells in use."
    ]
    ours, sequential = run.weighted_hops, run.sequential_weighted_hops
    if ours is not None and sequential is not None and sequential > 0:
        change = 100 * (ours - sequential) / sequential
        less = "fewer" if change <= 0 else "more"
        parts.append(
            f"Weighted hops {count(round(ours))} against {count(round(sequential))} in sequential order: "
            f"{abs(change):.1f} % {less}."
        )
    if "peak_link_flits" in run.noc:
        parts.append(f"Busiest link: {count(run.noc['peak_link_flits'])} flits a sample.")
    return " ".join(parts)


def _use_plan(run: RunRecord, bounds: Bounds) -> Markup:
    cells = _cells("use", [(c, c.use) for c in run.floor], 1.0, (bounds, run))
    key = legend("use", "0", "100 %", "Crossbar cells in use")
    return _plan("Use of the cores", run.floor, bounds, cells, key)


def _routers(run: RunRecord, bounds: Bounds) -> list[Markup]:
    """Draw routers without a core as circles."""
    return [
        tag(
            "g",
            tag("title", f"router {router.router}, without a core"),
            tag(
                "circle",
                cx=PITCH * (router.x - bounds[0] + 0.5),
                cy=PITCH * (router.y - bounds[2] + 0.5),
                r=CELL // 4,
                class_="cell idle",
            ),
        )
        for router in run.routers
    ]


def traffic_plan(run: RunRecord, bounds: Bounds, name: str = "Traffic") -> Markup:
    """Return the plan with cores coloured by what they send, and the busiest links."""
    links = sorted(run.links, key=lambda link: -link.flits)[:MOST_LINKS]
    top = max(c.sent for c in run.floor)
    peak = max((link.flits for link in links), default=0.0)
    cells = _cells("load", [(c, c.sent) for c in run.floor], top, (bounds, run))
    lines = [_link(link, peak, bounds) for link in reversed(links)]
    left_out = len(run.links) - len(links)
    note = f", the {MOST_LINKS} busiest drawn" if left_out else ""
    key = join(
        legend("load", "0", f"{significant(top)} {_noun(run)}", "Sent a sample"),
        tag("p", f"Arrows: links, thicker and darker with load, up to {significant(peak)} flits{note}.", class_="note")
        if links
        else None,
    )
    return _plan(name, run.floor, bounds, lines + cells + _routers(run, bounds), key)


def _plan(name: str, floor: tuple[FloorCore, ...], bounds: Bounds, parts: list[Markup], key: Markup) -> Markup:
    columns, rows = bounds[1] - bounds[0] + 1, bounds[3] - bounds[2] + 1
    width, height = PITCH * columns + 12, PITCH * rows + 12
    least = LEAST_PX if len(floor) <= LARGEST_TOLD else LEAST_PX_UNTOLD
    svg = tag(
        "svg",
        *_outlines(floor, bounds),
        *parts,
        viewBox=f"-6 -6 {width} {height}",
        class_="floor wide" if columns >= WIDE else "floor",
        style=f"max-width:{max(width, 220)}px;min-width:{min(width, least * columns)}px",
        role="img",
        aria_label=f"{name}: floor plan of {len(floor)} cores; the table below says the same",
    )
    return tag("figure", tag("figcaption", name), tag("div", svg, class_="scroll"), key)


def _outlines(floor: tuple[FloorCore, ...], bounds: Bounds) -> list[Markup]:
    chips: dict[int, list[FloorCore]] = {}
    for cell in floor:
        chips.setdefault(cell.chip, []).append(cell)
    parts = []
    for chip, cells in sorted(chips.items()):
        x, y = min(c.x for c in cells) - bounds[0], min(c.y for c in cells) - bounds[2]
        width, height = max(c.x for c in cells) - bounds[0] - x + 1, max(c.y for c in cells) - bounds[2] - y + 1
        box = tag(
            "rect",
            x=x * PITCH + 2,
            y=y * PITCH + 2,
            width=width * PITCH - 4,
            height=height * PITCH - 4,
            rx=7,
            class_="chip",
        )
        parts.append(tag("g", tag("title", f"chip {chip}"), box))
    return parts


def _noun(run: RunRecord) -> str:
    return "spikes" if run.mode == "snn" else "words"


def _cells(
    ramp: str, values: list[tuple[FloorCore, float]], top: float, context: tuple[Bounds, RunRecord]
) -> list[Markup]:
    """Draw the cores, one by one with what they hold, or on a large plan all of one colour at once."""
    if len(values) <= LARGEST_TOLD:
        return [_cell(cell, ramp, (value, top), *context) for cell, value in values]
    paths: dict[str, list[str]] = {}
    for cell, value in values:
        x, y = _corner(cell, context[0])
        colour = f"{ramp}{step(value, top)}" if cell.label else "idle"
        paths.setdefault(colour, []).append(f"M{x} {y}h{CELL}v{CELL}h-{CELL}z")
    return [tag("path", d="".join(d), class_=f"cell {colour}") for colour, d in sorted(paths.items())]


def _corner(cell: FloorCore, bounds: Bounds) -> tuple[int, int]:
    margin = (PITCH - CELL) // 2
    return PITCH * (cell.x - bounds[0]) + margin, PITCH * (cell.y - bounds[2]) + margin


def _cell(cell: FloorCore, ramp: str, scale: tuple[float, float], bounds: Bounds, run: RunRecord) -> Markup:
    x, y = _corner(cell, bounds)
    level = step(*scale)
    what = cell.label or "empty"
    said = f"core {cell.core}, chip {cell.chip}: {what}; {percent(cell.use, 1)} of cells, "
    said += f"{significant(cell.sent)} {_noun(run)} a sample"
    number = None
    if len(run.floor) <= LARGEST_LABELLED:
        middle_x, middle_y = x + CELL // 2, y + CELL // 2 + 4
        number = tag("text", cell.core, class_=f"on-{ramp}{level}", x=middle_x, y=middle_y, text_anchor="middle")
    box = tag(
        "rect", x=x, y=y, width=CELL, height=CELL, rx=4, class_=f"cell {ramp}{level}" if cell.label else "cell idle"
    )
    return tag("g", tag("title", said), box, number)


def _link(link: FloorLink, peak: float, bounds: Bounds) -> Markup:
    """Draw from edge to edge of the gap between two cores, a little to the right of the direction of travel."""
    dx, dy = link.x1 - link.x0, link.y1 - link.y0
    length = max((dx * dx + dy * dy) ** 0.5, 1e-9)
    ux, uy = dx / length, dy / length
    side, inset = 6.0, CELL / 2
    ax = PITCH * (link.x0 - bounds[0] + 0.5) + ux * inset - uy * side
    ay = PITCH * (link.y0 - bounds[2] + 0.5) + uy * inset + ux * side
    bx = PITCH * (link.x1 - bounds[0] + 0.5) - ux * inset - uy * side
    by = PITCH * (link.y1 - bounds[2] + 0.5) - uy * inset + ux * side
    share = link.flits / peak if peak > 0 else 0.0
    half = 1.5 + 3.5 * share  # half the width of the arrow's foot; it narrows to a point at the receiver
    d = f"M{ax - uy * half:.1f} {ay + ux * half:.1f}L{bx:.1f} {by:.1f}L{ax + uy * half:.1f} {ay - ux * half:.1f}Z"
    arrow = tag("path", d=d, class_=f"arrow load{step(link.flits, peak)}")
    return tag("g", tag("title", f"{significant(link.flits)} flits a sample"), arrow)


def _rows(run: RunRecord) -> Markup:
    used = [c for c in run.floor if c.label]
    shown, title = used, f"The same as a table ({plural(len(used), 'core')})"
    if len(used) > MOST_ROWS:
        shown = sorted(used, key=lambda c: (-c.sent, c.core))[:MOST_ROWS]
        title = f"As a table: the {MOST_ROWS} of {plural(len(used), 'core')} that send most"
    rows = [
        tag("tr", *(tag("td", v, class_="number") for v in _values(c)), tag("td", c.label, class_="holds"))
        for c in shown
    ]  # fmt: skip
    head = (*numeric("Core", "Chip", "x", "y", "Cells in use", f"Sent {_noun(run)}"), "Holds")
    return tag("details", tag("summary", title), scrolling(head, rows, "Cores in use"))


def _values(cell: FloorCore) -> tuple[str, ...]:
    places = (count(n) for n in (cell.core, cell.chip, cell.x, cell.y))
    return (*places, percent(cell.use, 1), count(cell.sent))
