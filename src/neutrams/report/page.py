"""One self-contained HTML page: no file, font, script or style from elsewhere; same record, same bytes."""

from importlib.resources import files
from pathlib import Path

from neutrams.base.files import write_atomically
from neutrams.report.answer import answer, comparison, mode_text
from neutrams.report.appendix import figures_section, mapping_section, provenance_section
from neutrams.report.before import before_section
from neutrams.report.curve import curve_section
from neutrams.report.data import ReportData, RunRecord
from neutrams.report.energy import energy_section
from neutrams.report.floor import floor_section
from neutrams.report.latency import latency_section
from neutrams.report.ledger import ledger_section
from neutrams.report.markup import Markup, join, tag, verbatim
from neutrams.report.quantities import plural
from neutrams.report.spikes import raster_section

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

# Opens the section a link leads to; without scripts every section still opens by hand.
SCRIPT = """
function reveal() {
  const place = location.hash && document.getElementById(location.hash.slice(1));
  if (place && place.tagName === "DETAILS") { place.open = true; place.scrollIntoView(); }
}
addEventListener("hashchange", reveal);
document.querySelectorAll('a[href^="#"]').forEach(a => a.addEventListener("click", () => setTimeout(reveal)));
reveal();
"""


def write_report(page: ReportData, path: Path) -> None:
    """Write the page for one or several runs.

    Raises:
        InputError: The folder does not exist or cannot be written.
    """
    write_atomically(path, render(page).encode())


def render(page: ReportData) -> str:
    """Return the page's HTML text."""
    style = files("neutrams.report").joinpath("page.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", page.title),
        tag("style", verbatim(style)),
    )
    several = len(page.runs) > 1
    overview = tag("section", tag("h2", "All runs"), comparison(page.runs), id="all") if several else None
    runs = (_run(number, run, several) for number, run in enumerate(page.runs, 1))
    header = tag("header", tag("p", "NEUTRAMS", class_="brand"), tag("h1", page.title))
    body = tag("body", header, tag("main", overview, *runs), tag("script", verbatim(SCRIPT)))
    return "<!DOCTYPE html>\n" + tag("html", head, body, lang="en") + "\n"


def _run(number: int, run: RunRecord, several: bool) -> Markup:
    badges = (tag("span", text, class_="badge") for text in (run.chip, mode_text(run), plural(run.samples, "sample")))
    title = tag("summary", tag("h2", run.title), tag("span", *badges, class_="badges"))
    opened = "" if number == 1 or not several else None
    return tag("details", title, *_sections(run), class_="run", id=f"run-{number}", open=opened)


def _sections(run: RunRecord) -> list[Markup]:
    parts: list[tuple[str, Markup | None]] = [
        ("Accuracy against T", curve_section(run)),
        ("Where accuracy is lost", ledger_section(run)),
        ("Floor plan", floor_section(run)),
        ("Against sequential order", before_section(run)),
        ("Time on the network", latency_section(run)),
        ("Energy by component", energy_section(run)),
        ("Spikes", raster_section(run)),
        ("Mapping and traffic", mapping_section(run)),
    ]
    shown = [tag("section", tag("h3", name), content) for name, content in parts if content is not None]
    folded = [
        tag("details", tag("summary", tag("h3", name)), content, class_="fold")
        for name, content in (("Figures of the chip", figures_section(run)), ("Provenance", provenance_section(run)))
    ]
    return [join(answer(run)), *shown, *folded]
