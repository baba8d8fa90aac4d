"""A placement beside sequential order: the other floor plan, and each term of what they cost."""

from dataclasses import replace

from neutrams.mapping import in_order
from neutrams.program import Program
from neutrams.report.data import RunRecord, Sequential, Term
from neutrams.report.floor import bounds_of, traffic_plan
from neutrams.report.layout import floor_of, links_of, routers_of
from neutrams.report.markup import Markup, join, numeric, tag
from neutrams.report.markup import table as scrolling
from neutrams.report.quantities import significant
from neutrams.simulator import Activity
from neutrams.simulator.cost import cost_of
from neutrams.simulator.traffic import traffic_of

ON_THE_WAY = ("router", "link", "link_y", "chip_link")
"""Components of energy that depend on places."""


def sequential_of(program: Program, activity: Activity) -> Sequential:
    """Return what the same activity gives in sequential order, both by the analytic level ``tick``."""
    other = in_order(program)
    return Sequential(
        floor=floor_of(other, activity),
        routers=routers_of(other),
        links=links_of(other, cost_of(other, activity)),
        terms=tuple(
            Term(name=name, unit=unit, placed=mine, sequential=its)
            for (name, unit, mine), (_, _, its) in zip(_terms(program, activity), _terms(other, activity), strict=True)
        ),
    )


def _terms(program: Program, activity: Activity) -> list[tuple[str, str, float]]:
    cost, traffic = cost_of(program, activity), traffic_of(program, activity)
    busiest = float((traffic.flits * traffic.link_s).max(initial=0.0))
    rows = [
        ("Hops of all flits", "a sample", cost.noc["hops"]),
        ("Hops between chips", "a sample", float(traffic.flits[traffic.crossing].sum())),
        ("Hops a flit", "mean", cost.noc["mean_hops"]),
        ("Flits on the busiest link", "a sample", cost.noc["peak_link_flits"]),
        ("Time of the busiest link", "s a sample", busiest),
        ("Longest path without waiting", "s", traffic.path_s),
        ("Tick", "s", cost.tick_s),
    ]
    parts = cost.energy_breakdown_j
    rows += [(f"Energy: {name}", "J a sample", float(parts[name][1])) for name in ON_THE_WAY if name in parts]
    return [*rows, ("Energy, all", "J a sample", float(cost.energy_band_j[1]))]


def before_section(run: RunRecord) -> Markup | None:
    """Return the floor plan in sequential order and a table of the terms; None where traffic was not counted."""
    if run.sequential is None:
        return None
    other = replace(run, floor=run.sequential.floor, routers=run.sequential.routers, links=run.sequential.links)
    plans = [traffic_plan(each, bounds_of(each), name) for each, name in ((other, "In order"), (run, "As placed"))]
    head = ("Term", "Unit", *numeric("In order", "As placed", "Ratio"))
    return join(
        tag("p", _finding(run.sequential), class_="finding"),
        tag("div", *plans, class_="plans wide"),
        scrolling(head, [_row(term) for term in run.sequential.terms], "Terms of cost"),
    )


def _finding(sequential: Sequential) -> str:
    tick, energy = (next(t for t in sequential.terms if t.name == name) for name in ("Tick", "Energy, all"))
    return (
        f"Tiles in order on cores in order would take {significant(tick.sequential)} s a tick in place of "
        f"{significant(tick.placed)}, and {significant(energy.sequential)} J a sample in place of "
        f"{significant(energy.placed)}. Both are of level tick, with the traffic that was simulated."
    )


def _row(term: Term) -> Markup:
    ratio = significant(term.placed / term.sequential) if term.sequential else "–"
    values = (significant(term.sequential), significant(term.placed), ratio)
    return tag("tr", tag("td", term.name), tag("td", term.unit), *(tag("td", v, class_="number") for v in values))
