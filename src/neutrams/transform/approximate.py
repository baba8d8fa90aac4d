"""Approximate functions a chip lacks by small networks: sums of saturating ramps, fitted to what they are given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from neutrams.base.arrays import FloatArray, spread
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.reference.functions import apply_function
from neutrams.transform.facts import tail_of
from neutrams.transform.how import how_function_runs
from neutrams.transform.ramps import Ramps, fit_ramps, sample
from neutrams.transform.shorthand import clip_from_zero, weighted_sum
from neutrams.transform.signs import kept_unsigned

FEWEST, MOST = 4, 16
"""Ramps an approximator has [count]."""
TOLERANCE = 0.01
"""Relative error at which no more ramps are added."""
MARGIN = 0.05
"""How far beyond the values seen a fit reaches, in parts of their range."""
MOST_VALUES = 1 << 16
"""Values of a tensor that an error is measured on [count]."""

BOUNDS = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "erf": (-1.0, 1.0), "softsign": (-1.0, 1.0)}
"""Least and largest value of functions that have both."""
POSITIVE = ("softplus", "exp", "sqrt")
"""Functions that are never negative and have no largest value."""
RISING = ("elu", "selu", "silu", "gelu", "gelu_tanh", "mish", "softplus", "hard_swish")
"""Functions that go on like x: their last ramp has no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproximationRow:
    """How well one function is approximated.

    Attributes:
        layer: Name of the function's tensor.
        function: Its name.
        hinges: Ramps used [count].
        relative_error: Root mean square error over root mean square output on calibration values, ramps rounded.
        worst_error: Largest error over the range seen, in units of the function's output.
        given: Tensors of the network before that the function is of.
        stand_in: What stands for it, a function of their values.
    """

    layer: str
    function: str
    hinges: int
    relative_error: float
    worst_error: float
    given: tuple[str, ...]
    stand_in: Callable[..., FloatArray] = field(compare=False, repr=False)


def curved(node: ops.Node, chip: Chip) -> bool:
    """Whether ``node`` is a function that ``chip`` has neither exactly nor in a table."""
    return (
        isinstance(node, ops.Activation) and how_function_runs(node.function, node.parameters, chip) == "approximator"
    )


def has_curved(network: Network, chip: Chip) -> bool:
    """Whether a function before the host tail is to be approximated for ``chip``."""
    tail = tail_of(network)
    return any(curved(node, chip) and node.name not in tail for node in network.nodes)


def approximate_functions(
    network: Network, values: Mapping[str, FloatArray], chip: Chip, tolerance: float = TOLERANCE
) -> tuple[Network, tuple[ApproximationRow, ...]]:
    """Return the network with ramps in place of the functions that ``chip`` lacks, and the error of each.

    f(z) = c + sum over k of a_k clip(z - t_k, 0, t_(k+1) - t_k) over the range of z on calibration data, constant or
    straight beyond it. Each ramp is one neuron an element, bounded and unsigned, with all its bits on its own piece:
    rounding costs about 1 / K of what K unbounded ReLUs would lose. All channels share the ramps. Their number is the
    least that keeps the error below ``tolerance``, up to `MOST`.

    Args:
        network: A canonical network; functions with an exact construction are gone.
        values: The tensors of ``network`` on calibration data, float ``[N, *shape]``.
        chip: Gives the width of a neuron's output.
        tolerance: Relative error of a function.
    """
    tail = tail_of(network)
    rows: list[ApproximationRow] = []

    def lowered(node: ops.Node) -> list[ops.Node]:
        if not isinstance(node, ops.Activation) or node.name in tail or not curved(node, chip):
            return [node]
        ramps, row = fit_function(node, values[node.inputs[0]], chip.signal.output_bits, tolerance)
        rows.append(row)
        channels = network.shapes[node.name][0]
        nodes = _emitted(node, network.by_name[node.inputs[0]], channels, ramps)
        gains = dict(zip((n.name for n in nodes[1::2]), ramps.slopes, strict=True))
        total = weighted_sum(node.name, gains, channels, float(ramps.levels[0]))
        positive = ramps.levels.min() >= 0 and not (ramps.open_end and ramps.slopes[-1] < 0)
        added = all(isinstance(reader, ops.Add) for reader in network.consumers[node.name])  # it reads ramps instead
        return [*nodes, *(kept_unsigned(network, total, tail) if positive and not added else [total])]

    return network.map(lowered).pruned(), tuple(rows)


def fit_function(
    node: ops.Activation, values: FloatArray, bits: int, tolerance: float = TOLERANCE
) -> tuple[Ramps, ApproximationRow]:
    """Return the ramps for a function given ``values``, and how good they are with outputs of ``bits`` bits."""
    x = np.asarray(values, dtype=np.float64).reshape(-1)
    x = x[spread(len(x), MOST_VALUES)]

    def exact(at: FloatArray) -> FloatArray:
        return apply_function(node.function, at, node.parameters)

    given = sample(exact, x, MARGIN)
    bounds = (0.0, np.inf) if _positive(node) else BOUNDS.get(node.function, (-np.inf, np.inf))
    truth = np.nan_to_num(exact(x), nan=0.0, posinf=0.0, neginf=0.0)
    size = float(np.sqrt(np.mean(truth**2))) or 1.0
    for count in range(FEWEST, MOST + 1):
        ramps = fit_ramps(given, count, bounds, node.function in RISING)
        error = float(np.sqrt(np.mean((ramps(x, bits) - truth) ** 2))) / size
        if error <= tolerance:
            break
    worst = float(np.abs(ramps(given.x, bits) - given.y).max())
    row = ApproximationRow(
        layer=node.name, function=node.function, hinges=len(ramps.slopes), relative_error=error, worst_error=worst,
        given=node.inputs, stand_in=ramps,
    )  # fmt: skip
    return ramps, row


def _positive(node: ops.Activation) -> bool:
    return node.function in POSITIVE or (node.function == "power" and node.parameters["exponent"] % 2 == 0)


def _emitted(node: ops.Activation, source: ops.Node, channels: int, ramps: Ramps) -> list[ops.Node]:
    """Return the nodes of ``ramps``; they read what a sum reads, not the sum."""
    before = source if isinstance(source, ops.Add) else weighted_sum("", {source.name: 1.0}, channels)
    nodes: list[ops.Node] = []
    heights = np.diff(ramps.knots)
    if ramps.open_end:
        heights[-1] = np.inf
    for k, (knot, height) in enumerate(zip(ramps.knots[:-1], heights, strict=True), 1):
        given = replace(before, name=f"{node.name} ramp {k} input", bias=before.bias - knot)
        nodes += [given, clip_from_zero(f"{node.name} ramp {k}", given.name, float(height))]
    return nodes
