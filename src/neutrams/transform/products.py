"""Products of two signals from squares: a b = ((a + b)^2 - (a - b)^2) / 4."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import head_of, tail_of
from neutrams.transform.shorthand import weighted_sum

SQUARE = {"exponent": 2.0}


def has_products(network: Network) -> bool:
    """Whether signals are multiplied with each other before the host tail."""
    tail = tail_of(network)
    return any(isinstance(node, ops.Mul) and node.name not in tail for node in network.nodes)


@network_pass()
def gated_states(network: Network) -> Network:
    """Give each product with a gate that updates a state the form of `products_of_states`; same function.

    The gate comes first, and a (x - y), as gated recurrent units have it, becomes a x - a y. Each sum has products of
    its own: states count in units of their own.
    """
    tail = tail_of(network)

    def changed(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Add) or node.name in tail or not _updates_state(network, node):
            return [node]
        products: list[ops.Node] = []
        terms: list[tuple[str, FloatArray]] = []
        for k, (name, row) in enumerate(zip(node.inputs, node.coefficients, strict=True)):
            product = network.by_name[name]
            factors = _gate_and_factor(network, product)
            if factors is None:
                terms.append((name, row))
                continue
            for j, (factor, gain) in enumerate(_taken_apart(network, factors[1], product)):
                products.append(ops.Mul(name=f"{node.name} gated {k + 1}.{j + 1}", inputs=(factors[0], factor)))
                terms.append((products[-1].name, row * gain))
        names = tuple(name for name, _ in terms)
        return [
            *products,
            ops.Add(name=node.name, inputs=names, coefficients=np.stack([r for _, r in terms]), bias=node.bias),
        ]

    return network.map(changed).pruned()


def products_of_states(network: Network) -> frozenset[str]:
    """Return the products of a sigmoid gate and another factor that one sum alone reads, which updates a state."""
    tail = tail_of(network)
    found = []
    for node in network.nodes:
        factors = None if node.name in tail else _gate_and_factor(network, node)
        readers = network.consumers[node.name]
        if factors == node.inputs and len(readers) == 1 and _updates_state(network, readers[0]):
            found.append(node.name)
    return frozenset(found)


def _gate_and_factor(network: Network, node: ops.Node) -> tuple[str, str] | None:
    """Return the factors of a product of two vectors, first the gate, a sigmoid on the chip; None without one."""
    if not isinstance(node, ops.Mul) or len(node.inputs) != 2 or len(network.shapes[node.name]) != 1:
        return None
    if len({network.shapes[name] for name in node.inputs}) > 1:
        return None
    one, other = node.inputs
    return (one, other) if _is_gate(network, one) else (other, one) if _is_gate(network, other) else None


def _is_gate(network: Network, name: str) -> bool:
    node = network.by_name[name]
    return isinstance(node, ops.Activation) and node.function == "sigmoid" and name not in head_of(network)


def _taken_apart(network: Network, factor: str, product: ops.Node) -> list[tuple[str, FloatArray | float]]:
    """Return the terms, with their gains, of a factor that is a sum ``product`` alone reads; else the factor itself."""
    node = network.by_name[factor]
    if isinstance(node, ops.Add) and network.consumers[factor] == (product,) and not node.bias.any():
        return list(zip(node.inputs, node.coefficients, strict=True))
    return [(factor, 1.0)]


def _updates_state(network: Network, node: ops.Node) -> bool:
    """Whether ``node`` is a sum that is the next value of a state, or several, which begin with constants."""
    updates = [reader for reader in network.consumers[node.name] if isinstance(reader, ops.Update)]
    begins = [network.by_name[network.by_name[update.state].inputs[0]] for update in updates]
    return isinstance(node, ops.Add) and bool(begins) and all(isinstance(begin, ops.Constant) for begin in begins)


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
