"""Lengths of two elements, sqrt(a^2 + b^2), from ReLUs: spectrograms need them, and squares waste few bits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.network import Network, ops
from neutrams.transform.approximate import ApproximationRow
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import tail_of
from neutrams.transform.shorthand import relu, weighted_sum
from neutrams.transform.signs import kept_unsigned

DIRECTIONS = 16
"""Onto how many directions a vector is projected; an even number."""

ANGLES = np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS
GAIN = np.pi / DIRECTIONS
"""Of the sum: the mean over all angles of what one direction keeps is 1 / pi of the length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Length:
    """A node that gives gain sqrt(a^2 + b^2), and the tensors a and b."""

    node: ops.Activation
    a: str
    b: str
    gain: FloatArray


def has_magnitudes(network: Network) -> bool:
    """Whether a length of two elements is computed before the host tail."""
    return bool(_lengths(network))


def nodes_of_magnitudes(network: Network) -> frozenset[str]:
    """Return the names of roots, sums and squares that lengths take the place of."""
    roots = [length.node for length in _lengths(network)]
    sums = [network.by_name[root.inputs[0]] for root in roots]
    return frozenset([root.name for root in roots] + [name for node in sums for name in (node.name, *node.inputs)])


def magnitudes(network: Network, values: Mapping[str, FloatArray]) -> list[ApproximationRow]:
    """Return how well each length is approximated on ``values``, the tensors of ``network`` on calibration data."""
    rows = []
    for found in _lengths(network):
        exact = np.asarray(values[found.node.name], dtype=np.float64)

        def projected(a: FloatArray, b: FloatArray, gain: FloatArray = found.gain) -> FloatArray:
            along = (np.cos(angle) * a + np.sin(angle) * b for angle in ANGLES)
            total: FloatArray = GAIN * sum(np.maximum(x, 0) for x in along)
            return total * gain.reshape(-1, *(1,) * (a.ndim - 2))

        error = projected(*(np.asarray(values[name], dtype=np.float64) for name in (found.a, found.b))) - exact
        size = float(np.sqrt(np.mean(exact**2))) or 1.0
        rows.append(ApproximationRow(
            layer=found.node.name, function="magnitude", hinges=DIRECTIONS,
            relative_error=float(np.sqrt(np.mean(error**2))) / size, worst_error=float(np.abs(error).max(initial=0.0)),
            given=(found.a, found.b), stand_in=projected,
        ))  # fmt: skip
    return rows


@network_pass()
def lower_magnitudes(network: Network) -> Network:
    """Return the network with sqrt(a^2 + b^2) as the sum of ReLUs of a cos t + b sin t over `DIRECTIONS` angles t.

    The sum is between 98.7 and 100.7 % of the length. Squares of 8 bits would lose all of a quiet one: that of a
    sixteenth of the largest value is 1 / 256.

    Args:
        network: A canonical network.
    """
    found = {length.node.name: length for length in _lengths(network)}
    return network.map(lambda node: _projections(network, found[node.name]) if node.name in found else [node]).pruned()


def _lengths(network: Network) -> list[_Length]:
    tail = tail_of(network)
    found = (_length(network, node) for node in network.nodes if node.name not in tail)
    return [length for length in found if length is not None]


def _length(network: Network, node: ops.Node) -> _Length | None:
    root = isinstance(node, ops.Activation) and (
        node.function == "sqrt" or (node.function == "power" and node.parameters["exponent"] == 0.5)
    )
    total = network.by_name[node.inputs[0]] if root else node
    if not root or not isinstance(total, ops.Add) or len(total.inputs) != 2 or total.bias.any():
        return None
    gains, squares = total.coefficients, [network.by_name[name] for name in total.inputs]
    square = all(
        isinstance(s, ops.Activation) and s.function == "power" and s.parameters["exponent"] == 2 for s in squares
    )
    if not square or (gains[0] != gains[1]).any() or gains.min() <= 0:
        return None
    assert isinstance(node, ops.Activation)
    a, b = (_before_copy(network, s.inputs[0]) for s in squares)
    if a == b or _copies(network.by_name[a], network.by_name[b]):
        return None  # one tensor twice
    return _Length(node=node, a=a, b=b, gain=np.sqrt(gains[0]))


def _copies(a: ops.Node, b: ops.Node) -> bool:
    """Whether two nodes give the same: alike in all but their names, and neither inputs nor states."""
    return not isinstance(a, ops.Input | ops.State) and replace(a, name="") == replace(b, name="")


def _before_copy(network: Network, name: str) -> str:
    """Return what the accumulator ``name`` reads where it only hands that on."""
    node = network.by_name[name]
    copies = isinstance(node, ops.Add) and len(node.inputs) == 1
    if copies and (node.coefficients == 1).all() and not node.bias.any():  # type: ignore[attr-defined]
        return node.inputs[0]
    return name


def _projections(network: Network, length: _Length) -> list[ops.Node]:
    name, channels = length.node.name, len(length.gain)
    again = np.tile(np.arange(channels), DIRECTIONS)
    ends = [
        ops.Gather(name=f"{name} {end} along", inputs=(source,), indices=again, axis=0)
        for end, source in (("a", length.a), ("b", length.b))
    ]
    rows = np.repeat([np.cos(ANGLES), np.sin(ANGLES)], channels, axis=1)
    terms = dict(zip((end.name for end in ends), rows, strict=True))
    along = weighted_sum(f"{name} directions input", terms, len(again))
    kept = relu(f"{name} directions", along.name)
    each = [
        ops.Slice(
            name=f"{name} direction {k}", inputs=(kept.name,), start=k * channels, stop=(k + 1) * channels, axis=0
        )
        for k in range(DIRECTIONS)
    ]
    total = weighted_sum(name, {piece.name: GAIN * length.gain for piece in each}, channels)
    return [*ends, along, kept, *each, *kept_unsigned(network, total, tail_of(network))]
