"""The border off the chip: decoders, which add up the parts of what the host reads."""

from dataclasses import replace
from math import prod

import numpy as np
import torch

from neutrams.base.arrays import AnyArray, FloatArray, IntArray
from neutrams.network import ops
from neutrams.network.shapes import Shape
from neutrams.transform.tuning.build import Build
from neutrams.transform.tuning.loss import mean_of_copies, record_layer
from neutrams.transform.tuning.unit import per_channel


def decode(build: Build, name: str, sources: tuple[str, ...], bias: AnyArray, target: torch.Tensor) -> None:
    """Append the decoder that gives tensor ``name`` from the neurons of ``sources``, which add up to it.

    Args:
        build: What is being built.
        name: Tensor of the source, ``[C, *size]``.
        sources: Core tensors ``[copies * C, *size]``; copies have one scale a channel.
        bias: Added to their sum, ``[C]``.
        target: What the original gives, float32 ``[N, C, *size]``.
    """
    given = [build.signals[s] for s in sources]
    shape = build.source.shapes[name]
    channels, places = shape[0], prod(shape[1:])
    known = [pair for pair in (s.per_channel() for s in given) if pair is not None]
    copies = len(known[0][0]) // channels
    assert all(len(s) == copies * channels for s, _ in known)
    scales = np.stack([s[:channels] for s, _ in known])
    scale, shares = _shares(scales)
    offset = bias + sum(zero[:channels] for _, zero in known)
    means = [mean_of_copies(s.means, channels) for s in given]
    value = torch.stack([m * per_channel(share * scale, m) for m, share in zip(means, shares, strict=True)]).sum(0)
    value = value + per_channel(offset, value)
    gain, shift = build.fitter.decoded(value, target)
    element = np.tile(np.arange(channels * places), copies * len(sources))
    coefficient = np.repeat(np.repeat(shares, copies, axis=0).reshape(-1), places)
    decoder = ops.Decode(
        name=f"{name} decoded" if name in build.signals else name, inputs=sources,
        coefficient=coefficient, element=element,
        scale=np.repeat(gain * scale / copies / build.steps, places),
        offset=np.repeat(gain * offset + shift, places),
    )  # fmt: skip
    build.nodes += decoder_nodes(decoder, name, shape)
    build.renamed[name] = decoder.name
    record_layer(build, name, value * per_channel(gain, value) + per_channel(shift, value), target)


FINE = 1 << 16
"""Shares in which parts of several scales are added up."""


def _shares(scales: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return (scale of each channel, how many of them each part counts), of scales ``[parts, C]``."""
    if (scales == scales[0]).all():
        return scales[0], np.ones(scales.shape, dtype=np.int64)
    scale = scales.max(axis=0) / FINE
    return scale, np.rint(scales / scale).astype(np.int64)


def decoder_nodes(decoder: ops.Decode, name: str, shape: Shape) -> list[ops.Node]:
    """Return the decoder, which reads and gives vectors, within the moves to and from tensors of ``shape``."""
    nodes: list[ops.Node] = []
    inputs = decoder.inputs
    if len(inputs) > 1:
        nodes.append(ops.Concat(name=f"{name} parts", inputs=inputs, axis=0))
        inputs = (f"{name} parts",)
    if len(shape) == 1:
        return [*nodes, replace(decoder, inputs=inputs)]
    row = ops.Reshape(name=f"{name} row", inputs=inputs, shape=decoder.element.shape)
    elements = replace(decoder, name=f"{name} elements", inputs=(row.name,))
    return [*nodes, row, elements, ops.Reshape(name=decoder.name, inputs=(elements.name,), shape=shape)]
