"""The core nodes of a fitted unit: its accumulator, axons that carry a constant for the bias, its neurons."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from neutrams.base.arrays import IntArray
from neutrams.network import ops
from neutrams.transform.names import origin_of
from neutrams.transform.tuning.unit import Fit, Unit


def emit_unit(unit: Unit, fit: Fit, inputs: Sequence[str], name: str, level: int) -> list[ops.Node]:
    """Return the nodes of a unit; the last one gives its neurons' outputs.

    Args:
        unit: The unit.
        fit: Its integers.
        inputs: The core tensors that its accumulator reads.
        name: What the neurons are called.
        level: What a constant axon carries.
    """
    nodes: list[ops.Node] = []
    match unit.accumulator:
        case ops.Add():
            _add(nodes, unit, fit, (inputs, name, level))
        case ops.Linear():
            _linear(nodes, unit, fit, (inputs, name, level))
        case ops.Conv():
            _conv(nodes, unit, fit, (inputs, name, level))
    origin, part = origin_of(unit.name)
    channels = unit.target.shape[1]
    elements = np.arange(channels) if unit.channels is None else unit.channels
    neurons = ops.Neuron(
        name=name, inputs=(nodes[-1].name,), model=fit.model, parameters=fit.parameters, scale=fit.scale, zero=fit.zero,
        origin=origin, elements=np.tile(elements, fit.channels // channels), part=part,
        table=fit.table, readout=fit.readout,
    )  # fmt: skip
    return [*nodes, neurons]


Names = tuple[Sequence[str], str, int]
"""Inputs, name and level, as `emit_unit` takes them."""


def _add(nodes: list[ops.Node], unit: Unit, fit: Fit, names: Names) -> None:
    inputs, name, level = names
    shape = tuple(unit.target.shape[1:])
    copies = fit.channels // shape[0]
    read = []
    for k, source in enumerate(inputs):
        if copies > 1:
            nodes.append(ops.Concat(name=f"{source} for {name} {k}", inputs=(source,) * copies, axis=0))
        read.append(nodes[-1].name if copies > 1 else source)
    rows = fit.rows
    if fit.bias_weights is not None:
        values = np.full((fit.channels, *shape[1:]), level, dtype=np.int64)
        nodes.append(ops.Constant(name=f"{unit.name} bias", values=values))
        read += [nodes[-1].name] * fit.bias_weights.shape[1]
        rows = np.concatenate([rows, fit.bias_weights], axis=1)
    zeros = np.zeros(fit.channels, dtype=np.int64)
    coefficients = np.ascontiguousarray(rows.T)
    nodes.append(ops.Add(name=f"{name} sum", inputs=tuple(read), coefficients=coefficients, bias=zeros))


def _linear(nodes: list[ops.Node], unit: Unit, fit: Fit, names: Names) -> None:
    (source,), name, level = names
    rows = fit.rows
    if fit.bias_weights is not None:
        values = np.full(fit.bias_weights.shape[1], level, dtype=np.int64)
        nodes.append(ops.Constant(name=f"{unit.name} bias", values=values))
        nodes.append(ops.Concat(name=f"{unit.name} rows", inputs=(source, nodes[-1].name)))
        source = nodes[-1].name
        rows = np.concatenate([rows, fit.bias_weights], axis=1)
    zeros = np.zeros(fit.channels, dtype=np.int64)
    nodes.append(ops.Linear(name=f"{name} sum", inputs=(source,), weights=rows, bias=zeros))


def _conv(nodes: list[ops.Node], unit: Unit, fit: Fit, names: Names) -> None:
    """A constant is one more channel of each group, read with a kernel's first weight; copies are more groups."""
    (source,), name, level = names
    node = unit.accumulator
    assert isinstance(node, ops.Conv)
    shape = tuple(unit.inputs[0].means.shape[1:])
    copies = fit.channels // unit.target.shape[1]
    groups = node.groups * (copies if node.groups > 1 else 1)
    channels = np.tile(np.arange(shape[0]), groups // node.groups).reshape(groups, -1)
    weights = fit.rows.reshape(fit.channels, *node.weights.shape[1:])
    if fit.bias_weights is not None:
        constants = fit.bias_weights.shape[1]
        values = np.full((constants, *shape[1:]), level, dtype=np.int64)
        nodes.append(ops.Constant(name=f"{unit.name} bias", values=values))
        nodes.append(ops.Concat(name=f"{unit.name} rows", inputs=(source, nodes[-1].name), axis=0))
        source = nodes[-1].name
        added = np.broadcast_to(shape[0] + np.arange(constants), (groups, constants))
        channels = np.concatenate([channels, added], axis=1)
        weights = np.concatenate([weights, _first_tap(fit.bias_weights, weights)], axis=1)
    if groups > 1 and channels.size > shape[0]:
        nodes.append(ops.Gather(name=f"{unit.name} groups", inputs=(source,), indices=channels.reshape(-1), axis=0))
        source = nodes[-1].name
    weights, zeros = np.ascontiguousarray(weights), np.zeros(fit.channels, dtype=np.int64)
    nodes.append(replace(node, name=f"{name} sum", inputs=(source,), weights=weights, bias=zeros, groups=groups))


def _first_tap(bias_weights: IntArray, weights: IntArray) -> IntArray:
    kernels = np.zeros((*bias_weights.shape, *weights.shape[2:]), dtype=np.int64)
    kernels.reshape(*bias_weights.shape, -1)[..., 0] = bias_weights
    return kernels
