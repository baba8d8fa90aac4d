"""How the host reads what a spiking network gives: sums of what neurons give in every step, each with its weight."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
import torch

from neutrams.base.arrays import FloatArray
from neutrams.evaluate.floats import float_value
from neutrams.network import ops
from neutrams.transform.tuning.signal import Signal
from neutrams.transform.tuning.spiking.integers import whole_steps

FINE = 1 << 16
"""Weights that are no multiples of one step are told in as many steps."""


def decoder_of(name: str, terms: Sequence[tuple[str, Signal, FloatArray]], bias: FloatArray) -> ops.Decode:
    """Return the decoder of a tensor: the sum of what its terms stand for, each times its gain.

    Args:
        name: The tensor.
        terms: Core tensors ``[C, *size]``, what they give, and their gains ``[C]``.
        bias: Added, ``[C]``.
    """
    shape = terms[0][1].scale.shape
    places = prod(shape[1:])
    column = (-1, *(1,) * (len(shape) - 1))
    scales = np.stack([(gain.reshape(column) * signal.scale).reshape(-1) for _, signal, gain in terms], axis=1)
    zeros = sum((gain.reshape(column) * signal.zero).reshape(-1) for _, signal, gain in terms)
    step, whole = whole_steps(scales)
    step = np.where(whole, step, np.maximum(np.abs(scales).max(axis=1), 1e-300) / FINE)
    offset = zeros + np.repeat(bias, places)
    return ops.Decode(
        name=f"{name} decoded", inputs=tuple(source for source, _, _ in terms),
        coefficient=np.rint(scales / step[:, None]).T.reshape(-1).astype(np.int64),
        element=np.tile(np.arange(len(scales)), len(terms)), scale=step, offset=offset,
    )  # fmt: skip


def pool_decoder_of(node: ops.Linear | ops.Conv, source: str, shape: Sequence[int]) -> ops.Decode | None:
    """Return the decoder of a layer that takes each neuron into one sum at most, such as a pool; None for others.

    Args:
        node: A layer that only the host reads.
        source: The core tensor that it reads, spikes of neurons.
        shape: Shape of that, ``[C, *size]``.
    """
    x = torch.zeros((1, *shape), dtype=torch.float64, requires_grad=True)
    there = replace(node, weights=(node.weights != 0).astype(np.float64), bias=np.zeros(len(node.bias)))
    (out,) = float_value(there, [x])
    number = torch.arange(out.numel(), dtype=torch.float64).reshape(out.shape)
    if _gradient(out.sum(), x).max(initial=0.0) > 1:
        return None
    element = _gradient((out * number).sum(), x).astype(np.int64)
    weight = _gradient(float_value(node, [x]).sum(), x)
    largest = np.zeros(out.numel())
    np.maximum.at(largest, element, np.abs(weight))
    alike = (weight == 0) | (np.abs(weight) == largest[element])
    mixed = np.zeros(out.numel(), dtype=np.bool_)
    np.logical_or.at(mixed, element, ~alike)
    step = np.where(largest > 0, np.where(mixed, largest / FINE, largest), 1.0)
    return ops.Decode(
        name=f"{node.name} decoded", inputs=(source,), coefficient=np.rint(weight / step[element]).astype(np.int64),
        element=element, scale=step, offset=np.repeat(node.bias, out.numel() // len(node.bias)),
    )  # fmt: skip


def _gradient(y: torch.Tensor, x: torch.Tensor) -> FloatArray:
    (found,) = torch.autograd.grad(y, x, retain_graph=True)
    gradient: FloatArray = found.reshape(-1).numpy()
    return gradient
