"""The page: whole, offline, escaped, the same bytes twice."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from neutrams.base.errors import InputError
from neutrams.report import ReportData
from neutrams.report.data import FloorCore, FloorLink
from neutrams.report.page import render, write_report
from neutrams.report.quantities import points, si, significant, wilson
from neutrams.report.scale import STEPS, step

EVIL = '<script>alert("x")</script>&\'<img src=y onerror=z>'
VOID = {"meta", "br", "hr", "img", "input", "link"}
LOADERS = {"img", "link", "iframe", "object", "embed", "audio", "video", "source", "use", "image"}


class Checker(HTMLParser):
    """Keeps the open elements, what would load, ids and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        if tag in LOADERS or "src" in found or "xlink:href" in found:
            self.loads.append(tag)
        if "href" in found:
            self.links.append(found["href"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    checker.close()
    return checker


def test_every_element_is_closed_and_every_id_is_used_once(demo_page: ReportData) -> None:
    found = parsed(render(demo_page))
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert {link.removeprefix("#") for link in found.links} <= set(found.ids)


def test_nothing_is_loaded_from_elsewhere(demo_page: ReportData) -> None:
    html = render(demo_page)
    assert parsed(html).loads == []
    assert not re.search(r"https?://|url\(|@import|\bfetch\b|import\(", html)
    assert "default-src &#x27;none&#x27;" in html


def test_the_same_record_gives_the_same_bytes(demo_page: ReportData, tmp_path: Path) -> None:
    write_report(demo_page, tmp_path / "a.html")
    write_report(demo_page, tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_names_of_users_are_escaped_wherever_they_stand(record) -> None:
    run = record(title=EVIL, mode="snn", label=EVIL)
    run = replace(
        run, chip=EVIL, host_ops=(EVIL,), tick_limit=EVIL, references=(EVIL,), provenance={EVIL: {EVIL: EVIL}},
        seconds={EVIL: 1.0}, noc={EVIL: 2.0}, energy_breakdown_j={EVIL: (1e-9, 2e-9, 3e-9)},
        figures=tuple(replace(f, key=EVIL, unit=EVIL, kind=EVIL, source=EVIL) for f in run.figures),
        ledger=tuple(replace(row, unit=EVIL, constraint=EVIL) for row in run.ledger),
    )  # fmt: skip
    html = render(ReportData(title=EVIL, runs=(run, run)))
    found = parsed(html)
    assert "<script>alert" not in html
    assert found.seen.count("script") == 1
    assert "img" not in found.seen
    assert any(EVIL in text for text in found.text)


def test_each_run_has_its_section_and_the_answer_stands_first(demo_page: ReportData) -> None:
    html = render(demo_page)
    for number, run in enumerate(demo_page.runs, 1):
        assert f'id="run-{number}"' in html
        assert run.title in html
    first = html[html.index('id="run-1"') : html.index('id="run-2"')]
    order = [
        "Accuracy on the chip",
        "Where accuracy is lost",
        "Floor plan",
        "Energy by component",
        "Figures of the chip",
    ]
    places = [first.index(name) for name in order]
    assert places == sorted(places)
    assert "97.10 %" in first
    assert "1,000 samples" in first
    assert ">Spikes<" not in first
    assert ">Spikes<" in html[html.index('id="run-2"') : html.index('id="run-3"')]


def test_warnings_of_the_chip_stand_below_the_answer(record) -> None:
    run = replace(record(), warnings=("a.b is 1, but <c> says 2",), area_band_mm2=(1.0, 2.0, 4.5), area_mm2=2.0)
    text = " ".join(parsed(render(ReportData(title="one", runs=(run,)))).text)
    assert "Warning:  a.b is 1, but <c> says 2" in text
    assert "1 to 4.5 mm²" in text


def test_one_run_needs_no_comparison(record) -> None:
    assert 'id="all"' not in render(ReportData(title="one", runs=(record(),)))


def test_a_run_without_figures_still_makes_a_page(record) -> None:
    bare = replace(
        record(), float_accuracy=None, chip_accuracy=None, agreement=None, ledger=(), energy_band_j=None,
        energy_breakdown_j={}, latency_s=None, throughput_hz=None, power_w=None, area_mm2=None, tick_s=None,
        tick_limit=None, noc={}, floor=(), links=(), figures=(), references=(), provenance={}, seconds={},
        weighted_hops=None, sequential_weighted_hops=None, samples=0,
    )  # fmt: skip
    assert parsed(render(ReportData(title="bare", runs=(bare, bare)))).open == []


def test_a_missing_folder_is_told(demo_page: ReportData, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write here"):
        write_report(demo_page, tmp_path / "no" / "page.html")


def test_a_board_of_thousands_of_cores_and_a_ledger_of_thousands_of_rows_stay_small(record, entry) -> None:
    label = "/features.9/conv/Conv_output_0 [3/4]: 256 neurons, /features/relu_17: 12 neurons, x: 3 neurons"
    floor = tuple(
        FloorCore(core=n, x=n % 72, y=n // 72, chip=n // 6, use=n % 97 / 97, sent=float(n), label=label * (n % 9 > 0))
        for n in range(5000)
    )
    links = tuple(
        FloorLink(x0=n % 72, y0=n // 72, x1=n % 72 + 1, y1=n // 72, flits=float(n % 311)) for n in range(20_000)
    )
    ledger = tuple(entry("weight_bits", n / 1000, layer=f"l{n % 60}", unit=f"l{n % 60} [{n}]") for n in range(3000))
    html = render(ReportData(title="large", runs=(replace(record(), floor=floor, links=links, ledger=ledger),)))
    assert parsed(html).open == []
    assert len(html) < 1_000_000
    assert "The 400 costliest of 3,000 rows" in html
    assert "the 500 of 4,444 cores that send most" in html
    drawn = sum(d.count("M") for d in re.findall(r'<path d="([^"]*)" class="cell', html))
    assert drawn == 2 * len(floor), "each core is on both plans"


def test_numbers_are_written_as_people_read_them() -> None:
    assert si(1.234e-6, "J") == "1.23 µJ"
    assert si(9.999e-4, "s") == "1.00 ms"
    assert si(0.0, "W") == "0 W"
    assert si(1e-3, "s") == "1.00 ms"
    assert significant(13400, 4) == "13,400"
    assert significant(0.0043, 2) == "0.0043"
    assert points(0.972, 0.971) == "−0.10 points"
    low, high = wilson(0.971, 1000)
    assert low < 0.971 < high
    assert wilson(1.0, 10)[1] == 1.0


def test_colour_steps_cover_the_scale() -> None:
    assert [step(v, 1.0) for v in (0.0, 1e-12, 1 / 7, 1 / 7 + 1e-6, 1.0, 2.0)] == [0, 1, 1, 2, STEPS, STEPS]
    assert step(1.0, 0.0) == 0
