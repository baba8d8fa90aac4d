"""The example scripts run, with settings so small that they take seconds."""

import runpy
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the names that an example script defines."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return lambda name: runpy.run_path(str(EXAMPLES / f"{name}.py"))


def test_every_example_has_a_test() -> None:
    scripts = {path.stem for path in EXAMPLES.glob("*.py")}
    assert scripts == {
        "compile_and_simulate",
        "compare_chips",
        "compare_tables",
        "observe_a_run",
        "read_the_ledger",
        "snntorch_on_tianji",
    }


def test_compile_and_simulate(example: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "run.html"
    accuracy = example("compile_and_simulate")["main"](hidden=(16,), epochs=2, page=page)
    assert 0 <= accuracy <= 1
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert "cores" in capsys.readouterr().out


def test_compare_chips(example: Any) -> None:
    names = example("compare_chips")
    rows = names["main"](hidden=(20,), epochs=5, samples=50, steps=8)
    assert [title for title, *_ in rows] == [title for title, *_ in names["CHIPS"]]
    for title, cores, energy_j, agreement in rows:
        assert cores >= 1
        assert energy_j > 0
        assert agreement > (0.9 if "ANN" in title else 0.3)


def test_compare_tables(example: Any) -> None:
    rows = example("compare_tables")["main"](hidden=16, epochs=40)
    plain = {name: neurons for name, chip, _, _, neurons, _ in rows if chip == "no tables"}
    assert len(plain) == 3
    for name, chip, error, agreement, neurons, _ in rows:
        assert error < 0.03
        assert agreement > 0.98
        assert chip == "no tables" or neurons < plain[name]


def test_read_the_ledger_blames_two_bit_weights(example: Any) -> None:
    assert example("read_the_ledger")["main"](hidden=(40,), epochs=5).constraint in ("weight_bits", "inherited")


def test_observe_a_run(example: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tick, core = example("observe_a_run")["main"](tmp_path / "seen", hidden=(16,), epochs=2, steps=8)
    assert 0 <= tick < 10
    text = capsys.readouterr().out
    assert f"its busiest core is {core}" in text
    assert text.endswith("tianji\n")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # snnTorch 1.0 calls an old name of nirtorch
def test_snntorch_on_tianji(example: Any, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("snntorch", reason="the example trains with snnTorch")
    on_chip, own = example("snntorch_on_tianji")["main"](hidden=32, steps=8, epochs=25)
    assert own > 0.5
    assert on_chip > own - 0.05
    assert "energy" in capsys.readouterr().out
