"""Express a network by what a chip has: exact constructions, tables, products from squares, small approximators."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from neutrams.base.arrays import FloatArray
from neutrams.base.errors import UnsupportedError
from neutrams.hardware import Chip
from neutrams.network import Network, ops
from neutrams.transform.approximate import TOLERANCE, ApproximationRow, approximate_functions, has_curved
from neutrams.transform.average_pools import lower_average_pools
from neutrams.transform.canonicalize import canonicalize
from neutrams.transform.constructions import linears_as_convolutions, lower_exact_functions
from neutrams.transform.contract import network_pass
from neutrams.transform.facts import MOVES, functions_native, head_of, tail_of, units_are_simple
from neutrams.transform.largest import lower_max
from neutrams.transform.magnitudes import has_magnitudes, lower_magnitudes, magnitudes
from neutrams.transform.max_pools import activations_before_pools, lower_max_pools
from neutrams.transform.products import gated_states, has_products, lower_products, products_of_states
from neutrams.transform.stepwise import stepwise
from neutrams.transform.taps import windows_hold_something

Values = Callable[[Network], Mapping[str, FloatArray]]
"""Every tensor of a float network on calibration data, float ``[N, *shape]`` by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """A network in what a chip has.

    Attributes:
        network: Linear, Conv, Add, ReLU, clips from 0, functions of the chip's tables and movement before the host
            tail.
        exact: The same before any function was approximated.
        rows: What approximation cost, a row for each function that has neither an exact construction nor a table.
    """

    network: Network
    exact: Network
    rows: tuple[ApproximationRow, ...]


def lower_functions(network: Network, chip: Chip, values: Values, exact_states: bool = False) -> Lowered:
    """Return the network with only sums, ReLU, clips from 0 and functions of tables before the host tail.

    Pools, largest values and piecewise linear functions stay exactly what they are, products become squares; lengths of
    two elements become sums of projections (`neutrams.transform.magnitudes`); other curved functions stay where the
    chip looks them up, and else are approximated (`neutrams.transform.approximate`). Errors are measured.

    Args:
        network: A float network.
        chip: The chip.
        values: Called where something is to be approximated, with loops for each try.
        exact_states: Leave products with gates that states add up: tuning has digits for them.

    Raises:
        UnsupportedError: Operators have no way onto a chip; lists them all with their names.
    """
    network = canonicalize(stepwise(canonicalize(network)))
    check_supported(network)
    network = lower_exactly(network)
    kept: frozenset[str] = frozenset()
    if exact_states:
        network = canonicalize(gated_states(network))
        kept = products_of_states(network)
        if not kept:
            raise UnsupportedError(
                "state_bits is 16, and no state begins with a constant and is updated by a sum of products with a "
                "sigmoid gate",
                where="option state_bits",
                fix="leave it at 8",
            )
    if has_products(network):
        network = canonicalize(lower_products(network, values(network), kept))
    exact = network
    rows: list[ApproximationRow] = []
    if has_magnitudes(network):
        rows += magnitudes(network, values(network))
        network = canonicalize(lower_magnitudes(network))
    if has_curved(network, chip):
        network, more = _approximated(network, values, chip)
        rows += more
    return Lowered(network=_checked(network), exact=exact, rows=tuple(rows))


LOOP_TOLERANCES = (TOLERANCE, 0.006, 0.004, 0.003)
"""Errors of functions that are tried where there are loops, the last one in any case."""

MOST_LOST = 0.025
"""Share of the answer of a network with loops that approximation may lose [1]."""


def _approximated(network: Network, values: Values, chip: Chip) -> tuple[Network, tuple[ApproximationRow, ...]]:
    """Return what `approximate_functions` does; with loops, to the largest error that leaves the answer as it is.

    States carry errors on: of a long memory, 1 % a step makes another one, where a short one does not notice.
    """
    given = values(network)
    if not network.loop_steps:
        return approximate_functions(network, given, chip)
    for tolerance in LOOP_TOLERANCES:
        found, rows = approximate_functions(network, given, chip, tolerance)
        now = values(found)
        if max(_lost(given[node.name], now[node.name]) for node in network.outputs) <= MOST_LOST:
            break
    return found, rows


def _lost(was: FloatArray, now: FloatArray) -> float:
    """Return the root mean square of the difference over that of ``was``; 0 where both are nothing."""
    size = float(np.sqrt(np.mean(np.square(was, dtype=np.float64))))
    return float(np.sqrt(np.mean(np.square(now - was, dtype=np.float64)))) / size if size > 0 else 0.0


@network_pass(ensures=(units_are_simple,))
def lower_exactly(network: Network) -> Network:
    """Return a canonical network without pools, largest values and piecewise linear functions; same function."""
    network = activations_before_pools(linears_as_convolutions(network))
    network = lower_max(lower_max_pools(lower_average_pools(network)))
    return canonicalize(lower_exact_functions(canonicalize(network)))


@network_pass(ensures=(functions_native, units_are_simple))
def _checked(network: Network) -> Network:
    return network


REASONS = {
    "Host": "the rest of the network needs it, and it runs on the host only",
    "scalar": "it has no axis of channels",
    "Pool": "it has windows that lie in the padding altogether",
    "Pad": "its border is not of zeros",
    "constant": "it reads a constant that is not zero",
    "outside": "it is outside the loop that the chip runs step by step",
    "order": "it reads what another loop on the chip gives, in another order",
    "host": "the host would have to compute it inside a loop",
    "beginning": "a loop begins with what the chip would have to compute before",
}
"""Why a node cannot go on a chip."""


def unsupported(network: Network) -> list[str]:
    """Return ``operator 'name'`` for every node of a canonical network that has no way onto a chip."""
    return list(_refused(network))


def check_supported(network: Network) -> None:
    """Refuse a canonical network with anything that cannot go on a chip; one message for all of it."""
    found = _refused(network)
    if found:
        each = "; ".join(f"{what}: {reason}" for what, reason in found.items())
        raise UnsupportedError(
            f"these operators ({len(found)}) cannot be put on a chip: {each}",
            where="transform, lower_functions",
            fix="cut the network before them, or replace them by layers and activations and retrain",
        )


def _refused(network: Network) -> dict[str, str]:
    outside = tail_of(network) | head_of(network)
    found = _refused_by_loops(network, outside)
    for node in network.nodes:
        if node.name in outside or isinstance(node, ops.Input | ops.Constant):
            continue
        reason = _reason(network, node)
        if reason is not None:
            found[f"{_kind(node)} {node.name!r}"] = REASONS[reason]
    return found


def _refused_by_loops(network: Network, host: frozenset[str]) -> dict[str, str]:
    """Return what keeps a network with loops from running step by step on a chip."""
    inside = network.loop_steps
    on_chip = [node for node in network.nodes if node.name not in host and not isinstance(node, (*MOVES, ops.State))]
    if not any(node.name in inside for node in on_chip):
        return {}
    found: dict[str, str] = {}
    tail = tail_of(network)
    for node in network.nodes:
        described = f"{_kind(node)} {node.name!r}"
        if node in on_chip and node.name not in inside and not isinstance(node, ops.Stack):
            found[described] = REASONS["outside"]
        elif isinstance(node, ops.Unstack) and node.name not in host:
            found[described] = REASONS["order"]
        elif node.name in tail and node.name in inside:
            found[described] = REASONS["host"]
        elif isinstance(node, ops.State) and not isinstance(
            network.by_name[node.inputs[0]], ops.Input | ops.Constant | ops.Reshape | ops.Slice | ops.Gather
        ):
            found[described] = REASONS["beginning"]
    return found


def _kind(node: ops.Node) -> str:
    return node.function if isinstance(node, ops.Activation | ops.Host) else node.op


def _reason(network: Network, node: ops.Node) -> str | None:
    """Return why ``node`` cannot go on a chip; None where it can."""
    given = [network.by_name[name] for name in node.inputs]
    shapes = [network.shapes[source.name] for source in (*given, node) if not isinstance(source, ops.Constant)]
    if isinstance(node, ops.Host):
        return "Host"
    if () in shapes:
        return "scalar"
    if isinstance(node, ops.Pool) and not windows_hold_something(node, shapes[0][1:]):
        return "Pool"
    if isinstance(node, ops.Pad) and node.value != 0:
        return "Pad"
    if isinstance(node, ops.State):
        return None
    constant = [isinstance(source, ops.Constant) and bool(source.values.any()) for source in given]
    mixes = isinstance(node, ops.Add | ops.Max | ops.Mul) and not all(constant)
    return "constant" if any(constant) and not mixes else None
