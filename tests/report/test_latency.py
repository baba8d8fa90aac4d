"""The histogram of word latencies: no word is lost between cycles and bars, and the page says what it shows."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neutrams.report.data import ReportData
from neutrams.report.latency import MOST_BARS, bars_of, latency_section


@given(words=st.lists(st.integers(0, 9), min_size=1, max_size=500))
def test_bars_hold_every_word_in_its_place(words: list[int]) -> None:
    latency = np.array(words)
    step, bars = bars_of(latency)
    assert len(bars) <= MOST_BARS
    assert sum(bars) == latency.sum()
    for k, n in enumerate(bars):
        assert n == latency[k * step : (k + 1) * step].sum()


def test_the_section_names_mean_worst_and_late_words(demo_page: ReportData) -> None:
    figures = {"mean_latency_cycles": 16.25, "p99_latency_cycles": 30, "worst_latency_cycles": 41, "late_words": 2.5}
    timed = replace(demo_page.runs[0], noc=figures, word_latencies=(0, 7, 3), word_latency_step=10)
    text = str(latency_section(timed))
    for part in ("16.2 cycles in the mean", "at most 30", "the slowest 41", "2.5 words a sample miss their tick"):
        assert part in text
    assert text.count("<rect") == 2
    assert "10 to 19 cycles: 7 words" in text


def test_there_is_no_section_without_words(demo_page: ReportData) -> None:
    assert latency_section(demo_page.runs[0]) is None
