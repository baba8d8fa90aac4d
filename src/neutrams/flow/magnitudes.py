"""Refuse numbers so large that the arithmetic of the transformation would overflow: mostly signs of a damaged model."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from math import prod

import numpy as np

from neutrams.base.arrays import AnyArray
from neutrams.base.errors import InputError
from neutrams.evaluate.run import stream_values
from neutrams.network import Network, ops

LARGEST = 1e15
"""Largest magnitude taken for serious; squared errors over a layer then stay within float32."""

SAMPLES = 256
"""Calibration samples on which the tensors are looked at."""

VALUES = 1 << 24
"""Most values of one tensor that are looked at; large tensors take fewer samples."""


def check_magnitudes(network: Network, inputs: Mapping[str, AnyArray]) -> None:
    """Refuse inputs, weights and tensors of a float network beyond `LARGEST`.

    Args:
        network: A float network.
        inputs: Its inputs ``[N, *shape]`` by name, checked in shape and type.

    Raises:
        InputError: Names the input, the node's array, or the node that gives such a value.
    """
    check_input_magnitudes(inputs, "calibration")
    for node in network.nodes:
        for name, array in _arrays(node):
            _check(f"{name} of {node.name!r}", array, "take an undamaged copy of the model, or train it again")
    largest = max(prod(shape) for shape in network.shapes.values())
    samples = min(SAMPLES, max(1, VALUES // largest))
    for node, tensor in stream_values(network, {key: array[:samples] for key, array in inputs.items()}):
        fix = "rescale the weights of this layer or of those before it"
        _check(f"the output of {node.name!r}", tensor.numpy(), fix)


def check_input_magnitudes(inputs: Mapping[str, AnyArray], what: str) -> None:
    """Refuse inputs beyond `LARGEST`; what is not finite or no number is told elsewhere.

    Raises:
        InputError: Names the input.
    """
    for name, array in inputs.items():
        if array.dtype.kind in "fiu" and np.isfinite(_peak(array)):
            _check(f"{what}, {name!r}", array, "scale the data as in training, or take an undamaged copy")


def _arrays(node: ops.Node) -> Iterator[tuple[str, AnyArray]]:
    values = ((field.name, getattr(node, field.name)) for field in fields(node))
    return ((name, value) for name, value in values if isinstance(value, np.ndarray))


def _peak(array: AnyArray) -> float:
    return max(abs(float(array.max())), abs(float(array.min()))) if array.size else 0.0


def _check(where: str, array: AnyArray, fix: str) -> None:
    peak = _peak(array)
    if not peak <= LARGEST:
        raise InputError(f"the largest magnitude is {peak:.3g}, allowed is {LARGEST:g}", where=where, fix=fix)
