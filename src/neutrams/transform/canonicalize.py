"""Bring a float network to its canonical form: accumulators, each with at most one activation."""

from dataclasses import replace

import numpy as np

from neutrams.network import Network, ops
from neutrams.transform.contract import network_pass
from neutrams.transform.dense import fold_into_linear, sum_of_maps
from neutrams.transform.facts import ACCUMULATORS, head_of, units_are_simple
from neutrams.transform.moves import (
    activation_earlier,
    drop_identities,
    merge_activations,
    merge_moves,
    pick_from_join,
    slice_earlier,
    sum_before_flattening,
)
from neutrams.transform.named import name_function
from neutrams.transform.scope import Rewritten, Rule, Scope, rewritten
from neutrams.transform.sums import (
    fold_constant_terms,
    gain_from_product,
    gain_into_conv_after,
    gain_into_conv_before,
    sum_of_sums,
)

COMPUTED = (*ACCUMULATORS, ops.Activation, ops.Pool, ops.Max, ops.Mul, ops.Spiking)
"""What a unit of the chip gives, now or after lowering."""


@network_pass(ensures=(units_are_simple,))
def canonicalize(network: Network) -> Network:
    """Fold constants and affine maps, drop what does nothing, and give each activation an accumulator of its own.

    The function of the network stays the same up to the rounding of float64; names of activations, inputs and outputs
    stay.
    Rules, applied until none does: products that are a known function become it; identities and doubled moves go;
    products with constants become gains; gains fold into the Linear maps and convolutions before or after them, Linear
    maps into those that read them where that costs no more, also through concatenations; sums of Linear maps become
    one; activations come before moves.
    """
    return rewritten(network, RULES)


def own_accumulator(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Give an activation an accumulator that nothing else reads: a copy, or a pass-through where a copy is dear."""
    if not isinstance(node, ops.Activation) or node.name in scope.tail:
        return None
    source = scope.source(node)
    simple = isinstance(source, ACCUMULATORS) and scope.sole(source.name)
    if simple or not scope.network.shapes[source.name]:  # a scalar has no channels: lowering refuses it
        return None
    name = scope.fresh(f"{node.name} input")
    cheap = isinstance(source, ops.Linear | ops.Add)
    before = replace(source, name=name) if cheap else _pass_through(scope, name, source.name)
    return {node.name: [before, replace(node, inputs=(name,))]}


def tail_reads_units(scope: Scope, node: ops.Node) -> Rewritten | None:
    """Put a pass-through accumulator where the host tail would read what no unit of the chip gives."""
    if node.name not in scope.tail or isinstance(node, ops.Constant):
        return None
    for name in node.inputs:
        source = scope.network.by_name[name]
        outside = isinstance(source, ops.Constant) or name in scope.tail
        given = isinstance(source, COMPUTED) and name not in head_of(scope.network)
        if not outside and not given and scope.network.shapes[name]:
            before = _pass_through(scope, scope.fresh(f"{node.name} input"), name)
            names = tuple(before.name if i == name else i for i in node.inputs)
            return {node.name: [before, replace(node, inputs=names)]}
    return None


def _pass_through(scope: Scope, name: str, source: str) -> ops.Add:
    n = scope.network.shapes[source][0]
    return ops.Add(name=name, inputs=(source,), coefficients=np.ones((1, n)), bias=np.zeros(n))


RULES: tuple[Rule, ...] = (
    name_function, drop_identities, merge_moves, merge_activations, activation_earlier, gain_from_product,
    fold_constant_terms, slice_earlier, pick_from_join, sum_before_flattening, sum_of_sums, gain_into_conv_before,
    gain_into_conv_after, sum_of_maps, fold_into_linear, own_accumulator, tail_reads_units,
)  # fmt: skip
