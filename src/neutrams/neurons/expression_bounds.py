"""What values an expression of a user-defined neuron may have, whatever its names hold: intervals of integers."""

import ast
from collections.abc import Callable, Mapping

from neutrams.neurons.model import UNSIGNED, register_range

Bounds = tuple[int, int]
INT64 = (-(1 << 63), (1 << 63) - 1)
TRUTH = (0, 1)


def bounds_of(node: ast.expr, values: Mapping[str, Bounds], widths: Mapping[str, int]) -> Bounds:
    """Return the smallest and largest value that an expression may have, given those of its names.

    Raises:
        ValueError: It, or a part of it, might leave 64 bits, or shift by less than 0 or more than 62.
    """

    def of(inner: ast.expr) -> Bounds:
        return bounds_of(inner, values, widths)

    match node:
        case ast.Constant(value=int(value)):
            found = (value, value)
        case ast.Name(id=name):
            found = values[name] if name in values else (widths[name], widths[name])
        case ast.BinOp(left=left, op=op, right=right):
            found = _combined_bounds(op, of(left), of(right))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            low, high = of(operand)
            found = (-high, -low)
        case ast.Call(func=ast.Name(id=name), args=args):
            found = _applied_bounds(name, args, of, widths)
        case _:
            for part in ast.iter_child_nodes(node):
                if isinstance(part, ast.expr):
                    of(part)
            found = TRUTH
    if found[0] < INT64[0] or found[1] > INT64[1]:
        raise ValueError(
            f"{ast.unparse(node)} may reach {found[0]} to {found[1]}, more than 64 bits hold; clamp before"
        )
    return found


def _combined_bounds(op: ast.operator, a: Bounds, b: Bounds) -> Bounds:
    match op:
        case ast.Add():
            return a[0] + b[0], a[1] + b[1]
        case ast.Sub():
            return a[0] - b[1], a[1] - b[0]
        case ast.Mult():
            ends = [x * y for x in a for y in b]
            return min(ends), max(ends)
    if b[0] < 0 or b[1] > 62:
        raise ValueError(f"a shift is by {b[0]} to {b[1]}, allowed are 0 to 62; clamp what it shifts by")
    ends = [x << s if isinstance(op, ast.LShift) else x >> s for x in a for s in b]
    return min(ends), max(ends)


def _applied_bounds(
    name: str, args: list[ast.expr], of: Callable[[ast.expr], Bounds], widths: Mapping[str, int]
) -> Bounds:
    given = [of(arg) for arg in args]
    if name == "clamp":
        low, high = given[1:] if len(given) == 3 else _ends(args[1], widths)
        return min(max(given[0][0], low[0]), high[0]), min(max(given[0][1], low[1]), high[1])
    match name:
        case "min":
            return min(given[0][0], given[1][0]), min(given[0][1], given[1][1])
        case "max":
            return max(given[0][0], given[1][0]), max(given[0][1], given[1][1])
        case "abs":
            least, most = given[0]
            return (0 if least <= 0 <= most else min(abs(least), abs(most))), max(abs(least), abs(most))
    return min(given[1][0], given[2][0]), max(given[1][1], given[2][1])


def _ends(width: ast.expr, widths: Mapping[str, int]) -> tuple[Bounds, Bounds]:
    """The range of a register, as bounds of both its ends."""
    assert isinstance(width, ast.Name)
    if not widths[width.id] and width.id not in UNSIGNED:
        raise ValueError(f"clamp to {width.id}, of which the chip has 0")
    low, high = register_range(width.id, widths)
    return (low, low), (high, high)
