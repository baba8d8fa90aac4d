"""The page of ONNX operators holds what the importer has."""

from pathlib import Path

from neutrams.importers.onnx import HANDLERS
from neutrams.importers.onnx_page import page

PAGE = Path(__file__).parents[2] / "docs/reference/operators.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m neutrams.importers.onnx_page > docs/reference/operators.md"


def test_the_page_names_every_operator_once() -> None:
    text = page()
    for name in (*HANDLERS, "LSTM", "Sin", "If"):
        assert text.count(f"| `{name}` |") + text.count(f"- `{name}`") == 1
