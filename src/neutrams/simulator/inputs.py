"""Inputs at the border: checked against the program's input ports, then coded as integers a channel."""

from collections.abc import Mapping

import numpy as np

from neutrams.base.arrays import AnyArray, IntArray, check_finite
from neutrams.base.codec import encode, spread_step
from neutrams.base.errors import InputError
from neutrams.program import InputPort, Program


def check_inputs(program: Program, inputs: Mapping[str, AnyArray], limit: int | None) -> dict[str, AnyArray]:
    """Return the first ``limit`` samples of each input tensor, by port name.

    Args:
        program: Gives the ports.
        inputs: Any real or integer array ``[N, *shape]`` for each port; a single key ``x`` serves a single port.
        limit: At most so many samples; None for all.

    Raises:
        InputError: A tensor is missing, unknown, of another shape, not numeric, not finite, or empty, the tensors
            differ in N, or ``limit`` is below 1.
    """
    if limit is not None and limit < 1:
        raise InputError(
            f"limit is {limit}, allowed is 1 or more", where="simulate, limit", fix="leave it out for all samples"
        )
    given = {name: np.asarray(array) for name, array in _named(program, inputs).items()}
    checked = {port.name: _checked(port, given[port.name])[:limit] for port in program.inputs}
    for port in program.inputs:
        check_finite(checked[port.name], f"input {port.name!r}")
    sizes = {name: len(array) for name, array in checked.items()}
    if len(set(sizes.values())) > 1:
        raise InputError(
            f"the inputs differ in their number of samples: {sizes}",
            where="simulate, inputs",
            fix="give every input the same length of the batch axis",
        )
    return checked


def _named(program: Program, inputs: Mapping[str, AnyArray]) -> Mapping[str, AnyArray]:
    wanted = [port.name for port in program.inputs]
    if len(wanted) == 1 and list(inputs) == ["x"]:
        return {wanted[0]: inputs["x"]}
    missing = [name for name in wanted if name not in inputs]
    unknown = [name for name in inputs if name not in wanted]
    if missing or unknown:
        raise InputError(
            f"missing are {missing}, unknown are {unknown}",
            where="simulate, inputs",
            fix=f"give exactly these tensors: {', '.join(map(repr, wanted))}",
        )
    return inputs


def _checked(port: InputPort, array: AnyArray) -> AnyArray:
    where = f"input {port.name!r}"
    if array.dtype.kind not in "buif":
        raise InputError(f"its type is {array.dtype}", where=where, fix="give real numbers, such as float32 or uint8")
    shape = port.shape
    if port.sequence and array.ndim > 1 and array.shape[1]:
        shape = (array.shape[1], *shape[1:])  # a sequence may have any number of steps
    if array.ndim == 0 or array.shape[1:] != shape:
        wanted = ", ".join(["N", *(["steps"] if port.sequence else []), *map(str, port.shape[int(port.sequence) :])])
        raise InputError(
            f"its shape is {list(array.shape)}, wanted is [{wanted}]",
            where=where,
            fix="reshape it so that the batch axis comes first and each sample has the shape of the model's input",
        )
    if len(array) == 0:
        raise InputError("it holds no samples (N = 0)", where=where, fix="give at least one sample")
    return array


def encode_channels(program: Program, inputs: Mapping[str, AnyArray], part: slice) -> IntArray:
    """Return q of every channel for some samples, int64 ``[T or 1, channels, n]``, before any spreading over steps.

    Integers are taken at face value (no scaling of uint8 images); a channel with element -1 carries ``high``.
    """
    n = len(range(*part.indices(len(next(iter(inputs.values()))))))
    sequences = any(port.sequence for port in program.inputs)
    q = np.empty((program.steps if sequences else 1, program.channels, n), dtype=np.int64)
    for port in program.inputs:
        x = inputs[port.name][part].astype(np.float64).reshape(n, program.steps if port.sequence else 1, -1)
        carries = port.element >= 0
        rows = port.first + np.arange(len(port.element))
        coded = encode(x.transpose(1, 2, 0), port.scale, port.zero, (port.low, port.high))
        q[:, rows[carries]] = coded[:, port.element[carries]]
        q[:, rows[~carries]] = port.high
    return q


def spread_channels(program: Program) -> AnyArray:
    """Return bool ``[channels]``: whether each channel is coded ``spread`` (spikes) rather than ``level``."""
    spread = np.zeros(program.channels, dtype=np.bool_)
    for port in program.inputs:
        spread[port.first : port.first + len(port.element)] = port.code == "spread"
    return spread


def channel_limit(program: Program) -> IntArray:
    """Return int64 ``[channels]``: the largest |q| each channel can carry [LSB]."""
    limit = np.zeros(program.channels, dtype=np.int64)
    for port in program.inputs:
        limit[port.first : port.first + len(port.element)] = max(abs(port.low), abs(port.high))
    return limit


def spread_table(program: Program) -> AnyArray:
    """Return uint8 ``[T, T + 1]``: column q is the even spread of q spikes over the steps.

    ``[T, 1]`` zeros where no channel is coded ``spread``.
    """
    if not spread_channels(program).any():
        return np.zeros((program.steps, 1), dtype=np.uint8)
    q = np.arange(program.steps + 1)
    return np.stack([spread_step(q, step, program.steps) for step in range(program.steps)]).astype(np.uint8)
