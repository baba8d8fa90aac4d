"""Expressions of user-defined neurons against Python's own integers; their bounds; what is refused."""

import ast
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from neutrams.neurons.expression import names_in, parse, value_of
from neutrams.neurons.expression_bounds import bounds_of

WIDTHS = {"potential_bits": 8, "decay_bits": 4}
RANGES = {"a": (-5, 9), "b": (0, 3), "c": (-128, 127)}

OPERATORS = ["+", "-", "*", "<", "<=", ">", ">=", "==", "!="]

leaves = st.sampled_from([*RANGES, "0", "1", "7", "decay_bits"])
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("({} {} b)".format, inner, st.sampled_from(["<<", ">>"])),
        st.builds("({}{})".format, st.sampled_from(["-", "not "]), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner),
        st.builds("abs({})".format, inner),
        st.builds("clamp({}, potential_bits)".format, inner),
        st.builds("clamp({}, -3, {})".format, inner, inner),
        st.builds("where({}, {}, {})".format, inner, inner, inner),
    ),
    max_leaves=8,
)

FUNCTIONS: dict[str, Any] = {
    "min": min, "max": max, "abs": abs, "where": lambda c, a, b: a if c else b, "decay_bits": 4, "potential_bits": None,
    "clamp": lambda x, low, high=None: min(max(x, low), high) if low is not None else min(max(x, -128), 127),
}  # fmt: skip


def by_python(text: str, names: dict[str, int]) -> int:
    """The value by Python itself; ``and`` and ``or`` give a truth value there too."""
    tree = ast.parse(text, mode="eval")

    class Truth(ast.NodeTransformer):
        def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
            self.generic_visit(node)
            return ast.Call(func=ast.Name(id="bool", ctx=ast.Load()), args=[node], keywords=[])

    code = compile(ast.fix_missing_locations(Truth().visit(tree)), "test", "eval")
    return int(eval(code, {"__builtins__": {"bool": bool}, **FUNCTIONS, **names}))  # noqa: S307


@given(text=expressions, data=st.data())
def test_an_expression_has_python_s_value_within_its_bounds(text: str, data: st.DataObject) -> None:
    equation = parse(f"y = {text}")
    try:
        low, high = bounds_of(equation.tree, RANGES, WIDTHS)
    except ValueError:
        reject()  # it might leave 64 bits
    rows = [{name: data.draw(st.integers(*ends)) for name, ends in RANGES.items()} for _ in range(5)]
    values = {name: np.array([row[name] for row in rows]) for name in RANGES}
    found = np.broadcast_to(value_of(equation.tree, values, WIDTHS), 5)
    assert found.dtype == np.int64
    assert found.tolist() == [by_python(text, row) for row in rows]
    assert low <= found.min() <= found.max() <= high


def test_shifts_round_down_and_comparisons_give_one_by_hand() -> None:
    values = {"v": np.array([-5, -1, 0, 5])}

    def of(text: str) -> list[int]:
        return value_of(parse(f"y = {text}").tree, values, WIDTHS).tolist()

    assert of("v >> 1") == [-3, -1, 0, 2]
    assert of("v > -1") == [0, 0, 1, 1]
    assert of("not v") == [0, 0, 1, 0]
    assert of("v and 2 or 0") == [1, 1, 0, 1]
    assert of("where(v < 0, -v, clamp(v, 1, 3))") == [5, 1, 1, 3]


def test_names_are_those_read() -> None:
    assert sorted(set(names_in(parse("y = max(a, clamp(b, decay_bits)) + 1")))) == ["a", "b", "decay_bits"]


@pytest.mark.parametrize(
    "text",
    [
        "y = __import__('os').system('true')", "y = a.b", "y = a[0]", "y = (lambda: 1)()", "y = [a for a in b]",
        "y = f'{a}'", "y = (z := 1)", "y = a if b else c", "y = a / b", "y = a // b", "y = a % b", "y = a ** b",
        "y = a & b", "y = ~a", "y = +a", "y = 1.5", "y = True", "y = None", "y = 'a'", "y = 0 < a < 3", "y = a is b",
        "y = a in b", "y = max(a)", "y = max(*a)", "y = max(a, key=b)", "y = min(a, b, c)", "y = open(a)",
        "y = eval(a)",
        "y = clamp(a, 3)", "y = clamp(a, b)", "y = where(a, b)", "y = ...", "y = {}", "y = 99999999999999999999",
        "y, z = a", "y = z = a", "y += a", "y: int = a", "y", "import os", "y = a; z = b", "", "y =", "y = (",
        "y = a\0b",
        "y = " + "-" * 60 + "a", "y = " + "(" * 250 + "a" + ")" * 250, "y = " + "a + " * 200 + "a", "y.z = a",
        "y[0] = a",
        "def y(): pass", "y = await a", "y = yield",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"equation|form|language|nested|function|integer|clamp wants"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y = c * 1000000000 * 1000000000", "may reach -128000000000000000000 to 127000000000000000000, more than 64"),
        ("y = 1 << c", "a shift is by -128 to 127, allowed are 0 to 62"),
        ("y = clamp(a, synaptic_bits)", "clamp to synaptic_bits, of which the chip has 0"),
    ],
)
def test_what_might_overflow_is_told(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bounds_of(parse(text).tree, RANGES, {**WIDTHS, "synaptic_bits": 0})
