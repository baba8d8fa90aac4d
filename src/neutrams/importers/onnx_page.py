"""The page of ONNX operators, claimed and unclaimed, from the table of handlers.

``python -m neutrams.importers.onnx_page > docs/reference/operators.md`` writes it.
"""

import sys

from onnx.defs import get_all_schemas

from neutrams.importers.onnx import HANDLERS
from neutrams.importers.onnx_fold import RANDOM, SHAPES
from neutrams.importers.onnx_graph import REASONS

HEAD = """# ONNX operators

Made by `python -m neutrams.importers.onnx_page`; do not edit.

Operator sets 7 to the newest are read. The first axis of every tensor is the batch axis: it stays first, and an
operator that works along it is refused. An operator that reads constants only (weights, shapes, what is computed of
them) is computed when the file is read, whichever it is, unless it is random; `Shape` and `Size` of any tensor are
constants too. `If` is folded where its condition is constant. Functions that a file defines itself are opened. A
tensor's dynamic axes other than the batch are fixed by `--input-shape name=1,3,48,192`.

"A sample" below is a tensor without its batch axis. Quantised models (QuantizeLinear and the like) are read as what
they mean: a clip to the range the integers can show. **The rounding is dropped**: the weights are those the integers
stand for, and the signals are quantised anew for the chip.

## Imported

Each of these passes the standard's own node tests (`tests/conformance`; cases that do not apply are listed there with
the reason), or tests of our own where the standard has none.

| operator | how it is read |
|---|---|
"""
ALSO = {
    "If": "The branch that a constant condition chooses.",
    "Shape": "A constant: shapes are known, the batch axis counts as 1.",
    "Size": "A constant: shapes are known, the batch axis counts as 1.",
    "Constant": "A constant.",
}


def page() -> str:
    """Return the page in Markdown."""
    assert set(SHAPES) < ALSO.keys()
    meanings = {name: _first_line(handler.convert.__doc__) for name, handler in HANDLERS.items()} | ALSO
    rows = [f"| `{name}` | {text} |" for name, text in sorted(meanings.items())]
    others = sorted({schema.name for schema in get_all_schemas() if schema.domain == ""} - meanings.keys())
    listed = [f"- `{name}`{_remark(name)}" for name in others]
    tail = ["", "## Not imported", "", "Computed from constants they are folded all the same.", "", *listed]
    return HEAD + "\n".join([*rows, *tail]) + "\n"


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def _remark(name: str) -> str:
    if name in RANDOM:
        return ": random, so not even folded"
    return f": {REASONS[name]}" if name in REASONS else ""


if __name__ == "__main__":
    sys.stdout.write(page())
