"""Result files: a round trip, and a message for everything broken."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neutrams.base.errors import FormatError
from neutrams.report import ReportData, RunRecord, from_json, to_json

finite = st.floats(allow_nan=False, allow_infinity=False)


def test_what_is_written_is_read_back(demo_page: ReportData) -> None:
    assert from_json(to_json(demo_page), "r.json") == demo_page


@given(
    title=st.text(),
    accuracy=st.none() | finite,
    ops=st.lists(st.text()).map(tuple),
    noc=st.dictionaries(st.text(), finite),
    notes=st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | finite | st.text()),
)
def test_any_text_and_number_survives(title, accuracy, ops, noc, notes) -> None:
    run = RunRecord(
        title=title, chip=title, mode="ann", steps=1, samples=0, chip_accuracy=accuracy, cores=0, tiles=0, neurons=0,
        synapses=0, utilization=0.0, host_ops=ops, noc=noc, provenance=notes,
    )  # fmt: skip
    page = ReportData(title=title, runs=(run,))
    assert from_json(to_json(page), "r.json") == page


def test_the_same_record_gives_the_same_text(demo_page: ReportData) -> None:
    assert to_json(demo_page) == to_json(from_json(to_json(demo_page), "r.json"))


@pytest.mark.parametrize("cut", [0, 1, 100, -2])
def test_a_truncated_file_is_refused(demo_page: ReportData, cut: int) -> None:
    with pytest.raises(FormatError, match=r"r\.json: not a result file") as caught:
        from_json(to_json(demo_page)[:cut], "r.json")
    assert "neutrams simulate" in caught.value.fix


def damaged(page: ReportData, change: Callable[[dict], object]) -> str:
    document = json.loads(to_json(page))
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(kind="other"), "kind is not"),
        (lambda d: d.update(version=99), "version is 99"),
        (lambda d: d.update(runs=[]), "no run"),
        (lambda d: d["runs"][0].update(cores="many"), r"runs\.0\.cores"),
        (lambda d: d["runs"][0].pop("samples"), r"runs\.0\.samples"),
        (lambda d: d["runs"][0].update(surprise=1), r"runs\.0\.surprise"),
        (lambda d: d["runs"][0].update(latency_s=float("inf")), r"runs\.0\.latency_s|value"),
        (lambda d: d["runs"][1]["raster"].update(spikes=[[1]]), r"runs\.1\.raster\.spikes"),
    ],
)
def test_a_wrong_value_is_named(demo_page: ReportData, change: Callable[[dict], object], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        from_json(damaged(demo_page, change), "r.json")


@pytest.mark.parametrize("text", [b"\xff\xfe", b"[]", b"3", b"null", b"[" * 100_000])
def test_what_is_no_result_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError, match="not a result file"):
        from_json(text, "r.json")
