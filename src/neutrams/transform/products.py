"""Products of two signals from squares: a b = ((a + b)^2 - (a - b)^2) / 4."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import tail_of
from neutrams.transform.shorthand import weighted_sum

SQUARE = {"exponent": 2.0}


def has_products(network: Network) -> bool:
    """Whether signals are multiplied with each other before the host tail."""
    tail = tail_of(network)
    return any(isinstance(node, ops.Mul) and node.name not in tail for node in network.nodes)


GATES = ("sigmoid", "hard_sigmoid")
"""Functions whose values lie between 0 and 1."""


@network_pass()
def gated_states(network: Network) -> Network:
    """Bring products with gates that update states into one form: gate first, the other factor no sum; same function.

    a (x - y), as gated recurrent units have it, becomes a x - a y.
    """
    tail = tail_of(network)
    spread: dict[str, list[tuple[str, FloatArray]]] = {}
    nodes: dict[str, list[ops.Node]] = {}
    for node in network.nodes:
        if not isinstance(node, ops.Mul) or node.name in tail or not _updates_state(network, node):
            continue
        gate = next((name for name in node.inputs if _is_gate(network, name)), None)
        if gate is None or len(node.inputs) != 2 or len(network.shapes[node.name]) != 1:
            continue
        (factor,) = (name for name in node.inputs if name != gate)
        if network.shapes[gate] != network.shapes[factor]:
            continue
        inner = network.by_name[factor]
        if isinstance(inner, ops.Add) and network.consumers[factor] == (node,) and not inner.bias.any():
            names = [f"{node.name} {k + 1}" for k in range(len(inner.inputs))]
            pairs = zip(names, inner.inputs, strict=True)
            nodes[node.name] = [ops.Mul(name=name, inputs=(gate, source)) for name, source in pairs]
            spread[node.name] = list(zip(names, inner.coefficients, strict=True))
        else:
            nodes[node.name] = [ops.Mul(name=node.name, inputs=(gate, factor))]

    def changed(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Add) or not any(name in spread for name in node.inputs):
            return nodes.get(node.name, [node])
        one = np.ones(len(node.bias))
        shares = [spread.get(name, [(name, one)]) for name in node.inputs]
        rows = [own * row for row, share in zip(node.coefficients, shares, strict=True) for _, own in share]
        names = tuple(name for share in shares for name, _ in share)
        return [ops.Add(name=node.name, inputs=names, coefficients=np.stack(rows), bias=node.bias)]

    return network.map(changed).pruned()


def products_of_states(network: Network) -> frozenset[str]:
    """Return the products with a gate, in the form of `gated_states`, that are added up into states."""
    tail = tail_of(network)
    return frozenset(
        node.name
        for node in network.nodes
        if isinstance(node, ops.Mul)
        and node.name not in tail
        and len(node.inputs) == 2
        and _is_gate(network, node.inputs[0])
        and len(network.shapes[node.name]) == 1
        and network.shapes[node.inputs[0]] == network.shapes[node.inputs[1]]
        and not isinstance(network.by_name[node.inputs[1]], ops.Mul | ops.Constant | ops.Input)
        and _updates_state(network, node)
    )


def _is_gate(network: Network, name: str) -> bool:
    node = network.by_name[name]
    return isinstance(node, ops.Activation) and node.function in GATES


def _updates_state(network: Network, product: ops.Node) -> bool:
    """Whether only sums read ``product``, and one of them is what a state will be that begins with a constant."""
    readers = network.consumers[product.name]
    states = [
        network.by_name[following.state]
        for reader in readers
        for following in network.consumers[reader.name]
        if isinstance(following, ops.Update)
    ]
    constant = all(isinstance(network.by_name[state.inputs[0]], ops.Constant) for state in states)
    return bool(states) and constant and all(isinstance(reader, ops.Add) for reader in readers)


@network_pass()
def lower_products(network: Network, values: Mapping[str, FloatArray], kept: frozenset[str] = frozenset()) -> Network:
    """Write each product before the host tail with squares; same function.

    With A and B the largest sizes of a and b in each channel, a b = A B (s^2 - t^2), s = (a / A + b / B) / 2,
    t = (a / A - b / B) / 2: both squares are of numbers of -1 to 1. A factor of smaller shape is repeated first. Longer
    products go pairwise.

    Args:
        network: A canonical network: no product has a constant factor that a gain could replace.
        values: The tensors of ``network`` on calibration data, float ``[N, *shape]``; only sizes are used.
        kept: Products that stay.
    """
    tail = tail_of(network)

    def lowered(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Mul) or node.name in tail or node.name in kept:
            return [node]
        shape = network.shapes[node.name]
        nodes: list[ops.Node] = []
        factors: list[tuple[str, FloatArray]] = []
        for k, name in enumerate(node.inputs):
            moves = _repeated(f"{node.name} factor {k}", name, network.shapes[name], shape)
            nodes += moves
            factors.append((moves[-1].name if moves else name, _sizes(values[name], shape[0], bool(moves))))
        product, size = factors[0]
        for k, (other, other_size) in enumerate(factors[1:], 1):
            name = node.name if k == len(factors) - 1 else f"{node.name} of {k + 1}"
            nodes += _product(name, (product, size), (other, other_size), shape[0])
            product, size = name, size * other_size
        return nodes

    return network.map(lowered)


LEAST_SIZE = 0.01
"""No channel counts as smaller than this share of the largest: calibration may have missed what it can be."""


def _sizes(values: FloatArray, channels: int, repeated: bool) -> FloatArray:
    """Return the largest size in each channel of a tensor, which ``repeated`` ones have in common."""
    size = np.abs(values)
    most = float(size.max(initial=0.0)) or 1.0
    if repeated:
        return np.full(channels, most)
    each: FloatArray = size.max(axis=(0, *range(2, size.ndim)), initial=0.0).astype(np.float64)
    return np.asarray(np.maximum(each, LEAST_SIZE * most), dtype=np.float64)


def _product(name: str, a: tuple[str, FloatArray], b: tuple[str, FloatArray], channels: int) -> list[ops.Node]:
    """Return the nodes of the product of two tensors, each given with its largest sizes."""
    if a[0] == b[0]:
        return [ops.Activation(name=name, inputs=(a[0],), function="power", parameters=SQUARE)]
    nodes: list[ops.Node] = []
    squares: dict[str, float | FloatArray] = {}
    for sign, label in ((1.0, "sum"), (-1.0, "difference")):
        half = weighted_sum(f"{name} {label}", {a[0]: 0.5 / a[1], b[0]: sign * 0.5 / b[1]}, channels)
        square = ops.Activation(name=f"{half.name} squared", inputs=(half.name,), function="power", parameters=SQUARE)
        squares[square.name] = sign * a[1] * b[1]
        nodes += [half, square]
    return [*nodes, weighted_sum(name, squares, channels)]


def _repeated(name: str, source: str, given: tuple[int, ...], shape: tuple[int, ...]) -> list[ops.Node]:
    """Return the moves that broadcast a tensor to ``shape``, as NumPy does; none where it has it."""
    if given == shape:
        return []
    nodes: list[ops.Node] = []
    now = (1,) * (len(shape) - len(given)) + given
    if now != given:
        nodes.append(ops.Reshape(name=f"{name} aligned", inputs=(source,), shape=now))
        source = nodes[-1].name
    for axis, (have, want) in enumerate(zip(now, shape, strict=True)):
        if have != want:
            first = np.zeros(want, dtype=np.int64)
            nodes.append(ops.Gather(name=f"{name} axis {axis}", inputs=(source,), indices=first, axis=axis))
            source = nodes[-1].name
    return nodes
