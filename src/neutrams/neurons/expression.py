"""Equations of user-defined neurons: a small language of integer expressions, parsed, bounded and computed; never run.

An equation is ``name = expression``. Expressions have integers, names, ``+ - *``, ``<< >>``, one comparison, ``and or
not``, and the functions ``min max abs clamp where``. Python's parser makes the tree; whatever else it holds is refused.
Comparisons give 1 or 0, and all but 0 is true. ``>>`` rounds towards minus infinity. ``clamp(x, low, high)``, or
``clamp(x, width)`` for the range of the register whose width is that chip key.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.neurons.model import register_range

LONGEST = 500
"""Characters of an equation."""

DEEPEST = 40
"""Levels of an expression."""

WIDTHS = (
    "accumulator_bits", "bias_bits", "multiplier_bits", "shift_bits", "threshold_bits", "leak_bits", "potential_bits",
    "decay_bits", "decay_shift_bits", "synaptic_bits", "refractory_bits", "exponent_bits",
)  # fmt: skip
"""Chip keys that expressions may name: the number of bits, or in ``clamp`` the register's range."""


@dataclass(frozen=True, slots=True)
class Equation:
    """``name = expression``, checked in form.

    Attributes:
        text: As the user wrote it.
        name: What it sets.
        tree: The expression; only nodes of this language.
    """

    text: str
    name: str
    tree: ast.expr


def parse(text: str) -> Equation:
    """Return the equation ``text``.

    Raises:
        ValueError: It is none of this language; says why.
    """
    if len(text) > LONGEST:
        raise ValueError(f"an equation has {len(text)} characters, allowed are {LONGEST}")
    try:
        statements = ast.parse(text := text.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{text!r} is no equation ({error})") from None
    match statements:
        case [ast.Assign(targets=[ast.Name(id=name)], value=tree)]:
            _check(tree, text, DEEPEST)
            return Equation(text, name, tree)
    raise ValueError(f"{text!r} is not of the form name = expression")


def names_in(equation: Equation) -> list[str]:
    """Return the names that the expression reads; functions are none."""
    functions = {id(node.func) for node in ast.walk(equation.tree) if isinstance(node, ast.Call)}
    return [node.id for node in ast.walk(equation.tree) if isinstance(node, ast.Name) and id(node) not in functions]


def _check(node: ast.expr, text: str, depth: int) -> None:
    """Refuse what is not of the language."""
    if depth == 0:
        raise ValueError(f"{text!r} is nested deeper than {DEEPEST} levels")
    match node:
        case ast.Constant(value=value):
            if type(value) is not int or abs(value) >= 1 << 62:
                raise ValueError(f"{text!r}: {_shown(node, text)} is not an integer of up to 62 bits")
        case ast.Name() | ast.BoolOp() | ast.UnaryOp(op=ast.USub() | ast.Not()):
            pass
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.LShift() | ast.RShift()):
            pass
        case ast.Compare(ops=[ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE() | ast.Eq() | ast.NotEq()]):
            pass
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            _check_call(name, args, text)
        case _:
            raise ValueError(f"{text!r}: {_shown(node, text)} is not of this language (docs/reference/neurons.md)")
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.expr):
            _check(part, text, depth - 1)


def _check_call(name: str, args: list[ast.expr], text: str) -> None:
    if len(args) not in ARITY.get(name, ()):
        known = ", ".join(f"{f} of {' or '.join(map(str, n))}" for f, n in ARITY.items())
        raise ValueError(f"{text!r}: there is no function {name} of {len(args)} values, there are {known}")
    if name == "clamp" and len(args) == 2 and getattr(args[1], "id", None) not in WIDTHS:
        raise ValueError(f"{text!r}: clamp wants a low and a high end, or one of {', '.join(WIDTHS)}")


def _shown(node: ast.expr, text: str) -> str:
    return (ast.get_source_segment(text, node) or text)[:40]


ARITY = {"min": (2,), "max": (2,), "abs": (1,), "clamp": (2, 3), "where": (3,)}
"""Functions and how many values they take."""

COMPARISONS: dict[type[ast.cmpop], Callable[[IntArray, IntArray], IntArray]] = {
    ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater, ast.GtE: np.greater_equal, ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}  # fmt: skip


def value_of(node: ast.expr, values: Mapping[str, IntArray], widths: Mapping[str, int]) -> IntArray:
    """Compute an expression, int64; ``values`` has all its names but widths."""

    def of(inner: ast.expr) -> IntArray:
        return value_of(inner, values, widths)

    match node:
        case ast.Constant(value=int(value)):
            return np.asarray(value, dtype=np.int64)
        case ast.Name(id=name):
            return values[name] if name in values else np.asarray(widths[name], dtype=np.int64)
        case ast.BinOp(left=left, op=op, right=right):
            return _combined(op, of(left), of(right))
        case ast.UnaryOp(op=op, operand=operand):
            return -of(operand) if isinstance(op, ast.USub) else _truth(of(operand) == 0)
        case ast.Compare(left=left, ops=[compare], comparators=[right]):
            return _truth(COMPARISONS[type(compare)](of(left), of(right)))
        case ast.BoolOp(op=op, values=parts):
            join = np.logical_and if isinstance(op, ast.And) else np.logical_or
            result = of(parts[0]) != 0
            for part in parts[1:]:
                result = join(result, of(part) != 0)
            return _truth(result)
        case ast.Call(func=ast.Name(id="clamp"), args=[x, ast.Name(id=width)]) if width in WIDTHS:
            return np.clip(of(x), *register_range(width, widths))
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    return _applied(node.func.id, [of(arg) for arg in node.args])


def _combined(op: ast.operator, a: IntArray, b: IntArray) -> IntArray:
    match op:
        case ast.Add():
            return a + b
        case ast.Sub():
            return a - b
        case ast.Mult():
            return a * b
        case ast.LShift():
            return a << b
    return a >> b


def _applied(name: str, given: list[IntArray]) -> IntArray:
    match name:
        case "min":
            return np.minimum(*given)
        case "max":
            return np.maximum(*given)
        case "abs":
            return np.abs(given[0])
        case "clamp":
            return np.minimum(np.maximum(given[0], given[1]), given[2])
    return np.where(given[0] != 0, given[1], given[2])


def _truth(condition: IntArray) -> IntArray:
    return condition.astype(np.int64)
