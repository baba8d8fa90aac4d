"""Shape inference: one rule an operator, per-sample shapes."""

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from neutrams.base.errors import InputError
from neutrams.network import ops

Shape = tuple[int, ...]


def infer_shapes(nodes: Sequence[ops.Node]) -> dict[str, Shape]:
    """Return the per-sample shape of every node's tensor.

    Raises:
        InputError: An operator cannot take the shapes it is given.
    """
    shapes: dict[str, Shape] = {}
    for node in nodes:
        given = [shapes[name] for name in node.inputs]
        shapes[node.name] = RULES[node.op](node, given)
    return shapes


def _refuse(node: ops.Node, given: object, wanted: str) -> InputError:
    return InputError(
        f"{node.op} takes {wanted}, it is given {given}",
        where=f"node {node.name!r}",
        fix="correct the shapes of the model that this node came from",
    )


def _linear(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Linear)
    out, fan_in = node.weights.shape
    if len(given) != 1 or not given[0] or given[0][-1] != fan_in:
        raise _refuse(node, given, f"one tensor with a last axis of {fan_in}")
    if node.bias.shape != (out,):
        raise _refuse(node, f"one of shape {node.bias.shape}", f"a bias of shape ({out},)")
    return (*given[0][:-1], out)


def _add(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Add)
    k, n = node.coefficients.shape
    if len(given) != k or any(shape != (n,) for shape in given):
        raise _refuse(node, given, f"{k} tensors of shape ({n},)")
    if node.bias.shape != (n,):
        raise _refuse(node, f"one of shape {node.bias.shape}", f"a bias of shape ({n},)")
    return (n,)


def _mul(node: ops.Node, given: list[Shape]) -> Shape:
    try:
        return tuple(int(n) for n in np.broadcast_shapes(*given))
    except ValueError:
        raise _refuse(node, given, "tensors that broadcast together") from None


def _same(node: ops.Node, given: list[Shape]) -> Shape:
    if len(given) != 1:
        raise _refuse(node, given, "one tensor")
    return given[0]


def _reshape(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Reshape)
    if any(n < 1 for n in node.shape):
        raise _refuse(node, node.shape, "a shape without empty axes")
    if len(given) != 1 or prod(given[0]) != prod(node.shape):
        raise _refuse(node, given, f"one tensor with as many elements as {node.shape}")
    return node.shape


def _slice(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Slice)
    length = len(range(node.start, node.stop, max(node.step, 1)))
    if len(given) != 1 or not given[0] or node.stop > given[0][-1] or node.start < 0 or node.step < 1 or length < 1:
        raise _refuse(node, given, f"one tensor whose last axis holds {node.start}:{node.stop}:{node.step}")
    return (*given[0][:-1], length)


def _concat(node: ops.Node, given: list[Shape]) -> Shape:
    if not given or any(not s or s[:-1] != given[0][:-1] for s in given):
        raise _refuse(node, given, "tensors that differ in the last axis only")
    return (*given[0][:-1], sum(s[-1] for s in given))


def _vector(node: ops.Node, given: list[Shape]) -> Shape:
    if len(given) != 1 or len(given[0]) != 1:
        raise _refuse(node, given, "one vector")
    return given[0]


def _neuron(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Neuron)
    n = len(node.scale)
    if given != [(n,)] or any(v.shape != (n,) for v in (*node.parameters.values(), node.zero, node.elements)):
        raise _refuse(node, given, f"one accumulator and parameters of shape ({n},)")
    return (n,)


def _decode(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Decode)
    n = len(node.coefficient)
    if given != [(n,)] or node.element.shape != (n,) or node.scale.shape != node.offset.shape:
        raise _refuse(node, given, f"one vector of {n} neurons")
    return tuple(node.scale.shape)


def _host(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Host)
    shape = _same(node, given)
    return shape[:-1] if node.function == "argmax" else shape


def _input(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Input)
    if given or any(n < 1 for n in node.shape):
        raise _refuse(node, node.shape, "no tensors and a shape without empty axes")
    return node.shape


def _constant(node: ops.Node, given: list[Shape]) -> Shape:
    assert isinstance(node, ops.Constant)
    return tuple(node.values.shape)


RULES: dict[str, Callable[[ops.Node, list[Shape]], Shape]] = {
    "Input": _input, "Constant": _constant, "Output": _same, "Linear": _linear, "Add": _add, "Mul": _mul,
    "Activation": _same, "Reshape": _reshape, "Slice": _slice, "Concat": _concat, "Host": _host,
    "Encode": _vector, "Neuron": _neuron, "Decode": _decode,
}  # fmt: skip
